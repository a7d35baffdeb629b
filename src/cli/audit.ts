import type { Command } from "commander";
import { addAuditCheckpoint } from "./audit-checkpoint.js";
import { addAuditExport } from "./audit-export.js";
import { addAuditProve } from "./audit-prove.js";
import { addAuditQuery } from "./audit-query.js";
import { addAuditRedact } from "./audit-redact.js";
import { addAuditReplay } from "./audit-replay.js";
import { addAuditTail } from "./audit-tail.js";
import { auditVerifyCommand } from "./audit-verify.js";
import { addWhenLost } from "./audit-when-lost.js";
import { addWhoCould } from "./audit-who-could.js";
import type { Runner } from "./options.js";

export function addAudit(program: Command, run: Runner): void {
  const group = program.command("audit").description("the decision log: what was asked and answered, and why; take a key with the role `audit`");
  for (const add of [addAuditQuery, addAuditTail, addAuditExport, addAuditCheckpoint, addAuditProve, addAuditReplay, addAuditRedact, addWhenLost, addWhoCould]) add(group, run);
  group.addCommand(auditVerifyCommand(run).copyInheritedSettings(group));
}
