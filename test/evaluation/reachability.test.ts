import assert from "node:assert/strict";
import * as fc from "fast-check";
import { kindOf, Reachability, unnamedKind } from "../../src/evaluation/reachability.js";
import { limits } from "../../src/base/limits.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import { keyOf, solve } from "./oracle.js";
import { describeWorld, meaning, now, objects, worlds } from "./world.js";

const schema = compileSchema(`
  use self
  definition user { permission me = self }
  definition robot {}
  definition group { relation member: user | group#member }
  definition folder {
    relation parent: folder
    relation viewer: group#member
    relation banned: robot
    permission view = (viewer + parent->view) - banned
  }
  definition document {
    relation parent: folder
    relation reader: user:*
    relation owner: user
    permission view = reader + parent->view
    permission own = parent->view & owner
    permission nobody = nil
  }`);

function reached(kind: string): string[] {
  return [...Reachability.of(schema).reachedBy(kind)].sort();
}

describe("reachability", () => {
  it("says what an object, a userset and an object that nothing names can have", () => {
    assert.deepEqual(reached("user"), ["document#own", "document#owner", "document#reader", "document#view", "folder#view", "folder#viewer", "group#member", "user#me"]);
    assert.deepEqual(reached("group#member"), ["document#view", "folder#view", "folder#viewer", "group#member"]);
    assert.deepEqual(reached(unnamedKind("user")), ["document#reader", "document#view"]);
  });

  it("does not come to what is only taken away", () => {
    assert.deepEqual(reached("robot"), ["folder#banned"]);
  });

  it("takes of an intersection the operand that leads least far", () => {
    assert.ok(!reached("group#member").includes("document#own"));
  });

  it("says through what a member can be had", () => {
    const leading = (type: string, member: string) => [...Reachability.of(schema).leadingTo(type, member)].sort();
    assert.deepEqual(leading("document", "view"), ["document#reader", "document#view", "folder#view", "folder#viewer", "group#member"]);
    assert.deepEqual(leading("document", "own"), ["document#own", "document#owner"]);
    assert.deepEqual(leading("document", "nobody"), ["document#nobody"]);
  });

  it("is worked out once for a schema, and kept for no more kinds than the bound", () => {
    assert.equal(Reachability.of(schema), Reachability.of(schema));
    const reachability = Reachability.of(compileSchema("definition user {}"));
    const first = reachability.reachedBy("user");
    for (let i = 1; i < limits.reachabilityKindsMax; i++) reachability.reachedBy(`user#r${i}`);
    assert.equal(reachability.reachedBy("user"), first);
    reachability.reachedBy("user#one_more");
    assert.notEqual(reachability.reachedBy("user"), first);
  });

  it("never denies what the oracle does not", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const solution = solve({ ...world, now, meaning }, objects);
        const can = Reachability.of(world.schema).reachedBy(kindOf(world.subject));
        for (const object of objects) {
          for (const member of world.schema.definitions.get(object.type)?.members.keys() ?? []) {
            const verdict = solution.get(keyOf(object, member));
            if (verdict?.value === "T" || verdict?.value === "C") assert.ok(can.has(`${object.type}#${member}`), `${object.type}#${member} ${describeWorld(world)}`);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
