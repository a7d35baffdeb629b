import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../../src/base/limits.js";
import { UsherError } from "../../src/base/errors.js";
import { Database } from "../../src/database/database.js";
import type { Enforcement, HeldLookup, LiveResponse, LookupHold, MemberState } from "../../src/model/live.js";
import { parseObject, parseSubject, parseTuple } from "../../src/model/tuple-text.js";
import { HinderedSnapshot, type Hindrance } from "../evaluation/head.js";
import { MemoryStore } from "../evaluation/memory-store.js";
import { inFolder } from "../support/folder.js";
import { EnforcementPoint } from "./enforcement-point.js";
import { live } from "./live.js";

const schema = `
  caveat open(hour int) { hour >= 9 }
  definition user {}
  definition group { relation member: user | group#member }
  definition doc {
    relation viewer: user | group#member | user with open
    permission view = viewer
  }
  definition room {
    relation guest: user | user:* | group#member
    relation banned: user | group#member
    permission enter = guest - banned
  }`;

function objects(id: number, type: string, permission: string, subject: string, more: Partial<LookupHold> = {}): LookupHold {
  return { id, what: { kind: "objects", type, permission, subject: parseSubject(subject) }, ...more };
}

function subjects(id: number, object: string, permission: string, subjectType = "user"): LookupHold {
  return { id, what: { kind: "subjects", object: parseObject(object), permission, subjectType } };
}

/** Who is let in by name, and `*`. */
function allowed(point: EnforcementPoint, id = 1): string[] {
  return [...(point.members.get(id)?.values() ?? [])].filter((state) => state.allowed).map(({ member }) => member).sort();
}

function told(point: EnforcementPoint): MemberState[] {
  return point.messages.flatMap((message: LiveResponse) => (message.kind === "members" ? message.members : []));
}

async function held(lookup: LookupHold, ...tuples: string[]) {
  const world = live(schema, tuples);
  const point = world.point();
  point.lookup(lookup);
  await point.ping();
  return { world, point };
}

/** Reads of the world's store wait for this. */
function hinder({ store }: ReturnType<typeof live>, hindrance: Hindrance): void {
  Object.assign(store, { snapshot: () => new HinderedSnapshot(MemoryStore.prototype.snapshot.call(store), hindrance) });
}

describe("live lookups", () => {
  it("tell the objects of a subject, and who is added and removed, with what did it", async () => {
    const { world, point } = await held(objects(1, "doc", "view", "user:ana"), "doc:1#viewer@user:ana", "doc:2#viewer@user:bo");
    assert.deepEqual(told(point), [{ id: 1, member: "1", allowed: true, missingFields: [] }]);
    world.write("doc:3#viewer@user:ana", "doc:4#viewer@user:bo");
    await point.ping();
    world.remove("doc:1#viewer@user:ana");
    await point.ping();
    assert.deepEqual(told(point).slice(1), [
      { id: 1, member: "3", allowed: true, missingFields: [], cause: { kind: "tuple", zookie: "2", metadata: {} } },
      { id: 1, member: "1", allowed: false, missingFields: [], cause: { kind: "tuple", zookie: "3", metadata: {} } },
    ]);
    world.write("doc:1#viewer@user:ana");
    await point.ping();
    assert.deepEqual(allowed(point), ["1", "3"]);
  });

  it("follow groups that come in between, on both sides", async () => {
    const { world, point } = await held(objects(1, "doc", "view", "user:ana"));
    point.lookup(subjects(2, "doc:1", "view"), subjects(3, "doc:1", "view", "group"));
    await point.ping();
    world.write("group:a#member@group:b#member");
    world.write("doc:1#viewer@group:a#member");
    world.write("group:b#member@user:ana");
    await point.ping();
    assert.deepEqual([allowed(point), allowed(point, 2), allowed(point, 3)], [["1"], ["ana"], []]);
    world.remove("group:a#member@group:b#member");
    await point.ping();
    assert.deepEqual([allowed(point), allowed(point, 2)], [[], []]);
  });

  it("tell conditional members with what they lack, and follow the named context", async () => {
    const { world, point } = await held(objects(1, "doc", "view", "user:ana", { contextName: "clock" }), "doc:1#viewer@user:ana[open]");
    assert.deepEqual(told(point)[0]?.missingFields, ["hour"]);
    assert.deepEqual(allowed(point), []);
    point.send({ kind: "setContext", name: "clock", context: { hour: 10 } });
    await point.ping();
    assert.deepEqual(allowed(point), ["1"]);
    world.write("doc:2#viewer@user:ana[open]");
    await point.ping();
    assert.deepEqual(allowed(point), ["1", "2"]);
    point.send({ kind: "setContext", name: "clock", context: { hour: 3 } });
    await point.ping();
    assert.deepEqual(allowed(point), []);
    assert.equal(told(point).at(-1)?.cause?.kind, "context");
  });

  it("follow another schema", async () => {
    const { world, point } = await held(objects(1, "doc", "view", "user:ana"), "doc:1#viewer@user:ana", "doc:2#viewer@group:a#member", "group:a#member@user:ana");
    assert.deepEqual(allowed(point), ["1", "2"]);
    world.define(schema.replace("permission view = viewer", "permission view = viewer & nobody\n relation nobody: user"));
    await point.ping();
    assert.deepEqual(allowed(point), []);
    world.define(schema);
    await point.ping();
    assert.deepEqual(allowed(point), ["1", "2"]);
  });

  it("are refused where the schema has no such thing, and when it has it no more", async () => {
    const { world, point } = await held(objects(1, "doc", "view", "user:ana"), "doc:1#viewer@user:ana");
    point.lookup(objects(2, "doc", "edit", "user:ana"));
    await point.ping();
    world.define(schema.replace("permission view", "permission see"));
    await point.ping();
    assert.deepEqual(point.refusals.map(({ id, code }) => [id, code]), [[2, "unknown_relation"], [1, "unknown_relation"]]);
    await point.ping();
    assert.equal(world.decisions.status.holds, 0);
  });

  it("are refused by themselves where they are malformed; an id is of a hold or of a lookup", async () => {
    const { point } = await held(objects(1, "doc", "view", "user:ana"));
    point.lookup(
      objects(2, "doc", "view", "user:*"),
      { id: 3, what: { kind: "friends" } as unknown as HeldLookup },
      objects(4, "Doc!", "view", "user:ana"),
      { ...objects(5, "doc", "view", "user:ana"), context: { a: undefined } as never },
      objects(6, "doc", "view", "user:ana"),
    );
    point.send({ kind: "hold", holds: [{ id: 1, object: parseObject("doc:1"), permission: "view", subject: parseSubject("user:ana") }] });
    await point.ping();
    assert.deepEqual(point.refusals.map(({ id }) => id), [2, 3, 4, 5, 1].filter((id) => point.refusals.some((refused) => refused.id === id)));
    assert.ok([2, 3, 4, 1].every((id) => point.refusals.some((refused) => refused.id === id)));
    assert.equal(point.members.has(6), true);
  });

  it("leave nothing behind when they are released", async () => {
    const { world, point } = await held(subjects(1, "room:1", "enter"), "room:1#guest@user:*", "room:1#banned@user:eve");
    point.lookup(objects(2, "doc", "view", "user:ana"));
    await point.ping();
    assert.ok(world.decisions.status.decisions > 0);
    point.release(1, 2);
    await point.ping();
    const { holds, decisions, keys } = world.decisions.status;
    assert.deepEqual({ holds, decisions, keys }, { holds: 0, decisions: 0, keys: 0 });
  });

  it("tell a stream that takes another's place all anew, and keep the barrier from waiting for the other", async () => {
    const { world, point } = await held(objects(1, "doc", "view", "user:ana"), "doc:1#viewer@user:ana", "doc:2#viewer@user:ana");
    await point.cut();
    world.remove("doc:2#viewer@user:ana");
    const back = world.point({ resumeStream: point.stream });
    back.lookup(objects(1, "doc", "view", "user:ana"));
    await back.ping();
    assert.deepEqual(allowed(back), ["1"]);
    assert.deepEqual(await world.enforced(5_000), { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
    world.remove("doc:1#viewer@user:ana");
    assert.deepEqual(await world.enforced(5_000), { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
  });

  it("get no checkpoint while the store does not answer, and go on when it does", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"]);
    const point = world.point();
    world.failing.error = new UsherError("store_unavailable", "away");
    point.lookup(objects(1, "doc", "view", "user:ana"));
    let answered = false;
    const ping = point.ping().then(() => (answered = true));
    await sleep(30);
    assert.equal(answered, false);
    world.failing.error = undefined;
    await ping;
    assert.deepEqual(allowed(point), ["1"]);
  });
});

describe("live lookups, where a commit comes between", () => {
  it("the reading of a list and its end", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"]);
    let written = 0;
    hinder(world, async (read) => {
      if (!("list" in read) || written >= 3) return;
      world.write(`doc:late${written++}#viewer@user:ana`);
      await sleep(1);
    });
    const point = world.point();
    point.lookup(objects(1, "doc", "view", "user:ana"));
    await point.ping();
    assert.deepEqual(allowed(point), ["1", "late0", "late1", "late2"].slice(0, written + 1));
    assert.ok(written > 0);
  });

  it("the reading of a group and of what is in it", async () => {
    const world = live(schema, ["doc:1#viewer@group:a#member", "group:a#member@group:b#member"]);
    const waiting = ["group:b#member@group:c#member", "group:c#member@user:bo", "group:a#member@user:ana"];
    hinder(world, async (read) => {
      const next = "list" in read ? waiting.pop() : undefined;
      if (next !== undefined) world.write(next);
    });
    const point = world.point();
    point.lookup(subjects(1, "doc:1", "view"));
    await point.ping();
    await point.ping();
    assert.deepEqual(waiting, []);
    assert.deepEqual(allowed(point), ["ana", "bo"]);
  });

  it("the reading of the schema and the first list", async () => {
    const world = live(schema.replace("permission view = viewer", "permission view = nil"), ["doc:1#viewer@user:ana"]);
    world.slow.schema = async () => {
      delete world.slow.schema;
      world.define(schema);
    };
    const point = world.point();
    point.lookup(objects(1, "doc", "view", "user:ana"));
    await point.ping();
    assert.deepEqual(allowed(point), ["1"]);
  });
});

describe("a live lookup beside a wildcard", () => {
  it("tells who is denied by name before it tells that everybody else is not", async () => {
    const { world, point } = await held(subjects(1, "room:1", "enter"), "room:1#banned@user:eve", "room:1#guest@user:eve", "room:1#guest@user:ana");
    assert.deepEqual(allowed(point), ["ana"]);
    world.write("room:1#guest@user:*", "room:1#banned@user:mallory");
    await point.ping();
    const order = told(point).map(({ member, allowed: is, excluded = false }) => [member, is, excluded]);
    assert.deepEqual(order.at(-1), ["*", true, false]);
    for (const banned of ["eve", "mallory"]) assert.ok(order.slice(0, -1).some(([member, is, excluded]) => member === banned && is === false && excluded === true), banned);
    world.remove("room:1#guest@user:*");
    await point.ping();
    assert.deepEqual(allowed(point), ["ana"]);
  });

  it("tells who was silently denied before the schema had one", async () => {
    const world = live(schema.replace("user | user:* |", "user |"), ["room:1#guest@user:eve", "room:1#banned@user:eve", "room:1#guest@user:ana"]);
    const point = world.point();
    point.lookup(subjects(1, "room:1", "enter"));
    await point.ping();
    assert.equal(point.members.get(1)?.has("eve"), false);
    world.define(schema);
    world.write("room:1#guest@user:*");
    await point.ping();
    assert.deepEqual(allowed(point), ["*", "ana"]);
    assert.equal(point.members.get(1)?.get("eve")?.excluded, true);
  });

  it("counts for whoever is banned while only the wildcard let him in", async () => {
    const { world, point } = await held(subjects(1, "room:1", "enter"), "room:1#guest@user:*");
    assert.deepEqual(allowed(point), ["*"]);
    point.silent = true;
    world.write("room:1#banned@user:eve");
    await sleep(20);
    assert.deepEqual(await world.enforced(0), { affected: 1, acknowledged: 0, lapsed: 0, pending: 1 });
    assert.deepEqual(told(point).at(-1), { id: 1, member: "eve", allowed: false, missingFields: [], excluded: true, cause: { kind: "tuple", zookie: "2", metadata: {} } });
  });

  it("counts for whoever is found in a group that is banned, and for what comes before he is", async () => {
    const { world, point } = await held(subjects(1, "room:1", "enter"), "room:1#guest@user:*", "group:b#member@group:c#member");
    point.silent = true;
    hinder(world, () => sleep(5));
    world.write("room:1#banned@group:b#member");
    const first = world.store.head.revision;
    world.write("group:c#member@user:eve");
    const second = world.store.head.revision;
    assert.equal((await world.decisions.enforced(second, 0)).pending, 1, "before he is found");
    await sleep(80);
    assert.equal((await world.decisions.enforced(second, 0)).pending, 1);
    assert.equal((await world.decisions.enforced(first, 0)).pending, 1);
    point.silent = false;
    await point.ping();
  });

  it("does not count for who loses nothing", async () => {
    const { world, point } = await held(subjects(1, "room:1", "enter"), "room:1#guest@user:*");
    point.silent = true;
    world.write("room:1#guest@user:ana");
    assert.deepEqual(await world.enforced(5_000), { affected: 0, acknowledged: 0, lapsed: 0, pending: 0 });
  });
});

describe("the revocation barrier, of live lookups", () => {
  it("waits for a member's end to be acknowledged", async () => {
    const { world, point } = await held(objects(1, "doc", "view", "user:ana"), "doc:1#viewer@user:ana");
    world.remove("doc:1#viewer@user:ana");
    assert.deepEqual(await world.enforced(5_000), { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
    world.write("doc:2#viewer@user:ana");
    await point.ping();
    point.silent = true;
    world.remove("doc:2#viewer@user:ana");
    await sleep(20);
    assert.equal((await world.enforced(0)).pending, 1);
    point.release(1);
    assert.deepEqual(await world.enforced(5_000), { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
  });

  it("waits for a broken stream's lease", async () => {
    const { world, point } = await held(objects(1, "doc", "view", "user:ana"), "doc:1#viewer@user:ana");
    await point.cut();
    world.remove("doc:1#viewer@user:ana");
    await sleep(20);
    assert.equal((await world.enforced(0)).pending, 1);
    world.clock.monotonic += 10_100;
    assert.deepEqual(await world.enforced(0), { affected: 1, acknowledged: 0, lapsed: 1, pending: 0 });
  });
});

describe("the bounds of live lookups", function () {
  this.timeout(60_000);

  const docs = (count: number) => Array.from({ length: count }, (_, i) => `doc:${i}#viewer@user:ana`);

  /** A store that finds what it holds, with an enforcement point that holds the lookup. */
  async function stored(lookup: LookupHold, tuples: readonly string[], body: (world: { point: EnforcementPoint; write: (kind: "touch" | "delete", ...lines: string[]) => Promise<Enforcement | undefined>; acknowledge: () => void }) => Promise<void>) {
    await inFolder(async (folder) => {
      const database = await Database.open(folder);
      await database.writeSchema({ text: schema }, {});
      const write = async (kind: "touch" | "delete", lines: readonly string[], wait?: number) => {
        const operations = lines.map((line) => ({ kind, tuple: parseTuple(line) }));
        return (await database.writeTuples({ operations, ...(wait === undefined ? {} : { awaitEnforcementMs: wait }) }, {})).enforcement;
      };
      for (let at = 0; at < tuples.length; at += limits.operationsPerWriteMax) await write("touch", tuples.slice(at, at + limits.operationsPerWriteMax));
      const point = new EnforcementPoint({ live: (requests, _tenant, signal) => database.live(requests, signal === undefined ? {} : { signal }) as AsyncGenerator<LiveResponse, void> });
      point.lookup(lookup);
      await point.ping();
      const last = () => point.messages.findLast((message) => message.kind === "checkpoint")?.zookie ?? "";
      await body({ point, write: (kind, ...lines) => write(kind, lines, 100), acknowledge: () => point.send({ kind: "acknowledge", zookie: last() }) });
      await point.finish();
      await database.close();
    });
  }

  it("take as many candidates as the bound, and refuse what grows beyond it, which counts till that is acknowledged", async () => {
    await stored(objects(1, "doc", "view", "user:ana"), docs(limits.liveLookupCandidatesMax), async ({ point, write, acknowledge }) => {
      assert.equal(allowed(point).length, limits.liveLookupCandidatesMax);
      // Of what there was one is gone: there is room for another.
      await write("delete", "doc:0#viewer@user:ana");
      await write("touch", "doc:more#viewer@user:ana");
      await point.ping();
      assert.deepEqual(point.refusals, []);
      assert.equal(allowed(point).length, limits.liveLookupCandidatesMax);

      point.silent = true;
      await write("touch", "doc:toomany#viewer@user:ana");
      await point.ping();
      assert.deepEqual(point.refusals.map(({ id, code }) => [id, code]), [[1, "evaluation_too_large"]]);
      assert.deepEqual(await write("delete", "doc:1#viewer@user:ana"), { affected: 1, acknowledged: 0, lapsed: 0, pending: 1 }, "nobody knows whether it was heard");
      await point.ping();
      acknowledge();
      await point.ping();
      assert.deepEqual(await write("delete", "doc:2#viewer@user:ana"), { affected: 0, acknowledged: 0, lapsed: 0, pending: 0 });
    });
  });

  it("refuse one candidate more than the bound", async () => {
    await stored(objects(1, "doc", "view", "user:ana"), docs(limits.liveLookupCandidatesMax + 1), async ({ point }) => {
      assert.deepEqual(point.refusals.map(({ code }) => code), ["evaluation_too_large"]);
    });
  });

  it("count for a wildcard that lets in, from the refusal till it is acknowledged", async () => {
    const named = Array.from({ length: limits.liveLookupCandidatesMax }, (_, i) => `room:1#banned@user:u${i}`);
    await stored(subjects(1, "room:1", "enter"), ["room:1#guest@user:*", ...named], async ({ point, write, acknowledge }) => {
      assert.deepEqual(allowed(point), ["*"]);
      point.silent = true;
      assert.equal((await write("touch", "room:1#banned@user:eve"))?.pending, 1, "`user:eve` may be let in still");
      await point.ping();
      assert.equal(point.refusals.length, 1);
      assert.equal((await write("touch", "room:1#banned@user:mallory"))?.pending, 1);
      await point.ping();
      acknowledge();
      await point.ping();
      assert.equal((await write("touch", "room:1#banned@user:oscar"))?.affected, 0);
    });
  });

  it("follow as many usersets as the bound, and refuse one more", async () => {
    // Of each group that it is in it looks for those that this is in.
    const groups = Array.from({ length: limits.liveLookupStepsMax }, (_, i) => `group:${i}#member@user:ana`);
    await stored(objects(1, "doc", "view", "user:ana"), groups, async ({ point, write }) => {
      assert.deepEqual(point.refusals, []);
      await write("touch", "group:more#member@user:ana");
      await point.ping();
      assert.deepEqual(point.refusals.map(({ code }) => code), ["evaluation_too_large"]);
    });
  });

  it("take as many lookups of a stream as the bound, and refuse one more", async () => {
    const world = live(schema);
    const point = world.point();
    point.lookup(...Array.from({ length: limits.lookupsPerStreamMax }, (_, i) => objects(i + 1, "doc", "view", `user:${i}`)));
    point.lookup(objects(5_000, "doc", "view", "user:ana"));
    await point.ping();
    assert.deepEqual(point.refusals.map(({ id, code }) => [id, code]), [[5_000, "overloaded"]]);
    point.send({ kind: "lookup", lookups: Array.from({ length: limits.lookupsPerStreamMax + 1 }, (_, i) => objects(i + 1, "doc", "view", "user:ana")) });
    await point.done;
    assert.equal((point.ended as { code?: string }).code, "request_too_large");
  });

  it("enumerate no more lookups at once than the bound", async () => {
    const world = live(schema, docs(3));
    let [now, most] = [0, 0];
    hinder(world, async (read) => {
      if (!("list" in read)) return;
      most = Math.max(most, ++now);
      await sleep(1);
      now--;
    });
    const point = world.point();
    point.lookup(...Array.from({ length: 10 }, (_, i) => objects(i + 1, "doc", "view", `user:${i}`)));
    await point.ping();
    assert.equal(most, limits.liveLookupsAtOnceMax);
  });
});
