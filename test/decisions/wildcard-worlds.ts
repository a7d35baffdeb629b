import * as fc from "fast-check";
import { compileSchema } from "../../src/model/schema/compile.js";
import type { ObjectRef } from "../../src/model/object.js";
import type { Tuple } from "../../src/model/tuple.js";
import type { World } from "../evaluation/world.js";

/** Worlds of one document, in which wildcards let in and shut out whoever is not named, and groups name whom nobody named before. */

const leaf = fc.constantFrom("r0", "r1", "r2");
const operation = (operand: fc.Arbitrary<string>) => fc.oneof(leaf, fc.tuple(operand, fc.constantFrom("+", "&", "-", "-"), operand).map(([a, op, b]) => `(${a}) ${op} (${b})`));
const groups: readonly ObjectRef[] = ["g", "h"].map((id) => ({ type: "group", id }));
const document: ObjectRef = { type: "document", id: "d" };
export const wildcardObjects: readonly ObjectRef[] = [document, ...groups];

const subjects = [...["a", "b", "c", "*", "*"].map((id) => ({ type: "user", id, relation: "" })), ...groups.map(({ id }) => ({ type: "group", id, relation: "member" }))];
const everyTuple: readonly Tuple[] = [
  ...["r0", "r1", "r2"].flatMap((relation) => subjects.map((subject) => ({ object: document, relation, subject }))),
  ...groups.flatMap((object) => ["a", "b", "c"].map((id) => ({ object, relation: "member", subject: { type: "user", id, relation: "" } }))),
  { object: { type: "group", id: "g" }, relation: "member", subject: { type: "group", id: "h", relation: "member" } },
];

export const wildcardWorlds: fc.Arbitrary<World> = fc
  .record({ expression: operation(operation(leaf)), tuples: fc.shuffledSubarray([...everyTuple], { minLength: 8, maxLength: 16 }) })
  .map(({ expression, tuples }) => ({
    schema: compileSchema(`
      definition user {}
      definition group { relation member: user | group#member }
      definition document {
        relation r0: user | user:* | group#member
        relation r1: user | user:* | group#member
        relation r2: user | group#member
        permission p0 = ${expression}
        permission p1 = (r0) - (r2)
      }`),
    tuples: tuples.filter(({ relation, subject }) => relation !== "r2" || subject.id !== "*"),
    subject: { type: "user", id: "a", relation: "" },
    context: {},
  }));
