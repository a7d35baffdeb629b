import assert from "node:assert/strict";

import fc from "fast-check";

import { eachText, Texts } from "../../src/audit/texts.js";

function read(texts: Texts): string[] {
  const found: string[] = [];
  eachText(structuredClone(texts.pack()), (text, place) => {
    assert.equal(place, found.length);
    found.push(text.toString());
  });
  return found;
}

describe("texts put together", () => {
  it("are the same when they are taken apart, whatever is in them and however often their memory is used again", () => {
    const texts = new Texts(8);
    const list = fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "é".repeat(30_000), "x".repeat(70_000), "\u{1f600}".repeat(20_000))), { maxLength: 8 });
    fc.assert(
      fc.property(list, (some) => {
        texts.clear();
        let bytes = 0;
        for (const each of some) bytes += texts.add(each);
        assert.equal(bytes, Buffer.byteLength(some.join("")));
        assert.deepEqual([texts.count, texts.byteLength], [some.length, bytes]);
        assert.deepEqual(read(texts), some);
      }),
    );
  });

  it("are sent without what lies around them, and stay as they were packed", () => {
    const texts = new Texts(2);
    texts.add("one");
    const packed = texts.pack();
    assert.equal(packed.bytes.buffer.byteLength, 3);
    texts.clear();
    texts.add("two");
    assert.equal(Buffer.from(packed.bytes).toString(), "one");
  });

  it("are no more than there is room for", () => {
    const texts = new Texts(1);
    texts.add("one");
    assert.throws(() => texts.add("two"), /there is room/);
    assert.deepEqual(read(texts), ["one"]);
  });
});
