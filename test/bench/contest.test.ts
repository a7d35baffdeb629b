import assert from "node:assert/strict";

import { contest, percentiles } from "../../bench/contest.js";
import { table } from "../../bench/report.js";

const settings = { rounds: 2, roundMs: 5, microSeconds: 0.01, documents: 1 };
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

  it("shows a contender beside another", async () => {
    const rows = await contest([{ name: "a", inFlight: 1, call: instant }, { name: "b", inFlight: 1, call: instant, beside: ["a"] }], settings);
    assert.equal(rows[0]?.ratios, undefined);
    assert.deepEqual(rows[1]?.ratios?.map(({ to }) => to), ["a"]);
    assert.match(table(rows), /of “a”/);
  });

  it("fails where a call fails, and where a contender stands beside none", async () => {
    await assert.rejects(contest([{ name: "a", inFlight: 2, call: () => Promise.reject(new Error("refused")) }], settings), /refused/);
    await assert.rejects(contest([{ name: "a", inFlight: 1, call: instant, beside: ["b"] }], settings), /not there/);
  });
});
