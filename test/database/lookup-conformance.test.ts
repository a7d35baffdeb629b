import assert from "node:assert/strict";
import { parse } from "yaml";
import { Database } from "../../src/database/database.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import type { Call } from "../../src/model/service.js";
import { formatObject, type ObjectRef } from "../../src/model/object.js";
import { formatSubject, isWildcard, type SubjectRef } from "../../src/model/subject.js";
import { parseCheck, parseTuple, parseTupleLines } from "../../src/model/tuple-text.js";
import { inFolder } from "../support/folder.js";
import { sharedFile, sharedFolder } from "../support/shared.js";

const call: Call = {};

interface ValidationFile {
  schema: string;
  relationships: string;
  assertions?: { assertTrue?: string[]; assertFalse?: string[]; assertCaveated?: string[] };
}

type Result = "HAS" | "CONDITIONAL" | "NO";

function resultOf(found: { readonly allowed: boolean; readonly missingFields: readonly string[] } | undefined): Result {
  if (found === undefined || (!found.allowed && found.missingFields.length === 0)) return "NO";
  return found.allowed ? "HAS" : "CONDITIONAL";
}

/** Every page's results. */
async function all<Item>(read: (cursor: { readonly cursor?: string }) => Promise<{ readonly results: readonly Item[]; readonly cursor?: string }>): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const page = await read(cursor === undefined ? {} : { cursor });
    items.push(...page.results);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return items;
}

describe("SpiceDB's validation files, in full", function () {
  this.timeout(600_000);
  const files = sharedFolder("conformance", "spicedb")?.filter((name) => name.endsWith(".yaml"));
  if (files === undefined) {
    it("are beside the checkout", function () {
      this.skip();
    });
  }
  for (const name of files ?? []) {
    it(`${name}: the three lookups agree with a check of every permission, object and subject`, async () => {
      const file = parse(sharedFile("conformance", "spicedb", name)) as ValidationFile;
      await inFolder(async (folder) => {
        const database = await Database.open(folder);
        try {
          await database.writeSchema({ text: file.schema }, call);
          const tuples = [...parseTupleLines(file.relationships)].map(({ tuple }) => tuple);
          if (tuples.length > 0) await database.writeTuples({ operations: tuples.map((tuple) => ({ kind: "create", tuple })) }, call);
          await matrix(database, file);
        } finally {
          await database.close();
        }
      });
    });
  }
});

describe("the Kubernetes organisation, looked up", function () {
  this.timeout(120_000);

  it("agrees with every tenth of its checks", async function () {
    if (sharedFolder("data", "kubernetes-org") === undefined) this.skip();
    await inFolder(async (folder) => {
      const database = await Database.open(folder);
      try {
        await database.writeSchema({ text: sharedFile("data", "kubernetes-org", "schema.zed") }, call);
        const tuples = sharedFile("data", "kubernetes-org", "tuples.txt").trim().split("\n").map(parseTuple);
        for (let at = 0; at < tuples.length; at += 1_000) {
          await database.writeTuples({ operations: tuples.slice(at, at + 1_000).map((tuple) => ({ kind: "touch", tuple })) }, call);
        }
        const [, ...lines] = sharedFile("data", "kubernetes-org", "checks.tsv").trim().split("\n");
        for (const line of lines.filter((_, i) => i % 10 === 0)) {
          const [about, permission = "", who, expected] = line.split("\t");
          const { object, subject } = parseCheck(`${about}#${permission}@${who}`);
          const objects = await all((cursor) => database.lookupObjects({ objectType: object.type, permission, subject, pageSize: 500, ...cursor }, call));
          assert.equal(String(objects.some((result) => result.object.id === object.id && result.allowed)), expected, `objects: ${line}`);
          const kind = { subjectType: subject.type, subjectRelation: subject.relation };
          const subjects = await all((cursor) => database.lookupSubjects({ object, permission, ...kind, pageSize: 500, ...cursor }, call));
          assert.equal(String(subjects.some((result) => result.subject.id === subject.id && result.allowed)), expected, `subjects: ${line}`);
        }
      } finally {
        await database.close();
      }
    });
  });
});

async function matrix(database: Database, file: ValidationFile): Promise<void> {
  const { definitions } = compileSchema(file.schema);
  const { objects, subjects } = named(file);
  const checked = new Map<string, Result>();
  const keyOf = (object: ObjectRef, permission: string, subject: SubjectRef) => `${formatObject(object)}#${permission}@${formatSubject(subject)}`;
  const questions = objects.flatMap((object) => [...(definitions.get(object.type)?.members.keys() ?? [])].flatMap((permission) => subjects.map((subject) => ({ object, permission, subject }))));
  for (let at = 0; at < questions.length; at += 5_000) {
    const items = questions.slice(at, at + 5_000);
    const { results } = await database.batchCheck({ items }, call);
    results.forEach((result, i) => {
      const item = items[i];
      assert.ok(item && "decision" in result, JSON.stringify(result));
      checked.set(keyOf(item.object, item.permission, item.subject), resultOf(result.decision));
    });
  }
  for (const pageSize of [1, 2, undefined]) {
    const paged = pageSize === undefined ? {} : { pageSize };
    for (const subject of subjects) {
      for (const [type, { members }] of definitions) {
        for (const permission of members.keys()) {
          const found = await all((cursor) => database.lookupObjects({ objectType: type, permission, subject, ...paged, ...cursor }, call));
          assert.equal(new Set(found.map(({ object }) => object.id)).size, found.length, "no duplicates");
          const byId = new Map(found.map((result) => [result.object.id, result]));
          for (const object of objects.filter((each) => each.type === type)) {
            const key = keyOf(object, permission, subject);
            assert.equal(resultOf(byId.get(object.id)), checked.get(key), `objects: ${key}`);
          }
        }
      }
    }
    const kinds = new Map(subjects.map(({ type, relation }) => [`${type}#${relation}`, { type, relation }])).values();
    for (const { type, relation } of kinds) {
      for (const object of objects) {
        for (const permission of definitions.get(object.type)?.members.keys() ?? []) {
          const found = await all((cursor) => database.lookupSubjects({ object, permission, subjectType: type, subjectRelation: relation, ...paged, ...cursor }, call));
          assert.equal(new Set(found.map((result) => result.subject.id)).size, found.length, "no duplicates");
          const byId = new Map(found.map((result) => [result.subject.id, result]));
          const wildcard = byId.get("*");
          for (const subject of subjects.filter((each) => each.type === type && each.relation === relation)) {
            const excluded = wildcard?.excluded.some((each) => each.subject.id === subject.id) === true;
            const key = keyOf(object, permission, subject);
            assert.equal(resultOf(byId.get(subject.id) ?? (excluded ? undefined : wildcard)), checked.get(key), `subjects: ${key}`);
          }
        }
      }
    }
  }
  for (const object of objects) {
    for (const subject of subjects) {
      const { results } = await database.lookupPermissions({ object, subject, relations: true }, call);
      for (const result of results) assert.equal(resultOf(result), checked.get(keyOf(object, result.permission, subject)), `permissions: ${keyOf(object, result.permission, subject)}`);
    }
  }
}

/** Every object and subject that occurs in the file. */
function named({ relationships, assertions: { assertTrue = [], assertFalse = [], assertCaveated = [] } = {} }: ValidationFile) {
  const objects = new Map<string, ObjectRef>();
  const subjects = new Map<string, SubjectRef>();
  const add = (object: ObjectRef, subject: SubjectRef) => {
    for (const { type, id } of [object, subject]) if (id !== "*") objects.set(`${type}:${id}`, { type, id });
    if (!isWildcard(subject)) subjects.set(formatSubject(subject), subject);
  };
  for (const { tuple } of parseTupleLines(relationships)) add(tuple.object, tuple.subject);
  for (const text of [...assertTrue, ...assertFalse, ...assertCaveated]) {
    const { object, subject } = parseCheck(text);
    add(object, subject);
  }
  return { objects: [...objects.values()], subjects: [...subjects.values()] };
}
