import type { Command } from "commander";
import { logged } from "../client/decision-log.js";
import type { AuditRecord, FindLossResponse } from "../model/audit.js";
import { parseObject, parseSubject } from "../model/tuple-text.js";
import { metadataText, recordJson, recordLine } from "./audit-lines.js";
import { instantText } from "./json.js";
import { withUsher, type Runner } from "./options.js";
import type { Output } from "./output.js";

export function addWhenLost(group: Command, run: Runner): void {
  const command = group
    .command("when-lost")
    .description("when, and by which commit, a subject lost a permission, as far as decisions were recorded")
    .argument("<subject>", "type:id, or type:id#relation")
    .argument("<object>", "type:id")
    .argument("<permission>", "a permission or relation of the object's type")
    .addHelpText("after", "\nExamples:\n  $ usher audit when-lost user:ana document:1 view");
  command.action((subject: string, object: string, permission: string) =>
    run(command, async ({ options, output }) => {
      const loss = await withUsher(options, ({ audit }) => audit.findLoss(parseObject(object), permission, parseSubject(subject)));
      await output.write(() => lossText(loss, output), () => lossJson(loss));
      return undefined;
    }),
  );
}

function lossText({ allowed, lost, commit, note }: FindLossResponse, output: Output): string {
  const line = (what: string, record: AuditRecord | undefined) => (record === undefined ? `${what}  not recorded` : `${what}  ${recordLine(logged(record), output)}`);
  const lines = [line("last allowed", allowed), line("then not    ", lost)];
  if (commit !== undefined) {
    lines.push(`by          ${output.style("bold", `commit ${instantText(commit.at)}`)}${metadataText(commit.metadata)}`, ...commit.changes.map((change) => `              ${change}`));
    lines.push(output.style("dim", `              zookie ${commit.zookie}`));
  }
  if (note !== undefined) lines.push(`note        ${note}`);
  return lines.join("\n");
}

function lossJson({ allowed, lost, commit, note }: FindLossResponse): object {
  return {
    ...(allowed && { allowed: recordJson(logged(allowed)) }),
    ...(lost && { lost: recordJson(logged(lost)) }),
    ...(commit && { commit: { ...commit, at: instantText(commit.at) } }),
    ...(note !== undefined && { note }),
  };
}
