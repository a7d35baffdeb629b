import assert from "node:assert/strict";

import { DailyRate } from "../../src/base/daily-rate.js";

const dayMs = 86_400_000;

/** Within a hundredth. */
function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= expected / 100, `${actual} is not near ${expected}`);
}

describe("a daily rate", () => {
  it("is nothing where nothing came", () => {
    assert.equal(new DailyRate(5).perDay(5), 0);
    assert.equal(new DailyRate(5).perDay(1e9), 0);
  });

  it("is that of a steady stream, from its first minute on", () => {
    const rate = new DailyRate(1_000);
    for (let at = 1_000; at <= 7_201_000; at += 1_000) {
      rate.add(50, at);
      if (at === 61_000 || at === 601_000 || at === 7_201_000) close(rate.perDay(at), (50 * dayMs) / 1_000 * (at === 61_000 ? 61 / 60 : 1));
    }
  });

  it("follows a change within half an hour, and forgets a burst", () => {
    const rate = new DailyRate(0);
    for (let at = 0; at < 3_600_000; at += 1_000) rate.add(50, at);
    for (let at = 3_600_000; at < 7_200_000; at += 1_000) rate.add(10, at);
    close(rate.perDay(7_200_000), (10 * dayMs) / 1_000);
    assert.ok(rate.perDay(7_200_000 + 7_200_000) < dayMs / 1_000);
  });
});
