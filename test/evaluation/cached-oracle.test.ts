import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import * as fc from "fast-check";
import { UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import type { Answer } from "../../src/evaluation/answer.js";
import { evaluateAtHead, type Question } from "../../src/evaluation/evaluate.js";
import { groundsOf } from "../../src/evaluation/grounds.js";
import { RelationCache } from "../../src/evaluation/cache/relation-cache.js";
import type { Context } from "../../src/model/context.js";
import type { ObjectRef } from "../../src/model/object.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import type { Schema } from "../../src/model/schema/schema.js";
import type { SubjectRef } from "../../src/model/subject.js";
import { formatTuple, tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { HinderedSnapshot } from "./head.js";
import { MemoryStore } from "./memory-store.js";
import { nestObjects, nests, nestSubjects } from "./nests.js";
import { keyOf, solve } from "./oracle.js";
import { verdictOf } from "./verdict.js";
import { contexts, describeWorld, meaning, now, objects, subjects, worlds, type World } from "./world.js";

const runs = Number(process.env.TEST_FUZZ_RUNS ?? 1_500);

/** About one subject. */
interface Asking {
  readonly subject: SubjectRef;
  readonly context: Context;
  /** Of all questions about the subject. */
  readonly picks: readonly number[];
  readonly explain: boolean;
  /** Of the world's tuples, those that the question brings along. */
  readonly contextual: readonly number[];
}

/**
 * Ask some of the askings in one batch, or let a commit toggle tuples, or change the schema; `after` ticks of the loop, so that it
 * meets what was begun before, or does not. Who asks may leave before the answer, and its reads may fail.
 */
type Deed =
  | { readonly kind: "ask"; readonly askings: readonly number[]; readonly after: number; readonly leavesAfter: number | undefined; readonly readsUntilFailure: number }
  | { readonly kind: "commit"; readonly tuples: readonly number[]; readonly after: number; readonly laterMs: number; readonly define: boolean };

interface Play {
  /** How many milliseconds pass whenever a walk looks at the clock: where many do, it is cut short anywhere. */
  readonly tickMs: number;
  readonly askings: readonly Asking[];
  readonly deeds: readonly Deed[];
}

const ticks = fc.oneof(fc.nat(6), fc.constant(30));
const often = <Value>(value: Value, seldom: fc.Arbitrary<Value>) => fc.oneof({ weight: 6, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: seldom });

const playsAbout = (about: fc.Arbitrary<SubjectRef>, picksMax: number): fc.Arbitrary<Play> =>
  fc.record({
    tickMs: fc.constantFrom(0, 0.1, 0.3, 1),
    askings: fc.array(
      fc.record({
        subject: about,
        context: contexts,
        picks: fc.array(fc.nat(100), { minLength: 1, maxLength: picksMax, size: "max" }),
        explain: often(false, fc.constant(true)),
        contextual: often<number[]>([], fc.array(fc.nat(100), { maxLength: 4 })),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    deeds: fc.array(
      fc.oneof(
        {
          weight: 3,
          arbitrary: fc.record({
            kind: fc.constant("ask" as const),
            askings: fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
            after: ticks,
            leavesAfter: often<number | undefined>(undefined, fc.nat(8)),
            readsUntilFailure: often(Infinity, fc.nat(6)),
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            kind: fc.constant("commit" as const),
            tuples: fc.array(fc.nat(100), { minLength: 1, maxLength: 3 }),
            after: ticks,
            laterMs: fc.constantFrom(0, 1, 500),
            define: often(false, fc.constant(true)),
          }),
        },
      ),
      { minLength: 4, maxLength: 20, size: "max" },
    ),
  });

const plays = playsAbout(subjects, 12);
const nestPlays = playsAbout(nestSubjects, 40);

function questionsOf(schema: Schema, about: readonly ObjectRef[], tuples: readonly Tuple[], { subject, context, picks, explain, contextual }: Asking): Question[] {
  const all = about.flatMap((object) => [...(schema.definitions.get(object.type)?.members.keys() ?? [])].map((permission) => ({ object, permission })));
  const contextualTuples = contextual.flatMap((pick) => tuples[pick % tuples.length] ?? []);
  return picks.map((pick) => ({ ...(all[pick % all.length] as { object: ObjectRef; permission: string }), subject, context, explain, contextualTuples }));
}

/** The same members over the same relations, with other operators. */
function turned(schema: Schema): Schema {
  const turns: Record<string, string> = { "+": "&", "&": "-", "-": "+" };
  const text = schema.text.replace(/ ([-+&]) /g, (_, operator: string) => ` ${turns[operator]} `);
  try {
    return compileSchema(text);
  } catch {
    return schema;
  }
}

/** Plays the deeds, all of them under way at once, and compares every answer with the oracle's at the revision and instant that it names. */
async function play(world: World, about: readonly ObjectRef[], { tickMs, askings, deeds }: Play, budgetBytes?: number): Promise<void> {
  const store = new MemoryStore(world.tuples.slice(0, world.tuples.length / 2), now);
  const cache = new RelationCache(store, budgetBytes);
  const schemas = [world.schema, turned(world.schema)];
  const versions = [{ schema: world.schema, schemaRevision: 1 }];
  let instant = now;
  const schemaAt = (revision: number) => versions.findLast(({ schemaRevision }) => schemaRevision <= revision) ?? { schema: world.schema, schemaRevision: 1 };

  const evaluateSome = (questions: readonly Question[], { leavesAfter, readsUntilFailure }: Deed & { kind: "ask" }) => {
    const arrived = store.head;
    let reads = 0;
    const hindered = () => (++reads > readsUntilFailure ? Promise.reject(new UsherError("store_unavailable", "the disk")) : Promise.resolve());
    const newest = () => new HinderedSnapshot(store.snapshot(), hindered);
    const leaving = new AbortController();
    let ms = 0;
    if (leavesAfter !== undefined) void after(leavesAfter).then(() => leaving.abort());
    return evaluateAtHead(questions, { ...schemaAt(arrived.revision), snapshot: newest(), tenant: 1, now: instant, cache, newest, tellsGrounds: true }, leaving.signal, () => (ms += tickMs));
  };

  const ask = async (deed: Deed & { kind: "ask" }) => {
    const arrived = store.head;
    const { schema } = schemaAt(arrived.revision);
    const questions = deed.askings.flatMap((i) => questionsOf(schema, about, world.tuples, askings[i % askings.length] as Asking));
    const evaluation = await evaluateSome(questions, deed).catch((error: unknown) => {
      assert.ok(error instanceof UsherError, String(error));
      assert.ok(error.code === "cancelled" ? deed.leavesAfter !== undefined : error.code === "store_unavailable" && deed.readsUntilFailure < Infinity, error.code);
    });
    if (evaluation === undefined) return;
    const { answers, revision, now: at } = evaluation;
    assert.ok(revision >= arrived.revision, "an answer is no older than its question");
    assert.equal(schemaAt(revision).schema, schema, "an answer is of the schema that it was asked under");
    const solved = new Map<string, ReturnType<typeof solve>>();
    questions.forEach(({ object, permission, subject, context = {}, contextualTuples = [] }, i) => {
      const tuples = [...new Map([...store.tuplesAt(revision), ...contextualTuples].map((tuple) => [tupleIdentity(tuple), tuple])).values()];
      const asked = JSON.stringify([subject, context, contextualTuples]);
      const expected = solved.get(asked) ?? solve({ schema, tuples, subject, context, now: at, meaning }, about);
      solved.set(asked, expected);
      const key = keyOf(object, permission);
      assert.deepEqual(verdictOf(answers[i]), expected.get(key), `${key} at ${revision} for ${JSON.stringify({ subject, context, tuples })} in ${describeWorld(world)}`);
      const standing = new Set(tuples.map(formatTuple));
      const grounds = groundsOf(answers[i] as Answer);
      if (answers[i]?.value === "allowed") {
        const where = `${key} for ${JSON.stringify({ subject, grounds, tuples })} in ${describeWorld(world)}`;
        assert.ok(grounds.every((ground) => standing.has(ground)), `a ground is no tuple of that commit: ${where}`);
        if (/ - /.test(schema.text) || grounds.length === limits.auditGroundsMax) return;
        const alone = solve({ schema, tuples: tuples.filter((tuple) => grounds.includes(formatTuple(tuple))), subject, context, now: at, meaning }, about);
        if (!schema.text.includes(".all(")) assert.deepEqual(verdictOf(answers[i]), alone.get(key), `the grounds do not grant it: ${where}`);
      } else if (answers[i]?.value !== "denied") assert.deepEqual(grounds, []);
    });
  };

  const under: Promise<void>[] = [];
  for (const deed of deeds) {
    await after(deed.after);
    if (deed.kind === "ask") under.push(ask(deed));
    else {
      instant += deed.laterMs;
      const tuples = deed.tuples.map((pick) => world.tuples[pick % world.tuples.length] as Tuple);
      const schema = deed.define ? schemas[versions.length % 2] : undefined;
      if (schema !== undefined) versions.push({ schema, schemaRevision: store.head.revision + 1 });
      store.toggle([...new Map(tuples.map((tuple) => [tupleIdentity(tuple), tuple])).values()], instant, schema?.text);
    }
  }
  await Promise.all(under);
}

async function after(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick++) await setImmediate();
}

describe("check at head against the oracle", function () {
  this.timeout(600_000);

  it("gives the oracle's answer at the revision that it names, whatever was asked and committed before and meanwhile", async () => {
    await fc.assert(fc.asyncProperty(worlds, plays, (world, what) => play(world, objects, what)), { numRuns: runs, endOnFailure: true });
  });

  it("does so where groups nest, and documents name many of them", async () => {
    await fc.assert(fc.asyncProperty(nests, nestPlays, (world, what) => play(world, nestObjects, what)), { numRuns: Math.ceil(runs / 4), endOnFailure: true });
  });

  it("does so where memory holds next to nothing, so that everything is forgotten at every step", async () => {
    await fc.assert(fc.asyncProperty(worlds, plays, (world, what) => play(world, objects, what, 1)), { numRuns: Math.ceil(runs / 4), endOnFailure: true });
  });

  it("does so where memory holds a little, so that some of it is forgotten now and then", async () => {
    await fc.assert(fc.asyncProperty(worlds, plays, fc.integer({ min: 2_000, max: 30_000 }), (world, what, bytes) => play(world, objects, what, bytes)), { numRuns: Math.ceil(runs / 4), endOnFailure: true });
    await fc.assert(fc.asyncProperty(nests, nestPlays, fc.integer({ min: 4_000, max: 60_000 }), (world, what, bytes) => play(world, nestObjects, what, bytes)), { numRuns: Math.ceil(runs / 8), endOnFailure: true });
  });
});
