import { stat } from "node:fs/promises";
import type { Command } from "commander";
import type { Placed } from "../client/import-messages.js";
import type { Usher } from "../client/usher.js";
import { asError, UsherError, type ErrorCode } from "../base/errors.js";
import { compileSchema } from "../model/schema/compile.js";
import type { Schema } from "../model/schema/schema.js";
import { checkTuple } from "../model/schema/shape.js";
import { quote } from "../model/object.js";
import { tupleIdentity } from "../model/tuple.js";
import type { ImportTuplesResponse } from "../model/service.js";
import { readCsv } from "./bulk/csv.js";
import { importIdOf } from "./bulk/import-id.js";
import { addFormatOption, columns, formatOf, type Entry, type FormatOptions } from "./bulk/format.js";
import { readJsonLines, readTupleLines } from "./bulk/lines.js";
import { Problems } from "./bulk/problems.js";
import { Progress } from "./bulk/progress.js";
import { parseJsonTuple } from "./bulk/record.js";
import { openSource, type Source } from "./bulk/source.js";
import { readValidationImport } from "./bulk/validation.js";
import { withUsher, type Runner, type Task } from "./options.js";
import { addMetadataOptions, metadataRequest, type MetadataOptions } from "./write-options.js";

interface ImportOptions extends MetadataOptions, FormatOptions {
  readonly continue?: boolean;
  readonly errors?: string;
  readonly resume?: string;
  readonly withSchema?: boolean;
}

export function addImport(group: Command, run: Runner): void {
  const command = addFormatOption(addMetadataOptions(group.command("import")))
    .description("touch the tuples of a file, all or none: one bad line, and nothing is written")
    .argument("<file>", "tuples as `tuple export` writes them; `-` for stdin")
    .option("--continue", "skip bad lines, and tell each of them")
    .option("--errors <file>", "write bad lines to this file")
    .option("--resume <id>", "go on with the import of this id, which one that was cut short has told")
    .option("--with-schema", "write the schema of a YAML file first; else it must mean what the one in force means")
    .addHelpText("after", `
Formats, by the file's extension or --format:
  lines            tuples as \`tuple read\` prints them; blank lines and lines that begin with // are skipped
  .jsonl .ndjson   an object a line, as \`tuple read --json\` prints it
  .csv             the first line names the columns: ${columns.slice(0, 5).join(",")}
                   and maybe ${columns.slice(5).join(",")}
  .yaml .yml       SpiceDB's validation files: \`relationships\`, and maybe \`schema\`

Examples:
  $ usher tuple import tuples.txt --reason 'initial load'
  $ usher tuple import export.csv --continue --errors bad-lines.txt
  $ usher --address other:50051 tuple export | usher tuple import -`);
  command.action((file: string) => run<ImportOptions>(command, (task) => withUsher(task.options, (usher) => importFile(usher, file, task))));
}

async function importFile(usher: Usher, file: string, task: Task<ImportOptions>): Promise<undefined> {
  const { options, output, terminal } = task;
  const format = formatOf(options, file);
  let progress: Progress | undefined;
  const source = await openSource(file, terminal.stdin, (count) => progress?.addBytes(count));
  await requireOtherFile(file, options.errors);
  const problems = new Problems(source.name, output, options.continue ?? false, options.errors);
  const stop = new AbortController();
  const forget = terminal.onSignal(() => stop.abort(new UsherError("cancelled", "interrupted")));
  try {
    const entries = format === "yaml" ? await entriesOfYaml(usher, source, problems, options) : entriesOf(source, format);
    const { text, zookie } = await usher.readSchema();
    progress = new Progress(terminal, output.json, "reading", source.bytes);
    const tuples = goodTuples(entries, compileSchema(text), problems, options.continue ?? false, progress);
    const importId = await importIdOf(file, options.resume);
    const request = { ...metadataRequest(options), importId, schemaZookie: zookie, skipProblems: options.continue ?? false, signal: stop.signal };
    const answer = await usher.importTuples(tuples, request).catch((error: unknown) => {
      throw explained(asError(error), source.name, importId);
    });
    for (const { position, message } of answer.problems) await problems.add({ line: position, reason: message });
    progress.stop();
    await writeResult(answer, problems.count - answer.problems.length + answer.skipped, progress, task);
  } finally {
    progress?.stop();
    forget();
    await problems.close();
  }
  return undefined;
}

function entriesOf({ text, name }: Source, format: "lines" | "jsonl" | "csv"): AsyncIterable<Entry> {
  switch (format) {
    case "lines":
      return readTupleLines(text);
    case "jsonl":
      return readJsonLines(text, parseJsonTuple);
    case "csv":
      return readCsv(text, name);
  }
}

/** The file's schema is written, or held against the one in force, before its tuples are. @throws `invalid_file`, `schema_changed` */
async function entriesOfYaml(usher: Usher, { name, text }: Source, problems: Problems, options: ImportOptions): Promise<Iterable<Entry>> {
  let whole = "";
  for await (const piece of text) whole += piece;
  const { schema, entries } = await readValidationImport(name, whole);
  if (options.withSchema === true) {
    if (schema === undefined) throw new UsherError("invalid_file", `file ${quote(name)} has no schema that could be written: leave out --with-schema`);
    if (options.continue !== true) await requireGood(entries, compileSchema(schema), problems);
    await usher.writeSchema(schema, metadataRequest(options));
  } else if (schema !== undefined && (await usher.diffSchema(schema)).changes.some(({ kind }) => kind !== "documented" && kind !== "equivalent")) {
    throw new UsherError("schema_changed", `the schema of file ${quote(name)} means something else than the one in force: write it with --with-schema, or see \`usher schema diff\``);
  }
  return entries;
}

/** Of a file whose schema is written first: a bad line must not be found after that. @throws `invalid_file` */
async function requireGood(entries: readonly Entry[], schema: Schema, problems: Problems): Promise<void> {
  const lines = new Map<string, number>();
  for (const entry of entries) {
    const problem = "problem" in entry ? entry.problem : whatIsWrong(schema, entry.tuple);
    const identity = "tuple" in entry ? tupleIdentity(entry.tuple) : "";
    const first = lines.get(identity);
    if (problem !== undefined) await problems.add({ line: entry.line, text: entry.text, reason: problem.message });
    else if (first !== undefined) await problems.add({ line: entry.line, text: entry.text, reason: `the tuple stands at ${first} already: import it once` });
    else lines.set(identity, entry.line);
  }
  if (problems.count > 0) throw problems.error();
}

/** Opening the file of bad lines empties it. @throws `invalid_file` */
async function requireOtherFile(file: string, errors: string | undefined): Promise<void> {
  if (errors === undefined || file === "-") return;
  const [read, written] = await Promise.all([file, errors].map((path) => stat(path).catch(() => undefined)));
  if (read === undefined || written === undefined || !written.isFile()) return;
  if (read.dev === written.dev && read.ino === written.ino) throw new UsherError("invalid_file", `file ${quote(errors)} is the one that is imported: write bad lines to another`, { details: { file: errors } });
}

/**
 * What the file holds that fits the schema. The server holds it against the schema too; here each bad line is told with its
 * number, and all of them before an import that does not go on without them ends.
 */
async function* goodTuples(entries: AsyncIterable<Entry> | Iterable<Entry>, schema: Schema, problems: Problems, skip: boolean, progress: Progress): AsyncGenerator<Placed, void> {
  for await (const entry of entries) {
    progress.add();
    const problem = "problem" in entry ? entry.problem : whatIsWrong(schema, entry.tuple);
    if (problem !== undefined) await problems.add({ line: entry.line, text: entry.text, reason: problem.message });
    else if ("tuple" in entry && (skip || problems.count === 0)) yield { tuple: entry.tuple, position: entry.line };
  }
  if (problems.count > 0 && !skip) throw problems.error();
  progress.become("committing");
}

function whatIsWrong(schema: Schema, tuple: Parameters<typeof checkTuple>[1]): UsherError | undefined {
  try {
    checkTuple(schema, tuple, "write");
    return undefined;
  } catch (error) {
    if (error instanceof UsherError) return error;
    throw error;
  }
}

/** After these the import may be going on, or may be begun again under the same id. */
const resumable: readonly ErrorCode[] = ["outcome_unknown", "store_unavailable", "server_unreachable", "closed", "cancelled", "deadline_exceeded"];

function explained(error: Error, file: string, importId: string): Error {
  if (!(error instanceof UsherError)) return error;
  const { position } = error.details;
  if (position !== undefined) {
    const message = `file ${quote(file)} has a bad line, nothing was written:\n${file}:${position}: ${error.message}`;
    return new UsherError("invalid_file", message, { details: { ...error.details, file, line: position }, cause: error });
  }
  if (!resumable.includes(error.code)) return error;
  const message = `${error.message}; to go on, run the command again with --resume ${importId}`;
  return new UsherError(error.code, message, { details: { ...error.details, importId }, cause: error });
}

async function writeResult({ zookie, imported, changed, chunks }: ImportTuplesResponse, skipped: number, progress: Progress, { output }: Task<ImportOptions>): Promise<void> {
  const seconds = Number(progress.seconds.toFixed(3));
  const left = skipped === 0 ? "" : `  skipped ${skipped}`;
  await output.write(
    () => `imported ${imported}  changed ${changed}${left}  commits ${chunks}  zookie ${zookie}  (${seconds.toFixed(1)} s, ${progress.perSecond.toLocaleString("en")}/s)`,
    () => ({ imported, changed, skipped, commits: chunks, zookie, seconds }),
  );
}
