import type { Command } from "commander";
import { touch } from "../client/references.js";
import type { Usher } from "../client/usher.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { quote } from "../model/object.js";
import { compileSchema } from "../model/schema/compile.js";
import type { Schema } from "../model/schema/schema.js";
import { checkTuple } from "../model/schema/shape.js";
import { parseTuple } from "../model/tuple-text.js";
import { formatTuple, tupleIdentity, type Tuple } from "../model/tuple.js";
import { readInput } from "./input.js";
import { withUsher, type Runner } from "./options.js";
import type { Output } from "./output.js";
import { addMetadataOptions, metadataRequest, type MetadataOptions } from "./write-options.js";

/** How many bad lines are told at once. */
const problemsMax = 20;

/** A batch stays well below a message, whatever its tuples' contexts hold. */
const batchBytesMax = limits.messageBytesMax / 4;

export function addImport(group: Command, run: Runner): void {
  const command = addMetadataOptions(group.command("import"))
    .description("touch the tuples of a file, one a line; one bad line, and nothing is written")
    .argument("<file>", "tuples as `tuple read` prints them; blank lines and lines that begin with // are skipped; `-` for stdin")
    .addHelpText("after", `
Examples:
  $ usher tuple import tuples.txt --reason 'initial load'
  $ usher --address other:50051 tuple read | usher tuple import -`);
  command.action((file: string) =>
    run<MetadataOptions>(command, async ({ options, output, terminal }) => {
      const text = await readInput(file, terminal.stdin);
      await withUsher(options, async (usher) => {
        const { text: schemaText } = await usher.readSchema();
        const tuples = readTuples(text, file, compileSchema(schemaText));
        await writeAll(usher, tuples, options, output);
      });
      return undefined;
    }),
  );
}

/** Every tuple of the text, held against the schema. @throws `invalid_file`, with each bad line's number, text and reason */
function readTuples(text: string, file: string, schema: Schema): Tuple[] {
  const tuples: Tuple[] = [];
  const lineOf = new Map<string, number>();
  const problems: { line: number; text: string; reason: string }[] = [];
  text.split("\n").forEach((raw, index) => {
    const trimmed = raw.trim();
    if (trimmed === "" || trimmed.startsWith("//")) return;
    const line = index + 1;
    try {
      const tuple = parseTuple(trimmed);
      checkTuple(schema, tuple, "write");
      const identity = tupleIdentity(tuple);
      const first = lineOf.get(identity);
      if (first !== undefined) throw new UsherError("duplicate_operation", `line ${first} names the same tuple`);
      lineOf.set(identity, line);
      tuples.push(tuple);
    } catch (error) {
      if (!(error instanceof UsherError)) throw error;
      problems.push({ line, text: trimmed, reason: error.message });
    }
  });
  const [first] = problems;
  if (first === undefined) return tuples;
  const told = problems.slice(0, problemsMax).map(({ line, text: bad, reason }) => `\n${file}:${line}: ${reason.includes(quote(bad)) ? "" : `${quote(bad)}: `}${reason}`);
  const rest = problems.length > problemsMax ? `\n… and ${problems.length - problemsMax} more` : "";
  const count = problems.length === 1 ? "a bad line" : `${problems.length} bad lines`;
  throw new UsherError("invalid_file", `file ${quote(file)} has ${count}, nothing was written:${told.join("")}${rest}`, { details: { file, line: String(first.line) } });
}

async function writeAll(usher: Usher, tuples: readonly Tuple[], options: MetadataOptions, output: Output): Promise<void> {
  let written = 0;
  let changed = 0;
  let zookie: string | undefined;
  try {
    for (const batch of batches(tuples)) {
      const answer = await usher.write(batch.map(touch), metadataRequest(options));
      written += batch.length;
      changed += answer.changed;
      zookie = answer.zookie;
      if (tuples.length > batch.length) output.note(`imported ${written} of ${tuples.length}`);
    }
  } catch (error) {
    if (!(error instanceof UsherError)) throw error;
    const message = `${written} of ${tuples.length} tuples were imported, then: ${error.message}; importing the file again is safe`;
    throw new UsherError(error.code, message, { details: { ...error.details, imported: String(written) }, cause: error });
  }
  await output.write(
    () => `imported ${written}  changed ${changed}${zookie === undefined ? "" : `  zookie ${zookie}`}`,
    () => ({ imported: written, changed, ...(zookie === undefined ? {} : { zookie }) }),
  );
}

function* batches(tuples: readonly Tuple[]): Generator<readonly Tuple[]> {
  let batch: Tuple[] = [];
  let bytes = 0;
  for (const tuple of tuples) {
    const size = Buffer.byteLength(formatTuple(tuple));
    if (batch.length > 0 && (batch.length >= limits.operationsPerWriteMax || bytes + size > batchBytesMax)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(tuple);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
