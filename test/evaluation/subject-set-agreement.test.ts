import assert from "node:assert/strict";
import * as fc from "fast-check";
import { UsherError } from "../../src/base/errors.js";
import { evaluate, type Ground } from "../../src/evaluation/evaluate.js";
import { expand } from "../../src/evaluation/expand.js";
import { subjectSetOf, type SubjectSet } from "../../src/evaluation/subject-set.js";
import type { ObjectRef } from "../../src/model/object.js";
import type { SubjectRef } from "../../src/model/subject.js";
import type { Tuple } from "../../src/model/tuple.js";
import { MemorySnapshot } from "./memory-snapshot.js";
import { describeWorld, now, objects, worlds, type World } from "./world.js";

const runs = Math.ceil(Number(process.env.TEST_FUZZ_RUNS ?? 1_500) / 30);

/** Objects as subjects: those of the world, and one that no tuple names. A userset is also in itself, which a set does not say. */
const subjects: readonly SubjectRef[] = [...["a", "b", "nobody"].map((id) => ({ type: "user", id })), ...objects].map((object) => ({ ...object, relation: "" }));

/** The set of everybody in the member, or undefined where a cycle through an exclusion or the tree's size keeps it from being known. */
async function setOf(object: ObjectRef, member: string, ground: Ground): Promise<SubjectSet | undefined> {
  try {
    return subjectSetOf(await expand(object, member, true, ground), member);
  } catch (error) {
    if (error instanceof UsherError && ["cycle_through_exclusion", "evaluation_too_large"].includes(error.code)) return undefined;
    throw error;
  }
}

/** Every object, member and subject of the world: whether the set holds the subject, and what check answers. */
async function compare(world: World, tuples: readonly Tuple[], judge: (held: string, answered: string | undefined, what: string) => void): Promise<void> {
  const ground: Ground = { schema: world.schema, snapshot: new MemorySnapshot(tuples), tenant: 1, now };
  for (const object of objects) {
    for (const permission of world.schema.definitions.get(object.type)?.members.keys() ?? []) {
      const set = await setOf(object, permission, ground);
      if (set === undefined) continue;
      const answers = await evaluate(subjects.map((subject) => ({ object, permission, subject, context: world.context })), ground);
      subjects.forEach((subject, i) => {
        const what = `${subject.type}:${subject.id} in ${object.type}:${object.id}#${permission} of ${describeWorld(world)}`;
        judge(set.membership(subject), answers[i]?.value, what);
      });
    }
  }
}

describe("the subject set of a deep expansion", function () {
  this.timeout(600_000);

  it("holds exactly those whom check allows, where no tuple has a condition", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const tuples = world.tuples.map(({ condition: _condition, ...tuple }) => tuple);
        await compare(world, tuples, (held, answered, what) => assert.equal(answered, held === "member" ? "allowed" : "denied", what));
      }),
      { numRuns: runs },
    );
  });

  it("leaves to conditions whom it holds conditionally, and nobody else", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        await compare(world, world.tuples, (held, answered, what) => {
          if (held !== "conditional") assert.equal(answered, held === "member" ? "allowed" : "denied", what);
        });
      }),
      { numRuns: runs },
    );
  });
});
