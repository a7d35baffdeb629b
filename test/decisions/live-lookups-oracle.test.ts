import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import * as fc from "fast-check";
import { LiveDecisions } from "../../src/decisions/live-decisions.js";
import { leasesInMemory } from "../../src/decisions/leases.js";
import type { LivePort } from "../../src/decisions/port.js";
import { RelationCache } from "../../src/evaluation/cache/relation-cache.js";
import type { Context } from "../../src/model/context.js";
import type { HeldAnswer, LiveResponse, LookupHold } from "../../src/model/live.js";
import type { ObjectRef } from "../../src/model/object.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import type { SubjectRef } from "../../src/model/subject.js";
import { tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { HinderedSnapshot } from "../evaluation/head.js";
import { MemoryStore } from "../evaluation/memory-store.js";
import { nestObjects, nests } from "../evaluation/nests.js";
import { keyOf, solve } from "../evaluation/oracle.js";
import { contexts, describeWorld, meaning, now, objects, worlds, type World } from "../evaluation/world.js";
import { EnforcementPoint, memberAnswer } from "./enforcement-point.js";
import { turned } from "./turned-schema.js";
import { wildcardObjects, wildcardWorlds } from "./wildcard-worlds.js";

const runs = Number(process.env.TEST_FUZZ_RUNS ?? 300);

/** Who is asked about: those that tuples may name, and somebody whom none does. */
const users = ["a", "b", "c", "somebody"].map((id): SubjectRef => ({ type: "user", id, relation: "" }));

type Deed =
  | { readonly kind: "lookup"; readonly pick: number; readonly who: number; readonly subjects: boolean; readonly usersets: boolean; readonly context: Context; readonly named: boolean }
  | { readonly kind: "release"; readonly pick: number }
  | { readonly kind: "commit"; readonly tuples: readonly number[]; readonly laterMs: number; readonly define: boolean }
  | { readonly kind: "context"; readonly context: Context }
  | { readonly kind: "later"; readonly ms: number }
  | { readonly kind: "cut" }
  | { readonly kind: "sweep" }
  | { readonly kind: "ping" };

interface Play {
  /** Ticks of the loop that the store takes for its reads, in turn. */
  readonly delays: readonly number[];
  readonly deeds: readonly (Deed & { readonly after: number })[];
}

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("lookup" as const), pick: fc.nat(200), who: fc.nat(3), subjects: fc.boolean(), usersets: fc.integer({ min: 0, max: 3 }).map((n) => n === 0), context: contexts, named: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("release" as const), pick: fc.nat(30) }) },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("commit" as const), tuples: fc.array(fc.nat(100), { minLength: 1, maxLength: 3 }), laterMs: fc.constantFrom(0, 0, 1, 500), define: fc.integer({ min: 0, max: 7 }).map((n) => n === 0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("context" as const), context: contexts }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("later" as const), ms: fc.constantFrom(1, 2, 1_000) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "cut" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "sweep" as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: "ping" as const }) },
);
const plays: fc.Arbitrary<Play> = fc.record({
  delays: fc.array(fc.constantFrom(0, 0, 1, 2, 5), { minLength: 1, maxLength: 5 }),
  deeds: fc.array(fc.tuple(deed, fc.oneof(fc.nat(4), fc.constant(20))).map(([what, after]) => ({ ...what, after })), { minLength: 4, maxLength: 24, size: "max" }),
});

async function play(world: World, objectsThere: readonly ObjectRef[], { deeds, delays }: Play): Promise<void> {
  const store = new MemoryStore(world.tuples.slice(0, world.tuples.length / 2), now);
  const cache = new RelationCache(store);
  const versions = [{ schema: world.schema, revision: 1 }];
  const schemas = [world.schema, turned(world.schema)];
  const schemaOf = (revision: number) => versions.findLast((version) => version.revision <= revision) ?? { schema: world.schema, revision: 1 };
  let instant = now;
  let reads = 0;
  const delay = async () => {
    for (let ticks = delays[reads++ % delays.length] ?? 0; ticks > 0; ticks--) await setImmediate();
  };
  const port = {
    store: Object.assign(store, { clock: { now: () => instant }, snapshot: () => new HinderedSnapshot(MemoryStore.prototype.snapshot.call(store), delay), condition: { state: "ready" }, onCondition: () => () => undefined, hasTenant: () => true }),
    cache,
    observer: { onEvaluation: () => undefined },
    report: (error: Error) => assert.fail(error),
    leases: leasesInMemory(),
    schemaAt: async (snapshot: { revision: number }) => {
      await delay();
      return schemaOf(snapshot.revision);
    },
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
  const verdict = (object: ObjectRef, permission: string, subject: SubjectRef, lookup: LookupHold, revision: number, at: number): HeldAnswer => {
    const context = { ...(lookup.contextName === undefined ? {} : named), ...lookup.context };
    const name = JSON.stringify([revision, at, subject, context]);
    const known = verdicts.get(name) ?? solve({ schema: schemaOf(revision).schema, tuples: store.tuplesAt(revision), subject, context, now: at, meaning }, objectsThere);
    verdicts.set(name, known);
    const { value } = known.get(keyOf(object, permission)) ?? { value: "F" };
    if (value === "T") return "allowed";
    return value === "C" ? "conditional" : "denied";
  };

  /** Every id that there is, with what the oracle says of it. */
  const universe = ({ what }: LookupHold): readonly string[] => {
    if (what.kind === "objects") return objectsThere.filter(({ type }) => type === what.type).map(({ id }) => id);
    return what.subjectType === "user" ? users.map(({ id }) => id) : objectsThere.filter(({ type }) => type === what.subjectType).map(({ id }) => id);
  };
  const oracle = (lookup: LookupHold, id: string, revision: number, at: number): HeldAnswer => {
    const { what } = lookup;
    if (what.kind === "objects") return verdict({ type: what.type, id }, what.permission, what.subject, lookup, revision, at);
    return verdict(what.object, what.permission, { type: what.subjectType, id, relation: what.subjectRelation ?? "" }, lookup, revision, at);
  };

  const lookups = new Map<number, LookupHold>();
  let contextsSettled = true;
  const onMessage = (message: LiveResponse) => {
    if (message.kind === "checkpoint" && message.nonce !== undefined) contextsSettled = true;
    if (message.kind === "refused") assert.fail(JSON.stringify(message));
    if (message.kind !== "members" || !contextsSettled) return;
    for (const state of message.members) {
      const lookup = lookups.get(state.id);
      if (lookup === undefined) continue;
      const said = (): string => `${JSON.stringify({ lookup, message })} in ${describeWorld(world)}`;
      // The wildcard lets in all who are not told of by name. Who is denied by it may be told in the next message that he is not.
      const about = state.member !== "*" ? [state.member] : state.allowed ? universe(lookup).filter((id) => point.members.get(state.id)?.has(id) !== true) : [];
      const answer = memberAnswer(new Map([[state.member, state]]), state.member);
      for (const id of about) assert.equal(answer, oracle(lookup, id, Number(message.zookie), message.instant), said());
    }
  };
  let point = new EnforcementPoint(live, { onMessage });
  let ids = 0;
  let sweeping = Promise.resolve();

  /** At a checkpoint every set is what the oracle says, at its commit and its instant. */
  const settle = async () => {
    const before = new Set(lookups.keys());
    const checkpoint = await point.ping();
    for (const [id, lookup] of lookups) {
      if (!before.has(id)) continue;
      for (const member of universe(lookup)) {
        const says = memberAnswer(point.members.get(id), member);
        assert.equal(says, oracle(lookup, member, Number(checkpoint.zookie), checkpoint.instant), `${member} of ${JSON.stringify(lookup)} at ${checkpoint.zookie}, ${checkpoint.instant} in ${describeWorld(world)}`);
      }
    }
  };

  for (const what of deeds) {
    for (let tick = 0; tick < what.after; tick++) await setImmediate();
    if (what.kind === "lookup") {
      const { object, permission } = permissionsOf[what.pick % permissionsOf.length] as { object: ObjectRef; permission: string };
      const kinds = what.usersets ? permissionsOf.map((each) => ({ subjectType: each.object.type, subjectRelation: each.permission })) : [{ subjectType: "user" }, { subjectType: "user" }, { subjectType: "group" }];
      const lookup: LookupHold = {
        id: ++ids,
        what: what.subjects
          ? { kind: "subjects", object, permission, ...(kinds[what.who * 7 % kinds.length] ?? { subjectType: "user" }) }
          : { kind: "objects", type: object.type, permission, subject: users[what.who] as SubjectRef },
        context: what.context,
        ...(what.named ? { contextName: "session" } : {}),
      };
      lookups.set(lookup.id, lookup);
      point.lookup(lookup);
    } else if (what.kind === "release") {
      const id = [...lookups.keys()][what.pick % Math.max(1, lookups.size)];
      if (id === undefined) continue;
      lookups.delete(id);
      point.release(id);
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
    // It goes on beside what follows.
    else if (what.kind === "sweep") sweeping = live.sweep();
    else {
      await point.cut();
      point = new EnforcementPoint(live, { onMessage, resumeStream: point.stream });
      point.send({ kind: "setContext", name: "session", context: named });
      point.lookup(...lookups.values());
    }
  }
  await settle();
  await sweeping;
  await live.sweep();
  assert.equal(live.status.findings, 0);
  await settle();
  assert.equal(point.ended, undefined);
  await point.finish();
  // A stream that broke before it took the place of another leaves that to its lease.
  if (live.status.streams === 0) assert.equal(live.status.decisions, 0, "nothing of them is left");
  live.stop();
  cache.stop();
}

describe("live lookups against the oracle", function () {
  this.timeout(600_000);

  it("are the oracle's at every message and every checkpoint, over commits, schemas, contexts, time and broken streams", async () => {
    await fc.assert(fc.asyncProperty(worlds, plays, (world, what) => play(world, objects, what)), { numRuns: runs });
  });

  it("are so where wildcards let in whoever is not named, and tuples name him", async () => {
    await fc.assert(fc.asyncProperty(wildcardWorlds, plays, (world, what) => play(world, wildcardObjects, what)), { numRuns: runs });
  });

  it("are so where groups nest", async () => {
    await fc.assert(fc.asyncProperty(nests, plays, (world, what) => play(world, nestObjects, what)), { numRuns: Math.ceil(runs / 4) });
  });
});
