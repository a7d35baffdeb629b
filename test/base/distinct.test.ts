import assert from "node:assert/strict";

import fc from "fast-check";

import { distinct, forEachMissing } from "../../src/base/distinct.js";

const items = fc.array(fc.nat(60), { maxLength: 120 });

describe("lists as sets", () => {
  it("hold each item once, in its order, however many there are", () => {
    fc.assert(fc.property(items, (list) => assert.deepEqual(distinct(list), [...new Set(list)])));
  });

  it("tell what the other does not have, once each", () => {
    fc.assert(
      fc.property(items, items, (some, others) => {
        const [a, b] = [distinct(some), distinct(others)];
        const missing: number[] = [];
        forEachMissing(a, b, (item) => missing.push(item));
        assert.deepEqual(missing, a.filter((item) => !others.includes(item)));
      }),
    );
  });
});
