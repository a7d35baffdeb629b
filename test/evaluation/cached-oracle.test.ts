import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import * as fc from "fast-check";
import { evaluateAtHead, type Question } from "../../src/evaluation/evaluate.js";
import { RelationCache } from "../../src/evaluation/cache/relation-cache.js";
import type { Context } from "../../src/model/context.js";
import type { SubjectRef } from "../../src/model/subject.js";
import { tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { MemoryStore } from "./memory-store.js";
import { keyOf, solve } from "./oracle.js";
import { verdictOf } from "./verdict.js";
import { contexts, describeWorld, meaning, now, objects, subjects, worlds, type World } from "./world.js";

const runs = Number(process.env.TEST_FUZZ_RUNS ?? 1_500);

interface Asking {
  readonly subject: SubjectRef;
  readonly context: Context;
  /** Of all questions about the subject. */
  readonly picks: readonly number[];
}

/** Ask one of the askings, or let a commit toggle tuples; `after` ticks of the loop, so that it meets what was begun before, or does not. */
type Deed =
  | { readonly kind: "ask"; readonly asking: number; readonly after: number }
  | { readonly kind: "commit"; readonly tuples: readonly number[]; readonly after: number; readonly laterMs: number };

interface Play {
  readonly askings: readonly Asking[];
  readonly deeds: readonly Deed[];
}

const ticks = fc.oneof(fc.nat(6), fc.constant(30));
const plays: fc.Arbitrary<Play> = fc.record({
  askings: fc.array(fc.record({ subject: subjects, context: contexts, picks: fc.array(fc.nat(100), { minLength: 1, maxLength: 12 }) }), { minLength: 1, maxLength: 4 }),
  deeds: fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("ask" as const), asking: fc.nat(3), after: ticks }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("commit" as const), tuples: fc.array(fc.nat(100), { minLength: 1, maxLength: 3 }), after: ticks, laterMs: fc.constantFrom(0, 1, 500) }) },
    ),
    { minLength: 4, maxLength: 20, size: "max" },
  ),
});

function questionsOf(world: World, subject: SubjectRef, context: Context): Question[] {
  return objects.flatMap((object) => [...(world.schema.definitions.get(object.type)?.members.keys() ?? [])].map((permission) => ({ object, permission, subject, context })));
}

/** Plays the deeds, all of them under way at once, and compares every answer with the oracle's at the revision and instant that it names. */
async function play(world: World, { askings, deeds }: Play, budgetBytes?: number): Promise<void> {
  const store = new MemoryStore(world.tuples.slice(0, world.tuples.length / 2), now);
  const cache = new RelationCache(store, budgetBytes);
  let instant = now;
  const under: Promise<void>[] = [];
  const ask = async ({ subject, context, picks }: Asking) => {
    const all = questionsOf(world, subject, context);
    const questions = picks.map((pick) => all[pick % all.length] as Question);
    const arrived = store.head;
    const ground = { schema: world.schema, schemaRevision: 1, snapshot: store.snapshot(), tenant: 1, now: instant, cache, newest: () => store.snapshot() };
    const { answers, revision, now: at } = await evaluateAtHead(questions, ground);
    assert.ok(revision >= arrived.revision, "an answer is no older than its question");
    const tuples = store.tuplesAt(revision);
    const expected = solve({ schema: world.schema, tuples, subject, context, now: at, meaning }, objects);
    questions.forEach(({ object, permission }, i) => {
      const key = keyOf(object, permission);
      assert.deepEqual(verdictOf(answers[i]), expected.get(key), `${key} at ${revision} for ${JSON.stringify({ subject, context, tuples })} in ${describeWorld(world)}`);
    });
  };
  for (const deed of deeds) {
    for (let tick = 0; tick < deed.after; tick++) await setImmediate();
    if (deed.kind === "ask") under.push(ask(askings[deed.asking % askings.length] as Asking));
    else {
      instant += deed.laterMs;
      const tuples = deed.tuples.map((pick) => world.tuples[pick % world.tuples.length] as Tuple);
      store.toggle([...new Map(tuples.map((tuple) => [tupleIdentity(tuple), tuple])).values()], instant);
    }
  }
  await Promise.all(under);
}

describe("check at head against the oracle", function () {
  this.timeout(600_000);

  it("gives the oracle's answer at the revision that it names, whatever was asked and committed before and meanwhile", async () => {
    await fc.assert(fc.asyncProperty(worlds, plays, (world, what) => play(world, what)), { numRuns: runs });
  });

  it("does so where memory holds next to nothing, so that everything is forgotten at every step", async () => {
    await fc.assert(fc.asyncProperty(worlds, plays, (world, what) => play(world, what, 1)), { numRuns: Math.ceil(runs / 4) });
  });

  it("does so where memory holds a little, so that some of it is forgotten now and then", async () => {
    await fc.assert(fc.asyncProperty(worlds, plays, fc.integer({ min: 2_000, max: 30_000 }), (world, what, bytes) => play(world, what, bytes)), { numRuns: Math.ceil(runs / 4) });
  });
});
