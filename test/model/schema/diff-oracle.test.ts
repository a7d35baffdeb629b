import assert from "node:assert/strict";
import fc from "fast-check";
import type { Context } from "../../../src/model/context.js";
import { DiffBudget } from "../../../src/model/schema/budget.js";
import { compileSchema } from "../../../src/model/schema/compile.js";
import { MemberDirections } from "../../../src/model/schema/member-directions.js";
import type { Schema } from "../../../src/model/schema/schema.js";
import { admits, shapeOf } from "../../../src/model/schema/shape.js";
import { tupleIdentity, type Tuple } from "../../../src/model/tuple.js";
import { keyOf, solve, type Verdict } from "../../evaluation/oracle.js";
import { meaning, now, objects, schemas, subjects, tuplesOf } from "../../evaluation/world.js";

/** A schema, and one that has some of its lines from another. */
const pairs = fc.tuple(schemas, schemas, fc.infiniteStream(fc.integer({ min: 0, max: 9 }))).map(([from, other, dice]) => {
  const lines = other.text.split("\n");
  const mixed = from.text.split("\n").map((line, index) => (dice.next().value < 2 ? (lines[index] ?? line) : line));
  try {
    return { from, to: compileSchema(mixed.join("\n")) };
  } catch {
    return { from, to: from };
  }
});

const contexts: fc.Arbitrary<Context> = fc.constantFrom<Context[]>({}, { x: true }, { y: false }, { x: true, y: true }, { x: false, y: false });

const worlds = pairs.chain(({ from, to }) =>
  fc.record({ from: fc.constant(from), to: fc.constant(to), old: tuplesOf(from), new: tuplesOf(to), subject: subjects, context: contexts }),
);

const order: Readonly<Record<Verdict["value"], number>> = { F: 0, C: 1, U: 1, T: 2 };

function allowedBy(schema: Schema, tuples: readonly Tuple[]): Tuple[] {
  return tuples.filter((tuple) => admits(schema, shapeOf(tuple)));
}

describe("the directions of members", () => {
  const runs = Number(process.env["TEST_FUZZ_RUNS"] ?? 1_500);

  it("hold for whatever tuples, subjects and contexts, as an evaluator of its own finds", () => {
    const found = new Map<string, number>();
    fc.assert(
      fc.property(worlds, (world) => {
        const tuples = [...new Map([...world.old, ...world.new].map((tuple) => [tupleIdentity(tuple), tuple])).values()];
        const solutionOf = (schema: Schema) => solve({ schema, tuples: allowedBy(schema, tuples), subject: world.subject, context: world.context, now, meaning }, objects);
        const [before, after] = [solutionOf(world.from), solutionOf(world.to)];
        const directions = new MemberDirections(world.from, world.to, new DiffBudget());
        for (const object of objects) {
          for (const member of world.to.definitions.get(object.type)?.members.keys() ?? []) {
            const direction = directions.of(object.type, member);
            const [old, now] = [before, after].map((solution) => order[solution.get(keyOf(object, member))?.value ?? "F"]) as [number, number];
            const holds = { same: old === now, widened: old <= now, narrowed: old >= now, changed: true }[direction];
            assert.ok(holds, `${keyOf(object, member)} is said to be ${direction}, and goes from ${old} to ${now}\n${world.from.text}\n${world.to.text}\n${tuples.map(tupleIdentity).join("\n")}`);
            found.set(direction, (found.get(direction) ?? 0) + 1);
          }
        }
      }),
      { numRuns: runs },
    );
    // Saying `changed` of everything would hold too, and be worth nothing.
    for (const direction of ["same", "widened", "narrowed"]) assert.ok((found.get(direction) ?? 0) > runs / 20, `${direction}: ${found.get(direction)}`);
  });
});
