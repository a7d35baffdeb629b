import assert from "node:assert/strict";
import { limits } from "../../../src/base/limits.js";
import { Shelf } from "../../../src/evaluation/lookup/shelf.js";

describe("the shelf of lookups", () => {
  it("gives what was put under a key, once, to one", () => {
    const shelf = new Shelf<string>();
    shelf.keeper("a").put("value", 1);
    assert.equal(shelf.keeper("b").take(), undefined);
    assert.equal(shelf.keeper("a").take(), "value");
    assert.equal(shelf.keeper("a").take(), undefined);
  });

  it("keeps as much as the bound, drops the eldest for more, and never keeps what is too large by itself", () => {
    const shelf = new Shelf<string>();
    const half = limits.lookupShelfWeightMax / 2;
    shelf.keeper("a").put("a", half);
    shelf.keeper("b").put("b", half);
    shelf.keeper("large").put("large", limits.lookupShelfWeightMax + 1);
    assert.deepEqual(["a", "b", "large"].map((key) => shelf.keeper(key).take()), ["a", "b", undefined]);
    for (const key of ["a", "b", "c"]) shelf.keeper(key).put(key, half);
    assert.deepEqual(["a", "b", "c"].map((key) => shelf.keeper(key).take()), [undefined, "b", "c"]);
    shelf.keeper("whole").put("whole", limits.lookupShelfWeightMax);
    assert.equal(shelf.keeper("whole").take(), "whole");
  });

  it("counts what is put again once", () => {
    const shelf = new Shelf<number>();
    const half = limits.lookupShelfWeightMax / 2;
    shelf.keeper("b").put(0, half);
    for (let i = 1; i <= 5; i++) shelf.keeper("a").put(i, half);
    assert.deepEqual([shelf.keeper("a").take(), shelf.keeper("b").take()], [5, 0]);
  });

  it("keeps no more entries than the bound, however small", () => {
    const shelf = new Shelf<number>();
    for (let i = 0; i <= limits.lookupShelfEntriesMax; i++) shelf.keeper(String(i)).put(i, 0);
    assert.deepEqual([0, 1, limits.lookupShelfEntriesMax].map((i) => shelf.keeper(String(i)).take()), [undefined, 1, limits.lookupShelfEntriesMax]);
  });
});
