import assert from "node:assert/strict";
import { limits } from "../../src/base/limits.js";
import { UsherError } from "../../src/base/errors.js";
import type { Database } from "../../src/database/database.js";
import type { AuditEntry, FlipEntry, HoldEntry } from "../../src/model/audit.js";
import type { LiveRequest } from "../../src/model/live.js";
import { Usher } from "../../src/client/usher.js";
import { parseTuple } from "../../src/model/tuple-text.js";
import { EnforcementPoint } from "../decisions/enforcement-point.js";
import { answers, hold } from "../decisions/live.js";
import { withRecordings, type MemoryLog } from "./memory-log.js";

const schema = `
caveat at_work(place string) { place == "work" }
definition user {}
definition group { relation member: user }
definition document {
  relation viewer: user | user:* | user with at_work | group#member
  permission view = viewer
}`;

function pointOf(database: Database, options: ConstructorParameters<typeof EnforcementPoint>[1] = {}): EnforcementPoint {
  const live = (requests: AsyncIterable<LiveRequest>, signal?: AbortSignal) => database.live(requests, { principal: "web", requestId: "r-1", ...(signal && { signal }) });
  return new EnforcementPoint({ live: async function* (requests, _tenant, signal) { yield* live(requests, signal); } }, options);
}

async function prepared(body: (database: Database, log: MemoryLog) => Promise<void>): Promise<void> {
  await withRecordings(async (database, log) => {
    await database.writeSchema({ text: schema }, {});
    await write(database, "touch", "group:eng#member@user:ana", "document:1#viewer@group:eng#member", "document:2#viewer@user:ana[at_work]");
    log.payloads.length = log.grants.length = 0;
    await body(database, log);
  });
}

async function write(database: Database, kind: "touch" | "delete", ...tuples: string[]): Promise<string> {
  return (await database.writeTuples({ operations: tuples.map((text) => ({ kind, tuple: parseTuple(text) })), metadata: { reason: "moved" } }, {})).zookie;
}

function of<Kind extends AuditEntry["kind"]>(log: MemoryLog, kind: Kind) {
  return log.entries.filter((entry): entry is Extract<AuditEntry, { kind: Kind }> => entry.kind === kind);
}

function told({ hold: id, subject, answer }: HoldEntry | FlipEntry): unknown[] {
  return [id, subject, answer];
}

/** Until it is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("what is recorded of live decisions", () => {
  it("are the first answer of each hold, each flip with its cause, what was acknowledged, and the interval", async () => {
    await prepared(async (database, log) => {
      const point = pointOf(database);
      point.hold(hold(1, "document:1#view@user:ana"), hold(2, "document:1#view@user:bo"));
      await point.ping();
      const [ana, bo] = of(log, "hold").sort((a, b) => a.hold - b.hold);
      assert.deepEqual([ana && told(ana), bo && told(bo)], [[1, "user:ana", "allowed"], [2, "user:bo", "denied"]]);
      assert.deepEqual([ana?.principal, ana?.request, ana?.session, ana?.stream], ["web", "r-1", point.stream, point.stream]);
      assert.deepEqual(ana?.grounds, ["document:1#viewer@group:eng#member", "group:eng#member@user:ana"]);
      assert.deepEqual(bo && "grounds" in bo ? bo.grounds : undefined, undefined, "nothing stood in his way");
      const zookie = await write(database, "delete", "group:eng#member@user:ana");
      await point.ping();
      const [flip] = of(log, "flip");
      assert.ok(flip);
      assert.deepEqual([told(flip), flip.before, flip.cause], [[1, "user:ana", "denied"], "allowed", { kind: "tuple", zookie, metadata: { reason: "moved" } }]);
      await until(() => of(log, "acknowledgement").length > 0);
      assert.deepEqual(of(log, "acknowledgement").map(({ stream, holds }) => [stream, holds]), [[point.stream, [1]]]);
      point.release(2);
      await point.ping();
      await point.finish();
      const ends = of(log, "release");
      assert.deepEqual(ends.map(({ hold: id, subject, answer, why }) => [id, subject, answer, why]), [[2, "user:bo", "denied", "released"], [1, "user:ana", "denied", "released"]]);
      assert.ok(ends.every(({ from, at }) => from <= at && from >= (ana?.at ?? Infinity)));
      const indexes = log.entries.flatMap(({ kind }, index) => (kind === "hold" || kind === "flip" ? [index] : []));
      assert.deepEqual((await database.replayDecisions({ indexes }, {})).outcomes.map(({ kind }) => kind), ["same", "same", "same"]);
    });
  });

  it("is nothing of commits that change no answer, and nothing twice", async () => {
    await prepared(async (database, log) => {
      const point = pointOf(database);
      point.hold(hold(1, "document:1#view@user:ana"));
      await point.ping();
      await write(database, "touch", "document:1#viewer@user:ana");
      await point.ping();
      assert.deepEqual(log.entries.map(({ kind }) => kind).filter((kind) => kind !== "write"), ["hold"]);
      await point.finish();
    });
  });

  it("says of a stream that another takes the place of, and of one whose lease ended, that its holds are over", async () => {
    await prepared(async (database, log) => {
      const first = pointOf(database, { leaseMs: 1_000 });
      first.hold(hold(1, "document:1#view@user:ana"));
      await first.ping();
      await first.cut();
      const second = pointOf(database, { resumeStream: first.stream, leaseMs: 1_000 });
      second.hold(hold(1, "document:1#view@user:ana", { last: "allowed" }));
      await second.ping();
      assert.deepEqual(of(log, "release").map(({ stream, why }) => [stream, why]), [[first.stream, "replaced"]]);
      await second.cut();
      await until(() => of(log, "release").length > 1);
      assert.deepEqual(of(log, "lease_end").map(({ stream, holds }) => [stream, holds]), [[second.stream, 1]]);
      assert.deepEqual(of(log, "release").map(({ stream, why }) => [stream, why])[1], [second.stream, "lapsed"]);
    });
  });

  it("is each of very many holds that end together", async () => {
    await prepared(async (database, log) => {
      const point = pointOf(database);
      const count = 2 * limits.holdsRecordedAtOnceMax + 1;
      point.hold(...Array.from({ length: count }, (_, i) => hold(i + 1, `document:${i}#view@user:bo`)));
      await point.ping();
      await point.finish();
      await until(() => of(log, "release").length === count);
      assert.equal(new Set(of(log, "release").map(({ hold: id }) => id)).size, count);
      assert.equal(new Set(of(log, "release").map(({ at }) => at)).size, 1, "they ended together");
    });
  });

  it("takes no count that is none, and passes over holds that it does not know", async () => {
    await prepared(async (database) => {
      const point = pointOf(database);
      point.send({ kind: "uses", uses: [{ id: 99, count: 1 }, { id: 99, member: "1", count: 1 }, { id: 1, member: "*", count: 1 }] });
      await point.ping();
      point.send({ kind: "uses", uses: [{ id: 1, count: 0 }] });
      await point.done;
      assert.ok(point.ended instanceof UsherError && point.ended.code === "invalid_request");
    });
  });

  it("says how often a hold was used, as its guard counted", async () => {
    await prepared(async (database, log) => {
      const usher = new Usher(database);
      const guard = usher.guard();
      await guard.ready({ timeoutMs: 10_000 });
      const held = await guard.hold("document:1", "view", "user:ana");
      for (let i = 0; i < 3; i++) assert.equal(held.allowed, true);
      held.release();
      await until(() => of(log, "release").length > 0);
      assert.deepEqual(of(log, "release").map(({ uses }) => uses), [3]);
      guard.close();
    });
  });

  it("says how often members of a set were used, by name or by the wildcard", async () => {
    await prepared(async (database, log) => {
      await write(database, "touch", "document:open#viewer@user:*");
      const usher = new Usher(database);
      const guard = usher.guard();
      await guard.ready({ timeoutMs: 10_000 });
      const [documents, people] = [await guard.holdObjects("document", "view", "user:ana"), await guard.holdSubjects("document:open", "view", "user")];
      for (let i = 0; i < 3; i++) assert.equal(documents.has("1"), true);
      assert.equal(documents.has("9"), false);
      for (const id of ["zoe", "max", "*"]) assert.equal(people.has(id), true);
      documents.release();
      people.release();
      await until(() => of(log, "release").length > 1);
      const used = of(log, "release").flatMap(({ object, subject, uses }) => (uses === undefined ? [] : [[object, subject, uses]]));
      assert.deepEqual(used.sort(), [["document:1", "user:ana", 3], ["document:open", "user:*", 3]]);
      guard.close();
    });
  });

  it("is what a client says that it holds, which it is not told again", async () => {
    await prepared(async (database, log) => {
      const point = pointOf(database);
      point.hold(hold(1, "document:1#view@user:ana", { last: "allowed" }), hold(2, "document:1#view@user:bo", { last: "denied" }));
      await point.ping();
      assert.equal(point.states.size, 0);
      assert.deepEqual(of(log, "hold").map(told).sort(), [[1, "user:ana", "allowed"], [2, "user:bo", "denied"]]);
      await point.ping();
      assert.equal(of(log, "hold").length, 2);
      await point.finish();
    });
  });

  it("is of whoever a wildcard would let in that he is not", async () => {
    await prepared(async (database, log) => {
      await write(database, "delete", "group:eng#member@user:ana", "document:1#viewer@group:eng#member", "document:2#viewer@user:ana");
      await database.writeSchema({ text: "definition user {} definition document { relation viewer: user:*; relation banned: user; permission view = viewer - banned }" }, {});
      await write(database, "touch", "document:1#viewer@user:*", "document:1#banned@user:bo");
      const point = pointOf(database);
      point.lookup({ id: 7, what: { kind: "subjects", object: { type: "document", id: "1" }, permission: "view", subjectType: "user" } });
      await point.ping();
      assert.deepEqual(of(log, "hold").map(({ subject, answer }) => [subject, answer]).sort(), [["user:*", "allowed"], ["user:bo", "denied"]]);
      point.release(7);
      await point.ping();
      assert.ok(of(log, "release").some(({ subject, answer }) => subject === "user:bo" && answer === "denied"));
      await point.finish();
    });
  });

  it("is of a lookup each member, under the lookup's id", async () => {
    await prepared(async (database, log) => {
      const point = pointOf(database);
      point.lookup({ id: 7, what: { kind: "objects", type: "document", permission: "view", subject: { type: "user", id: "ana", relation: "" } } });
      await point.ping();
      assert.deepEqual(of(log, "hold").map(({ hold: id, object, answer }) => [id, object, answer]).sort(), [[7, "document:1", "allowed"], [7, "document:2", "conditional"]]);
      await write(database, "delete", "document:1#viewer@group:eng#member");
      await point.ping();
      assert.deepEqual(of(log, "flip").map(({ hold: id, object, before, answer }) => [id, object, before, answer]), [[7, "document:1", "allowed", "denied"]]);
      point.release(7);
      await point.ping();
      assert.deepEqual(of(log, "release").map(({ object, why }) => [object, why]).sort(), [["document:1", "released"], ["document:2", "released"]]);
      await point.finish();
    });
  });

  it("is the end of a lookup's member that is no candidate any more, once", async () => {
    await prepared(async (database, log) => {
      const point = pointOf(database);
      point.lookup({ id: 7, what: { kind: "objects", type: "document", permission: "view", subject: { type: "user", id: "ana", relation: "" } } });
      await point.ping();
      await write(database, "delete", "document:1#viewer@group:eng#member");
      await point.ping();
      await until(() => of(log, "acknowledgement").length > 0);
      assert.equal(of(log, "release").length, 0);
      // Its candidates are enumerated anew.
      await database.writeSchema({ text: `${schema} definition other {}` }, {});
      await point.ping();
      const said = () => of(log, "release").map(({ hold: id, object, answer, why }) => [id, object, answer, why]);
      assert.deepEqual(said(), [[7, "document:1", "denied", "released"]]);
      point.release(7);
      await point.ping();
      assert.deepEqual(said().slice(1), [[7, "document:2", "conditional", "released"]]);
      await point.finish();
    });
  });

  it("is the end of all members of a lookup that is refused, whether or not they count till that is acknowledged", async () => {
    await prepared(async (database, log) => {
      await write(database, "touch", "document:3#viewer@user:bo");
      const point = pointOf(database);
      for (const [id, user] of [[7, "ana"], [8, "bo"]] as const) point.lookup({ id, what: { kind: "objects", type: "document", permission: "view", subject: { type: "user", id: user, relation: "" } } });
      await point.ping();
      await write(database, "delete", "document:3#viewer@user:bo");
      await point.ping();
      await until(() => of(log, "acknowledgement").length > 0);
      await database.writeSchema({ text: schema.replace("permission view", "permission see") }, {});
      await point.ping();
      assert.deepEqual(point.refusals.map(({ id }) => id).sort(), [7, 8]);
      // What was acknowledged till now is known.
      await point.ping();
      const said = of(log, "release").map(({ hold: id, object, why }) => [id, object, why]);
      assert.deepEqual(said.sort(), [[7, "document:1", "refused"], [7, "document:2", "refused"], [8, "document:3", "refused"]]);
      await point.finish();
      assert.equal(of(log, "release").length, 3);
    });
  });
});

describe("a held grant whose record must be waited for", () => {
  it("is told once that is on disk; a denial, and what is taken away meanwhile, at once", async () => {
    await prepared(async (database, log) => {
      const writing: (() => void)[] = [];
      const point = pointOf(database);
      point.hold(hold(1, "document:1#view@user:ana"));
      await point.ping();
      log.waiting = () => new Promise((resolve) => writing.push(resolve));
      point.hold(hold(2, "document:1#view@user:bo"), hold(3, "document:2#view@user:ana", { context: { place: "work" } }));
      const covered = point.ping();
      await until(() => writing.length > 0 && point.states.has(2));
      assert.deepEqual(answers(point), { 1: "allowed", 2: "denied" });
      // Its writer waits for the record of the commit; those who held what it ended do not.
      void write(database, "delete", "group:eng#member@user:ana");
      await until(() => point.states.get(1)?.allowed === false);
      assert.equal(point.states.has(3), false, "no grant without its record");
      log.waiting = () => undefined;
      for (const durable of writing) durable();
      await covered;
      assert.deepEqual(answers(point), { 1: "denied", 2: "denied", 3: "allowed" });
      assert.equal(of(log, "hold").filter(({ hold: id }) => id === 3).length, 1);
      await point.finish();
    });
  });

  it("is on record no longer than it is so, though its client has not been told of it", async () => {
    await prepared(async (database, log) => {
      const flips: unknown[] = [];
      const point = pointOf(database, { onMessage: (message) => void (message.kind === "flips" && flips.push(message)) });
      point.hold(hold(1, "document:1#view@user:bo"));
      await point.ping();
      const writing: (() => void)[] = [];
      // Commits are recorded before the client is told: their records are not what is held up.
      log.waiting = () => (log.entries.at(-1)?.kind === "write" ? undefined : new Promise((resolve) => writing.push(resolve)));
      await write(database, "touch", "group:eng#member@user:bo");
      await until(() => writing.length > 0);
      const zookie = await write(database, "delete", "group:eng#member@user:bo");
      for (const durable of writing) durable();
      await point.ping();
      assert.deepEqual(flips, []);
      assert.deepEqual(of(log, "flip").map(({ before, answer }) => [before, answer]), [["denied", "allowed"], ["allowed", "denied"]]);
      assert.deepEqual(of(log, "flip")[1]?.cause, { kind: "tuple", zookie, metadata: { reason: "moved" } });
      await point.finish();
    });
  });

  it("is no answer that takes something away: what was allowed and wants context now is told at once", async () => {
    await prepared(async (database, log) => {
      await write(database, "touch", "document:2#viewer@user:ana");
      const point = pointOf(database);
      point.hold(hold(1, "document:2#view@user:ana"));
      await point.ping();
      assert.deepEqual(answers(point), { 1: "allowed" });
      log.waiting = () => Promise.reject(new UsherError("audit_unavailable", "the disk is full"));
      await write(database, "touch", "document:2#viewer@user:ana[at_work]");
      await point.ping();
      assert.deepEqual(answers(point), { 1: "conditional" });
      assert.equal(of(log, "flip").length, 1);
      await point.finish();
    });
  });

  it("is given no lease, where its client says that it holds it, before that is on disk", async () => {
    await prepared(async (database, log) => {
      const writing: (() => void)[] = [];
      log.waiting = () => new Promise((resolve) => writing.push(resolve));
      const point = pointOf(database);
      point.hold(hold(1, "document:1#view@user:ana", { last: "allowed" }));
      let leased = false;
      const covered = point.ping().then(() => (leased = true));
      await until(() => writing.length > 0);
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      assert.equal(leased, false);
      for (const durable of writing) durable();
      await covered;
      await point.finish();
    });
  });

  it("is never told where there can be no record: the stream ends", async () => {
    await prepared(async (database, log) => {
      log.waiting = () => Promise.reject(new UsherError("audit_unavailable", "the disk is full"));
      const point = pointOf(database);
      point.hold(hold(1, "document:1#view@user:ana"));
      await point.done;
      assert.ok(point.ended instanceof UsherError && point.ended.code === "audit_unavailable");
      assert.equal(point.states.size, 0);
    });
  });
});
