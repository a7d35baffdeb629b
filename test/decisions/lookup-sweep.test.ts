import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { LiveLookups } from "../../src/decisions/live-lookups.js";
import { LookupRanges } from "../../src/decisions/lookup-ranges.js";
import type { LookupHold, MemberState } from "../../src/model/live.js";
import { parseObject, parseSubject, parseTuple } from "../../src/model/tuple-text.js";
import type { Tuple } from "../../src/model/tuple.js";
import { gate, HinderedSnapshot, type Hindrance } from "../evaluation/head.js";
import { MemoryStore } from "../evaluation/memory-store.js";
import { memberAnswer, type EnforcementPoint } from "./enforcement-point.js";
import { live } from "./live.js";

const schema = `
  definition user {}
  definition group { relation member: user | group#member }
  definition doc {
    relation viewer: user | group#member
    permission view = viewer
  }
  definition room {
    relation guest: user | user:* | group#member
    relation banned: user | group#member
    permission enter = guest - banned
  }`;

function objects(id: number, subject: string): LookupHold {
  return { id, what: { kind: "objects", type: "doc", permission: "view", subject: parseSubject(subject) } };
}

function subjects(id: number, object: string, permission: string): LookupHold {
  return { id, what: { kind: "subjects", object: parseObject(object), permission, subjectType: "user" } };
}

async function held(lookups: readonly LookupHold[], tuples: readonly string[], text = schema) {
  const reported: Error[] = [];
  const world = live(text, tuples, { report: (error) => reported.push(error) });
  const point = world.point();
  point.lookup(...lookups);
  await point.ping();
  return { world, point, reported };
}

type World = ReturnType<typeof live>;

/** What no code should ever do: a part that does nothing while something happens. */
async function broken<Part extends object>(part: Part, method: keyof Part & string, happens: () => unknown): Promise<void> {
  const whole = part[method];
  Object.assign(part, { [method]: () => undefined });
  try {
    await happens();
  } finally {
    Object.assign(part, { [method]: whole });
  }
}

/** Lookups are not told of a tuple that is written; or of a schema; or what they found is not held. */
const unfollowed = (write: () => void) => broken(LookupRanges.prototype, "written", write);
const unheard = (define: () => void) => broken(LiveLookups.prototype, "restart", define);
const untaken = (happens: () => Promise<unknown>) => broken(LiveLookups.prototype, "take", happens);

function hinder({ store }: World, hindrance: Hindrance): void {
  Object.assign(store, { snapshot: () => new HinderedSnapshot(MemoryStore.prototype.snapshot.call(store), hindrance) });
}

function told(point: EnforcementPoint): MemberState[] {
  return point.messages.flatMap((message) => (message.kind === "members" ? message.members : []));
}

const answer = (point: EnforcementPoint, member: string, id = 1) => memberAnswer(point.members.get(id), member);

describe("the sweep of live lookups", () => {
  it("finds whom a lookup has missed, corrects it, tells it, counts and reports it", async () => {
    for (const [lookup, missed, member, name] of [
      [objects(1, "user:ana"), ["doc:2#viewer@user:ana"], "2", "doc:2#view@user:ana"],
      [objects(1, "user:ana"), ["doc:2#viewer@group:a#member", "group:a#member@user:ana"], "2", "doc:2#view@user:ana"],
      [subjects(1, "doc:1", "view"), ["doc:1#viewer@user:bo"], "bo", "doc:1#view@user:bo"],
      [subjects(1, "doc:1", "view"), ["doc:1#viewer@group:a#member", "group:a#member@user:bo"], "bo", "doc:1#view@user:bo"],
    ] as const) {
      const { world, point, reported } = await held([lookup], ["doc:1#viewer@user:ana"]);
      await unfollowed(() => world.write(...missed));
      await point.ping();
      assert.equal(answer(point, member), "denied");
      await world.decisions.sweep();
      await point.ping();
      assert.equal(answer(point, member), "allowed");
      assert.deepEqual(told(point).at(-1), { id: 1, member, allowed: true, missingFields: [], cause: { kind: "sweep" } });
      assert.equal(world.decisions.status.findings, 1);
      const [error] = reported;
      assert.ok(reported.length === 1 && error instanceof UsherError && error.code === "internal" && error.message.includes(`\`${name}\``), error?.message);
      await world.decisions.sweep();
      assert.equal(world.decisions.status.findings, 1, "it is found once");
    }
  });

  it("finds whom a lookup has found and does not hold", async () => {
    const { world, point } = await held([objects(1, "user:ana")], []);
    await untaken(async () => {
      world.write("doc:1#viewer@user:ana");
      await point.ping();
    });
    await world.decisions.sweep();
    await point.ping();
    assert.deepEqual([answer(point, "1"), world.decisions.status.findings], ["allowed", 1]);
  });

  it("finds beside a wildcard whom silence lets in, and has him shut out", async () => {
    const lookup = subjects(1, "room:1", "enter");
    const { world, point, reported } = await held([lookup], ["room:1#guest@user:*"]);
    await unfollowed(() => world.write("room:1#banned@group:b#member", "group:b#member@user:eve"));
    await point.ping();
    assert.equal(answer(point, "eve"), "allowed", "which is the wrong that is looked for");
    await world.decisions.sweep();
    await point.ping();
    assert.equal(answer(point, "eve"), "denied");
    assert.deepEqual(told(point).at(-1), { id: 1, member: "eve", allowed: false, missingFields: [], excluded: true, cause: { kind: "sweep" } });
    assert.deepEqual([answer(point, "somebody"), world.decisions.status.findings, reported.length], ["allowed", 1, 1]);
  });

  it("finds a wildcard that a lookup does not know of", async () => {
    for (const banned of [[], ["room:1#banned@user:eve"]]) {
      const { world, point } = await held([subjects(1, "room:1", "enter")], banned, schema.replace("user | user:* |", "user |"));
      await unheard(() => world.define(schema));
      world.write("room:1#guest@user:*");
      await point.ping();
      assert.equal(answer(point, "ana"), "denied");
      await world.decisions.sweep();
      await point.ping();
      assert.deepEqual([answer(point, "ana"), answer(point, "eve"), world.decisions.status.findings], ["allowed", banned.length > 0 ? "denied" : "allowed", 1]);
    }
  });

  it("finds what nobody was told of, and does not believe memory when it corrects it", async () => {
    const { world, point } = await held([objects(1, "user:ana")], ["doc:1#viewer@user:bo"]);
    // The cache has heard that there is no such tuple.
    point.hold({ id: 9, object: parseObject("doc:1"), permission: "view", subject: parseSubject("user:ana") });
    await point.ping();
    point.release(9);
    (world.store.tuplesAt(world.store.head.revision) as Tuple[]).push(parseTuple("doc:1#viewer@user:ana"));
    await world.decisions.sweep();
    await point.ping();
    assert.equal(answer(point, "1"), "allowed");
  });

  it("finds of two lookups the one that is wrong, and tells the other nothing", async () => {
    const { world, point } = await held([objects(1, "user:ana"), objects(2, "user:bo")], ["doc:1#viewer@user:ana", "doc:1#viewer@user:bo"]);
    await unfollowed(() => world.write("doc:2#viewer@user:bo"));
    const before = told(point).length;
    await world.decisions.sweep();
    await point.ping();
    assert.deepEqual(told(point).slice(before).map(({ id, member }) => [id, member]), [[2, "2"]]);
    assert.equal(world.decisions.status.findings, 1);
  });
});

describe("the sweep of live lookups finds nothing", () => {
  /** A sweep in the middle of which something happens: when it reads which objects name `user:ana`, as no decision does. */
  async function sweptWhile(world: World, happens: () => unknown): Promise<void> {
    let begun = false;
    hinder(world, async (read) => {
      if (begun || !("list" in read) || read.list.filter.subjectId !== "ana") return;
      begun = true;
      await happens();
    });
    await world.decisions.sweep();
    assert.ok(begun, "it was looked at");
  }

  const quiet = (world: World, reported: readonly Error[]) => assert.deepEqual([world.decisions.status.findings, reported], [0, []]);

  it("where candidates are none any more", async () => {
    const { world, point, reported } = await held([objects(1, "user:ana")], ["doc:1#viewer@user:ana", "doc:2#viewer@user:ana"]);
    world.remove("doc:1#viewer@user:ana");
    await point.ping();
    const before = told(point).length;
    await world.decisions.sweep();
    await point.ping();
    assert.equal(told(point).length, before);
    quiet(world, reported);
  });

  it("where commits come between that lead further, and that lead no more", async () => {
    const { world, point, reported } = await held([objects(1, "user:ana"), subjects(2, "room:1", "enter")], ["doc:1#viewer@group:a#member", "group:a#member@user:ana", "room:1#guest@user:*"]);
    await sweptWhile(world, async () => {
      world.write("doc:2#viewer@user:ana", "room:1#banned@user:eve");
      world.remove("group:a#member@user:ana");
      await point.ping();
    });
    await point.ping();
    quiet(world, reported);
    assert.deepEqual([answer(point, "1"), answer(point, "2"), answer(point, "eve", 2)], ["denied", "allowed", "denied"]);
  });

  it("where another schema comes between, under which fewer may be members", async () => {
    const { world, point, reported } = await held([objects(1, "user:ana")], ["doc:1#viewer@user:ana", "doc:2#viewer@group:a#member", "group:a#member@user:ana"]);
    await sweptWhile(world, async () => {
      world.remove("group:a#member@user:ana");
      await point.ping();
      world.define(schema.replace("permission view = viewer", "permission view = nobody\n relation nobody: user"));
      await point.ping();
    });
    quiet(world, reported);
  });

  it("of a lookup that is being followed, that is released meanwhile, or that the schema does not have any more", async () => {
    const { world, point, reported } = await held([objects(1, "user:ana")], ["doc:1#viewer@user:ana"]);
    const { passed, open } = gate();
    let following = false;
    hinder(world, async (read) => {
      if (following || !("list" in read) || read.list.filter.subjectId !== "a") return;
      following = true;
      await passed;
    });
    world.write("group:a#member@user:ana");
    await unfollowed(() => world.write("doc:2#viewer@user:ana"));
    while (!following) await setImmediate();
    await world.decisions.sweep();
    quiet(world, reported);
    open();
    await point.ping();
    await sweptWhile(world, async () => {
      point.release(1);
      await point.ping();
    });
    quiet(world, reported);
    point.lookup(objects(2, "user:bo"));
    await point.ping();
    await unheard(() => world.define(schema.replace("permission view", "permission see")));
    await world.decisions.sweep();
    quiet(world, reported);
  });

  it("while the store does not answer, and all of it when it does", async () => {
    const { world, point, reported } = await held([objects(1, "user:ana")], []);
    await unfollowed(() => world.write("doc:1#viewer@user:ana"));
    world.failing.error = new UsherError("store_unavailable", "away");
    await world.decisions.sweep();
    quiet(world, reported);
    world.failing.error = undefined;
    await world.decisions.sweep();
    await point.ping();
    assert.deepEqual([answer(point, "1"), world.decisions.status.findings], ["allowed", 1]);
  });
});

describe("the sweep of live lookups is bounded", () => {
  it("in what it reads before it rests, and ends in its rest when it is told to", async () => {
    const groups = Array.from({ length: 200 }, (_, i) => `group:${i}#member@user:ana`);
    const { world } = await held([objects(1, "user:ana")], groups);
    let lists = 0;
    hinder(world, async (read) => {
      if (!("list" in read)) return;
      lists++;
      // A slice takes so long that its rest is some minutes.
      world.clock.monotonic += 1_000;
    });
    let over = false;
    const sweep = world.decisions.sweep().then(() => (over = true));
    while (lists < 2) await setImmediate();
    for (let turn = 0; turn < 500; turn++) await setImmediate();
    assert.ok(lists <= 70, `${lists} lists in one slice`);
    assert.equal(over, false, "it rests");
    world.decisions.stop();
    await sweep;
    assert.ok(lists <= 70);
  });

  it("in how long decisions wait for it: the next pass goes on with the lookups that this one did not come to", async () => {
    const { world, point } = await held([objects(1, "user:ana"), objects(2, "user:bo"), objects(3, "user:cy")], []);
    await unfollowed(() => world.write("doc:1#viewer@user:ana", "doc:1#viewer@user:bo", "doc:1#viewer@user:cy"));
    const findings: number[] = [];
    for (let pass = 0; pass < 3; pass++) {
      // Read for the decisions that were found before, and then for the first lookup.
      let reads = Math.min(pass, 1);
      world.slow.schema = async () => {
        if (reads-- > 0) return;
        delete world.slow.schema;
        world.clock.monotonic += limits.sweepMs + 1;
      };
      await world.decisions.sweep();
      findings.push(world.decisions.status.findings);
      await point.ping();
    }
    assert.deepEqual(findings, [1, 2, 3]);
    assert.deepEqual([1, 2, 3].map((id) => answer(point, "1", id)), ["allowed", "allowed", "allowed"]);
  });
});
