import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import type { LiveRequest } from "../../src/model/live.js";
import { answers, flipsOf, hold, live, now } from "./live.js";

const schema = `
  use expiration
  caveat open(hour int) { hour >= 9 }
  caveat early(now timestamp, end timestamp) { now < end }
  definition user {}
  definition group { relation member: user | group#member }
  definition session { relation active: user }
  definition folder { relation viewer: user | group#member
    permission view = viewer
  }
  definition doc {
    relation parent: folder
    relation viewer: user | user:* | group#member | user with open | user with expiration | user with early
    relation session: session
    permission view = viewer + parent->view
    permission live = viewer & session->active
  }`;

async function refusal(...requests: unknown[]): Promise<string | undefined> {
  const point = live(schema).point();
  for (const request of requests) point.send(request as LiveRequest);
  await point.done;
  return (point.ended as UsherError).code;
}

describe("live decisions", () => {
  it("are told once, and again when something ends them, with the commit that did", async () => {
    const world = live(schema, ["group:eng#member@user:ana", "folder:f#viewer@group:eng#member", "doc:1#parent@folder:f"]);
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana"), hold(2, "doc:1#view@user:bo"));
    const { leaseMs } = await point.ping();
    assert.equal(leaseMs, limits.leaseMsDefault);
    assert.deepEqual(answers(point), { 1: "allowed", 2: "denied" });
    world.remove("group:eng#member@user:ana");
    world.write("group:eng#member@user:bo");
    await point.ping();
    assert.deepEqual(answers(point), { 1: "denied", 2: "allowed" });
    assert.deepEqual(flipsOf(point).map(({ id, cause }) => [id, cause.kind, cause.zookie]), [[1, "tuple", "2"], [2, "tuple", "3"]]);
  });

  it("are not evaluated for commits that do not concern them", async () => {
    const world = live(schema, ["group:eng#member@user:ana", "doc:1#viewer@group:eng#member"]);
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana"), hold(2, "doc:1#view@user:bo"));
    await point.ping();
    const { walks } = world.decisions.status;
    world.write("group:eng#member@user:cy", "doc:2#viewer@group:eng#member", "doc:1#session@session:s", "group:ops#member@user:dan");
    await point.ping();
    assert.equal(world.decisions.status.walks, walks, "another member, another document, another relation");
    world.write("group:eng#member@user:bo");
    await point.ping();
    assert.equal(world.decisions.status.walks, walks + 1, "bo's alone");
    world.write("doc:1#viewer@user:*");
    await point.ping();
    assert.equal(world.decisions.status.walks, walks + 3, "a wildcard concerns everybody of the type");
  });

  it("are told right of a subject that very many tuples name, and of one whose tuples commits touch while they are read", async () => {
    const named = (id: string, count: number) => Array.from({ length: count }, (_, i) => `doc:${id}${i}#viewer@user:${id}`);
    const [few, many] = [limits.subjectTuplesFewMax, limits.subjectTuplesFewMax + 1];
    const world = live(schema, [...named("few", few), ...named("many", many), "doc:1#viewer@user:busy"]);
    const point = world.point();
    let overtaken = 0;
    const snapshot = world.store.snapshot.bind(world.store);
    world.store.snapshot = () => {
      const one = snapshot();
      const list = one.list.bind(one);
      one.list = (tenant, query) => {
        if (query.filter.subjectId === "busy" && ++overtaken <= 5) world.write("doc:2#viewer@user:busy");
        return list(tenant, query);
      };
      return one;
    };
    point.hold(...["few", "many"].flatMap((id, at) => [hold(3 * at + 1, `doc:${id}0#view@user:${id}`), hold(3 * at + 2, `doc:${id}${few - 1}#view@user:${id}`), hold(3 * at + 3, `doc:1#view@user:${id}`)]), hold(7, "doc:1#view@user:busy"), hold(8, "doc:2#view@user:busy"));
    await point.ping();
    assert.ok(overtaken > 0);
    assert.deepEqual(answers(point), { 1: "allowed", 2: "allowed", 3: "denied", 4: "allowed", 5: "allowed", 6: "denied", 7: "allowed", 8: "allowed" });
    world.remove("doc:few0#viewer@user:few", "doc:many0#viewer@user:many", "doc:1#viewer@user:busy");
    world.write("doc:1#viewer@user:few", "doc:1#viewer@user:many");
    await point.ping();
    assert.deepEqual(answers(point), { 1: "denied", 2: "allowed", 3: "allowed", 4: "denied", 5: "allowed", 6: "allowed", 7: "denied", 8: "allowed" });
  });

  it("are not evaluated for a schema in which what they ask means the same", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana", "doc:1#parent@folder:f", "folder:f#viewer@user:bo"]);
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana"), hold(2, "doc:1#live@user:ana"), hold(3, "folder:f#view@user:bo"));
    await point.ping();
    const { walks } = world.decisions.status;
    world.define(schema.replace("viewer & session->active", "viewer & viewer"));
    await point.ping();
    assert.equal(world.decisions.status.walks, walks + 1);
    assert.deepEqual(answers(point), { 1: "allowed", 2: "allowed", 3: "allowed" });
    world.define(schema.replace("permission view = viewer\n  }", "permission view = nil\n  }"));
    await point.ping();
    assert.equal(world.decisions.status.walks, walks + 4, "what is built on it by an arrow, too, and what turned back");
    assert.deepEqual(answers(point), { 1: "allowed", 2: "denied", 3: "denied" });
    world.define(schema);
    await point.ping();
    assert.deepEqual(answers(point), { 1: "allowed", 2: "denied", 3: "allowed" });
    const before = world.decisions.status.walks;
    world.define(schema.replace("relation parent: folder", "relation parent: folder | group"));
    await point.ping();
    assert.equal(world.decisions.status.walks, before + 1, "an arrow is built on the relation that it follows");
  });

  it("end with the clock: an expiry, and a condition's boundary", async () => {
    const soon = new Date(now + 60_000).toISOString();
    const world = live(schema, [`doc:1#viewer@user:ana[expiration:${soon}]`, `doc:2#viewer@user:ana[early:{"end":"${soon}"}]`]);
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana"), hold(2, "doc:2#view@user:ana"));
    await point.ping();
    assert.deepEqual(answers(point), { 1: "allowed", 2: "allowed" });
    assert.deepEqual([point.states.get(1)?.validForMs, point.states.get(2)?.validForMs], [60_000, 60_000]);
    world.clock.instant += 59_999;
    await point.ping();
    assert.deepEqual(answers(point), { 1: "allowed", 2: "allowed" });
    world.clock.instant += 1;
    await point.ping();
    assert.deepEqual(answers(point), { 1: "denied", 2: "denied" });
    assert.deepEqual(flipsOf(point).map(({ id, cause }) => [id, cause.kind]).sort(), [[1, "expiry"], [2, "condition"]]);
  });

  it("end in the tick of their commit, where they are few, also beside very many", async () => {
    const many = 2_000;
    const world = live(schema, ["doc:1#viewer@user:ana", "group:all#member@user:bo", ...Array.from({ length: many }, (_, at) => `doc:m${at}#viewer@group:all#member`)]);
    const [few, crowd] = [world.point(), world.point()];
    few.hold(hold(1, "doc:1#view@user:ana"));
    crowd.hold(...Array.from({ length: many }, (_, at) => hold(at + 1, `doc:m${at}#view@user:bo`)));
    await Promise.all([few.ping(), crowd.ping()]);
    world.remove("group:all#member@user:bo");
    world.remove("doc:1#viewer@user:ana");
    // What was begun before the event loop goes on to anything else.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    await new Promise<void>((resolve) => process.nextTick(resolve));
    assert.deepEqual(answers(few), { 1: "denied" });
    assert.ok(flipsOf(crowd).length < many, "the others are still being evaluated");
    await crowd.ping();
    assert.deepEqual(new Set(Object.values(answers(crowd))), new Set(["denied"]));
  });

  it("say an expiry from a condition's boundary also where both can end them, behind groups, and where they fall together", async () => {
    const [soon, later] = [60_000, 120_000].map((ms) => new Date(now + ms).toISOString());
    const world = live(schema, [
      `doc:1#viewer@user:ana[early:{"end":"${soon}"}][expiration:${later}]`,
      `doc:2#viewer@user:ana[early:{"end":"${later}"}][expiration:${soon}]`,
      `doc:3#viewer@user:ana[early:{"end":"${soon}"}][expiration:${soon}]`,
      // Another's tuple of the same relation expires at the instant of the boundary.
      `doc:1#viewer@user:bo[expiration:${soon}]`,
    ]);
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana"), hold(2, "doc:2#view@user:ana"), hold(3, "doc:3#view@user:ana"), hold(4, "doc:1#view@user:bo"));
    await point.ping();
    world.clock.instant += 60_000;
    await point.ping();
    assert.deepEqual(flipsOf(point).map(({ id, cause }) => [id, cause.kind]).sort(), [[1, "condition"], [2, "expiry"], [3, "expiry"], [4, "expiry"]]);
  });

  it("follow the context that their stream sets, of all holds that name it", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana[open]"]);
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana", { contextName: "device" }), hold(2, "doc:1#view@user:ana", { contextName: "device", context: { hour: 3 } }), hold(3, "doc:1#view@user:ana"));
    await point.ping();
    assert.deepEqual(answers(point), { 1: "conditional", 2: "denied", 3: "conditional" });
    point.send({ kind: "setContext", name: "device", context: { hour: 10 } });
    await point.ping();
    assert.deepEqual(answers(point), { 1: "allowed", 2: "denied", 3: "conditional" });
    point.send({ kind: "setContext", name: "device", context: { hour: 8 } });
    await point.ping();
    assert.deepEqual(answers(point), { 1: "denied", 2: "denied", 3: "conditional" });
    assert.deepEqual(flipsOf(point).map(({ id, cause }) => [id, cause.kind]), [[1, "context"], [1, "context"]]);
  });

  it("end with a session that is deleted", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana", "doc:1#session@session:s", "session:s#active@user:ana"]);
    const point = world.point();
    point.hold(hold(1, "doc:1#live@user:ana"));
    await point.ping();
    assert.deepEqual(answers(point), { 1: "allowed" });
    world.remove("session:s#active@user:ana");
    await point.ping();
    assert.deepEqual(answers(point), { 1: "denied" });
  });

  it("come with explanations where these are asked for", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"]);
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana", { explain: true }));
    await point.ping();
    assert.equal(point.states.get(1)?.explanation?.answer, "allowed");
    world.remove("doc:1#viewer@user:ana");
    await point.ping();
    assert.equal(point.states.get(1)?.explanation?.answer, "denied");
  });

  it("deny what the schema does not have any more, and come back with it", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"]);
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana"));
    await point.ping();
    world.define(schema.replace("permission view = viewer + parent->view", "permission see = viewer"));
    await point.ping();
    assert.deepEqual(answers(point), { 1: "denied" });
    assert.equal(point.states.get(1)?.error?.code, "unknown_relation");
    world.define(schema);
    await point.ping();
    assert.deepEqual(answers(point), { 1: "allowed" });
  });

  it("give no checkpoint, and so no lease, while the store does not answer", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"]);
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana"));
    await point.ping();
    world.failing.error = new UsherError("store_unavailable", "the disk");
    world.remove("doc:1#viewer@user:ana");
    let answered = false;
    const ping = point.ping().then(() => (answered = true));
    await sleep(50);
    assert.equal(answered, false);
    world.failing.error = undefined;
    await ping;
    assert.deepEqual(answers(point), { 1: "denied" });
  });

  it("are found out by the sweep where memory is wrong, corrected, and reported", async () => {
    const findings: Error[] = [];
    const world = live(schema, ["doc:1#viewer@user:ana"], { report: (error) => findings.push(error) });
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana"));
    await point.ping();
    await world.decisions.sweep();
    assert.equal(world.decisions.status.findings, 0);
    // A commit of which nobody was told: what no code should ever do.
    (world.store.tuplesAt(world.store.head.revision) as unknown[]).length = 0;
    await world.decisions.sweep();
    await point.ping();
    assert.deepEqual(answers(point), { 1: "denied" });
    assert.equal(flipsOf(point)[0]?.cause.kind, "sweep");
    assert.equal(findings.length, 1);
  });

  it("are found out by the sweep where the schema does not have any more what they ask, beside others", async () => {
    const findings: Error[] = [];
    const world = live(schema, ["doc:1#viewer@user:ana", "doc:1#session@session:s", "session:s#active@user:ana"], { report: (error) => findings.push(error) });
    const point = world.point();
    point.hold(hold(1, "doc:1#live@user:ana"), hold(2, "doc:1#live@user:bo"), hold(3, "doc:1#view@user:ana"));
    await point.ping();
    // Nobody was told of it.
    world.redefine(schema.replace("permission live = viewer & session->active", "").replace("permission view = viewer + parent->view", "permission view = parent->view"));
    await world.decisions.sweep();
    await point.ping();
    assert.deepEqual(answers(point), { 1: "denied", 2: "denied", 3: "denied" });
    assert.equal(world.decisions.status.findings, 2, "of bo nothing was wrong");
  });

  it("refuse what is no hold by itself, and take the others", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"]);
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana"), { ...hold(2, "doc:1#view@user:ana"), subject: { type: "user", id: "*", relation: "" } }, hold(1, "doc:1#view@user:bo"), hold(3, "doc:1#view@user:ana", { last: "maybe" as never }));
    await point.ping();
    const refused = point.messages.flatMap((message) => (message.kind === "refused" ? message.refused : []));
    assert.deepEqual(refused.map(({ id, code }) => [id, code]), [[2, "invalid_request"], [1, "invalid_request"], [3, "invalid_request"]]);
    assert.equal(world.decisions.status.holds, 1);
  });

  it("end the stream where a message means nothing", async () => {
    assert.equal(await refusal({ kind: "open" }), "invalid_request");
    assert.equal(await refusal({ kind: "whatever" }), "invalid_request");
    assert.equal(await refusal({ kind: "ping", nonce: "" }), "invalid_request");
    assert.equal(await refusal({ kind: "ping", nonce: "x".repeat(limits.nonceBytesMax + 1) }), "invalid_request");
    assert.equal(await refusal({ kind: "hold", holds: [hold(0, "doc:1#view@user:ana")] }), "invalid_request");
    assert.equal(await refusal({ kind: "release", ids: new Array(limits.holdsPerMessageMax + 1).fill(1) }), "request_too_large");
    assert.equal(await refusal({ kind: "setContext", name: "", context: {} }), "invalid_request");
    const world = live(schema);
    for (const leaseMs of [limits.leaseMsMin - 1, limits.leaseMsMax + 1, 1.5]) {
      const point = world.point({ leaseMs });
      await point.done;
      assert.equal((point.ended as UsherError).code, "invalid_request");
    }
    for (const leaseMs of [limits.leaseMsMin, limits.leaseMsMax]) assert.equal((await world.point({ leaseMs }).ping()).leaseMs, leaseMs);
  });

  it("bound the contexts of a stream", async () => {
    const world = live(schema);
    const point = world.point();
    for (let i = 0; i < limits.contextsPerStreamMax; i++) point.send({ kind: "setContext", name: `c${i}`, context: {} });
    await point.ping();
    point.send({ kind: "setContext", name: "one more", context: {} });
    await point.done;
    assert.equal((point.ended as UsherError).code, "overloaded");
  });

  it("leave nothing behind once nobody holds them", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"]);
    const point = world.point();
    point.hold(hold(1, "doc:1#view@user:ana"), hold(2, "doc:1#view@user:ana", { contextName: "c" }));
    await point.ping();
    assert.deepEqual([world.decisions.status.holds, world.decisions.status.decisions], [2, 1], "who asks the same shares one");
    await point.finish();
    const { streams, holds, decisions } = world.decisions.status;
    assert.deepEqual({ streams, holds, decisions }, { streams: 0, holds: 0, decisions: 0 });
  });

  it("end with their database", async () => {
    const world = live(schema);
    const point = world.point();
    await point.ping();
    world.decisions.stop();
    await point.done;
    assert.equal((point.ended as UsherError).code, "closed");
    const late = world.point();
    await late.done;
    assert.equal((late.ended as UsherError).code, "closed");
  });
});
