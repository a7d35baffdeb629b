import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { touch } from "../client/references.js";
import { Usher } from "../client/usher.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { Database } from "../database/database.js";
import { subjectSetOf, type SubjectEntry } from "../evaluation/subject-set.js";
import { quote } from "../model/object.js";
import { compileSchema } from "../model/schema/compile.js";
import { checkTuple } from "../model/schema/shape.js";
import type { Schema } from "../model/schema/schema.js";
import type { Decision, ExpandNode, Explanation } from "../model/service.js";
import { formatSubject } from "../model/subject.js";
import type { CheckText } from "../model/tuple-text.js";
import { formatEntry, type MemberText } from "./expected-subject.js";
import { resultOf, type Result } from "./explanation.js";
import type { Assertion, AssertionKind, Located, Validation, ValidationFile } from "./validation-file.js";

/** Something that a file expects and the database answers otherwise. */
export interface Failure {
  readonly line: number;
  readonly message: string;
  /** Of a check that was answered. */
  readonly explanation?: Explanation;
}

const expectedResult: Readonly<Record<AssertionKind, Result>> = { assertTrue: "allowed", assertFalse: "denied", assertCaveated: "conditional" };

/** One assertion, or the validation of one relation or permission, with what it had to say. */
export interface CaseResult extends Located {
  /** ``assertTrue `document:1#view@user:ana` ``, ``validation of `document:1#view` `` */
  readonly name: string;
  /** The relation or permission that it asks of. */
  readonly member: MemberText;
  /** In the order of their lines; none: it passed. */
  readonly failures: readonly Failure[];
  /** How a check that was answered came about. */
  readonly explanation?: Explanation;
  /** The userset tree that a validation was read from. */
  readonly tree?: ExpandNode;
}

/** What a validation file came to. */
export interface ValidationResult {
  readonly schema: Schema;
  /** In the order of the file. */
  readonly cases: readonly CaseResult[];
}

/** Runs a validation file on a database of its own, which is gone afterwards. @throws `invalid_file` for a schema or a relationship that is wrong */
export async function runValidationFile(file: ValidationFile): Promise<ValidationResult> {
  const schema = requireValid(file);
  return withTemporaryDatabase(async (database) => {
    const usher = new Usher(database);
    await usher.writeSchema(file.schema);
    const operations = file.tuples.map(({ tuple }) => touch(tuple));
    for (let at = 0; at < operations.length; at += limits.operationsPerWriteMax) await usher.write(operations.slice(at, at + limits.operationsPerWriteMax));
    const ask: Ask = (check) => usher.check(check.object, check.permission, check.subject, { context: check.context, explain: true });
    const cases: CaseResult[] = [];
    for (const assertion of file.assertions) cases.push(await checkAssertion(ask, assertion));
    for (const validation of file.validations) cases.push(await checkValidation(usher, validation));
    return { schema, cases: cases.sort((a, b) => a.line - b.line) };
  });
}

type Ask = (check: CheckText) => Promise<Pick<Decision, "allowed" | "missingFields" | "explanation">>;

export async function withTemporaryDatabase<T>(body: (database: Database) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "usher-test-"));
  try {
    const database = await Database.open(folder);
    try {
      return await body(database);
    } finally {
      await database.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function requireValid({ file, schema: text, tuples }: ValidationFile): Schema {
  const schema = attempt(() => compileSchema(text), (error) => new UsherError("invalid_file", `${file}: ${error.message}`, { details: { ...error.details, file } }));
  for (const { line, tuple } of tuples) {
    attempt(() => checkTuple(schema, tuple, "write"), (error) => new UsherError("invalid_file", `${file}:${line}: ${error.message}`, { details: { file, line: String(line) } }));
  }
  return schema;
}

function attempt<T>(act: () => T, refuse: (error: UsherError) => UsherError): T {
  try {
    return act();
  } catch (error) {
    throw error instanceof UsherError ? refuse(error) : error;
  }
}

async function checkAssertion(ask: Ask, { kind, line, text, check }: Assertion): Promise<CaseResult> {
  const expected = expectedResult[kind];
  const name = `${kind} ${quote(text)}`;
  const tested = { line, name, member: { object: check.object, member: check.permission } };
  try {
    const decision = await ask(check);
    const result = resultOf(decision);
    const explanation = decision.explanation === undefined ? {} : { explanation: decision.explanation };
    if (result === expected) return { ...tested, failures: [], ...explanation };
    const needs = result === "conditional" ? ` (needs ${decision.missingFields.join(", ")})` : "";
    const message = `${name}: expected ${expected}, is ${result}${needs}`;
    return { ...tested, failures: [{ line, message, ...explanation }], ...explanation };
  } catch (error) {
    return { ...tested, failures: [{ line, message: `${name}: expected ${expected}, failed with ${describe(error)}` }] };
  }
}

async function checkValidation(usher: Usher, validation: Validation): Promise<CaseResult> {
  const { line, text, member } = validation;
  const name = `validation of ${quote(text)}`;
  try {
    const { tree } = await usher.expand(member.object, member.member, { deep: true });
    const failures = differences(validation, subjectSetOf(tree, member.member).entries());
    return { line, name, member, failures: failures.sort((a, b) => a.line - b.line), tree };
  } catch (error) {
    return { line, name, member, failures: [{ line, message: `${name} failed with ${describe(error)}` }] };
  }
}

/** Compares subject by subject, so that each difference is told at its own line. */
function differences({ line, text, subjects }: Validation, entries: readonly SubjectEntry[]): Failure[] {
  const failures: Failure[] = [];
  const computed = new Map(entries.map((entry) => [formatSubject(entry.subject), entry]));
  const seen = new Set<string>();
  for (const { line: at, text: entryText, expected } of subjects) {
    const name = formatSubject(expected.subject);
    const entry = computed.get(name);
    if (seen.has(name)) failures.push({ line: at, message: `validation of ${quote(text)}: subject ${quote(name)} is listed twice` });
    else if (entry === undefined) failures.push({ line: at, message: `validation of ${quote(text)}: expected ${quote(entryText)}, is not there` });
    else if (formatEntry(entry) !== formatEntry(expected)) failures.push({ line: at, message: `validation of ${quote(text)}: expected ${quote(formatEntry(expected))}, is ${quote(formatEntry(entry))}` });
    seen.add(name);
  }
  for (const [name, entry] of computed) {
    if (!seen.has(name)) failures.push({ line, message: `validation of ${quote(text)}: not listed: ${quote(formatEntry(entry))}` });
  }
  return failures;
}

function describe(error: unknown): string {
  if (error instanceof UsherError) return `${error.code}: ${error.message}`;
  throw error;
}
