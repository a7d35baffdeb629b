import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../../src/base/limits.js";
import { Database } from "../../src/database/database.js";
import { openLeaseFile } from "../../src/database/lease-file.js";
import { Barrier } from "../../src/decisions/barrier.js";
import { Deadlines } from "../../src/decisions/deadlines.js";
import { LiveDecisions } from "../../src/decisions/live-decisions.js";
import { leasesInMemory } from "../../src/decisions/leases.js";
import type { LiveHold } from "../../src/decisions/live-hold.js";
import { LiveClient } from "../../src/decisions/live-client.js";
import { LiveStream } from "../../src/decisions/live-stream.js";
import type { LivePort } from "../../src/decisions/port.js";
import { RelationCache } from "../../src/evaluation/cache/relation-cache.js";
import type { LiveRequest, LiveResponse } from "../../src/model/live.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import { parseTuple } from "../../src/model/tuple-text.js";
import { HinderedSnapshot } from "../evaluation/head.js";
import { MemoryStore } from "../evaluation/memory-store.js";
import { inFolder } from "../support/folder.js";
import { EnforcementPoint } from "./enforcement-point.js";
import { answers, hold, live, now } from "./live.js";

const docs = `
  definition user {}
  definition doc { relation viewer: user
    permission view = viewer
  }`;
const ana = "doc:1#view@user:ana";

/** A stream whose responses are read one by one. */
function slowly({ decisions }: ReturnType<typeof live>, requests: readonly (LiveRequest | number)[]): AsyncGenerator<LiveResponse, void> {
  return decisions.live(
    (async function* () {
      for (const request of requests) {
        if (typeof request === "number") await sleep(request);
        else yield request;
      }
    })(),
    1,
  );
}

const held: readonly LiveRequest[] = [{ kind: "open" }, { kind: "hold", holds: [hold(1, ana)] }, { kind: "ping", nonce: "a" }];

describe("live decisions, where two things happen at once", () => {
  it("miss no commit that comes while an evaluation reads an older snapshot", async () => {
    const chain = Array.from({ length: 11 }, (_, i) => `folder:${i + 1}#parent@folder:${i + 2}`);
    const store = new MemoryStore(["doc:1#parent@folder:z", "doc:2#parent@folder:1", ...chain, "folder:12#viewer@user:ana"].map(parseTuple), now);
    const cache = new RelationCache(store);
    const schema = compileSchema(`
      definition user {}
      definition folder { relation parent: folder
        relation viewer: user
        permission view = viewer + parent->view
      }
      definition doc { relation parent: folder
        permission view = parent->view
      }`);
    let revoked = false;
    let writes = 0;
    // Hot keys drive the evaluation to its snapshot; there the deep end is revoked before it has been come to.
    const hinder = async () => {
      if (revoked) return;
      if (cache.counts.pinned === 0) store.apply([{ kind: "write", tuple: parseTuple(`doc:1#parent@folder:x${writes++}`) }]);
      else {
        revoked = true;
        store.apply([{ kind: "delete", tuple: parseTuple("folder:12#viewer@user:ana") }]);
      }
    };
    const port = {
      store: Object.assign(store, { clock: { now: () => now }, snapshot: () => new HinderedSnapshot(MemoryStore.prototype.snapshot.call(store), hinder), condition: { state: "ready" }, onCondition: () => () => undefined, hasTenant: () => true }),
      cache,
      observer: { onEvaluation: () => undefined },
      leases: leasesInMemory(),
      schemaAt: async () => ({ schema, revision: 1 }),
      validate: (question: unknown) => question,
      zookie: (_tenant: number, revision: number) => String(revision),
      revisionOf: (_tenant: number, zookie: string) => Number(zookie),
      monotonicMs: () => 0,
    } as unknown as LivePort;
    const decisions = new LiveDecisions(port);
    const point = new EnforcementPoint(decisions);
    point.hold(hold(1, "doc:1#view@user:ana"), hold(2, "doc:2#view@user:ana"));
    await point.ping();
    assert.equal(revoked, true, "the evaluation was driven to its snapshot");
    assert.deepEqual(answers(point), { 1: "denied", 2: "denied" });
    decisions.stop();
  });

  it("count for a commit though their context changes before they are evaluated", async () => {
    const world = live(
      `caveat at(ip string) { ip == "home" }
      definition user {}
      definition doc { relation viewer: user with at
        permission view = viewer
      }`,
      ["doc:1#viewer@user:ana[at]"],
    );
    const point = world.point();
    point.send({ kind: "setContext", name: "s", context: { ip: "home" } });
    point.hold(hold(1, ana, { contextName: "s" }));
    await point.ping();
    assert.deepEqual(answers(point), { 1: "allowed" });
    point.silent = true;
    point.send({ kind: "setContext", name: "s", context: { ip: "home", more: 1 } });
    world.remove("doc:1#viewer@user:ana");
    await sleep(20);
    assert.equal((await world.enforced(0)).pending, 1);
  });

  it("count under the lease of the stream before, where the one that took its place broke before it had one", async () => {
    const world = live(docs, ["doc:1#viewer@user:ana"]);
    const one = world.point();
    one.hold(hold(1, "doc:2#view@user:ana"));
    await one.ping();
    await one.cut();
    const two = world.point({ resumeStream: one.stream });
    two.hold(hold(1, "doc:2#view@user:ana", { last: "denied" }), hold(2, ana));
    await sleep(20);
    assert.deepEqual(answers(two), { 2: "allowed" });
    await two.cut();
    world.remove("doc:1#viewer@user:ana");
    await sleep(20);
    assert.equal((await world.enforced(0)).pending, 1);
  });

  it("never lower the record of leases", async () => {
    await inFolder(async (folder) => {
      const record = await openLeaseFile(folder);
      await Promise.all([record.raise(60_000), record.raise(10_000), record.raise(30_000)]);
      assert.equal(record.maxMs, 60_000);
      assert.match(await readFile(join(folder, "leases.json"), "utf8"), /60000/);
    });
  });

  it("open again what was settled by a release, when more of the same stream is found to be concerned", async () => {
    const barrier = new Barrier(() => 0, -Infinity, () => undefined);
    const stream = new LiveStream("s", 1, 10_000, new LiveClient({}, 0));
    stream.lapsesAt = 10_000;
    const [one, two] = [{ stream }, { stream }] as unknown as [LiveHold, LiveHold];
    barrier.marked(2);
    barrier.marked(2);
    barrier.evaluated(2, [one]);
    barrier.dropped(one);
    barrier.evaluated(2, [two]);
    assert.equal((await barrier.enforced(2, 0)).pending, 1);
  });

  it("take no acknowledgement of what was not sent", async () => {
    const world = live(docs, ["doc:1#viewer@user:ana"]);
    const responses = slowly(world, [...held, 40, { kind: "acknowledge", zookie: "2" }, { kind: "acknowledge", zookie: "2" }, 300]);
    for (let n = 0; n < 3; n++) await responses.next();
    world.remove("doc:1#viewer@user:ana");
    await sleep(100);
    assert.equal((await world.enforced(0)).pending, 1, "the flip has not been read");
  });

  it("count for a second revocation while nobody knows whether the first was heard", async () => {
    const world = live(docs, ["doc:1#viewer@user:ana"]);
    const responses = slowly(world, [...held, 400]);
    for (let n = 0; n < 3; n++) await responses.next();
    const flip = responses.next();
    world.remove("doc:1#viewer@user:ana");
    assert.equal(((await flip).value as LiveResponse).kind, "flips");
    world.write("doc:1#viewer@user:ana");
    await sleep(20);
    world.remove("doc:1#viewer@user:ana");
    await sleep(20);
    assert.equal((await world.enforced(0)).pending, 1);
  });

  it("owe a checkpoint for a revocation that a regrant has made silent, so that its writer need not wait for a ping", async () => {
    const world = live(docs, ["doc:1#viewer@user:ana"]);
    const responses = slowly(world, [...held, 400]);
    for (let n = 0; n < 3; n++) await responses.next();
    // Nobody reads meanwhile.
    world.remove("doc:1#viewer@user:ana");
    await sleep(20);
    world.write("doc:1#viewer@user:ana");
    await sleep(20);
    const { value } = await responses.next();
    assert.deepEqual(value, { kind: "checkpoint", zookie: "3", instant: now });
  });

  it("end where their caller leaves before they are open", async () => {
    let raised = () => undefined as void;
    const world = live(docs, [], { leases: { maxMs: 0, raise: () => new Promise((resolve) => (raised = resolve)) } });
    const point = world.point();
    await sleep(10);
    const cut = point.cut();
    raised();
    await cut;
    assert.equal(world.decisions.status.streams, 0);
  });

  it("are not had of a tenant that is deleted while they open", async () => {
    await inFolder(async (folder) => {
      const database = await Database.open(folder);
      await database.createTenant({ name: "acme" }, {});
      let go = () => undefined as void;
      const gate = new Promise<void>((resolve) => (go = resolve));
      const late = async function* (requests: AsyncIterable<LiveRequest>) {
        await gate;
        yield* requests;
      };
      const point = new EnforcementPoint({ live: (requests, _tenant, signal) => database.live(late(requests), { tenant: "acme", ...(signal === undefined ? {} : { signal }) }) as AsyncGenerator<LiveResponse, void> });
      await database.deleteTenant({ name: "acme" }, {});
      go();
      await point.done;
      assert.equal((point.ended as { code?: string }).code, "tenant_unknown");
      await database.close();
    });
  });

  it("get no lease from a store that has failed, and end with one that has ended", async () => {
    const world = live(docs, ["doc:1#viewer@user:ana"]);
    const point = world.point();
    await point.ping();
    world.become("failed");
    let answered = false;
    const ping = point.ping().then(() => (answered = true));
    await sleep(30);
    assert.equal(answered, false);
    world.become("ready");
    await ping;
    world.become("ended");
    await point.done;
    assert.equal((point.ended as { code?: string }).code, "closed");
  });

  it("are bounded in what a client leaves unread and unacknowledged", async () => {
    const world = live(docs);
    const bad = Array.from({ length: limits.holdsPerMessageMax }, (_, i) => ({ ...hold(i + 1, ana), permission: "?" }));
    const requests: LiveRequest[] = [{ kind: "open" }, ...Array.from({ length: 3 }, (): LiveRequest => ({ kind: "hold", holds: bad }))];
    const responses = slowly(world, [...requests, 100]);
    await responses.next();
    await responses.next();
    await sleep(300);
    await assert.rejects(async () => {
      for (let next = await responses.next(); next.done !== true; next = await responses.next());
    }, { code: "overloaded" });
    const silent = world.point();
    silent.silent = true;
    for (let n = 0; n <= limits.checkpointsUnacknowledgedMax && silent.ended === undefined; n++) await silent.ping().catch(() => undefined);
    await silent.done;
    assert.equal((silent.ended as { code?: string }).code, "overloaded");
  });

  it("keep one deadline each, and none of what is not held any more", () => {
    const deadlines = new Deadlines({ now: () => 0 }, () => undefined);
    const item = { until: 1e12, queuedFor: Infinity };
    for (let i = 0; i < 10_000; i++) {
      item.until = 1e12 + i;
      deadlines.add(item);
      deadlines.add(item);
    }
    assert.ok(deadlines.size < 3_000, String(deadlines.size));
    deadlines.stop();
  });
});
