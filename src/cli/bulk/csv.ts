import { parse } from "csv-parse/sync";
import { asError, UsherError } from "../../base/errors.js";
import { quote } from "../../model/object.js";
import { columns, type Column, type Entry } from "./format.js";
import { attempt, lineTooLong, linesOf } from "./lines.js";
import { tupleOfFields } from "./record.js";

/** The columns that no file may lack. */
const required: readonly Column[] = columns.slice(0, 5);

/**
 * Records, a line each, whose first names the columns, in any order:
 *
 *     object_type,object_id,relation,subject_type,subject_id,subject_relation,condition,context,expires_at
 *     document,1,viewer,user,ana,,on_call,"{""hour"":3}",2030-01-01T00:00:00Z
 *
 * No field needs a line feed, so that one bad quote spoils its own line and not the rest of the file.
 * @throws `invalid_file` for a header that does not name the columns
 */
export async function* readCsv(pieces: AsyncIterable<string>, name: string): AsyncGenerator<Entry, void> {
  let header: readonly string[] | undefined;
  for await (const { line, text: raw, tooLong } of linesOf(pieces)) {
    const text = raw.replace(/\r$/, "");
    if (text.trim() === "") continue;
    if (header === undefined) header = checkHeader(fieldsOf(text), name);
    else if (tooLong) yield { line, text, problem: lineTooLong() };
    else yield entryOf(header, text, line);
  }
}

/** @throws `invalid_tuple` */
function fieldsOf(text: string): readonly string[] {
  if (!text.includes('"')) return text.split(",");
  try {
    const [record] = parse(text, { relax_column_count: true });
    return record ?? [];
  } catch (error) {
    throw new UsherError("invalid_tuple", `the line is not CSV: ${asError(error).message.replace(/ at line \d+$/, "")}`);
  }
}

function checkHeader(header: readonly string[], name: string): readonly string[] {
  const unknown = header.find((column) => !(columns as readonly string[]).includes(column));
  const missing = required.find((column) => !header.includes(column));
  const twice = header.find((column, at) => header.indexOf(column) !== at);
  const wrong = unknown ?? missing ?? twice;
  if (wrong === undefined) return header;
  const what = unknown !== undefined ? "is unknown" : missing !== undefined ? "is missing" : "is there twice";
  throw new UsherError("invalid_file", `file ${quote(name)}: column ${quote(wrong)} ${what} in its first line: that names the columns, which are ${columns.map(quote).join(", ")}`, { details: { file: name, line: "1" } });
}

function entryOf(header: readonly string[], text: string, line: number): Entry {
  return attempt(line, text, () => {
    const record = fieldsOf(text);
    if (record.length !== header.length) throw new UsherError("invalid_tuple", `the line has ${record.length} fields, and the first has ${header.length}`);
    const field = (column: Column) => record[header.indexOf(column)] ?? "";
    const [condition, context, expiresAt] = [field("condition"), field("context"), field("expires_at")];
    if (condition === "" && context !== "") throw new UsherError("invalid_tuple", "the line has a context and no condition");
    return tupleOfFields({
      object: { type: field("object_type"), id: field("object_id") },
      relation: field("relation"),
      subject: { type: field("subject_type"), id: field("subject_id"), relation: field("subject_relation") },
      ...(condition === "" ? {} : { condition: { name: condition, ...(context === "" ? {} : { context: parseContext(context) }) } }),
      ...(expiresAt === "" ? {} : { expiresAt }),
    });
  });
}

function parseContext(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsherError("invalid_context", `the context ${quote(text)} is not JSON: ${asError(error).message}`);
  }
}
