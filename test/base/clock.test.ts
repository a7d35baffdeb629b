import assert from "node:assert/strict";

import fc from "fast-check";

import { capDelay, SteadyClock, type TimeSources } from "../../src/base/clock.js";
import { limits } from "../../src/base/limits.js";

/** The clocks of a machine to which things happen. */
class Machine implements TimeSources {
  wall = 1_700_000_000_000;
  monotonic = 50;
  uptime = 90_000;
  /** Since the start, awake or suspended: what a perfect clock would have counted. */
  passed = 0;

  wallMs(): number {
    return this.wall;
  }
  monotonicMs(): number {
    return this.monotonic;
  }
  uptimeMs(): number {
    return Math.floor(this.uptime / 10) * 10;
  }
  run(ms: number): void {
    this.monotonic += ms;
    this.suspend(ms);
  }
  suspend(ms: number): void {
    this.wall += ms;
    this.uptime += ms;
    this.passed += ms;
  }
  set(ms: number): void {
    this.wall += ms;
  }
}

function runFor(machine: Machine, clock: SteadyClock, ms: number): number {
  let now = clock.now();
  for (let i = 0; i < ms; i += 100) {
    machine.run(100);
    now = clock.now();
  }
  return now;
}

describe("the steady clock", () => {
  it("runs with the machine", () => {
    const machine = new Machine();
    const clock = new SteadyClock(machine);
    const start = clock.now();
    assert.equal(start, machine.wall);
    machine.run(1234.5);
    assert.equal(clock.now(), start + 1234);
    assert.equal(clock.jumpMs, 0);
  });

  it("starts no earlier than the last commit", () => {
    const machine = new Machine();
    const floor = machine.wall + 3_000;
    assert.ok(new SteadyClock(machine, floor).now() >= floor);
  });

  it("never goes back when the wall clock is set back, and waits for it", () => {
    const machine = new Machine();
    const clock = new SteadyClock(machine);
    const start = clock.now();
    machine.set(-3_000);
    assert.equal(clock.now(), start);
    const later = runFor(machine, clock, 60_000);
    assert.ok(later > start);
    assert.equal(later, Math.floor(machine.wall));
  });

  it("follows a wall clock set forward by no more than the bound, a tenth faster at most", () => {
    const machine = new Machine();
    const clock = new SteadyClock(machine);
    const start = clock.now();
    machine.set(limits.clockJumpMsMax);
    assert.equal(clock.now(), start);
    machine.run(1_000);
    assert.equal(clock.now(), start + 1_100);
    assert.equal(clock.jumpMs, 0);
    assert.equal(runFor(machine, clock, 60_000), machine.wall);
  });

  it("does not follow a jump over the bound, forward or back, but reports it", () => {
    for (const jump of [limits.clockJumpMsMax + 1, -limits.clockJumpMsMax - 1]) {
      const machine = new Machine();
      const clock = new SteadyClock(machine);
      const start = clock.now();
      machine.set(jump);
      assert.equal(clock.now(), start);
      assert.equal(clock.jumpMs, jump);
      machine.run(1_000);
      assert.equal(clock.now(), start + 1_000);
    }
  });

  it("follows any jump forward at the operator's word", () => {
    const machine = new Machine();
    const clock = new SteadyClock(machine);
    machine.set(3_600_000);
    clock.now();
    clock.accept();
    assert.equal(clock.now(), machine.wall);
    assert.equal(clock.jumpMs, 0);
  });

  it("at the operator's word waits for a wall clock far behind", () => {
    const machine = new Machine();
    const clock = new SteadyClock(machine);
    const start = clock.now();
    machine.set(-20_000);
    clock.now();
    clock.accept();
    assert.equal(clock.jumpMs, 0);
    machine.run(1_000);
    assert.equal(clock.now(), start + 900);
    assert.equal(clock.jumpMs, 0, "an accepted difference is not reported again");
    assert.equal(runFor(machine, clock, 300_000), machine.wall);
    machine.set(-20_000);
    clock.now();
    assert.equal(clock.jumpMs, -20_000, "but the next one is");
  });

  it("counts the time that the machine was suspended, however long", () => {
    const machine = new Machine();
    const clock = new SteadyClock(machine);
    for (const ms of [500, 8 * 3_600_000, 4_000, 60_000]) {
      machine.suspend(ms);
      assert.ok(machine.wall - clock.now() <= 30, `after ${ms} ms`);
      assert.equal(clock.jumpMs, 0);
      runFor(machine, clock, 1_000);
    }
  });

  it("lets a suspension vouch for its own length alone", () => {
    const machine = new Machine();
    const clock = new SteadyClock(machine);
    machine.suspend(60_000);
    machine.set(3_600_000);
    const now = clock.now();
    assert.ok(Math.abs(machine.wall - now - 3_600_000) <= 30);
    assert.ok(clock.jumpMs > 3_500_000);
  });

  it("does not save up suspensions to vouch for a later jump", () => {
    const machine = new Machine();
    const clock = new SteadyClock(machine);
    for (let i = 0; i < 100; i++) {
      machine.suspend(1_000);
      clock.now();
      runFor(machine, clock, 1_000);
    }
    machine.set(limits.clockJumpMsMax + 1_000);
    clock.now();
    assert.ok(clock.jumpMs > limits.clockJumpMsMax);
  });

  it("never goes back and never runs ahead of wall and passed time, whatever happens", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("run" as const), ms: fc.double({ min: 0, max: 20_000, noNaN: true }) }),
      fc.record({ kind: fc.constant("suspend" as const), ms: fc.integer({ min: 0, max: 10_000_000 }) }),
      fc.record({ kind: fc.constant("set" as const), ms: fc.integer({ min: -20_000, max: 20_000 }) }),
      fc.record({ kind: fc.constant("accept" as const), ms: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const machine = new Machine();
        const clock = new SteadyClock(machine);
        let last = clock.now();
        let wallMost = machine.wall;
        let accepted = false;
        for (const { kind, ms } of steps) {
          const before = machine.monotonic;
          if (kind === "accept") clock.accept();
          else machine[kind](ms);
          accepted ||= kind === "accept";
          const now = clock.now();
          assert.ok(Number.isInteger(now));
          assert.ok(now >= last, `${now} after ${last}`);
          assert.ok(now - last >= Math.floor((machine.monotonic - before) * 0.9) - 1, "at least nine tenths of the time awake");
          last = now;
          wallMost = Math.max(wallMost, machine.wall);
          if (!accepted) assert.ok(now <= Math.max(wallMost, 1_700_000_000_000 + machine.passed * 1.1) + 1);
        }
      }),
    );
  });
});

describe("a timer's delay", () => {
  it("is capped at what Node.js can wait, and not negative", () => {
    assert.equal(capDelay(Number.POSITIVE_INFINITY), limits.timerMsMax);
    assert.equal(capDelay(limits.timerMsMax + 1), limits.timerMsMax);
    assert.equal(capDelay(17), 17);
    assert.equal(capDelay(-5), 0);
    assert.ok(limits.timerMsMax < 2 ** 31);
  });
});
