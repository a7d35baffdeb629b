import assert from "node:assert/strict";
import * as fc from "fast-check";
import { UsherError } from "../../../src/base/errors.js";
import { firstIds } from "../../../src/evaluation/lookup/first-ids.js";
import { compareIds } from "../../../src/model/id-order.js";

describe("the first of many ids", () => {
  it("are those that sorting all of them would put first, and it is said whether there are more", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.string({ unit: "binary", maxLength: 3 }), { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), fc.boolean(), async (ids, count, all) => {
        const wanted = (id: string) => all || id.length % 2 === 0;
        const sorted = ids.filter(wanted).sort(compareIds);
        assert.deepEqual(await firstIds(ids, count, wanted), { first: sorted.slice(0, count), more: sorted.length > count });
      }),
    );
  });

  it("leave room for others, and end when nobody waits for them any more", async () => {
    const ids = Array.from({ length: 50_000 }, (_, i) => String((i * 7_919) % 50_000));
    let others = 0;
    const timer = setInterval(() => others++, 0);
    try {
      const { first } = await firstIds(ids, 3, () => true);
      assert.deepEqual(first, ["0", "1", "10"]);
    } finally {
      clearInterval(timer);
    }
    assert.ok(others > 0);
    const stop = new AbortController();
    const work = firstIds(ids, 3, () => true, stop.signal);
    stop.abort();
    await assert.rejects(work, (error: unknown) => error instanceof UsherError && error.code === "cancelled");
  });
});
