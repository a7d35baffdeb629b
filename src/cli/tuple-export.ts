import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { finished } from "node:stream/promises";
import type { Command } from "commander";
import type { Usher } from "../client/usher.js";
import { asError, UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";
import { compileSchema } from "../model/schema/compile.js";
import { formatSchema } from "../model/schema/format.js";
import type { Tuple } from "../model/tuple.js";
import { addFormatOption, formatOf, type FormatOptions } from "./bulk/format.js";
import { LeftOut } from "./bulk/left-out.js";
import { Progress } from "./bulk/progress.js";
import { header, tupleText } from "./bulk/writer.js";
import { exitCodes } from "./exit.js";
import { addFilterOptions, filterOf, type FilterOptions } from "./filter-options.js";
import { withUsher, type Runner, type Task } from "./options.js";
import { addSnapshotOptions, consistencyOf, type SnapshotOptions } from "./snapshot-options.js";

interface SpiceDbOptions {
  readonly forSpicedb?: boolean;
  readonly leftOut?: string;
}

type ExportOptions = FilterOptions & SnapshotOptions & FormatOptions & SpiceDbOptions;

export function addExport(group: Command, run: Runner): void {
  const command = addFormatOption(addSnapshotOptions(addFilterOptions(group.command("export"))))
    .description("write the tuples that match to a file, all of one snapshot; the file appears when it is complete")
    .argument("[file]", "default: stdout")
    .option("--for-spicedb", "leave out what SpiceDB would refuse for its names or ids, and tell each; exit code 1 where there is something")
    .option("--left-out <file>", "with --for-spicedb: write what is left out to this file, and not to stderr")
    .addHelpText("after", `
Formats are those of \`tuple import\`, which reads what this writes; yaml holds the schema too.

Examples:
  $ usher tuple export tuples.csv
  $ usher tuple export nodes.jsonl --object-type node
  $ usher tuple export --format yaml --at ASNF… > state.yaml
  $ usher tuple export --for-spicedb state.yaml --left-out refused.txt && zed import file://$PWD/state.yaml`);
  command.action((file: string | undefined) => run<ExportOptions>(command, (task) => withUsher(task.options, (usher) => exportTuples(usher, file, task))));
}

async function exportTuples(usher: Usher, file: string | undefined, task: Task<ExportOptions>): Promise<number | undefined> {
  const { options, output, terminal } = task;
  const leftOut = options.forSpicedb ? new LeftOut(terminal.stderr, options.leftOut) : undefined;
  const stop = new AbortController();
  const forget = terminal.onSignal(() => stop.abort(new UsherError("cancelled", "interrupted")));
  const progress = new Progress(terminal, output.json || file === undefined, "exporting");
  let result: { exported: number; zookie: string };
  try {
    if (file === undefined) result = await writeAll(usher, options, formatOf(options, ""), progress, stop.signal, (text) => output.print(text), leftOut, () => output.closed);
    else result = await toFile(file, (write) => writeAll(usher, options, formatOf(options, file), progress, stop.signal, write, leftOut));
    await leftOut?.end();
  } finally {
    progress.stop();
    forget();
  }
  const left = leftOut === undefined ? "" : `  left out ${leftOut.count}`;
  const line = `exported ${result.exported}${left}  zookie ${result.zookie}  (${progress.seconds.toFixed(1)} s, ${progress.perSecond.toLocaleString("en")}/s)`;
  if (file === undefined) output.note(line);
  else await output.write(() => line, () => ({ ...result, ...(leftOut && { leftOut: leftOut.count }) }));
  return leftOut !== undefined && leftOut.count > 0 ? exitCodes.denied : undefined;
}

async function writeAll(
  usher: Usher,
  options: ExportOptions,
  format: ReturnType<typeof formatOf>,
  progress: Progress,
  signal: AbortSignal,
  write: (text: string) => Promise<void>,
  leftOut: LeftOut | undefined,
  isClosed = () => false,
): Promise<{ exported: number; zookie: string }> {
  let exported = 0;
  let zookie = "";
  for await (const batch of usher.exportTuples(filterOf(options), { ...consistencyOf(options), signal })) {
    if (zookie === "") {
      zookie = batch.zookie;
      const { text } = await usher.readSchema({ consistency: { kind: "exact", zookie }, signal });
      leftOut?.look(compileSchema(text));
      // SpiceDB takes no line such as `definition team { relation member: user }`.
      await write(header(format, leftOut === undefined ? text : formatSchema(text)));
    }
    const tuples: readonly Tuple[] = leftOut === undefined ? batch.tuples : batch.tuples.filter((tuple) => leftOut.accepts(tuple));
    await write(tuples.map((tuple) => tupleText(format, tuple)).join(""));
    exported += tuples.length;
    progress.add(batch.tuples.length);
    if (isClosed()) break;
  }
  return { exported, zookie };
}

/** Under another name until it is complete, so that half an export never passes for a whole one. @throws `invalid_file` */
async function toFile<Result>(file: string, body: (write: (text: string) => Promise<void>) => Promise<Result>): Promise<Result> {
  const part = `${file}.part`;
  const stream = createWriteStream(part);
  const done = finished(stream);
  // It is awaited below, unless the body fails before.
  done.catch(() => undefined);
  const write = (text: string) => new Promise<void>((resolve, reject) => stream.write(text, (error) => (error ? reject(error) : resolve())));
  try {
    const result = await body(write);
    stream.end();
    await done;
    await rename(part, file);
    return result;
  } catch (error) {
    stream.destroy();
    await rm(part, { force: true });
    if (error instanceof UsherError) throw error;
    throw new UsherError("invalid_file", `file ${quote(file)} cannot be written: ${asError(error).message}`, { details: { file }, cause: error });
  }
}
