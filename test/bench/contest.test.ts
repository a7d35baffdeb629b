import assert from "node:assert/strict";

import { contest } from "../../bench/contest.js";
import { atLeast, atMost, goalLines, table } from "../../bench/report.js";
import { quick } from "../../bench/suite.js";
import { percentiles } from "../../bench/turn.js";

const settings = { ...quick, rounds: 2, roundMs: 5 };
const instant = async () => undefined;

describe("contests of the benchmarks", () => {
  it("takes p50 and p99 of latencies, in microseconds", () => {
    const latenciesMs = Array.from({ length: 1_000 }, (_, i) => 1_000 - i);
    assert.deepEqual(percentiles(latenciesMs), { p50Us: 501_000, p99Us: 991_000 });
  });

  it("keeps so many calls under way, and no more", async () => {
    let open = 0;
    let most = 0;
    const call = async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
    };
    await contest([{ name: "a", inFlight: 3, call }], settings);
    assert.equal(most, 3);
    assert.equal(open, 0);
  });

  it("prepares each call before it, with the same index", async () => {
    const prepared = new Set<number>();
    const call = async (index: number) => assert.ok(prepared.delete(index));
    await contest([{ name: "a", inFlight: 2, before: (index) => void prepared.add(index), call }], settings);
  });

  it("shows a contender beside another, and whether it reaches its goals", async () => {
    const goals = () => [atLeast("a figure", 2, 3), atMost("another", 2, 3), atLeast("none", 2, undefined)];
    const rows = await contest([{ name: "a", inFlight: 1, call: instant }, { name: "b", inFlight: 1, call: instant, beside: ["a"], goals }], settings);
    assert.equal(rows[0]?.ratios, undefined);
    assert.deepEqual(rows[1]?.ratios?.map(({ to }) => to), ["a"]);
    assert.deepEqual(rows[1]?.goals?.map(({ reached }) => reached), [true, false, false]);
    assert.match(table(rows), /of “a”/);
    assert.match(table(rows), /reached: a figure 3.00, goal at least 2.00/);
    assert.equal(goalLines([{ suite: "s", rows }]).length, 3);
    assert.match(table(rows), /MISSED: another 3.00, goal at most 2.00/);
  });

  it("takes turns of what is measured elsewhere", async () => {
    const turn = async () => ({ perSecond: 100, latenciesMs: Float64Array.of(1, 2, 3) });
    const [row] = await contest([{ name: "a", turn }], settings);
    assert.deepEqual(row, { name: "a", perSecond: 100, p50Us: 2_000, p99Us: 3_000 });
  });

  it("fails where a call fails, and where a contender stands beside none", async () => {
    await assert.rejects(contest([{ name: "a", inFlight: 2, call: () => Promise.reject(new Error("refused")) }], settings), /refused/);
    await assert.rejects(contest([{ name: "a", inFlight: 1, call: instant, beside: ["b"] }], settings), /not there/);
  });
});
