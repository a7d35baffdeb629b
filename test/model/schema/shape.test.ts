import assert from "node:assert/strict";

import { compileSchema } from "../../../src/model/schema/compile.js";
import { admits, checkTuple, shapeOf } from "../../../src/model/schema/shape.js";
import type { Tuple } from "../../../src/model/tuple.js";

const schema = compileSchema(`use expiration
  caveat at_work(hour int) { hour > 8 }
  caveat at_home(hour int) { hour < 8 }
  definition user {}
  definition bot {}
  definition group { relation member: user\n permission all = member }
  definition doc {
    relation viewer: user | group#member | user:* with at_work
    relation editor: user with at_work | user with expiration | user with at_work and expiration | group#all
    permission view = viewer
  }`);

function tuple(relation: string, subject: string, more: Partial<Tuple> = {}): Tuple {
  const [type = "", rest = ""] = subject.split(":");
  const [id = "", subjectRelation = ""] = rest.split("#");
  return { object: { type: "doc", id: "1" }, relation, subject: { type, id, relation: subjectRelation }, ...more };
}

const working = { condition: { name: "at_work", context: {} } };
const expiring = { expiresAt: 1_800_000_000_000 };

const allowed: [string, Tuple][] = [
  ["an object", tuple("viewer", "user:ana")],
  ["a userset of a relation", tuple("viewer", "group:eng#member")],
  ["a userset of a permission", tuple("editor", "group:eng#all")],
  ["a wildcard with its condition", tuple("viewer", "user:*", working)],
  ["a condition", tuple("editor", "user:ana", working)],
  ["an expiration", tuple("editor", "user:ana", expiring)],
  ["both", tuple("editor", "user:ana", { ...working, ...expiring })],
];

const notAllowed: [string, Tuple][] = [
  ["another type", tuple("viewer", "bot:1")],
  ["an object where its userset is allowed", tuple("viewer", "group:eng")],
  ["another userset", tuple("viewer", "group:eng#all")],
  ["a wildcard without its condition", tuple("viewer", "user:*")],
  ["an object with the wildcard's condition", tuple("viewer", "user:ana", working)],
  ["another condition", tuple("viewer", "user:*", { condition: { name: "at_home", context: {} } })],
  ["an expiration", tuple("viewer", "user:ana", expiring)],
  ["no condition where one is due", tuple("editor", "user:ana")],
  ["a wildcard where objects are allowed", tuple("editor", "user:*", working)],
];

describe("shape", () => {
  it("is what a schema rules on of a tuple", () => {
    assert.deepEqual(shapeOf(tuple("viewer", "user:*", { ...working, ...expiring })), {
      objectType: "doc", relation: "viewer", subjectType: "user", subjectRelation: "", wildcard: true, condition: "at_work", expiring: true,
    });
    assert.deepEqual(shapeOf(tuple("viewer", "group:eng#member")), {
      objectType: "doc", relation: "viewer", subjectType: "group", subjectRelation: "member", wildcard: false, condition: "", expiring: false,
    });
  });

  for (const [what, given] of allowed) {
    it(`is admitted: ${what}`, () => {
      assert(admits(schema, shapeOf(given)));
      checkTuple(schema, given, "write");
      checkTuple(schema, given, "delete");
    });
  }

  for (const [what, given] of notAllowed) {
    it(`is not admitted: ${what}`, () => {
      assert(!admits(schema, shapeOf(given)));
      assert.throws(() => checkTuple(schema, given, "write"), { code: "subject_not_allowed" });
      // What an earlier schema allowed must be deletable.
      checkTuple(schema, given, "delete");
    });
  }

  it("is not admitted by a permission, an unknown relation or an unknown type", () => {
    const shape = shapeOf(tuple("viewer", "user:ana"));
    assert(!admits(schema, { ...shape, relation: "view" }));
    assert(!admits(schema, { ...shape, relation: "nope" }));
    assert(!admits(schema, { ...shape, objectType: "nope" }));
    assert(!admits(schema, { ...shape, relation: "constructor" }));
  });
});

describe("checkTuple", () => {
  for (const how of ["write", "delete"] as const) {
    it(`refuses a ${how} of what does not exist, or is computed`, () => {
      const refuse = (given: Tuple, code: string) => assert.throws(() => checkTuple(schema, given, how), { code });
      refuse({ ...tuple("viewer", "user:ana"), object: { type: "page", id: "1" } }, "unknown_type");
      refuse(tuple("viewer", "robot:1"), "unknown_type");
      refuse(tuple("reader", "user:ana"), "unknown_relation");
      refuse(tuple("viewer", "group:eng#owner"), "unknown_relation");
      refuse(tuple("view", "user:ana"), "relation_not_writable");
    });
  }

  it("names what the relation allows", () => {
    assert.throws(() => checkTuple(schema, tuple("viewer", "user:ana", working), "write"), {
      message: "relation `doc#viewer` does not allow `user with at_work`: it allows `user`, `group#member`, `user:* with at_work`",
    });
  });

  it("refuses a condition that does not exist, and a stored context that does not fit it; a delete ignores both", () => {
    const unknown = tuple("editor", "user:ana", { condition: { name: "nope", context: {} } });
    const wrong = tuple("editor", "user:ana", { condition: { name: "at_work", context: { minute: 5 } } });
    assert.throws(() => checkTuple(schema, unknown, "write"), { code: "unknown_condition" });
    assert.throws(() => checkTuple(schema, wrong, "write"), { code: "invalid_context" });
    checkTuple(schema, unknown, "delete");
    checkTuple(schema, wrong, "delete");
  });
});
