import { isScalar, LineCounter, parseDocument } from "yaml";
import { UsherError } from "../../base/errors.js";
import { parseTuple } from "../../model/tuple-text.js";
import { quote } from "../../model/object.js";
import { besideFile, readText } from "../input.js";
import type { Entry } from "./format.js";
import { attempt } from "./lines.js";

/** What an import takes of a validation file; its expectations are `usher test`'s. */
export interface ValidationImport {
  readonly schema?: string;
  readonly entries: readonly Entry[];
}

/** The file is read as a whole, since YAML must be. @throws `invalid_file` */
export async function readValidationImport(file: string, text: string): Promise<ValidationImport> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const refuse = (at: number, why: string) => {
    const { line } = lines.linePos(at);
    return new UsherError("invalid_file", `${file}:${line}: ${why}`, { details: { file, line: String(line) } });
  };
  const [problem] = document.errors;
  if (problem !== undefined) throw refuse(problem.pos[0], `is not YAML: ${problem.message}`);
  const textAt = (key: string): { readonly text: string; readonly at: number } | undefined => {
    const node: unknown = document.get(key, true);
    if (node === undefined || (isScalar(node) && node.value === null)) return undefined;
    if (isScalar(node) && typeof node.value === "string") return { text: node.value, at: node.range?.[0] ?? 0 };
    throw refuse(0, `has \`${key}\` that is no text`);
  };
  const schemaFile = textAt("schemaFile");
  const path = schemaFile && besideFile(file, schemaFile.text);
  if (schemaFile !== undefined && path === undefined) throw refuse(schemaFile.at, `names schema file ${quote(schemaFile.text)}, which is not in the file's own folder`);
  const schema = textAt("schema")?.text ?? (path && (await readText(path)));
  const relationships = textAt("relationships");
  if (schema === undefined && relationships === undefined) throw refuse(0, "has neither `schema` nor `relationships`: it is no validation file");
  return { ...(schema !== undefined && { schema }), entries: relationships === undefined ? [] : entriesOf(relationships, text, lines) };
}

function entriesOf({ text, at }: { readonly text: string; readonly at: number }, whole: string, lines: LineCounter): Entry[] {
  const entries: Entry[] = [];
  let from = at;
  for (const raw of text.split("\n")) {
    const trimmed = raw.trim();
    if (trimmed === "" || trimmed.startsWith("//")) continue;
    // A folded or quoted scalar has other lines than its value, so the text is looked for; where quoting changed it, the last place must do.
    const found = whole.indexOf(trimmed, from);
    const { line } = lines.linePos(found < 0 ? from : found);
    if (found >= 0) from = found + trimmed.length;
    entries.push(attempt(line, trimmed, () => parseTuple(trimmed)));
  }
  return entries;
}
