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
import type { Decision, Explanation } from "../model/service.js";
import { formatSubject } from "../model/subject.js";
import type { CheckText } from "../model/tuple-text.js";
import { formatEntry } from "./expected-subject.js";
import { resultOf, type Result } from "./explanation.js";
import type { Assertion, AssertionKind, Validation, ValidationFile } from "./validation-file.js";

/** Something that a file expects and the database answers otherwise. */
export interface Failure {
  readonly line: number;
  readonly message: string;
  /** Of a check that was answered. */
  readonly explanation?: Explanation;
}

const expectedResult: Readonly<Record<AssertionKind, Result>> = { assertTrue: "allowed", assertFalse: "denied", assertCaveated: "conditional" };

/** Runs a validation file on a database of its own, which is gone afterwards. @throws `invalid_file` for a schema or a relationship that is wrong */
export async function runValidationFile(file: ValidationFile): Promise<Failure[]> {
  requireValid(file);
  return withTemporaryDatabase(async (usher) => {
    await usher.writeSchema(file.schema);
    const operations = file.tuples.map(({ tuple }) => touch(tuple));
    for (let at = 0; at < operations.length; at += limits.operationsPerWriteMax) await usher.write(operations.slice(at, at + limits.operationsPerWriteMax));
    const ask: Ask = (check) => usher.check(check.object, check.permission, check.subject, { context: check.context, explain: true });
    const failures: Failure[] = [];
    for (const assertion of file.assertions) failures.push(...(await checkAssertion(ask, assertion)));
    for (const validation of file.validations) failures.push(...(await checkValidation(usher, validation)));
    return failures.sort((a, b) => a.line - b.line);
  });
}

type Ask = (check: CheckText) => Promise<Pick<Decision, "allowed" | "missingFields" | "explanation">>;

async function withTemporaryDatabase<T>(body: (usher: Usher) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "usher-test-"));
  try {
    const usher = new Usher(await Database.open(folder));
    try {
      return await body(usher);
    } finally {
      await usher.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function requireValid({ file, schema: text, tuples }: ValidationFile): void {
  const schema = attempt(() => compileSchema(text), (error) => new UsherError("invalid_file", `${file}: ${error.message}`, { details: { ...error.details, file } }));
  for (const { line, tuple } of tuples) {
    attempt(() => checkTuple(schema, tuple, "write"), (error) => new UsherError("invalid_file", `${file}:${line}: ${error.message}`, { details: { file, line: String(line) } }));
  }
}

function attempt<T>(act: () => T, refuse: (error: UsherError) => UsherError): T {
  try {
    return act();
  } catch (error) {
    throw error instanceof UsherError ? refuse(error) : error;
  }
}

async function checkAssertion(ask: Ask, { kind, line, text, check }: Assertion): Promise<Failure[]> {
  const expected = expectedResult[kind];
  try {
    const decision = await ask(check);
    const result = resultOf(decision);
    if (result === expected) return [];
    const needs = result === "conditional" ? ` (needs ${decision.missingFields.join(", ")})` : "";
    const message = `${kind} ${quote(text)}: expected ${expected}, is ${result}${needs}`;
    return [{ line, message, ...(decision.explanation === undefined ? {} : { explanation: decision.explanation }) }];
  } catch (error) {
    return [{ line, message: `${kind} ${quote(text)}: expected ${expected}, failed with ${describe(error)}` }];
  }
}

/** Compares subject by subject, so that each difference is told at its own line. */
async function checkValidation(usher: Usher, { line, text, member, subjects }: Validation): Promise<Failure[]> {
  let entries: SubjectEntry[];
  try {
    const { tree } = await usher.expand(member.object, member.member, { deep: true });
    entries = subjectSetOf(tree, member.member).entries();
  } catch (error) {
    return [{ line, message: `validation of ${quote(text)} failed with ${describe(error)}` }];
  }
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
