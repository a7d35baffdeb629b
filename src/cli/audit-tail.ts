import type { Command } from "commander";
import { UsherError } from "../base/errors.js";
import { addAuditFilterOptions, auditFilterOf, parseIndex, type AuditFilterOptions } from "./audit-filter.js";
import { recordJson, recordLine } from "./audit-lines.js";
import { withUsher, type Runner } from "./options.js";

type TailFlags = Omit<AuditFilterOptions, "from" | "to"> & { readonly from?: number };

export function addAuditTail(group: Command, run: Runner): void {
  const command = addAuditFilterOptions(group.command("tail"), false)
    .description("print records that match as they are recorded, until interrupted")
    .option("--from <index>", "from this record on (default: from now)", parseIndex)
    .addHelpText("after", `
Examples:
  $ usher audit tail
  $ usher audit tail --answer denied --json
  $ usher audit tail --from 1842 --kind flip`);
  command.action(() =>
    run<TailFlags>(command, async ({ options, output, terminal }) => {
      const { from: fromIndex, ...filter } = options;
      const stop = new AbortController();
      const abort = () => stop.abort();
      const forget = terminal.onSignal(abort);
      terminal.stdout.once("error", abort);
      try {
        await withUsher(options, async (usher) => {
          for await (const event of usher.audit.tail({ ...auditFilterOf(filter), ...(fromIndex !== undefined && { fromIndex }), follow: true, signal: stop.signal })) {
            if (event.kind === "record") await output.write(() => recordLine(event.record, output), () => recordJson(event.record));
          }
        });
      } catch (error) {
        if (!(stop.signal.aborted && error instanceof UsherError && error.code === "cancelled")) throw error;
      } finally {
        forget();
        terminal.stdout.off("error", abort);
      }
      return undefined;
    }),
  );
}
