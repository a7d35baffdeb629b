import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Database } from "../../src/database/database.js";
import type { AuditEntry } from "../../src/model/audit.js";
import type { Call, Operation } from "../../src/model/service.js";
import { parseCheck, parseObject, parseSubject, parseTuple } from "../../src/model/tuple-text.js";
import { tupleIdentity } from "../../src/model/tuple.js";
import { describeWorld, now, objects, worlds, type World } from "../evaluation/world.js";
import { withRecordings, type MemoryLog } from "./memory-log.js";

const runs = Number(process.env.TEST_FUZZ_RUNS ?? 40);
const call: Call = {};
const schema = `
use expiration
caveat at_work(place string) { place == "work" }
definition user {}
definition document { relation viewer: user | user with at_work | user with expiration; permission view = viewer }`;

async function replayed(database: Database, log: MemoryLog) {
  const decisions = log.entries.flatMap(({ kind }, index) => (["check", "batch_item", "lookup"].includes(kind) ? [index] : []));
  const outcomes = [];
  for (let at = 0; at < decisions.length; at += 100) outcomes.push(...(await database.replayDecisions({ indexes: decisions.slice(at, at + 100) }, call)).outcomes);
  return outcomes;
}

async function touch(database: Database, ...tuples: string[]): Promise<void> {
  await database.writeTuples({ operations: tuples.map((text) => ({ kind: "touch", tuple: parseTuple(text) })) }, call);
}

async function remove(database: Database, ...tuples: string[]): Promise<void> {
  await database.writeTuples({ operations: tuples.map((text) => ({ kind: "delete", tuple: parseTuple(text) })) }, call);
}

/** Overwrites what a record says. */
function forge(log: MemoryLog, index: number, change: object): void {
  log.payloads[index] = JSON.stringify({ ...(JSON.parse(log.payloads[index] ?? "") as AuditEntry), ...change });
}

describe("a replay", function () {
  this.timeout(600_000);

  it("of every decision of random worlds comes to the same, whatever was committed since", async () => {
    const commits = fc.array(fc.array(fc.tuple(fc.nat(100), fc.boolean()), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 });
    const time = { wallMs: () => now, monotonicMs: () => 0, uptimeMs: () => 0 };
    await fc.assert(
      fc.asyncProperty(worlds, commits, async (world, plan) => {
        await withRecordings(async (database, log) => {
          await database.writeSchema({ text: world.schema.text }, call);
          for (const picks of plan) {
            await database.writeTuples({ operations: operationsOf(world, picks) }, call);
            await askAll(database, world);
          }
          const outcomes = await replayed(database, log);
          assert.ok(outcomes.length > 0);
          assert.deepEqual(outcomes.filter(({ kind }) => kind !== "same"), [], describeWorld(world));
        }, { time });
      }),
      { numRuns: runs },
    );
  });

  it("reads the clock that the decision read: what expired since had not then", async () => {
    let wall = now;
    await withRecordings(async (database, log) => {
      await database.writeSchema({ text: schema }, call);
      await touch(database, `document:1#viewer@user:ana[expiration:${new Date(now + 60_000).toISOString()}]`);
      assert.equal((await database.check(parseCheck("document:1#view@user:ana"), call)).allowed, true);
      wall += 120_000;
      assert.equal((await database.check(parseCheck("document:1#view@user:ana"), call)).allowed, false);
      assert.deepEqual((await replayed(database, log)).map(({ kind }) => kind), ["same", "same"]);
    }, { time: { wallMs: () => wall, monotonicMs: () => wall, uptimeMs: () => wall } });
  });

  it("that comes to something else is a finding, with what it rests on now and how it came about", async () => {
    await withRecordings(async (database, log) => {
      await database.writeSchema({ text: schema }, call);
      await touch(database, "document:1#viewer@user:ana");
      await database.check(parseCheck("document:1#view@user:ana"), call);
      await database.lookupObjects({ objectType: "document", permission: "view", subject: parseSubject("user:ana") }, call);
      const [check = 0, lookup = 0] = log.entries.flatMap(({ kind }, index) => (kind === "check" || kind === "lookup" ? [index] : []));
      forge(log, check, { answer: "denied" });
      forge(log, lookup, { results: [["document:1", "allowed"], ["document:2", "allowed"]] });
      const [first, second] = (await database.replayDecisions({ indexes: [check, lookup] }, call)).outcomes;
      assert.ok(first?.kind === "different" && second?.kind === "different");
      assert.deepEqual([first.recorded, first.replayed, first.grounds, first.decision?.explanation?.answer], ["denied", "allowed", ["document:1#viewer@user:ana"], "allowed"]);
      assert.deepEqual([second.recorded, second.replayed, second.grounds], ["allowed", "denied", []]);
    });
  });

  it("that cannot be exact says so and why", async () => {
    await withRecordings(async (database, log) => {
      await database.writeSchema({ text: schema }, call);
      await touch(database, "document:1#viewer@user:ana[at_work]");
      const asked = { ...parseCheck("document:1#view@user:ana"), context: { place: "work" } };
      for (let i = 0; i < 5; i++) await database.check(asked, call);
      const first = log.payloads.length - 5;
      forge(log, first, { context: { place: "sha256:00" }, hashed: ["place"] });
      forge(log, first + 1, { schema: "0000000000000000" });
      forge(log, first + 2, { cut: ["context"] });
      await database.redactDecisions({ indexes: [first + 3], reason: "asked for" }, call);
      const { outcomes } = await database.replayDecisions({ indexes: [first, first + 1, first + 2, first + 3, first + 4, 0] }, call);
      assert.deepEqual(outcomes.map(({ kind }) => kind), [...Array<string>(4).fill("not_replayable"), "same", "not_replayable"]);
      const whys = outcomes.map((outcome) => (outcome.kind === "not_replayable" ? outcome.why : ""));
      [/place/, /schema/, /context/, /redacted/, /^$/, /no decision/].forEach((why, i) => assert.match(whys[i] ?? "", why));
    });
  });

  it("behind the horizon is not exact, and says so", async () => {
    let wall = now;
    const time = { wallMs: () => wall, monotonicMs: () => wall, uptimeMs: () => wall };
    await withRecordings(async (database, log, store) => {
      await database.writeSchema({ text: schema }, call);
      await touch(database, "document:1#viewer@user:ana");
      await database.check(parseCheck("document:1#view@user:ana"), call);
      const index = log.payloads.length - 1;
      wall += 3_600_000;
      await touch(database, "document:2#viewer@user:ana");
      wall += 3_600_000;
      await touch(database, "document:3#viewer@user:ana");
      await store.maintain();
      const [outcome] = (await database.replayDecisions({ indexes: [index] }, call)).outcomes;
      assert.ok(outcome?.kind === "not_replayable");
      assert.match(outcome.why, /horizon/);
    }, { time, horizonMs: 60_000 });
  });
});

describe("when a permission was lost", () => {
  const asked = { object: parseObject("document:1"), permission: "view", subject: parseSubject("user:ana") };

  it("is told with the decisions before and after, and the commit that ended it", async () => {
    await withRecordings(async (database) => {
      await database.writeSchema({ text: schema }, call);
      await touch(database, "document:1#viewer@user:ana");
      await database.check({ ...asked }, call);
      for (let i = 0; i < 5; i++) await touch(database, `document:${i + 10}#viewer@user:bob`);
      const { zookie } = await database.writeTuples({ operations: [{ kind: "delete", tuple: parseTuple("document:1#viewer@user:ana") }], metadata: { reason: "offboarded" } }, call);
      for (let i = 0; i < 5; i++) await touch(database, `document:${i + 20}#viewer@user:bob`);
      await database.check({ ...asked }, call);
      const { allowed, lost, commit, note } = await database.findLoss(asked, call);
      assert.equal(note, undefined);
      assert.deepEqual([commit?.zookie, commit?.metadata, commit?.changes], [zookie, { reason: "offboarded" }, ["delete document:1#viewer@user:ana"]]);
      const answer = (payload = "{}") => (JSON.parse(payload) as { answer?: string }).answer;
      assert.deepEqual([answer(allowed?.payload), answer(lost?.payload)], ["allowed", "denied"]);
    });
  });

  it("is told as far as it is known: never decided, never allowed, not lost, or lost by time or another context", async () => {
    await withRecordings(async (database) => {
      await database.writeSchema({ text: schema }, call);
      assert.match((await database.findLoss(asked, call)).note ?? "", /no decision about it/);
      await database.check({ ...asked }, call);
      assert.match((await database.findLoss(asked, call)).note ?? "", /allowed it/);
      await touch(database, "document:1#viewer@user:ana[at_work]");
      await database.check({ ...asked, context: { place: "work" } }, call);
      const kept = await database.findLoss(asked, call);
      assert.match(kept.note ?? "", /last decision on record allowed/);
      assert.equal(kept.lost, undefined);
      await database.check({ ...asked, context: { place: "home" } }, call);
      assert.match((await database.findLoss(asked, call)).note ?? "", /time did, or it was asked in another context/);
    });
  });
});

describe("a loss whose context was recorded as hashes", () => {
  it("is told without a commit, since a hash is no value to evaluate with", async () => {
    await withRecordings(async (database, log) => {
      const asked = { object: parseObject("document:1"), permission: "view", subject: parseSubject("user:ana") };
      await database.writeSchema({ text: schema }, call);
      await touch(database, "document:1#viewer@user:ana[at_work]");
      await database.check({ ...asked, context: { place: "work" } }, call);
      await database.writeTuples({ operations: [{ kind: "delete", tuple: parseTuple("document:1#viewer@user:ana") }] }, call);
      await database.check({ ...asked, context: { place: "work" } }, call);
      const last = log.payloads.length - 1;
      log.payloads[last] = JSON.stringify({ ...log.entries[last], context: { place: "sha256:5a1c" }, hashed: ["place"] });
      const { commit, note } = await database.findLoss(asked, call);
      assert.equal(commit, undefined);
      assert.match(note ?? "", /recorded as hashes/);
    });
  });
});

describe("a question as of an instant", () => {
  it("is answered by the tuples, the schema and the clock of then; one to come is refused", async () => {
    let wall = now;
    await withRecordings(async (database) => {
      await database.writeSchema({ text: schema }, call);
      await touch(database, "document:1#viewer@user:ana", `document:2#viewer@user:ana[expiration:${new Date(now + 500).toISOString()}]`);
      wall += 1_000;
      await remove(database, "document:1#viewer@user:ana");
      const viewers = async (instant: number) =>
        (await database.lookupObjects({ objectType: "document", permission: "view", subject: parseSubject("user:ana"), consistency: { kind: "asOf", instant } }, call)).results.map(({ object }) => object.id);
      assert.deepEqual(await viewers(now + 100), ["1", "2"]);
      assert.deepEqual(await viewers(now + 600), ["1"]);
      assert.deepEqual(await viewers(now + 1_000), []);
      assert.equal((await database.check({ ...parseCheck("document:1#view@user:ana"), consistency: { kind: "asOf", instant: now + 100 } }, call)).allowed, true);
      await assert.rejects(viewers(now + 3_600_000), /to come/);
      await assert.rejects(viewers(0.5), /to come, or none/);
    }, { time: { wallMs: () => wall, monotonicMs: () => wall, uptimeMs: () => wall } });
  });

  it("goes on from page to page", async () => {
    let wall = now;
    await withRecordings(async (database) => {
      await database.writeSchema({ text: schema }, call);
      await touch(database, "document:1#viewer@user:ana", "document:2#viewer@user:ana", "document:3#viewer@user:ana");
      wall += 7_200_000;
      await remove(database, "document:1#viewer@user:ana", "document:3#viewer@user:ana");
      const request = { objectType: "document", permission: "view", subject: parseSubject("user:ana"), consistency: { kind: "asOf", instant: now + 1 }, pageSize: 2 } as const;
      const first = await database.lookupObjects(request, call);
      const second = await database.lookupObjects({ ...request, cursor: first.cursor ?? "" }, call);
      assert.deepEqual([...first.results, ...second.results].map(({ object }) => object.id), ["1", "2", "3"]);
    }, { time: { wallMs: () => wall, monotonicMs: () => wall, uptimeMs: () => wall } });
  });
});

function operationsOf(world: World, picks: readonly (readonly [number, boolean])[]): Operation[] {
  const operations = new Map<string, Operation>();
  for (const [pick, gone] of picks) {
    const tuple = world.tuples[pick % world.tuples.length];
    if (tuple === undefined) continue;
    const { object, relation, subject } = tuple;
    operations.set(tupleIdentity(tuple), gone ? { kind: "delete", tuple: { object, relation, subject } } : { kind: "touch", tuple });
  }
  return [...operations.values()];
}

/** Each permission by itself, all of them together, and what can be looked up. */
async function askAll(database: Database, { schema: { definitions }, subject, context }: World): Promise<void> {
  const items = objects.flatMap((object) => [...(definitions.get(object.type)?.members.keys() ?? [])].map((permission) => ({ object, permission, subject, context })));
  await database.batchCheck({ items }, call);
  for (const item of items.slice(0, 5)) await database.check(item, call).catch(() => undefined);
  for (const { object, permission } of items.slice(0, 3)) {
    await database.lookupObjects({ objectType: object.type, permission, subject, context }, call).catch(() => undefined);
    await database.lookupSubjects({ object, permission, subjectType: subject.type, context }, call).catch(() => undefined);
  }
}
