import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { instant, setUp, setUpHeld, setUpLeased } from "./fake-live.js";
import { settle } from "./fake-time.js";

describe("the lease of a guard", () => {
  it("is renewed by a ping every third of it, each with a nonce of its own", async () => {
    const { time, live, hold } = await setUpHeld();
    for (let renewed = 0; renewed < 10; renewed++) {
      await time.pass(3_400);
      await live.stream.lease();
      assert.equal(hold.allowed, true);
    }
    const nonces = live.stream.of("ping").map(({ nonce }) => nonce);
    assert.ok(nonces.length >= 10);
    assert.equal(new Set(nonces).size, nonces.length);
  });

  it("ends where nothing is heard: signals abort, `can` waits, and all is back with the next one", async () => {
    const { time, live, guard, hold } = await setUpHeld();
    let lapses = 0;
    guard.on("lapsed", () => lapses++);
    const { signal } = hold;
    await time.pass(9_999);
    assert.deepEqual([hold.allowed, signal.aborted], [true, false]);
    await time.pass(1);
    assert.deepEqual([hold.allowed, hold.reason, signal.aborted, lapses, guard.isReady], [false, "lapsed", true, 1, false]);
    assert.ok(signal.reason instanceof UsherError && signal.reason.code === "lease_lapsed" && signal.reason.details.why === "lapsed");
    await assert.rejects(Promise.all([guard.can("node:n1", "restart", "user:ana", { timeoutMs: 10 }), time.pass(11)]), (error: UsherError) => error.code === "deadline_exceeded");
    await live.streams[0]?.lease();
    assert.deepEqual([hold.allowed, hold.reason, signal.aborted, lapses], [true, undefined, true, 1], "the decision stands; what was aborted stays aborted");
  });

  it("ends by the wall clock alone, and signals abort with whatever is heard or timed first", async () => {
    const { time, live, hold } = await setUpHeld();
    const { signal } = hold;
    time.wall += 10_000;
    assert.deepEqual([hold.allowed, hold.reason], [false, "lapsed"]);
    await live.stream.say({ kind: "checkpoint", zookie: "z1", instant });
    assert.equal(signal.aborted, true);
    await time.pass(4_000);
    await live.stream.lease();
    assert.equal(hold.allowed, true);
  });

  it("ends by the monotonic clock alone, where the wall clock was set back", async () => {
    const { time, hold } = await setUpHeld();
    time.wall -= 3_600_000;
    assert.equal(hold.allowed, true);
    time.monotonic += 9_999;
    assert.equal(hold.allowed, true);
    time.monotonic += 1;
    assert.equal(hold.allowed, false);
  });

  it("is of the last ping as a whole: no end by a clock that was set back since outlives it", async () => {
    const { time, live, hold } = await setUpHeld();
    time.wall -= 3_600_000;
    await time.pass(4_000);
    await live.stream.lease();
    // The machine sleeps: the monotonic clock stops, and the wall clock passes less than what it was set back by.
    time.wall += 10_000;
    assert.equal(hold.allowed, false);
  });

  it("counts from when the ping was sent, however late the checkpoint comes", async () => {
    const { time, live, hold } = await setUpHeld();
    await time.pass(9_000);
    const early = live.stream.of("ping")[1]?.nonce ?? "";
    await live.stream.lease({ nonce: early });
    await time.pass(3_000);
    assert.equal(hold.allowed, true);
    await time.pass(1_000);
    assert.equal(hold.allowed, false, "it was sent after 3,000 ms or so");
    await time.pass(60_000);
    await live.streams[0]?.lease({ nonce: live.streams[0].of("ping")[3]?.nonce ?? "" });
    assert.equal(hold.allowed, false, "a checkpoint that comes after the end of its lease brings none");
  });

  it("is not taken from an earlier ping's checkpoint after a later one's, nor twice, nor with a nonce that is not ours", async () => {
    const { time, live, hold } = await setUpHeld();
    await time.pass(7_000);
    const [first = "", second = "", third = ""] = live.stream.of("ping").map(({ nonce }) => nonce);
    await live.stream.lease({ nonce: third });
    await live.stream.lease({ nonce: second, leaseMs: 60_000 });
    await live.stream.lease({ nonce: third, leaseMs: 60_000 });
    await live.stream.lease({ nonce: first });
    await live.stream.lease({ nonce: "not ours" });
    assert.equal(live.stream.of("acknowledge").length, 6, "each is acknowledged");
    await time.pass(8_900);
    assert.equal(hold.allowed, true);
    await time.pass(100);
    assert.equal(hold.allowed, false, "it was sent after 6,000 ms");
  });

  it("is never longer than was asked for, and a checkpoint without one brings none", async () => {
    const { time, live, guard, hold } = await setUpHeld({ leaseMs: 2_000 });
    await time.pass(700);
    await live.stream.lease({ leaseMs: 3_600_000 });
    await time.pass(1_999);
    assert.equal(hold.allowed, false);
    await live.stream.say({ kind: "checkpoint", zookie: "z1", instant, nonce: live.stream.nonce });
    await live.stream.say({ kind: "checkpoint", zookie: "z1", instant, leaseMs: 2_000 });
    assert.equal(guard.isReady, false);
    await time.pass(700);
    await live.stream.lease({ leaseMs: -5 });
    assert.equal(guard.isReady, false);
  });

  it("is taken from as many unanswered pings as are remembered, and from no earlier one", async () => {
    const { live, guard } = setUp();
    await settle();
    await live.stream.open();
    for (let n = 0; n < limits.pingsUnansweredMax; n++) {
      guard.setContext("office", { n }).catch(() => undefined);
      await settle();
    }
    const [first = "", second = ""] = live.stream.of("ping").map(({ nonce }) => nonce);
    assert.equal(live.stream.of("ping").length, limits.pingsUnansweredMax + 1);
    await live.stream.lease({ nonce: first });
    assert.equal(guard.isReady, false);
    await live.stream.lease({ nonce: second });
    assert.equal(guard.isReady, true);
    guard.close();
  });

  it("counts validity from the checkpoint, by the server's clock, which may run a tenth faster", async () => {
    const { time, live, guard } = await setUpLeased();
    const asked = guard.hold("node:n1", "restart", "user:ana");
    await settle();
    await live.stream.state("n1", true, { at: instant + 100, validForMs: 1_000 });
    const hold = await asked;
    time.monotonic += 999;
    time.wall += 999;
    assert.deepEqual([hold.allowed, hold.reason], [true, undefined]);
    time.monotonic += 2;
    assert.deepEqual([hold.allowed, hold.reason, hold.signal.aborted], [false, "expired", false], "1,001 ms here may be 1,101 there");
    let again: boolean | undefined;
    const waiting = guard.can("node:n1", "restart", "user:ana").then((allowed) => (again = allowed));
    await settle();
    assert.equal(again, undefined, "what follows is told at once, and waited for");
    await live.stream.state("n1", true, { at: instant + 1_100 });
    await waiting;
    assert.deepEqual([again, hold.allowed], [true, true]);
  });

  it("ends a signal with the checkpoint that passes the validity and brings nothing new", async () => {
    const { live, guard } = await setUpLeased();
    const asked = guard.hold("node:n1", "restart", "user:ana");
    await settle();
    await live.stream.state("n1", true, { validForMs: 1_000 });
    const { signal } = await asked;
    await live.stream.say({ kind: "checkpoint", zookie: "z1", instant: instant + 999 });
    assert.equal(signal.aborted, false);
    await live.stream.say({ kind: "checkpoint", zookie: "z1", instant: instant + 1_000 });
    assert.ok(signal.reason instanceof UsherError && signal.reason.details.cause === "time");
    await assert.rejects(guard.can("node:n1", "restart", "user:ana", { signal: AbortSignal.abort() }), (error: UsherError) => error.code === "cancelled");
  });
});

/** What any client of the protocol must do, whichever language it is written in. */
interface Vectors {
  readonly leaseMs: number;
  readonly vectors: readonly { readonly name: string; readonly steps: readonly Step[] }[];
}

type Step =
  /** Both clocks run; or one of them is moved by itself. */
  | { readonly do: "pass" | "monotonic" | "wall"; readonly ms: number }
  /** A ping leaves now, under this name. */
  | { readonly do: "ping"; readonly ping: string }
  /** The server says so: with the nonce of that ping, or a nonce that is none of ours, or without. */
  | { readonly do: "checkpoint"; readonly instant: number; readonly ping?: string; readonly nonce?: string; readonly leaseMs?: number }
  | { readonly do: "state"; readonly allowed: boolean; readonly instant: number; readonly validForMs?: number; readonly missingFields?: readonly string[] }
  | { readonly do: "flip"; readonly allowed: boolean; readonly instant: number }
  | { readonly do: "refuse" }
  | { readonly do: "expect"; readonly allowed: boolean };

const { leaseMs, vectors } = JSON.parse(readFileSync(new URL("../../../../test/client/guard/lease-vectors.json", import.meta.url), "utf8")) as Vectors;

describe("the lease vectors", () => {
  for (const { name, steps } of vectors) it(name, () => run(steps));
});

/** One guard that holds one thing; `expect` asks whether it is allowed. Its own pings are not answered unless a step names one. */
async function run(steps: readonly Step[]): Promise<void> {
  const { time, live, guard } = setUp({ leaseMs });
  await settle();
  await live.stream.open("s1", leaseMs);
  const nonces = new Map<string, string>();
  let pinged = false;
  let allowed = () => false;
  guard.hold("node:n1", "restart", "user:ana", { timeoutMs: 86_400_000 }).then((hold) => (allowed = () => hold.allowed), () => undefined);
  await settle();
  const { stream } = live;
  for (const [at, step] of steps.entries()) {
    if (step.do === "expect") assert.equal(allowed(), step.allowed, `step ${at + 1}`);
    else if (step.do === "pass") await time.pass(step.ms);
    else if (step.do === "monotonic") time.monotonic += step.ms;
    else if (step.do === "wall") time.wall += step.ms;
    else if (step.do === "ping") {
      // The first ping leaves with the opening of the stream; others leave with whatever is asked to be covered.
      if (pinged) void guard.setContext("vectors", {}).catch(() => undefined);
      pinged = true;
      await settle();
      nonces.set(step.ping, stream.nonce);
    } else if (step.do === "checkpoint") {
      const nonce = step.ping === undefined ? step.nonce : nonces.get(step.ping);
      await stream.say({ kind: "checkpoint", zookie: "z", instant: step.instant, ...(nonce === undefined ? {} : { nonce }), ...(step.leaseMs === undefined ? {} : { leaseMs: step.leaseMs }) });
    } else if (step.do === "state") {
      const { validForMs, missingFields = [] } = step;
      await stream.say({ kind: "states", zookie: "z", instant: step.instant, states: [{ id: 1, allowed: step.allowed, missingFields, ...(validForMs === undefined ? {} : { validForMs }) }] });
    } else if (step.do === "flip") await stream.say({ kind: "flips", zookie: "z", instant: step.instant, flips: [{ id: 1, allowed: step.allowed, missingFields: [], cause: { kind: "tuple" } }] });
    else await stream.say({ kind: "refused", refused: [{ id: 1, code: "overloaded", message: "full" }] });
  }
  guard.close();
}
