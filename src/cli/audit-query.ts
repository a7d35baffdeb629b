import type { Command } from "commander";
import { limits } from "../base/limits.js";
import { addAuditFilterOptions, auditFilterOf, type AuditFilterOptions } from "./audit-filter.js";
import { recordJson, recordLine } from "./audit-lines.js";
import { parseCount } from "./duration.js";
import { withUsher, type Runner } from "./options.js";

interface QueryFlags extends AuditFilterOptions {
  readonly limit?: number;
  readonly oldestFirst?: boolean;
}

export function addAuditQuery(group: Command, run: Runner): void {
  const command = addAuditFilterOptions(group.command("query"))
    .description("the records that match, the newest first, one a line")
    .option("--limit <count>", "print at most this many", parseCount)
    .option("--oldest-first", "in the order in which they were recorded")
    .addHelpText("after", `
Examples:
  $ usher audit query --subject user:ana --answer denied --from -24h
  $ usher audit query --object document:1 --permission view --limit 20
  $ usher audit query --kind write --kind schema --json`);
  command.action(() =>
    run<QueryFlags>(command, async ({ options, output }) => {
      const { limit = Infinity, oldestFirst } = options;
      const paging = { ...(oldestFirst && { oldestFirst }), ...(limit < limits.auditPageRecordsDefault && { pageSize: limit }) };
      let count = 0;
      await withUsher(options, async (usher) => {
        for await (const record of usher.audit.query({ ...auditFilterOf(options), ...paging })) {
          await output.write(() => recordLine(record, output), () => recordJson(record));
          if (++count === limit || output.closed) break;
        }
      });
      if (count === 0) output.note("no record matches");
      return undefined;
    }),
  );
}
