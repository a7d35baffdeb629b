import type { Command } from "commander";
import { parseCheckpoint, type TreeHead } from "../audit/checkpoint.js";
import { verifyInclusion } from "../audit/tree/merkle.js";
import { exportEndLine, exportHeaderLine, exportRecordLine } from "../audit/verify/export-format.js";
import { UsherError } from "../base/errors.js";
import { writeWholeFile } from "../base/whole-file.js";
import type { DecisionLog } from "../client/decision-log.js";
import type { AuditRecord } from "../model/audit.js";
import { parseIndex } from "./audit-filter.js";
import { withUsher, type Runner } from "./options.js";

interface ExportFlags {
  readonly from?: number;
  readonly output?: string;
  readonly tenant?: string;
}

export function addAuditExport(group: Command, run: Runner): void {
  const command = group
    .command("export")
    .description("write the log as JSON lines with the checkpoint that vouches for them, for `audit verify`; with --tenant that tenant's records, each with its proof")
    .option("--from <index>", "from this record on (default: from the first that is kept)", parseIndex)
    .option("--output <file>", "write it there, where it appears when it is complete (default: stdout)")
    .addHelpText("after", `
Examples:
  $ usher audit export --output decisions.jsonl
  $ usher audit export --tenant billing > billing.jsonl`);
  command.action(() =>
    run<ExportFlags>(command, async ({ options, output, terminal }) => {
      const { output: file, from, tenant } = options;
      const stop = new AbortController();
      const forget = terminal.onSignal(() => stop.abort(new UsherError("cancelled", "interrupted")));
      try {
        await withUsher(options, async ({ audit }) => {
          const lines = exportLines(audit, from, tenant !== undefined, stop.signal);
          if (file === undefined) for await (const line of lines) await output.print(line);
          else await writeWholeFile(file, bytesOf(lines));
        });
      } finally {
        forget();
      }
      if (file !== undefined) output.note(`written  ${file}`);
      return undefined;
    }),
  );
}

/** @param filtered whether the records are some of those below the checkpoint: each then needs a proof of its own */
async function* exportLines(audit: DecisionLog, given: number | undefined, filtered: boolean, signal: AbortSignal): AsyncGenerator<string, void> {
  const { checkpoint, key } = await audit.checkpoint({ signal });
  const { origin, size, root } = parseCheckpoint(checkpoint);
  const from = given ?? (await firstKept(audit, signal)) ?? size;
  yield exportHeaderLine({ origin, key, size, filtered });
  let next: number | undefined;
  for await (const event of audit.tail({ fromIndex: from, signal })) {
    if (event.kind !== "record" || event.record.index >= size) break;
    const { index, hash, salt, payload } = event.record;
    const record = { index, hash, ...(salt !== undefined && { salt }), ...(payload !== undefined && { payload }) };
    if (!filtered && next !== undefined && index !== next) throw incomplete(next);
    // What was before the first is in the hashes of its path.
    const proven = filtered || (next === undefined && index > 0);
    yield exportRecordLine(proven ? { ...record, path: await pathOf(audit, record, { size, root }, signal) } : record);
    next = index + 1;
  }
  if (!filtered && next !== undefined && next !== size) throw incomplete(next);
  yield exportEndLine(checkpoint);
}

async function firstKept(audit: DecisionLog, signal: AbortSignal): Promise<number | undefined> {
  for await (const { index } of audit.query({ oldestFirst: true, pageSize: 1, signal })) return index;
  return undefined;
}

/** What is written is held against the checkpoint here, rather than when somebody needs it. */
async function pathOf(audit: DecisionLog, { index, hash }: AuditRecord, { size, root }: Pick<TreeHead, "size" | "root">, signal: AbortSignal): Promise<readonly string[]> {
  const { path } = await audit.prove(index, { size, signal });
  if (verifyInclusion(size, index, Buffer.from(hash, "hex"), path.map((each) => Buffer.from(each, "hex")), root)) return path;
  throw new UsherError("audit_unavailable", `record ${index} cannot be proven to be in the checkpoint of ${size} records: export again`);
}

function incomplete(index: number): UsherError {
  return new UsherError("permission_denied", `record ${index} is not shown: the key is of one tenant, so that it may export that one's records alone: name it with --tenant`);
}

async function* bytesOf(lines: AsyncIterable<string>): AsyncGenerator<Buffer, void> {
  for await (const line of lines) yield Buffer.from(line);
}
