import assert from "node:assert/strict";
import * as fc from "fast-check";
import { evaluate, type Question } from "../../src/evaluation/evaluate.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import type { Schema } from "../../src/model/schema/schema.js";
import type { ObjectRef } from "../../src/model/object.js";
import type { Tuple } from "../../src/model/tuple.js";
import { MemorySnapshot } from "./memory-snapshot.js";
import { keyOf, solve } from "./oracle.js";
import { verdictOf } from "./verdict.js";
import { describeWorld, meaning, now, objects, worlds, type World } from "./world.js";

const runs = Number(process.env.TEST_FUZZ_RUNS ?? 1_500);

function questionsOf(world: World, about: readonly ObjectRef[] = objects): Question[] {
  return about.flatMap((object) =>
    [...(world.schema.definitions.get(object.type)?.members.keys() ?? [])].map((permission) => ({ object, permission, subject: world.subject, context: world.context })),
  );
}

function ground(schema: Schema, tuples: readonly Tuple[], at = now) {
  return { schema, snapshot: new MemorySnapshot(tuples), tenant: 1, now: at };
}

describe("check against the oracle", function () {
  this.timeout(600_000);

  it("gives the oracle's answer for every object and member of a random world, asked together", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const expected = solve({ ...world, now, meaning }, objects);
        const questions = questionsOf(world);
        const answers = await evaluate(questions, ground(world.schema, world.tuples));
        questions.forEach(({ object, permission }, i) => {
          const key = keyOf(object, permission);
          assert.deepEqual(verdictOf(answers[i]), expected.get(key), `${key} in ${describeWorld(world)}`);
        });
      }),
      { numRuns: runs },
    );
  });

  it("gives the same answer to each question asked alone, in any order, with an explanation", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.nat(), async (world, pick) => {
        const questions = questionsOf(world);
        const question = questions[pick % questions.length];
        assert.ok(question);
        const expected = solve({ ...world, now, meaning }, objects).get(keyOf(question.object, question.permission));
        const [alone] = await evaluate([question], ground(world.schema, world.tuples));
        const [explained] = await evaluate([{ ...question, explain: true }], ground(world.schema, world.tuples));
        const backwards = await evaluate([...questions].reverse(), ground(world.schema, world.tuples));
        const what = `${keyOf(question.object, question.permission)} in ${describeWorld(world)}`;
        assert.deepEqual(verdictOf(alone), expected, `alone: ${what}`);
        assert.deepEqual(verdictOf(explained), expected, `explained: ${what}`);
        assert.deepEqual(verdictOf(backwards[questions.length - 1 - (pick % questions.length)]), expected, `backwards: ${what}`);
      }),
      { numRuns: runs },
    );
  });

  it("gives the same answer whether tuples are stored or contextual", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.nat(), fc.nat(48), async (world, pick, split) => {
        const questions = questionsOf(world);
        const question = questions[pick % questions.length];
        assert.ok(question);
        const [stored] = await evaluate([question], ground(world.schema, world.tuples));
        const overlaid = { ...question, contextualTuples: world.tuples.slice(split) };
        const [contextual] = await evaluate([overlaid], ground(world.schema, world.tuples.slice(0, split)));
        assert.deepEqual(verdictOf(contextual), verdictOf(stored), describeWorld(world));
      }),
      { numRuns: Math.ceil(runs / 5) },
    );
  });

  it("gives the same answers however often the walk is made to yield", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.infiniteStream(fc.nat(3)), async (world, ticks) => {
        const questions = questionsOf(world);
        const expected = solve({ ...world, now, meaning }, objects);
        let time = 0;
        const timer = () => (time += Number(ticks.next().value) === 0 ? 1_000 : 0);
        const answers = await evaluate(questions, ground(world.schema, world.tuples), undefined, timer);
        questions.forEach(({ object, permission }, i) => assert.deepEqual(verdictOf(answers[i]), expected.get(keyOf(object, permission)), describeWorld(world)));
      }),
      { numRuns: Math.ceil(runs / 5) },
    );
  });

  it("keeps its answer until the instant that it names", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.integer({ min: 0, max: 1_500 }), async (world, later) => {
        const questions = questionsOf(world);
        const before = await evaluate(questions, ground(world.schema, world.tuples));
        const after = await evaluate(questions, ground(world.schema, world.tuples, now + later));
        before.forEach((answer, i) => {
          if (now + later < answer.until) assert.deepEqual(verdictOf(after[i]), verdictOf(answer), describeWorld(world));
        });
      }),
      { numRuns: Math.ceil(runs / 5) },
    );
  });
});

describe("check, exhaustively", function () {
  this.timeout(600_000);

  /** Every expression over these leaves with operators nested at most two deep. */
  const leaves = ["r0", "r1", "r2", "r2->p", "r2.all(r0)"];
  const level = (below: readonly string[]) => below.flatMap((a) => ["+", "&", "-"].flatMap((op) => below.map((b) => `(${a}) ${op} (${b})`)));
  const depth1 = [...leaves, ...level(leaves)];
  const all = level(depth1);

  /** Three objects of the type that holds the permissions, three relations; `r2` leads to objects of either type. */
  const worldsOfTuples: string[][] = [
    [],
    ["doc:a#r0@user:u", "doc:b#r1@user:u", "doc:a#r2@doc:b", "doc:b#r2@doc:c"],
    ["doc:a#r0@user:u", "doc:a#r1@user:u", "doc:a#r2@doc:a", "doc:b#r2@doc:a", "doc:b#r2@folder:a", "folder:a#p@user:u"],
    ["doc:a#r1@folder:a#p", "folder:a#p@user:u", "doc:b#r0@doc:a#r1", "doc:c#r0@doc:b#r0", "doc:c#r2@doc:a", "doc:c#r2@doc:b"],
  ];

  it(`answers all ${all.length} rewrites of operator depth up to two as the oracle does`, async () => {
    const perSchema = 480;
    const about = ["a", "b", "c"].map((id) => ({ type: "doc", id }));
    const both = [...about, { type: "folder", id: "a" }];
    for (let start = 0; start < all.length; start += perSchema) {
      const permissions = all.slice(start, start + perSchema).map((text, i) => `permission x${i} = ${text}`);
      const schema = compileSchema(`
        definition user {}
        definition folder { relation p: user }
        definition doc {
          relation r0: user | doc#r0 | doc#r1
          relation r1: user | folder#p
          relation r2: doc | folder
          permission p = r0 + r1
          ${permissions.join("\n")}
        }`);
      for (const lines of worldsOfTuples) {
        const tuples = lines.map(tupleOf);
        const subject = { type: "user", id: "u", relation: "" };
        const world = { schema, tuples, subject, context: {} };
        const expected = solve({ ...world, now, meaning }, both);
        const questions = questionsOf(world, about);
        const answers = await evaluate(questions, ground(schema, tuples));
        questions.forEach(({ object, permission }, i) => {
          const key = keyOf(object, permission);
          assert.deepEqual(verdictOf(answers[i]), expected.get(key), `${key} over ${lines.join(", ")} with ${JSON.stringify(schema.definitions.get("doc")?.members.get(permission))}`);
        });
      }
    }
  });
});

function tupleOf(line: string): Tuple {
  const [, type = "", id = "", relation = "", subjectType = "", subjectId = "", , subjectRelation = ""] = /^(\w+):(\w+)#(\w+)@(\w+):(\w+)(#(\w+))?$/.exec(line) ?? [];
  return { object: { type, id }, relation, subject: { type: subjectType, id: subjectId, relation: subjectRelation } };
}
