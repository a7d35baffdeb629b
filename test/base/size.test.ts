import assert from "node:assert/strict";

import { sizeBytes } from "../../src/base/size.js";

describe("a size", () => {
  it("is bytes, or has a unit of thousands or of 1024s", () => {
    assert.deepEqual(["1", "268435456", "1KB", "2MB", "1GB", "1KiB", "512MiB", "1GiB"].map(sizeBytes), [1, 268_435_456, 1e3, 2e6, 1e9, 1_024, 536_870_912, 1_073_741_824]);
  });

  it("is none where it is nothing, has another unit, or is more than can be counted", () => {
    for (const text of ["", "0", "0MiB", "-1", "1.5GB", "1 GB", "1gb", "1kB", "1B", "1TB", "MiB", "1e9", "0x10", "1MiB ", "\u0661", "999999999999999GiB", "9".repeat(16), "Infinity"]) assert.equal(sizeBytes(text), undefined, text);
  });
});
