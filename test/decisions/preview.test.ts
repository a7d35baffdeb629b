import assert from "node:assert/strict";
import * as fc from "fast-check";
import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { create, remove, touch } from "../../src/client/references.js";
import { Usher } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import type { LiveDecisions } from "../../src/decisions/live-decisions.js";
import type { HeldAnswer, Hold } from "../../src/model/live.js";
import type { PreviewCheck, PreviewChangeRequest, PreviewedChange } from "../../src/model/preview.js";
import type { Operation } from "../../src/model/service.js";
import { formatSubject } from "../../src/model/subject.js";
import { parseCheck } from "../../src/model/tuple-text.js";
import { tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { now, objects, schemas, subjects, tuplesOf, worlds } from "../evaluation/world.js";
import { inFolder } from "../support/folder.js";
import { EnforcementPoint } from "./enforcement-point.js";

const code = (expected: ErrorCode) => (error: unknown) => error instanceof UsherError && error.code === expected;

function inDatabase(body: (database: Database) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const database = await Database.open(folder);
    try {
      await body(database);
    } finally {
      await database.close();
    }
  });
}

/** Holds the checks until the act is done. */
async function whileHeld<T>(database: Database, tenant: string, checks: readonly PreviewCheck[], act: () => Promise<T>): Promise<T> {
  const point = new EnforcementPoint({ live: (requests, _tenant, signal) => database.live(requests, { tenant, ...(signal && { signal }) }) as ReturnType<LiveDecisions["live"]> });
  const holds = checks.map((check, index): Hold => ({ id: index + 1, ...check }));
  for (let from = 0; from < holds.length; from += limits.holdsPerMessageMax) point.hold(...holds.slice(from, from + limits.holdsPerMessageMax));
  await point.ping();
  try {
    return await act();
  } finally {
    await point.finish();
  }
}

const nameOf = ({ object, permission, subject, context = {} }: PreviewCheck) => `${object.type}:${object.id}#${permission}@${formatSubject(subject)} ${JSON.stringify(context)}`;

/** What a check says of each, from the store; one that cannot be decided, or asked, is denied. */
async function answersOf(database: Database, tenant: string, zookie: string, checks: readonly PreviewCheck[]): Promise<HeldAnswer[]> {
  const { results } = await database.batchCheck({ items: checks, consistency: { kind: "exact", zookie } }, { tenant });
  return results.map((result) => {
    if ("error" in result) return "denied";
    const { allowed, missingFields } = result.decision;
    return allowed ? "allowed" : missingFields.length > 0 ? "conditional" : "denied";
  });
}

/** World tuples that have not expired are to be so now. */
const later = (tuple: Tuple): Tuple => (tuple.expiresAt === undefined ? tuple : { ...tuple, expiresAt: tuple.expiresAt > now ? Date.parse("2200-01-01T00:00:00Z") : tuple.expiresAt });

const lines = (changes: readonly PreviewedChange[]) => changes.map((change) => `${nameOf(change)} ${change.before} ${change.after} ${change.holds}`).sort();

/** The preview, then the write, then the checks: what was foretold is what has come. */
async function foretells(database: Database, tenant: string, held: readonly PreviewCheck[], listed: readonly PreviewCheck[], change: PreviewChangeRequest): Promise<number> {
  const write = async () => (change.schemaText === undefined ? database.writeTuples({ operations: change.operations ?? [] }, { tenant }) : database.writeSchema({ text: change.schemaText }, { tenant }));
  const call = database.previewChange({ ...change, checks: listed }, { tenant });
  const foretold = await call.catch((error: unknown) => error);
  if (foretold instanceof UsherError) {
    await assert.rejects(write(), code(foretold.code));
    return 0;
  }
  const { changes, zookie, more, evaluated } = await call;
  assert.equal(more, false);
  assert.ok(evaluated >= listed.length && evaluated <= listed.length + held.length);
  const asked = [...new Map([...held.map((check) => ({ check, holds: 1 })), ...listed.map((check) => ({ check, holds: 0 }))].reverse().map((one) => [nameOf(one.check), one])).values()];
  const checks = asked.map(({ check }) => check);
  const before = await answersOf(database, tenant, zookie, checks);
  const after = await answersOf(database, tenant, (await write()).zookie, checks);
  const expected = asked.flatMap(({ check, holds }, i) => (before[i] === after[i] ? [] : [`${nameOf(check)} ${before[i]} ${after[i]} ${holds}`])).sort();
  assert.deepEqual(lines(changes), expected);
  const losses = changes.map(({ before: was, after: would }) => was === "allowed" || would === "denied");
  assert.deepEqual(losses, [...losses].sort((a, b) => Number(b) - Number(a)), "what is lost first");
  return changes.filter(({ holds }) => holds > 0).length;
}

describe("a preview", () => {
  it("foretells what a write does to what is held and listed", () =>
    inDatabase(async (database) => {
      let [tenants, found] = [0, 0];
      const changed = worlds.chain((world) => fc.record({ world: fc.constant(world), other: subjects, written: tuplesOf(world.schema), deleted: fc.array(fc.nat(), { maxLength: 6 }), keep: fc.nat({ max: 8 }) }));
      await fc.assert(
        fc.asyncProperty(changed, async ({ world, other, written, deleted, keep }) => {
          const tenant = `t${++tenants}`;
          await database.createTenant({ name: tenant }, {});
          await database.writeSchema({ text: world.schema.text }, { tenant });
          await database.writeTuples({ operations: world.tuples.map((tuple) => ({ kind: "touch", tuple: later(tuple) })) }, { tenant });
          const operations = new Map<string, Operation>();
          for (const tuple of written.slice(0, keep + 1)) operations.set(tupleIdentity(tuple), { kind: "touch", tuple: later(tuple) });
          for (const index of deleted) {
            const { object, relation, subject } = world.tuples[index % world.tuples.length] as Tuple;
            operations.set(tupleIdentity({ object, relation, subject }), { kind: "delete", tuple: { object, relation, subject } });
          }
          const ask = (subject: PreviewCheck["subject"]) => objects.flatMap((object) => ["p0", "p1", "p2"].map((permission) => ({ object, permission, subject, context: world.context })));
          found += await whileHeld(database, tenant, ask(world.subject), () => foretells(database, tenant, ask(world.subject), ask(other), { operations: [...operations.values()] }));
        }),
        { numRuns: 60 },
      );
      assert.ok(found > 20, "the worlds have changes of what is held");
    }));

  it("foretells what a schema does, or why it cannot be written", () =>
    inDatabase(async (database) => {
      let [tenants, found] = [0, 0];
      await fc.assert(
        fc.asyncProperty(worlds, schemas, fc.boolean(), async (world, proposed, empty) => {
          const tenant = `t${++tenants}`;
          await database.createTenant({ name: tenant }, {});
          await database.writeSchema({ text: world.schema.text }, { tenant });
          // Most tuples would be orphaned: what only follows from the rewrites is left to see.
          const [relations, rewrites] = [world.schema.text.split("\n"), proposed.text.split("\n").filter((line) => line.includes("permission"))];
          let next = 0;
          const text = empty ? relations.map((line) => (line.includes("permission") ? (rewrites[next++] ?? line) : line)).join("\n") : proposed.text;
          await database.writeTuples({ operations: world.tuples.map((tuple) => ({ kind: "touch", tuple: later(tuple) })) }, { tenant });
          const checks = objects.flatMap((object) => ["p0", "p1", "p2"].map((permission) => ({ object, permission, subject: world.subject, context: world.context })));
          found += await whileHeld(database, tenant, checks, () => foretells(database, tenant, checks, [], { schemaText: text }));
        }),
        { numRuns: 60 },
      );
      assert.ok(found > 20, "the worlds have changes of what is held");
    }));
});

const schema = `definition user {}
definition team { relation member: user }
definition doc {
  relation viewer: user | team#member
  relation banned: user
  permission view = viewer - banned
}
`;
const check = (text: string): PreviewCheck => {
  const { object, permission, subject } = parseCheck(text);
  return { object, permission, subject };
};

describe("a preview of a small world", () => {
  const inWorld = (body: (usher: Usher, database: Database) => Promise<void>) =>
    inDatabase(async (database) => {
      const usher = new Usher(database);
      await usher.writeSchema(schema);
      await usher.write(["doc:1#viewer@team:eng#member", "team:eng#member@user:ana", "team:eng#member@user:bo"].map((tuple) => create(tuple)));
      await body(usher, database);
    });

  it("tells of what is held, lost first, with how many hold it, and writes nothing", () =>
    inWorld((usher, database) =>
      whileHeld(database, "default", [check("doc:1#view@user:ana"), check("doc:1#view@user:ana"), check("doc:1#view@user:cy"), check("doc:1#view@user:bo")], async () => {
        const head = database.status().head.revision;
        const { changes, evaluated, more } = await usher.preview({ operations: [touch("doc:1#viewer@user:cy"), remove("team:eng#member@user:ana")] });
        assert.deepEqual(lines(changes).sort(), ["doc:1#view@user:ana {} allowed denied 2", "doc:1#view@user:cy {} denied allowed 1"]);
        assert.equal(changes[0]?.before, "allowed");
        assert.deepEqual([evaluated, more], [2, false], "user:bo is not concerned");
        assert.equal(database.status().head.revision, head);
        assert.equal(await usher.can("doc:1", "view", "user:ana"), true);
        assert.equal(await usher.can("doc:1", "view", "user:cy"), false);
      }),
    ));

  it("tells of a listed check that is held how many hold it, and of one given twice once", () =>
    inWorld((usher, database) =>
      whileHeld(database, "default", [check("doc:1#view@user:ana")], async () => {
        const checks = ["user:ana", "user:bo", "user:bo"].map((subject) => ({ object: "doc:1", permission: "view", subject }));
        const { changes, evaluated } = await usher.preview({ operations: [remove("doc:1#viewer@team:eng#member")], checks });
        assert.deepEqual(lines(changes), ["doc:1#view@user:ana {} allowed denied 1", "doc:1#view@user:bo {} allowed denied 0"]);
        assert.equal(evaluated, 2);
      }),
    ));

  it("denies with the code what only one of two schemas knows", () =>
    inWorld(async (usher) => {
      const view = [{ object: "doc:1", permission: "view", subject: "user:ana" }];
      const without = await usher.preview({ schemaText: schema.replace(/.*permission view.*\n/, ""), checks: view });
      assert.deepEqual(without.changes.map(({ before, after, afterError }) => [before, after, afterError]), [["allowed", "denied", "unknown_relation"]]);
      const read = [{ object: "doc:1", permission: "read", subject: "user:ana" }];
      const withRead = await usher.preview({ schemaText: schema.replace("permission view", "permission read = viewer\n  permission view"), checks: read });
      assert.deepEqual(withRead.changes.map(({ before, after, beforeError }) => [before, after, beforeError]), [["denied", "allowed", "unknown_relation"]]);
      await assert.rejects(usher.preview({ schemaText: schema, checks: read }), code("unknown_relation"));
    }));

  it("is refused what the write would be", () =>
    inWorld(async (usher) => {
      const refused = (change: PreviewChangeRequest, expected: ErrorCode) => assert.rejects(usher.preview(change), code(expected), expected);
      await refused({ operations: [create("team:eng#member@user:ana")] }, "tuple_exists");
      await refused({ operations: [touch("doc:1#viewer@doc:2")] }, "subject_not_allowed");
      await refused({ operations: [touch("doc:1#view@user:ana")] }, "relation_not_writable");
      await refused({ operations: [touch("doc:1#viewer@user:a"), remove("doc:1#viewer@user:a")] }, "duplicate_operation");
      await refused({ schemaText: schema.replace("user | team#member", "user") }, "schema_orphans_tuples");
      await refused({ schemaText: "definition" }, "invalid_schema");
      await refused({}, "invalid_request");
      await refused({ operations: [touch("doc:1#viewer@user:a")], schemaText: schema }, "invalid_request");
      for (const limit of [0, 1.5, limits.previewChangesMax + 1]) await refused({ operations: [touch("doc:1#viewer@user:a")], limit }, "invalid_request");
      await refused({ operations: [touch("doc:1#viewer@user:a")], checks: [check("doc:1#view@user:*")] }, "invalid_request");
      await refused({ operations: [touch("doc:1#viewer@user:a")], checks: [check("doc:1#none@user:a")] }, "unknown_relation");
    }));

  it("takes as many checks, and lists as many changes, as may be", () =>
    inWorld(async (usher) => {
      const checks = Array.from({ length: limits.previewChecksMax }, (_, i) => ({ object: `doc:${i}`, permission: "view", subject: "user:ana" }));
      const operations = [remove("team:eng#member@user:ana"), touch("doc:7#viewer@user:ana")];
      assert.equal((await usher.preview({ operations, checks })).evaluated, limits.previewChecksMax);
      await assert.rejects(usher.preview({ operations, checks: [...checks, { object: "doc:x", permission: "view", subject: "user:ana" }] }), code("request_too_large"));
      const { changes, more } = await usher.preview({ operations, checks: checks.slice(0, 10), limit: 1 });
      assert.deepEqual([lines(changes), more], [["doc:1#view@user:ana {} allowed denied 0"], true]);
      assert.equal((await usher.preview({ operations, checks: checks.slice(0, 10), limit: 2 })).more, false);
    }));

  it("looks at as many held decisions as may be, first at what can be lost", () =>
    inWorld((usher, database) => {
      const many = Array.from({ length: limits.previewDecisionsMax }, (_, i) => check(`doc:d${i}#view@user:ana`));
      const change = { schemaText: schema.replace("viewer - banned", "banned") };
      return whileHeld(database, "default", many, async () => {
        const { evaluated, more, changes } = await usher.preview(change);
        assert.deepEqual([evaluated, more, changes], [limits.previewDecisionsMax, false, []]);
        await whileHeld(database, "default", [check("doc:1#view@user:ana")], async () => {
          const beyond = await usher.preview(change);
          assert.deepEqual([beyond.evaluated, beyond.more], [limits.previewDecisionsMax, true]);
          assert.deepEqual(lines(beyond.changes), ["doc:1#view@user:ana {} allowed denied 1"]);
        });
      });
    }));
});
