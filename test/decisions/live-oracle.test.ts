import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import * as fc from "fast-check";
import { LiveDecisions } from "../../src/decisions/live-decisions.js";
import { leasesInMemory } from "../../src/decisions/leases.js";
import type { LivePort } from "../../src/decisions/port.js";
import { RelationCache } from "../../src/evaluation/cache/relation-cache.js";
import type { Context } from "../../src/model/context.js";
import type { HeldAnswer, Hold, LiveResponse } from "../../src/model/live.js";
import type { ObjectRef } from "../../src/model/object.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import type { SubjectRef } from "../../src/model/subject.js";
import { tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { HinderedSnapshot } from "../evaluation/head.js";
import { MemoryStore } from "../evaluation/memory-store.js";
import { nestObjects, nests, nestSubjects } from "../evaluation/nests.js";
import { keyOf, solve, type Verdict } from "../evaluation/oracle.js";
import { contexts, describeWorld, meaning, now, objects, subjects, worlds, type World } from "../evaluation/world.js";
import { answerOf, EnforcementPoint } from "./enforcement-point.js";
import { turned } from "./turned-schema.js";

const runs = Number(process.env.TEST_FUZZ_RUNS ?? 400);

type Deed =
  | { readonly kind: "hold"; readonly holds: readonly { readonly pick: number; readonly subject: number; readonly context: Context; readonly named: boolean }[] }
  | { readonly kind: "release"; readonly picks: readonly number[] }
  | { readonly kind: "commit"; readonly tuples: readonly number[]; readonly laterMs: number; readonly define: boolean }
  | { readonly kind: "context"; readonly context: Context }
  | { readonly kind: "later"; readonly ms: number }
  | { readonly kind: "cut" }
  | { readonly kind: "ping" };

interface Play {
  /** Ticks of the loop that the store takes for its reads, in turn. */
  readonly delays: readonly number[];
  readonly about: readonly SubjectRef[];
  readonly deeds: readonly (Deed & { readonly after: number })[];
}

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("hold" as const), holds: fc.array(fc.record({ pick: fc.nat(200), subject: fc.nat(3), context: contexts, named: fc.boolean() }), { minLength: 1, maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("release" as const), picks: fc.array(fc.nat(30), { minLength: 1, maxLength: 3 }) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("commit" as const), tuples: fc.array(fc.nat(100), { minLength: 1, maxLength: 3 }), laterMs: fc.constantFrom(0, 0, 1, 500), define: fc.integer({ min: 0, max: 7 }).map((n) => n === 0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("context" as const), context: contexts }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("later" as const), ms: fc.constantFrom(1, 2, 1_000) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "cut" as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: "ping" as const }) },
);
const playsAbout = (about: fc.Arbitrary<SubjectRef>): fc.Arbitrary<Play> =>
  fc.record({
    delays: fc.array(fc.constantFrom(0, 0, 1, 2, 5), { minLength: 1, maxLength: 5 }),
    about: fc.array(about, { minLength: 1, maxLength: 4 }),
    deeds: fc.array(fc.tuple(deed, fc.oneof(fc.nat(4), fc.constant(20))).map(([what, after]) => ({ ...what, after })), { minLength: 4, maxLength: 24, size: "max" }),
  });

function answerOfVerdict({ value }: Verdict): HeldAnswer {
  if (value === "T") return "allowed";
  return value === "C" ? "conditional" : "denied";
}

async function play(world: World, objectsThere: readonly ObjectRef[], { about, deeds, delays }: Play, budgetBytes?: number): Promise<void> {
  const store = new MemoryStore(world.tuples.slice(0, world.tuples.length / 2), now);
  const cache = new RelationCache(store, budgetBytes);
  const versions = [{ schema: world.schema, revision: 1 }];
  const schemas = [world.schema, turned(world.schema)];
  const schemaOf = (revision: number) => versions.findLast((version) => version.revision <= revision) ?? { schema: world.schema, revision: 1 };
  let instant = now;
  let reads = 0;
  const delay = async () => {
    for (let ticks = delays[reads++ % delays.length] ?? 0; ticks > 0; ticks--) await setImmediate();
  };
  const snapshot = () => new HinderedSnapshot(MemoryStore.prototype.snapshot.call(store), delay);
  const port = {
    store: Object.assign(store, { clock: { now: () => instant }, snapshot, condition: { state: "ready" }, onCondition: () => () => undefined, hasTenant: () => true }),
    cache,
    observer: { onEvaluation: () => undefined },
    report: (error: Error) => assert.fail(error),
    leases: leasesInMemory(),
    schemaAt: async (snapshot: { revision: number }) => schemaOf(snapshot.revision),
    compiled: (text: string) => compileSchema(text),
    validate: (question: unknown) => question,
    zookie: (_tenant: number, revision: number) => String(revision),
    revisionOf: (_tenant: number, zookie: string) => Number(zookie),
    monotonicMs: () => performance.now(),
  } as unknown as LivePort;
  const live = new LiveDecisions(port);
  const permissionsOf = objectsThere.flatMap((object) => [...(world.schema.definitions.get(object.type)?.members.keys() ?? [])].map((permission) => ({ object, permission })));

  let named: Context = {};
  const verdicts = new Map<string, ReturnType<typeof solve>>();
  const verdict = (hold: Hold, revision: number, at: number): HeldAnswer => {
    const context = { ...(hold.contextName === undefined ? {} : named), ...hold.context };
    const name = JSON.stringify([revision, at, hold.subject, context]);
    const known = verdicts.get(name) ?? solve({ schema: schemaOf(revision).schema, tuples: store.tuplesAt(revision), subject: hold.subject, context, now: at, meaning }, objectsThere);
    verdicts.set(name, known);
    return answerOfVerdict(known.get(keyOf(hold.object, hold.permission)) ?? { value: "F" });
  };

  const told = new Map<number, HeldAnswer>();
  let contextsSettled = true;
  const onMessage = (message: LiveResponse) => {
    if (message.kind === "checkpoint" && message.nonce !== undefined) contextsSettled = true;
    if (message.kind !== "flips" && message.kind !== "states") return;
    for (const state of message.kind === "flips" ? message.flips : message.states) {
      const hold = point.held.get(state.id);
      if (hold === undefined) continue;
      const answer = answerOf(state);
      if (message.kind === "flips") assert.notEqual(answer, told.get(state.id), "no two flips in a row are equal");
      if (contextsSettled) assert.equal(answer, verdict(hold, Number(message.zookie), message.instant), `${JSON.stringify({ hold, message })} in ${describeWorld(world)}`);
      if (answer !== undefined) told.set(state.id, answer);
    }
  };
  let point = new EnforcementPoint(live, { onMessage });
  let ids = 0;

  /** At a checkpoint everything that is held is as the oracle says, at its commit and its instant. */
  const settle = async () => {
    const before = new Set(point.held.keys());
    const checkpoint = await point.ping();
    for (const [id, hold] of point.held) {
      if (!before.has(id)) continue;
      const state = answerOf(point.states.get(id)) ?? hold.last;
      assert.equal(state, verdict(hold, Number(checkpoint.zookie), checkpoint.instant), `hold ${JSON.stringify(hold)} at ${checkpoint.zookie}, ${checkpoint.instant} in ${describeWorld(world)}`);
    }
  };

  for (const what of deeds) {
    for (let tick = 0; tick < what.after; tick++) await setImmediate();
    if (what.kind === "hold") {
      point.hold(...what.holds.map(({ pick, subject, context, named: uses }): Hold => ({
        id: ++ids,
        ...(permissionsOf[pick % permissionsOf.length] as { object: ObjectRef; permission: string }),
        subject: about[subject % about.length] as SubjectRef,
        context,
        ...(uses ? { contextName: "session" } : {}),
      })));
    } else if (what.kind === "release") {
      const held = [...point.held.keys()];
      const picked = new Set(what.picks.flatMap((pick) => held[pick % held.length] ?? []));
      for (const id of picked) told.delete(id);
      if (picked.size > 0) point.release(...picked);
    } else if (what.kind === "commit") {
      instant += what.laterMs;
      const tuples = what.tuples.map((pick) => world.tuples[pick % world.tuples.length] as Tuple);
      const schema = what.define ? schemas[versions.length % 2] : undefined;
      if (schema !== undefined) versions.push({ schema, revision: store.head.revision + 1 });
      store.toggle([...new Map(tuples.map((tuple) => [tupleIdentity(tuple), tuple])).values()], instant, schema?.text);
    } else if (what.kind === "context") {
      contextsSettled = false;
      named = what.context;
      verdicts.clear();
      point.send({ kind: "setContext", name: "session", context: named });
      await settle();
    } else if (what.kind === "later") instant += what.ms;
    else if (what.kind === "ping") await settle();
    else {
      const before = point;
      await before.cut();
      const holds = [...before.held.values()].map((hold): Hold => {
        const last = answerOf(before.states.get(hold.id)) ?? hold.last;
        return { ...hold, ...(last === undefined ? {} : { last }) };
      });
      point = new EnforcementPoint(live, { onMessage, resumeStream: before.stream });
      point.send({ kind: "setContext", name: "session", context: named });
      for (const { id, last } of holds) {
        if (last === undefined) told.delete(id);
        else told.set(id, last);
      }
      point.hold(...holds);
    }
  }
  await settle();
  await live.sweep();
  assert.equal(live.status.findings, 0);
  await settle();
  assert.equal(point.ended, undefined);
  await point.finish();
  live.stop();
  cache.stop();
}

describe("live decisions against the oracle", function () {
  this.timeout(600_000);

  it("are the oracle's at every flip and every checkpoint, over commits, schemas, contexts, time and broken streams", async () => {
    await fc.assert(fc.asyncProperty(worlds, playsAbout(subjects), (world, what) => play(world, objects, what)), { numRuns: runs });
  });

  it("are so where groups nest", async () => {
    await fc.assert(fc.asyncProperty(nests, playsAbout(nestSubjects), (world, what) => play(world, nestObjects, what)), { numRuns: Math.ceil(runs / 4) });
  });

  it("are so where memory holds next to nothing", async () => {
    await fc.assert(fc.asyncProperty(worlds, playsAbout(subjects), fc.constantFrom(1, 3_000, 20_000), (world, what, bytes) => play(world, objects, what, bytes)), { numRuns: Math.ceil(runs / 4) });
  });
});
