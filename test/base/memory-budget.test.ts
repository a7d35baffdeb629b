import assert from "node:assert/strict";

import { UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { memoryBudgetBytesDefault, memoryBudgetBytesMax, memoryBudgetOf } from "../../src/base/memory-budget.js";

const mebibyte = 1_048_576;

describe("the memory budget", () => {
  it("is what was given, within its bounds", () => {
    for (const bytes of [limits.memoryBudgetBytesMin, 100_000_000, memoryBudgetBytesMax()]) assert.equal(memoryBudgetOf(bytes), bytes);
    assert.equal(memoryBudgetOf(undefined), memoryBudgetBytesDefault());
  });

  it("is refused out of its bounds, and where it is no number of bytes", () => {
    const wrong = [limits.memoryBudgetBytesMin - 1, memoryBudgetBytesMax() + 1, 0, -1, 2 * mebibyte + 0.5, Number.NaN, Number.POSITIVE_INFINITY, "512MiB" as unknown as number, null as unknown as number];
    for (const bytes of wrong) {
      assert.throws(
        () => memoryBudgetOf(bytes),
        (error: UsherError) => error.code === "invalid_configuration" && error.details["keys"] === "memoryBudgetBytes" && error.message.startsWith(`\`memoryBudgetBytes\` is \`${String(bytes)}\`: give whole bytes from 1048576 to `),
        String(bytes),
      );
    }
  });

  it("leaves the young generation, and as much as it takes, to everything else", () => {
    assert.equal(memoryBudgetBytesMax(4_288 * mebibyte), 2_048 * mebibyte);
    assert.equal(memoryBudgetBytesMax(448 * mebibyte), 128 * mebibyte);
    assert.equal(memoryBudgetBytesMax(2 * limits.youngGenerationBytesMax), limits.youngGenerationBytesMax / 2);
    assert.equal(memoryBudgetBytesMax(304 * mebibyte), 76 * mebibyte);
  });

  it("is 256 MiB unless told otherwise, and less where the heap is small", () => {
    assert.equal(memoryBudgetBytesDefault(4_096 * mebibyte), limits.memoryBudgetBytesDefault);
    assert.equal(memoryBudgetBytesDefault(704 * mebibyte), 256 * mebibyte);
    assert.equal(memoryBudgetBytesDefault(704 * mebibyte - 2), 255 * mebibyte);
    assert.equal(memoryBudgetBytesDefault(mebibyte), limits.memoryBudgetBytesMin);
    for (let heap = 4 * mebibyte; heap < 2 ** 40; heap = Math.round(heap * 1.7)) assert.ok(memoryBudgetBytesDefault(heap) <= memoryBudgetBytesMax(heap), String(heap));
  });
});
