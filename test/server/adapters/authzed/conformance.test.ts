import assert from "node:assert/strict";

import { v1 } from "@authzed/authzed-node";
import { parse } from "yaml";

import type { Context } from "../../../../src/model/context.js";
import { formatObject, type ObjectRef } from "../../../../src/model/object.js";
import { compileSchema } from "../../../../src/model/schema/compile.js";
import { formatSubject, isWildcard, type SubjectRef } from "../../../../src/model/subject.js";
import { parseCheck, parseTupleLines } from "../../../../src/model/tuple-text.js";
import { sharedFile, sharedFolder } from "../../../support/shared.js";
import { answers, found, objectOf, relationshipOf, Spice, structOf, subjectOf } from "./spice.js";

interface ValidationFile {
  readonly schema: string;
  readonly relationships: string;
  readonly assertions?: { readonly assertTrue?: string[]; readonly assertFalse?: string[]; readonly assertCaveated?: string[] };
}

/** Loads a file as people of SpiceDB do: its schema, then its relationships. */
async function load(spice: Spice, { schema, relationships }: ValidationFile): Promise<void> {
  await spice.schema(schema);
  const updates = [...parseTupleLines(relationships)].map(({ tuple }) => ({ operation: v1.RelationshipUpdate_Operation.CREATE, relationship: relationshipOf(tuple) }));
  if (updates.length > 0) await spice.calls.writeRelationships(v1.WriteRelationshipsRequest.create({ updates }));
}

/** Answers of many checks, in their order, through one call. */
async function answersOf(spice: Spice, checks: readonly { object: ObjectRef; permission: string; subject: SubjectRef; context?: Context }[]): Promise<string[]> {
  if (checks.length === 0) return [];
  const { pairs } = await spice.calls.checkBulkPermissions(
    v1.CheckBulkPermissionsRequest.create({
      items: checks.map(({ object, permission, subject, context }) => ({
        resource: objectOf(object.type, object.id),
        permission,
        subject: subjectOf(subject.type, subject.id, subject.relation),
        ...(context && { context: structOf(context) }),
      })),
    }),
  );
  return pairs.map(({ response }) => {
    assert.ok(response.oneofKind === "item", JSON.stringify(response));
    return answers[response.item.permissionship] ?? "";
  });
}

/** Each of the file's objects and, in place of wildcards, nobody; the subjects by how they are looked up. */
function namedIn(file: ValidationFile): { readonly objects: Map<string, ObjectRef>; readonly subjects: Map<string, SubjectRef> } {
  const objects = new Map<string, ObjectRef>();
  const subjects = new Map<string, SubjectRef>();
  const { assertTrue = [], assertFalse = [], assertCaveated = [] } = file.assertions ?? {};
  const named = [...[...parseTupleLines(file.relationships)].map(({ tuple }) => tuple), ...[...assertTrue, ...assertFalse, ...assertCaveated].map(parseCheck)];
  for (const { object, subject } of named) {
    objects.set(formatObject(object), object);
    if (!isWildcard(subject)) subjects.set(formatSubject(subject), subject);
  }
  return { objects, subjects };
}

/** Check agrees with both lookups, for every permission, object and subject of the file. */
async function crossCheck(spice: Spice, file: ValidationFile): Promise<void> {
  const { objects, subjects } = namedIn(file);
  for (const [type, { members }] of compileSchema(file.schema).definitions) {
    const ofType = [...objects.values()].filter((object) => object.type === type);
    for (const permission of members.keys()) {
      const checks = ofType.flatMap((object) => [...subjects.values()].map((subject) => ({ object, permission, subject })));
      const results = await answersOf(spice, checks);
      const byObject = await lookedUpObjects(spice, type, permission, subjects);
      const bySubject = await lookedUpSubjects(spice, ofType, permission, subjects);
      checks.forEach(({ object, subject }, at) => {
        const text = `${formatObject(object)}#${permission}@${formatSubject(subject)}`;
        assert.equal(byObject.get(`${formatSubject(subject)} ${object.id}`) ?? "NO", results[at], `LookupResources: ${text}`);
        assert.equal(bySubject(object, subject), results[at], `LookupSubjects: ${text}`);
      });
    }
  }
}

async function lookedUpObjects(spice: Spice, type: string, permission: string, subjects: ReadonlyMap<string, SubjectRef>): Promise<ReadonlyMap<string, string>> {
  const results = new Map<string, string>();
  for (const [text, { type: subjectType, id, relation }] of subjects) {
    const request = v1.LookupResourcesRequest.create({ resourceObjectType: type, permission, subject: subjectOf(subjectType, id, relation) });
    for (const { resourceObjectId, permissionship } of await spice.calls.lookupResources(request)) {
      assert.ok(!results.has(`${text} ${resourceObjectId}`), `${type}:${resourceObjectId} is told once`);
      results.set(`${text} ${resourceObjectId}`, found[permissionship] ?? "");
    }
  }
  return results;
}

async function lookedUpSubjects(spice: Spice, objects: readonly ObjectRef[], permission: string, subjects: ReadonlyMap<string, SubjectRef>): Promise<(object: ObjectRef, subject: SubjectRef) => string> {
  const results = new Map<string, readonly v1.LookupSubjectsResponse[]>();
  const kinds = new Map([...subjects.values()].map(({ type, relation }) => [`${type}#${relation}`, { type, relation }]));
  for (const object of objects) {
    for (const [kind, { type, relation }] of kinds) {
      const request = v1.LookupSubjectsRequest.create({ resource: objectOf(object.type, object.id), permission, subjectObjectType: type, optionalSubjectRelation: relation });
      results.set(`${object.id} ${kind}`, await spice.calls.lookupSubjects(request));
    }
  }
  return (object, { type, id, relation }) => {
    const all = results.get(`${object.id} ${type}#${relation}`) ?? [];
    const own = all.find(({ subject }) => subject?.subjectObjectId === id)?.subject;
    if (own !== undefined) return found[own.permissionship] ?? "";
    const wildcard = all.find(({ subject }) => subject?.subjectObjectId === "*");
    if (wildcard === undefined || wildcard.excludedSubjects.some(({ subjectObjectId }) => subjectObjectId === id)) return "NO";
    return found[wildcard.subject?.permissionship ?? 0] ?? "";
  };
}

describe("SpiceDB's validation files, through SpiceDB's client", function () {
  this.timeout(600_000);
  const files = sharedFolder("conformance", "spicedb")?.filter((name) => name.endsWith(".yaml"));
  if (files === undefined) {
    it("are beside the checkout", function () {
      this.skip();
    });
  }
  for (const name of files ?? []) {
    it(`${name}: every assertion holds, and both lookups agree with every check`, async () => {
      const file = parse(sharedFile("conformance", "spicedb", name)) as ValidationFile;
      const { assertTrue = [], assertFalse = [], assertCaveated = [] } = file.assertions ?? {};
      const spice = await Spice.open();
      try {
        await load(spice, file);
        for (const [expected, texts] of [["HAS", assertTrue], ["NO", assertFalse], ["CONDITIONAL", assertCaveated]] as const) {
          const results = await answersOf(spice, texts.map(parseCheck));
          results.forEach((result, at) => assert.equal(result, expected, texts[at]));
        }
        await crossCheck(spice, file);
      } finally {
        await spice.close();
      }
    });
  }
});
