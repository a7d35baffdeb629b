import type { Command } from "commander";
import { parseSubject } from "../model/tuple-text.js";
import { collectIndexes } from "./audit-filter.js";
import { withUsher, type Runner } from "./options.js";

interface RedactFlags {
  readonly reason: string;
  readonly subject?: string;
  readonly yes?: boolean;
}

export function addAuditRedact(group: Command, run: Runner): void {
  const command = group
    .command("redact")
    .description("erase what records say, for good; that they were there can still be proven")
    .argument("[index...]", "records", collectIndexes)
    .requiredOption("--reason <text>", "why; it is recorded")
    .option("--subject <subject>", "every record about this subject")
    .option("--yes", "with --subject: erase them; without it they are counted")
    .addHelpText("after", `
Examples:
  $ usher audit redact 1842 1843 --reason 'a secret in the context'
  $ usher audit redact --subject user:ana --reason 'erasure request 77' --yes`);
  command.action((named: readonly number[]) =>
    run<RedactFlags>(command, async ({ options, output }) => {
      const { reason, subject, yes } = options;
      if ((named.length > 0) === (subject !== undefined)) command.error("error: give records, or --subject", { code: "usher.conflict" });
      await withUsher(options, async ({ audit }) => {
        const indexes = [...named];
        if (subject !== undefined) for await (const { index, redacted } of audit.query({ subject: parseSubject(subject) })) if (!redacted) indexes.push(index);
        if (subject !== undefined && yes !== true) {
          await output.write(() => `${indexes.length} records would be erased: say --yes`, () => ({ matching: indexes.length, redacted: 0 }));
          return;
        }
        const redacted = await audit.redact(indexes, reason);
        await output.write(() => `redacted ${redacted}`, () => ({ redacted }));
      });
      return undefined;
    }),
  );
}
