import assert from "node:assert/strict";

import { UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import type { Guard } from "../../../src/client/guard/guard.js";
import { setUp, setUpHeld, setUpLeased, type FakeLive, type FakeStream } from "./fake-live.js";
import { settle, type FakeTime } from "./fake-time.js";

const broken = new UsherError("server_unreachable", "the connection broke");

/** The stream breaks, and another opens within its delay. */
async function reconnect(live: FakeLive, time: FakeTime): Promise<FakeStream> {
  await live.stream.end(broken);
  await time.pass(limits.reconnectMsMin);
  await live.stream.open("s2");
  return live.stream;
}

/** Holds one more, which the server answers so. */
async function hold(guard: Guard, live: FakeLive, id: string, more: { readonly validForMs?: number } = {}) {
  const asked = guard.hold(`node:${id}`, "restart", "user:ana");
  await settle();
  await live.stream.state(id, true, more);
  return asked;
}

describe("a guard whose stream breaks", () => {
  it("keeps what it holds, and tells the next stream of it: contexts, holds with their last answers, then a ping", async () => {
    const { live, time, guard, hold } = await setUpHeld();
    const told: string[] = [];
    guard.on("disconnected", ({ code }) => told.push(code));
    guard.on("connected", () => told.push("connected"));
    void guard.setContext("office", { hour: 9 });
    await settle();
    await live.stream.lease();
    const second = await reconnect(live, time);
    assert.equal(live.streams.length, 2);
    assert.deepEqual(second.received.map(({ kind }) => kind), ["open", "setContext", "hold", "ping"]);
    assert.deepEqual(second.received[0], { kind: "open", leaseMs: 10_000, resumeStream: "s1" });
    assert.deepEqual(second.received[1], { kind: "setContext", name: "office", context: { hour: 9 } });
    assert.equal(second.holdOf("n1").last, "allowed");
    assert.deepEqual([hold.allowed, told], [true, ["server_unreachable", "connected"]]);
    await second.lease();
    await time.pass(9_000);
    assert.equal(hold.allowed, true, "nothing was said of it before the checkpoint: it is unchanged, under the new lease");
  });

  it("takes the differences that the next stream tells", async () => {
    const { live, time, guard, hold: first } = await setUpHeld();
    const second = await hold(guard, live, "n2");
    const { signal } = second;
    const stream = await reconnect(live, time);
    await stream.flip("n2", false, { kind: "resume" });
    assert.deepEqual([first.allowed, second.allowed, signal.aborted], [true, false, true]);
    assert.ok(signal.reason instanceof UsherError && signal.reason.details.cause === "resume");
  });

  it("presents denied and conditional answers too, and none of what it knows nothing", async () => {
    const { live, time, guard } = await setUpLeased();
    const asked = ["n1", "n2", "n3", "n4"].map((id) => guard.can(`node:${id}`, "restart", "user:ana"));
    await settle();
    await live.stream.state("n1", false);
    await live.stream.state("n2", false, { missingFields: ["day"] });
    await live.stream.state("n3", true, { validForMs: 60_000 });
    const stream = await reconnect(live, time);
    assert.deepEqual(stream.holds.map(({ object, last }) => [object.id, last]), [["n1", "denied"], ["n2", "conditional"], ["n3", undefined], ["n4", undefined]]);
    await stream.state("n4", true);
    assert.deepEqual(await Promise.all(asked), [false, false, true, true]);
  });

  it("does not trust what the next stream was to tell anew and did not", async () => {
    const { live, time, guard } = await setUpLeased();
    const held = await hold(guard, live, "n1", { validForMs: 60_000 });
    const { signal } = held;
    const stream = await reconnect(live, time);
    assert.equal(stream.holdOf("n1").last, undefined, "what time ends is told anew");
    assert.equal(held.allowed, true, "the old lease still runs");
    await stream.lease();
    assert.deepEqual([held.allowed, held.reason, signal.aborted], [false, "pending", true]);
    await stream.state("n1", true);
    assert.equal(held.allowed, true);
  });

  it("presents no answer after the lease has ended, and allows only what is told anew", async () => {
    const { live, time, hold } = await setUpHeld();
    await live.stream.end(broken);
    live.unreachable = broken;
    await time.pass(10_000);
    assert.deepEqual([hold.allowed, hold.signal.aborted], [false, true]);
    live.unreachable = undefined;
    await time.pass(limits.reconnectMsMax);
    const { stream } = live;
    await stream.open("s2");
    assert.deepEqual(stream.holds.map(({ id, last }) => [id, last]), [[1, undefined]]);
    await stream.lease();
    assert.deepEqual([hold.allowed, hold.reason], [false, "pending"]);
    await stream.state("n1", true);
    assert.deepEqual([hold.allowed, hold.signal.aborted], [true, true]);
  });

  it("takes no lease for a nonce of the stream before", async () => {
    const { live, time, hold } = await setUpHeld();
    await time.pass(3_500);
    const { nonce } = live.stream;
    const stream = await reconnect(live, time);
    await stream.lease({ nonce });
    await time.pass(6_500);
    assert.equal(hold.allowed, false);
  });

  it("asks again for what it waited for, and for a context's checkpoint", async () => {
    const { live, time, guard } = setUp();
    const set = guard.setContext("office", { hour: 9 });
    const asked = guard.can("node:n1", "restart", "user:ana", { contextName: "office" });
    await settle();
    await live.stream.open();
    assert.deepEqual(live.stream.received.map(({ kind }) => kind), ["open", "setContext", "hold", "ping"]);
    const stream = await reconnect(live, time);
    assert.equal(stream.holdOf("n1").contextName, "office");
    await stream.state("n1", true);
    await stream.lease();
    await set;
    assert.equal(await asked, true);
  });

  it("does not present what was released meanwhile", async () => {
    const { live, time, hold } = await setUpHeld();
    await live.stream.end(broken);
    hold.release();
    await time.pass(limits.reconnectMsMin);
    await live.stream.open("s2");
    assert.deepEqual(live.stream.received.map(({ kind }) => kind), ["open", "ping"]);
  });

  it("waits longer each time, by a part that is drawn, and never longer than the most", async () => {
    const { live, time } = setUp({ random: () => 1 }, broken);
    const at: number[] = [];
    const run = live.live.bind(live);
    live.live = (requests, call) => {
      at.push(time.monotonic);
      return run(requests, call);
    };
    await time.pass(10_000);
    const delays = at.map((when, i) => when - (at[i - 1] ?? 1_000));
    assert.deepEqual(delays.slice(0, 7), [100, 200, 400, 800, 1_600, 2_000, 2_000]);
  });

  it("does not come back at once to a server that opens streams and ends them", async () => {
    const { live, time } = await setUpLeased({ random: () => 1 });
    for (let n = 2; n < 6; n++) {
      await live.stream.end();
      await time.pass(limits.reconnectMsMax);
      assert.equal(live.streams.length, n);
      await live.stream.open(`s${n}`);
    }
    await live.stream.end();
    await time.pass(1_500);
    assert.equal(live.streams.length, 5, "1,600 ms have not passed");
  });

  it("ends a stream that a server does not open in time, or opens wrongly", async () => {
    const { live, time } = setUp();
    await time.pass(limits.callMsDefault + limits.reconnectMsMin);
    assert.deepEqual([live.streams.length, live.streams[0]?.signal.aborted], [2, true]);
    await live.stream.say({ kind: "checkpoint", zookie: "z1", instant: 1 });
    assert.equal(live.streams[1]?.signal.aborted, true);
    await time.pass(limits.reconnectMsMax);
    await live.stream.open();
    await live.stream.open();
    assert.equal(live.streams[2]?.signal.aborted, true);
  });

  it("opens another beside a stream that has fallen silent", async () => {
    const { live, time, hold } = await setUpHeld();
    await time.pass(9_500);
    assert.equal(live.streams.length, 1);
    await time.pass(3_500);
    assert.equal(live.streams.length, 2);
    assert.equal(live.streams[0]?.signal.aborted, false);
    await live.streams[0]?.lease();
    assert.equal(hold.allowed, true, "the first serves until the second is open");
    await live.stream.open("s2");
    assert.equal(live.streams[0]?.signal.aborted, true);
  });

  it("gives up a stream that does not read what it is sent", async () => {
    const { live, guard } = await setUpLeased();
    const { stream } = live;
    stream.deaf = true;
    // One more than may wait has been taken, and is being read.
    await stream.say(...Array.from({ length: limits.liveOutboxMessagesMax + 1 }, (_, n) => ({ kind: "checkpoint" as const, zookie: `z${n}`, instant: 1 })));
    assert.equal(stream.signal.aborted, false);
    await stream.say({ kind: "checkpoint", zookie: "one more", instant: 1 });
    assert.equal(stream.signal.aborted, true);
    guard.close();
  });
});

describe("a guard whose server drains", () => {
  it("comes back after the delay, and is served until then", async () => {
    const { live, time, hold } = await setUpHeld();
    const [first] = live.streams;
    await first?.say({ kind: "draining", reconnectAfterMs: 500 });
    await time.pass(499);
    assert.equal(live.streams.length, 1);
    await time.pass(1);
    assert.deepEqual([live.streams.length, live.stream.received[0]], [2, { kind: "open", leaseMs: 10_000, resumeStream: "s1" }]);
    await first?.flip("n1", false);
    assert.equal(hold.allowed, false, "the old stream is heard until the new one is open");
    await first?.flip("n1", true);
    await live.stream.open("s2");
    assert.equal(live.stream.holdOf("n1").last, "allowed");
    await first?.flip("n1", false);
    assert.deepEqual([first?.signal.aborted, hold.allowed], [true, true], "from then on it is not: the new one tells");
    await live.stream.flip("n1", false);
    assert.equal(hold.allowed, false);
  });

  it("keeps to the delay where the stream ends within it", async () => {
    const { live, time, hold } = await setUpHeld();
    await live.stream.say({ kind: "draining", reconnectAfterMs: 900 });
    await live.stream.end();
    await time.pass(899);
    assert.equal(live.streams.length, 1);
    await time.pass(1);
    assert.equal(live.streams.length, 2);
    assert.equal(hold.allowed, true);
  });

  it("tries again where nobody is there yet", async () => {
    const { live, time, hold } = await setUpHeld();
    await live.stream.say({ kind: "draining", reconnectAfterMs: 100 });
    live.unreachable = broken;
    await time.pass(101);
    live.unreachable = undefined;
    await time.pass(limits.reconnectMsMin);
    await live.stream.open("s2");
    await live.stream.lease();
    assert.deepEqual([live.streams.length, hold.allowed], [2, true]);
  });
});
