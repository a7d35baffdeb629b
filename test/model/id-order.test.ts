import assert from "node:assert/strict";
import * as fc from "fast-check";
import { compareIds } from "../../src/model/id-order.js";

describe("the order of ids", () => {
  it("is that of their bytes", () => {
    const id = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom("a", "b", "é", "\u{ffff}", "\u{e000}", "\u{d7ff}", "\u{1f600}", "\u{10ffff}"), maxLength: 4 }));
    fc.assert(fc.property(id, id, (a, b) => assert.equal(Math.sign(compareIds(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))));
  });

  it("is not that of JavaScript, which would put an emoji before a character that stands below it", () => {
    assert.equal(["\u{1f600}", "\u{ff21}"].sort(compareIds)[0], "\u{ff21}");
    assert.equal(["\u{1f600}", "\u{ff21}"].sort()[0], "\u{1f600}");
  });
});
