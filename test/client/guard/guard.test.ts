import assert from "node:assert/strict";

import { UsherError, type ErrorCode } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import type { DecisionChange } from "../../../src/client/guard/guard-events.js";
import { object } from "../../../src/model/object.js";
import { setUp, setUpHeld, setUpLeased } from "./fake-live.js";
import { settle } from "./fake-time.js";

const is = (code: ErrorCode, details: Record<string, string> = {}) => (error: unknown) => {
  assert.ok(error instanceof UsherError, String(error));
  assert.equal(error.code, code, error.message);
  for (const [name, value] of Object.entries(details)) assert.equal(error.details[name], value, name);
  return true;
};

describe("a guard", () => {
  it("holds a permission, and shows its holder out when it ends", async () => {
    const { live, guard } = await setUpLeased();
    await guard.ready();
    const asked = guard.hold(object("node", "n1"), "restart", object("user", "ana"));
    await settle();
    assert.deepEqual(live.stream.holds, [{ id: 1, object: { type: "node", id: "n1" }, permission: "restart", subject: { type: "user", id: "ana", relation: "" } }]);
    await live.stream.state("n1", true);
    const hold = await asked;
    assert.deepEqual([hold.allowed, hold.reason, hold.signal.aborted], [true, undefined, false]);

    await live.stream.flip("n1", false, { kind: "tuple", zookie: "z2", metadata: { reason: "offboarded" } });
    assert.deepEqual([hold.allowed, hold.reason, hold.signal.aborted], [false, "revoked", true]);
    is("permission_denied", { object: "node:n1", permission: "restart", subject: "user:ana", why: "revoked", cause: "tuple", zookie: "z2", "metadata.reason": "offboarded" })(hold.signal.reason);

    hold.release();
    hold.release();
    await settle();
    assert.deepEqual(live.stream.of("release"), [{ kind: "release", ids: [1] }]);
    assert.equal(hold.reason, "released");
  });

  it("asks in the name of its tenant, for the lease that it was given", async () => {
    const { live } = setUp({ leaseMs: 2_000 });
    await settle();
    assert.equal(live.calls[0]?.tenant, "acme");
    assert.deepEqual(live.stream.received, [{ kind: "open", leaseMs: 2_000 }]);
  });

  it("refuses what is denied, and gives it back", async () => {
    const { live, guard } = await setUpLeased();
    const asked = assert.rejects(guard.hold("node:n1", "restart", "user:bob"), is("permission_denied", { object: "node:n1", permission: "restart", subject: "user:bob", why: "denied" }));
    await settle();
    await live.stream.state("n1", false);
    await asked;
    await settle();
    assert.deepEqual([live.stream.of("release"), guard.size], [[{ kind: "release", ids: [1] }], 0]);
  });

  it("refuses what is conditional, and names the fields", async () => {
    const { live, guard } = await setUpLeased();
    const asked = assert.rejects(guard.hold("node:n1", "restart", "user:bob"), is("permission_denied", { why: "conditional", missingFields: "day" }));
    const can = guard.can("node:n1", "restart", "user:bob");
    await settle();
    await live.stream.state("n1", false, { missingFields: ["day"] });
    await asked;
    assert.equal(await can, false);
  });

  it("does not take an answer with open fields, or with an error, for an allowed one", async () => {
    const { live, guard } = await setUpLeased();
    const open = assert.rejects(guard.hold("node:n1", "restart", "user:ana"), is("permission_denied", { why: "conditional" }));
    const undecided = assert.rejects(guard.hold("node:n2", "restart", "user:ana"), is("depth_exceeded", { object: "node:n2" }));
    const can = assert.rejects(guard.can("node:n2", "restart", "user:ana"), is("depth_exceeded"));
    await settle();
    await live.stream.state("n1", true, { missingFields: ["day"] });
    const error = { code: "depth_exceeded" as const, message: "too deep" };
    await live.stream.say({ kind: "states", zookie: "z1", instant: 1, states: [{ id: live.stream.holdOf("n2").id, allowed: true, missingFields: [], error }] });
    await Promise.all([open, undecided, can]);
  });

  it("tells why the server refused a hold, and asks anew the next time", async () => {
    const { live, guard } = await setUpLeased();
    const asked = assert.rejects(guard.can("node:n1", "fly", "user:ana"), is("unknown_relation", { permission: "fly", why: "refused" }));
    await settle();
    await live.stream.say({ kind: "refused", refused: [{ id: 1, code: "unknown_relation", message: "there is no `fly`" }] });
    await asked;
    const again = guard.can("node:n1", "fly", "user:ana");
    await settle();
    await live.stream.state("n1", true);
    assert.equal(await again, true);
    assert.deepEqual(live.stream.holds.map(({ id }) => id), [1, 2]);
  });

  it("ends a hold that the server does not keep any more", async () => {
    const { live, hold } = await setUpHeld();
    const { signal } = hold;
    await live.stream.say({ kind: "refused", refused: [{ id: 1, code: "overloaded", message: "too many" }] });
    assert.deepEqual([hold.allowed, hold.reason], [false, "refused"]);
    is("overloaded")(signal.reason);
    hold.release();
    await settle();
    assert.deepEqual(live.stream.of("release"), []);
  });

  it("runs listeners of a revocation before it acknowledges the checkpoint, and acknowledges each once", async () => {
    const { live, guard, hold } = await setUpHeld();
    const order: string[] = [];
    hold.signal.addEventListener("abort", () => order.push(`aborted, allowed ${hold.allowed}, acknowledged ${live.stream.of("acknowledge").length}`));
    guard.on("revoked", ({ cause }) => order.push(`revoked by ${cause.kind}`));
    await live.stream.say(
      { kind: "flips", zookie: "z2", instant: 5_000_000, flips: [{ id: 1, allowed: false, missingFields: [], cause: { kind: "schema" } }] },
      { kind: "checkpoint", zookie: "z2", instant: 5_000_000 },
    );
    assert.deepEqual(order, ["aborted, allowed false, acknowledged 1", "revoked by schema"]);
    assert.deepEqual(live.stream.of("acknowledge").map(({ zookie }) => zookie), ["z1", "z2"]);
  });

  it("goes on where a listener of an event throws", async () => {
    const { live, guard, hold } = await setUpHeld();
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const thrown = new Promise((resolve) => process.once("uncaughtException", resolve));
    try {
      guard.on("revoked", () => {
        throw new Error("a listener's own fault");
      });
      await live.stream.flip("n1", false);
      await live.stream.lease({ zookie: "z9" });
      assert.match(String(await thrown), /own fault/);
    } finally {
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
    assert.equal(hold.allowed, false);
    assert.equal(live.stream.of("acknowledge").at(-1)?.zookie, "z9");
  });

  it("allows again what is granted again; the signal stays aborted", async () => {
    const { live, guard, hold } = await setUpHeld();
    const told: [string, DecisionChange][] = [];
    guard.on("revoked", (change) => told.push(["revoked", change]));
    guard.on("granted", (change) => told.push(["granted", change]));
    await live.stream.flip("n1", false);
    await live.stream.flip("n1", true);
    assert.deepEqual([hold.allowed, hold.signal.aborted], [true, true]);
    assert.deepEqual(told.map(([name, { object: { id }, permission, subject, cause }]) => [name, id, permission, subject.id, cause.kind]), [
      ["revoked", "n1", "restart", "ana", "tuple"],
      ["granted", "n1", "restart", "ana", "tuple"],
    ]);
  });

  it("hands out no hold that is revoked in the moment in which it is had without its signal saying so", async () => {
    const { live, guard } = await setUpLeased();
    const asked = guard.hold("node:n1", "restart", "user:ana").then((hold) => hold.signal, (error: UsherError) => error.code);
    await settle();
    const flip = { id: 1, allowed: false, missingFields: [] };
    await live.stream.say(
      { kind: "states", zookie: "z1", instant: 1, states: [{ ...flip, allowed: true }] },
      { kind: "flips", zookie: "z2", instant: 1, flips: [{ ...flip, cause: { kind: "tuple" } }] },
    );
    const had = await asked;
    assert.ok(had === "permission_denied" || (typeof had === "object" && had.aborted), "denied, or had and ended");
  });

  it("holds one question once, however many hold it", async () => {
    const { live, guard, hold } = await setUpHeld();
    const second = await guard.hold(object("node", "n1"), "restart", object("user", "ana"));
    assert.equal(await guard.can("node:n1", "restart", "user:ana"), true);
    assert.equal(live.stream.holds.length, 1);
    hold.release();
    assert.deepEqual([hold.allowed, second.allowed], [false, true]);
    second.release();
    await settle();
    assert.deepEqual([live.stream.of("release"), guard.size], [[], 1], "`can` asked for it, so it is kept");
  });

  it("keeps questions apart that differ in anything", async () => {
    const { live, guard } = await setUpLeased();
    const asked = [
      guard.can("node:n1", "restart", "user:ana"),
      guard.can("node:n1", "restart", "user:ana#self"),
      guard.can("node:n1", "restart", "user:ana", { context: {} }),
      guard.can("node:n1", "restart", "user:ana", { context: { hour: 9 } }),
      guard.can("node:n1", "restart", "user:ana", { contextName: "office" }),
      guard.can("node:n1", "restart", "user:ana", { contextName: "office", context: { hour: 9 } }),
      guard.can("node:n1", "restart", "user:ana", { context: { hour: -0 } }),
      guard.can("node:n1", "restart", "user:ana", { context: { hour: 0 } }),
    ].map((answer) => answer.catch((error: UsherError) => error.code));
    await settle();
    assert.equal(live.stream.of("hold").length, 1, "asked in one go, they are one message");
    assert.equal(live.stream.holds.length, 7);
    assert.ok(live.stream.holds.every(({ context }) => !Object.is(context?.hour, -0)), "what is sent is what tells them apart");
    guard.close();
    assert.deepEqual(new Set(await Promise.all(asked)), new Set(["closed"]));
  });

  it("takes no malformed question", async () => {
    const { guard } = await setUpLeased();
    await assert.rejects(guard.hold(object("node", "n1"), "re start", "user:ana"), is("invalid_name"));
    await assert.rejects(guard.hold({ type: "node", id: "n1#x" }, "restart", "user:ana"), is("invalid_id"));
    await assert.rejects(guard.hold("node:n1", "restart", "user:*"), is("invalid_request"));
    await assert.rejects(guard.can("node:n1", "restart", "user:ana", { context: { when: new Date() as never } }), is("invalid_context"));
    await assert.rejects(guard.can("node:n1", "restart", "user:ana", { contextName: "" }), is("invalid_request"));
    assert.equal(guard.size, 0);
  });

  it("forgets what `can` asked for longest ago, and never what is held", async () => {
    const { live, guard, hold } = await setUpHeld({ maxHolds: 3 });
    for (const id of ["n2", "n3"]) {
      const asked = guard.can(`node:${id}`, "restart", "user:ana");
      await settle();
      await live.stream.state(id, true);
      assert.equal(await asked, true);
    }
    assert.equal(await guard.can("node:n2", "restart", "user:ana"), true);
    void guard.can("node:n4", "restart", "user:ana").catch(() => undefined);
    await settle();
    assert.deepEqual([live.stream.of("release"), guard.size, hold.allowed], [[{ kind: "release", ids: [live.stream.holdOf("n3").id] }], 3, true]);
  });

  it("refuses one hold more than it may have, and takes one when another is released", async () => {
    const { live, guard, hold } = await setUpHeld({ maxHolds: 2 });
    const second = guard.hold("node:n2", "restart", "user:ana");
    await settle();
    await live.stream.state("n2", true);
    await second;
    await assert.rejects(guard.hold("node:n3", "restart", "user:ana"), is("overloaded"));
    await assert.rejects(guard.can("node:n3", "restart", "user:ana"), is("overloaded"));
    hold.release();
    const third = guard.hold("node:n3", "restart", "user:ana");
    await settle();
    await live.stream.state("n3", true);
    assert.equal((await third).allowed, true);
  });

  it("takes no bound out of bounds", () => {
    for (const options of [{ leaseMs: limits.leaseMsMin - 1 }, { leaseMs: limits.leaseMsMax + 1 }, { leaseMs: NaN }, { maxHolds: 0 }, { maxHolds: limits.holdsPerStreamMax + 1 }]) {
      assert.throws(() => setUp(options), is("invalid_request"));
    }
    for (const options of [{ leaseMs: limits.leaseMsMin }, { leaseMs: limits.leaseMsMax }, { maxHolds: 1 }, { maxHolds: limits.holdsPerStreamMax }]) setUp(options).guard.close();
  });

  it("sets a context, and resolves once a checkpoint has covered it", async () => {
    const { live, guard, hold } = await setUpHeld();
    const earlier = live.stream.nonce;
    let done = false;
    const set = guard.setContext("office", { hour: 9 }).then(() => (done = true));
    await settle();
    assert.deepEqual(live.stream.received.slice(-2).map(({ kind }) => kind), ["setContext", "ping"]);
    await live.stream.lease({ nonce: earlier });
    await live.stream.say({ kind: "checkpoint", zookie: "z1", instant: 5_000_000 });
    assert.equal(done, false, "neither an earlier ping's checkpoint nor one without a nonce covers it");
    await live.stream.flip("n1", false, { kind: "context" });
    assert.equal(hold.allowed, false);
    await live.stream.lease();
    await set;
    await assert.rejects(guard.setContext("office", { hour: Infinity }), is("invalid_context"));
    await assert.rejects(guard.setContext("", {}), is("invalid_request"));
  });

  it("has as many contexts as may be", async () => {
    const { guard } = await setUpLeased();
    const set = Array.from({ length: limits.contextsPerStreamMax }, (_, i) => guard.setContext(`c${i}`, {}).catch((error: UsherError) => error.code));
    await assert.rejects(guard.setContext("one more", {}), is("overloaded"));
    const again = assert.rejects(guard.setContext("c1", { hour: 1 }), is("closed"));
    guard.close();
    assert.deepEqual(new Set(await Promise.all(set)), new Set(["closed"]));
    await again;
  });

  it("is closed once and for all", async () => {
    const { time, live, guard, hold } = await setUpHeld();
    const { signal } = hold;
    const pending = assert.rejects(guard.can("node:n2", "restart", "user:ana"), is("closed"));
    const { stream } = live;
    guard.close();
    guard.close();
    assert.deepEqual([hold.allowed, hold.reason, stream.signal.aborted, guard.isReady], [false, "closed", true, false]);
    is("closed")(signal.reason);
    is("closed")(hold.signal.reason);
    await pending;
    await assert.rejects(guard.hold("node:n1", "restart", "user:ana"), is("closed"));
    await assert.rejects(guard.can("node:n1", "restart", "user:ana"), is("closed"));
    await assert.rejects(guard.ready(), is("closed"));
    await assert.rejects(guard.setContext("office", {}), is("closed"));
    hold.release();
    await time.pass(60_000);
    assert.deepEqual([live.streams.length, time.timers], [1, 0]);
  });
});

describe("a guard that waits", () => {
  it("is not ready before the first lease", async () => {
    const { time, live, guard } = setUp();
    const late = assert.rejects(guard.ready({ timeoutMs: 100 }), is("deadline_exceeded"));
    await settle();
    await live.stream.open();
    await time.pass(101);
    await late;
    const ready = guard.ready();
    await live.stream.lease();
    await ready;
    assert.equal(guard.isReady, true);
  });

  it("says why it is not ready", async () => {
    const { time, guard } = setUp({}, new UsherError("unauthenticated", "the key is unknown"));
    const late = assert.rejects(guard.ready({ timeoutMs: 500 }), (error: UsherError) => is("deadline_exceeded")(error) && is("unauthenticated")(error.cause));
    await time.pass(501);
    await late;
  });

  it("gives up on what is not answered in time, or not wanted any more", async () => {
    const { time, live, guard } = await setUpLeased();
    const late = assert.rejects(guard.hold("node:n1", "restart", "user:ana", { timeoutMs: 50 }), is("deadline_exceeded"));
    const controller = new AbortController();
    const cancelled = assert.rejects(guard.can("node:n2", "restart", "user:ana", { signal: controller.signal }), is("cancelled"));
    await settle();
    controller.abort();
    await cancelled;
    await time.pass(51);
    await late;
    await assert.rejects(guard.can("node:n2", "restart", "user:ana", { signal: controller.signal }), is("cancelled"));
    assert.deepEqual(live.stream.of("release"), [{ kind: "release", ids: [1] }], "what `can` asked for is kept");
  });

  it("says that the server cannot be reached", async () => {
    const { time, guard } = setUp({}, new UsherError("server_unreachable", "nobody listens there"));
    const asked = assert.rejects(guard.can("node:n1", "restart", "user:ana", { timeoutMs: 5_000 }), (error: UsherError) => is("server_unreachable")(error) && is("server_unreachable")(error.cause));
    await time.pass(5_001);
    await asked;
  });

  it("takes no answer for allowed before there is a lease", async () => {
    const { live, guard } = setUp();
    await settle();
    await live.stream.open();
    let answer: boolean | undefined;
    const asked = guard.can("node:n1", "restart", "user:ana").then((allowed) => (answer = allowed));
    await settle();
    await live.stream.state("n1", true);
    assert.equal(answer, undefined);
    await live.stream.lease();
    await asked;
    assert.equal(answer, true);
  });
});
