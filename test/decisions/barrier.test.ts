import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { answers, flipsOf, hold, live } from "./live.js";

const schema = `
  caveat open(hour int) { hour >= 9 }
  definition user {}
  definition group { relation member: user }
  definition doc {
    relation viewer: user | user:* | group#member | user with open
    permission view = viewer
  }`;
const ana = "doc:1#view@user:ana";

async function held(...tuples: string[]) {
  const world = live(schema, tuples);
  const point = world.point();
  point.hold(hold(1, ana));
  await point.ping();
  return { world, point };
}

describe("the revocation barrier", () => {
  it("answers when the enforcement point has acknowledged what it was told", async () => {
    const { world, point } = await held("doc:1#viewer@user:ana");
    world.remove("doc:1#viewer@user:ana");
    assert.deepEqual(await world.enforced(5_000), { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
    assert.deepEqual(answers(point), { 1: "denied" });
    assert.equal(flipsOf(point)[0]?.cause.kind, "tuple");
  });

  it("does not wait for who loses nothing", async () => {
    const { world, point } = await held("doc:1#viewer@user:ana", "doc:1#viewer@user:*");
    point.silent = true;
    world.remove("doc:1#viewer@user:ana");
    assert.deepEqual(await world.enforced(5_000), { affected: 0, acknowledged: 0, lapsed: 0, pending: 0 });
    world.write("doc:2#viewer@user:bo");
    assert.deepEqual(await world.enforced(5_000), { affected: 0, acknowledged: 0, lapsed: 0, pending: 0 });
  });

  it("never counts a frozen client as enforced: it is pending until its lease has ended, and lapsed then", async () => {
    const { world, point } = await held("doc:1#viewer@user:ana");
    point.silent = true;
    world.remove("doc:1#viewer@user:ana");
    const { revision } = world.store.head;
    const waiting = world.decisions.enforced(revision, 60_000);
    await point.ping();
    world.clock.monotonic += 10_000;
    assert.deepEqual(await world.decisions.enforced(revision, 0), { affected: 1, acknowledged: 0, lapsed: 0, pending: 1 });
    world.clock.monotonic += 100;
    assert.deepEqual(await waiting, { affected: 1, acknowledged: 0, lapsed: 1, pending: 0 });
  });

  it("waits for the lease of a client whose connection broke", async () => {
    const { world, point } = await held("doc:1#viewer@user:ana");
    await point.cut();
    world.remove("doc:1#viewer@user:ana");
    await sleep(20);
    assert.deepEqual(await world.enforced(0), { affected: 1, acknowledged: 0, lapsed: 0, pending: 1 });
    world.clock.monotonic += 10_100;
    assert.deepEqual(await world.enforced(0), { affected: 1, acknowledged: 0, lapsed: 1, pending: 0 });
  });

  it("does not wait for one that has come back, said what it held, and acknowledged what became of it", async () => {
    const { world, point } = await held("doc:1#viewer@user:ana");
    await point.cut();
    const back = world.point({ resumeStream: point.stream });
    back.hold(hold(1, ana, { last: "allowed" }));
    await back.ping();
    assert.equal(back.states.size, 0, "nothing has changed, and nothing is told");
    world.remove("doc:1#viewer@user:ana");
    assert.deepEqual(await world.enforced(5_000), { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
  });

  it("goes on waiting for the broken stream while the new one has not asked for a checkpoint over what it took over", async () => {
    const { world, point } = await held("doc:1#viewer@user:ana");
    await point.cut();
    const back = world.point({ resumeStream: point.stream });
    back.hold(hold(2, "doc:2#view@user:ana"));
    while (!back.messages.some(({ kind }) => kind === "checkpoint")) await sleep(1);
    world.remove("doc:1#viewer@user:ana");
    await sleep(20);
    assert.deepEqual(await world.enforced(0), { affected: 1, acknowledged: 0, lapsed: 0, pending: 1 });
  });

  it("counts a client that drops the hold, or ends its requests, as having let go", async () => {
    const { world, point } = await held("doc:1#viewer@user:ana");
    point.silent = true;
    world.remove("doc:1#viewer@user:ana");
    const waiting = world.enforced(60_000);
    setTimeout(() => point.release(1), 20);
    assert.deepEqual(await waiting, { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
    const other = await held("doc:1#viewer@user:ana");
    await other.point.finish();
    other.world.remove("doc:1#viewer@user:ana");
    assert.deepEqual(await other.world.enforced(5_000), { affected: 0, acknowledged: 0, lapsed: 0, pending: 0 });
  });

  it("waits after a restart for leases of the run before, of which nobody knows what they were for", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"], { leases: { maxMs: 10_000, raise: async () => undefined } });
    world.remove("doc:1#viewer@user:ana");
    assert.deepEqual(await world.enforced(0), { affected: 1, acknowledged: 0, lapsed: 0, pending: 1 });
    world.clock.monotonic += 10_100;
    assert.deepEqual(await world.enforced(0), { affected: 0, acknowledged: 0, lapsed: 0, pending: 0 });
  });

  it("covers schemas, and what becomes denied from conditional", async () => {
    const { world, point } = await held("doc:1#viewer@user:ana[open]");
    assert.deepEqual(answers(point), { 1: "conditional" });
    world.remove("doc:1#viewer@user:ana");
    assert.deepEqual(await world.enforced(5_000), { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
    world.write("doc:1#viewer@user:ana");
    await point.ping();
    world.define(schema.replace("permission view = viewer", "permission view = viewer - viewer"));
    assert.deepEqual(await world.enforced(5_000), { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
    assert.equal(flipsOf(point).at(-1)?.cause.kind, "schema");
  });

  it("counts each stream once, and all of them", async () => {
    const { world, point } = await held("doc:1#viewer@user:ana", "doc:2#viewer@user:ana");
    point.hold(hold(2, "doc:2#view@user:ana"), hold(3, ana));
    const other = world.point();
    other.hold(hold(1, ana));
    await Promise.all([point.ping(), other.ping()]);
    world.remove("doc:1#viewer@user:ana", "doc:2#viewer@user:ana");
    assert.deepEqual(await world.enforced(5_000), { affected: 2, acknowledged: 2, lapsed: 0, pending: 0 });
  });

  it("is told of an acknowledgement from the future that it is none", async () => {
    const { world, point } = await held("doc:1#viewer@user:ana");
    point.silent = true;
    point.send({ kind: "acknowledge", zookie: "999" });
    await point.done;
    assert.equal((point.ended as { code?: string }).code, "zookie_ahead");
    world.remove("doc:1#viewer@user:ana");
    await sleep(20);
    assert.equal((await world.enforced(0)).pending, 1, "and its lease still counts");
  });
});
