import assert from "node:assert/strict";

import { Random } from "../../../bench/worlds/random.js";
import { Zipf } from "../../../bench/worlds/zipf.js";

const draws = 200_000;

function shares(count: number, exponent: number): number[] {
  const random = new Random(7);
  const zipf = new Zipf(count, exponent);
  const counts = new Array<number>(count).fill(0);
  for (let index = 0; index < draws; index++) {
    const rank = zipf.next(random);
    assert.ok(Number.isInteger(rank) && rank >= 0 && rank < count, `${rank}`);
    counts[rank] = (counts[rank] ?? 0) + 1;
  }
  return counts.map((each) => each / draws);
}

describe("Zipf-distributed ranks", () => {
  for (const exponent of [0.5, 0.99, 1, 1.5]) {
    it(`come as often as exponent ${exponent} says`, () => {
      const weights = Array.from({ length: 20 }, (_, rank) => 1 / (rank + 1) ** exponent);
      const sum = weights.reduce((total, weight) => total + weight, 0);
      for (const [rank, share] of shares(20, exponent).entries()) {
        assert.ok(Math.abs(share - (weights[rank] ?? 0) / sum) < 0.005, `rank ${rank} has ${share}`);
      }
    });
  }

  it("are all of them below ten million, and one where there is but one", () => {
    const random = new Random(7);
    const zipf = new Zipf(10_000_000);
    const ranks = Array.from({ length: 10_000 }, () => zipf.next(random));
    assert.ok(ranks.every((rank) => Number.isInteger(rank) && rank >= 0 && rank < 10_000_000));
    assert.ok(Math.max(...ranks) > 1_000_000);
    assert.deepEqual(shares(1, 0.99), [1]);
  });
});
