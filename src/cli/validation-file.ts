import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Pair, type ParsedNode, type Scalar, type YAMLMap } from "yaml";
import { UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";
import { parseCheck, parseTuple, type CheckText } from "../model/tuple-text.js";
import { tupleIdentity, type Tuple } from "../model/tuple.js";
import { parseExpectedSubject, parseMember, type ExpectedSubject, type MemberText } from "./expected-subject.js";
import { besideFile, readText } from "./input.js";

/**
 * A validation file, as SpiceDB's tools read and write them: a schema, the relation tuples that stand, what checks must
 * answer, and who exactly must have a permission.
 *
 *     schema: |-                       (or schemaFile: schema.zed, beside the file)
 *       definition user {}
 *       definition document {
 *         relation viewer: user
 *         permission view = viewer
 *       }
 *     relationships: |-
 *       document:1#viewer@user:ana
 *     assertions:
 *       assertTrue: ["document:1#view@user:ana"]
 *       assertFalse: ["document:1#view@user:bo"]
 *     validation:
 *       document:1#view: ["[user:ana] is <document:1#viewer>"]
 */
export interface ValidationFile {
  readonly file: string;
  readonly schema: string;
  readonly tuples: readonly (Located & { readonly tuple: Tuple })[];
  readonly assertions: readonly Assertion[];
  readonly validations: readonly Validation[];
}

export interface Located {
  /** From 1. */
  readonly line: number;
}

export interface Assertion extends Located {
  readonly kind: AssertionKind;
  readonly text: string;
  readonly check: CheckText;
}

export type AssertionKind = "assertTrue" | "assertFalse" | "assertCaveated";

/** Who has a relation or permission: these and nobody else. */
export interface Validation extends Located {
  readonly text: string;
  readonly member: MemberText;
  readonly subjects: readonly (Located & { readonly text: string; readonly expected: ExpectedSubject })[];
}

/** @throws `invalid_file`, with the file and the line */
export async function readValidationFile(file: string): Promise<ValidationFile> {
  return new FileReader(file, await readText(file)).read();
}

const keys = ["schema", "schemaFile", "relationships", "assertions", "validation"];
const assertionKinds: readonly AssertionKind[] = ["assertTrue", "assertFalse", "assertCaveated"];

type Entries = ReadonlyMap<string, { readonly key: Scalar; readonly value: ParsedNode | null }>;

class FileReader {
  readonly #file: string;
  readonly #text: string;
  readonly #lines = new LineCounter();

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  async read(): Promise<ValidationFile> {
    const document = parseDocument(this.#text, { lineCounter: this.#lines, prettyErrors: false });
    const [problem] = document.errors;
    if (problem !== undefined) throw this.#refuse(this.#lines.linePos(problem.pos[0]).line, `is not YAML: ${problem.message}`);
    if (!isMap(document.contents)) throw this.#refuse(1, `must be a mapping with ${listed(keys)}`);
    const entries = this.#entries(document.contents, "the file");
    this.#requireKeys(entries, keys);
    return {
      file: this.#file,
      schema: await this.#schema(entries),
      tuples: this.#tuples(entries),
      assertions: this.#assertions(entries),
      validations: this.#validations(entries),
    };
  }

  async #schema(entries: Entries): Promise<string> {
    const schema = entries.get("schema");
    const schemaFile = entries.get("schemaFile");
    if (schema !== undefined && schemaFile !== undefined) throw this.#refuse(this.#line(schemaFile.key), "has both `schema` and `schemaFile`: give one");
    if (schema !== undefined) return this.#string(schema.value, schema.key, "`schema`");
    if (schemaFile === undefined) throw this.#refuse(1, "has neither `schema` nor `schemaFile`");
    const path = this.#string(schemaFile.value, schemaFile.key, "`schemaFile`");
    const beside = besideFile(this.#file, path);
    if (beside === undefined) throw this.#refuse(this.#line(schemaFile.key), `names schema file ${quote(path)}, which is not in the file's own folder`);
    try {
      return await readText(beside);
    } catch (error) {
      throw error instanceof UsherError ? this.#refuse(this.#line(schemaFile.key), `names a schema file that is wrong: ${error.message}`) : error;
    }
  }

  #tuples(entries: Entries): ValidationFile["tuples"] {
    const entry = entries.get("relationships");
    if (entry === undefined || isEmpty(entry.value)) return [];
    const text = this.#string(entry.value, entry.key, "`relationships`");
    const tuples: { line: number; tuple: Tuple }[] = [];
    const lineOf = new Map<string, number>();
    let at = entry.value?.range[0] ?? 0;
    for (const raw of text.split("\n")) {
      const trimmed = raw.trim();
      if (trimmed === "" || trimmed.startsWith("//")) continue;
      // A folded or quoted scalar has other lines than its value, so the text is looked for; where quoting changed it, the scalar's own line must do.
      const found = this.#text.indexOf(trimmed, at);
      if (found >= 0) at = found;
      const { line } = this.#lines.linePos(at);
      const tuple = this.#located(line, () => parseTuple(trimmed));
      const first = lineOf.get(tupleIdentity(tuple));
      if (first !== undefined) throw this.#refuse(line, `repeats relationship ${quote(trimmed)} of line ${first}`);
      lineOf.set(tupleIdentity(tuple), line);
      tuples.push({ line, tuple });
      if (found >= 0) at = found + trimmed.length;
    }
    return tuples;
  }

  #assertions(entries: Entries): Assertion[] {
    const entry = entries.get("assertions");
    if (entry === undefined || isEmpty(entry.value)) return [];
    const kinds = this.#mapping(entry, "`assertions`");
    this.#requireKeys(kinds, assertionKinds);
    return assertionKinds.flatMap((kind) =>
      this.#strings(kinds.get(kind), `\`${kind}\``).map(({ line, text }) => ({ kind, line, text, check: this.#located(line, () => parseCheck(text.trim())) })),
    );
  }

  #validations(entries: Entries): Validation[] {
    const entry = entries.get("validation");
    if (entry === undefined || isEmpty(entry.value)) return [];
    return [...this.#mapping(entry, "`validation`")].map(([text, member]) => {
      const line = this.#line(member.key);
      const subjects = this.#strings(member, quote(text)).map((each) => ({ ...each, expected: this.#located(each.line, () => parseExpectedSubject(each.text)) }));
      return { line, text, member: this.#located(line, () => parseMember(text)), subjects };
    });
  }

  #mapping({ key, value }: { readonly key: Scalar; readonly value: ParsedNode | null }, what: string): Entries {
    if (!isMap(value)) throw this.#refuse(this.#line(value ?? key), `has ${what} that is no mapping`);
    return this.#entries(value, what);
  }

  #entries(map: YAMLMap, what: string): Entries {
    const entries = new Map<string, { key: Scalar; value: ParsedNode | null }>();
    for (const { key, value } of map.items as Pair<ParsedNode, ParsedNode | null>[]) {
      if (!isScalar(key) || typeof key.value !== "string") throw this.#refuse(this.#line(key), `has a key in ${what} that is no text`);
      entries.set(key.value, { key, value });
    }
    return entries;
  }

  #strings(entry: { readonly key: Scalar; readonly value: ParsedNode | null } | undefined, what: string): { line: number; text: string }[] {
    if (entry === undefined || isEmpty(entry.value)) return [];
    if (!isSeq(entry.value)) throw this.#refuse(this.#line(entry.value ?? entry.key), `has ${what} that is no list`);
    return entry.value.items.map((item) => {
      const node = item;
      return { line: this.#line(node), text: this.#string(node, entry.key, `an entry of ${what}`) };
    });
  }

  #string(node: ParsedNode | null, key: Scalar, what: string): string {
    if (isScalar(node) && typeof node.value === "string") return node.value;
    throw this.#refuse(this.#line(node ?? key), `has ${what} that is no text`);
  }

  #requireKeys(entries: Entries, known: readonly string[]): void {
    for (const [name, { key }] of entries) {
      if (!known.includes(name)) throw this.#refuse(this.#line(key), `has an unknown key ${quote(name)}: it may have ${listed(known)}`);
    }
  }

  #line(node: { readonly range?: readonly number[] | null }): number {
    return this.#lines.linePos(node.range?.[0] ?? 0).line;
  }

  #located<T>(line: number, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw error instanceof UsherError ? this.#refuse(line, error.message) : error;
    }
  }

  #refuse(line: number, why: string): UsherError {
    return new UsherError("invalid_file", `${this.#file}:${line}: ${why}`, { details: { file: this.#file, line: String(line) } });
  }
}

function isEmpty(node: ParsedNode | null): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

function listed(names: readonly string[]): string {
  return names.map(quote).join(", ");
}
