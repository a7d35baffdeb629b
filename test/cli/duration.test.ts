import assert from "node:assert/strict";
import { InvalidArgumentError } from "commander";
import { parseCount, parseDuration } from "../../src/cli/duration.js";

describe("a duration on the command line", () => {
  it("has a unit", () => {
    assert.deepEqual(["500ms", "30s", "5m", "24h", "7d"].map(parseDuration), [500, 30_000, 300_000, 86_400_000, 604_800_000]);
  });

  it("is refused without one, or where it is nothing", () => {
    for (const text of ["", "5", "5 m", "-5m", "1.5h", "0s", "5w", "unlimited", "9999999999d"]) assert.throws(() => parseDuration(text), InvalidArgumentError, text);
    for (const text of ["", "0", "-1", "1.5", "x", "1e3", "9".repeat(16)]) assert.throws(() => parseCount(text), InvalidArgumentError, text);
  });
});
