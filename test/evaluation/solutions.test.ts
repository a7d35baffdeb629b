import assert from "node:assert/strict";
import { allowed } from "../../src/evaluation/answer.js";
import { Solutions } from "../../src/evaluation/solutions.js";

describe("the solutions of a request", () => {
  it("that are forgotten are found out again, and are no progress: else a walk that is cut short where memory keeps nothing never gets a longer turn", () => {
    const solutions = new Solutions(10);
    let walks = 0;
    const solve = () =>
      solutions.solve("document:1#view", 0, 0, () => {
        walks++;
        return allowed;
      });
    solve();
    solve();
    assert.deepEqual([walks, solutions.size], [1, 1]);
    solutions.forget();
    assert.equal(solutions.size, 0);
    solve();
    assert.deepEqual([walks, solutions.size], [2, 1]);
  });
});
