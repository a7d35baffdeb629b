import assert from "node:assert/strict";

import fc from "fast-check";

import { limits } from "../../src/base/limits.js";
import { ShortStrings } from "../../src/base/short-strings.js";

const decode = (bytes: Uint8Array, start: number, end: number) => Buffer.from(bytes.subarray(start, end)).toString("utf8");
const refuse = () => assert.fail("it is known");

describe("short strings", () => {
  it("are what their bytes say, whatever was read before", () => {
    const strings = new ShortStrings();
    const text = fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 3 }));
    const check = fc.property(fc.array(text, { maxLength: 50 }), fc.nat({ max: 5 }), (texts, before) => {
      for (const each of texts) {
        const bytes = Buffer.from(`${"x".repeat(before)}${each}`);
        assert.equal(strings.read(bytes, before, bytes.length, decode), bytes.toString("utf8", before));
      }
    });
    fc.assert(check);
  });

  it("are made once while nothing takes their place, up to the bound of their length", () => {
    const strings = new ShortStrings();
    for (const [length, known] of [[1, true], [limits.shortStringBytesMax, true], [limits.shortStringBytesMax + 1, false]] as const) {
      const bytes = Buffer.from("a".repeat(length));
      strings.read(bytes, 0, length, decode);
      if (known) assert.equal(strings.read(bytes, 0, length, refuse), "a".repeat(length));
      else assert.throws(() => strings.read(bytes, 0, length, refuse));
    }
  });

  it("are as many as their bound, and the newest takes the place of another", () => {
    const strings = new ShortStrings();
    const bytes = (i: number) => Buffer.from(`id-${i}`);
    for (let i = 0; i < 4 * limits.shortStringsMax; i++) strings.read(bytes(i), 0, bytes(i).length, decode);
    let known = 0;
    for (let i = 0; i < 4 * limits.shortStringsMax; i++) {
      const text = strings.read(bytes(i), 0, bytes(i).length, () => "");
      if (text !== "") known++;
    }
    assert.ok(known <= limits.shortStringsMax);
    assert.ok(known > limits.shortStringsMax / 2, "they are spread");
  });

  it("of other bytes than ASCII are decoded each time, so that what is refused is refused each time", () => {
    const strings = new ShortStrings();
    for (const bytes of [Buffer.from("é"), Buffer.from([0xc3]), Buffer.from([0x61, 0xff])]) {
      let decoded = 0;
      for (let i = 0; i < 2; i++) {
        strings.read(bytes, 0, bytes.length, (...range) => {
          decoded++;
          return decode(...range);
        });
      }
      assert.equal(decoded, 2);
    }
  });

  it("do not keep what could not be decoded", () => {
    const strings = new ShortStrings();
    const bytes = Buffer.from("ana");
    assert.throws(() => strings.read(bytes, 0, 3, () => { throw new Error("refused"); }), /refused/);
    assert.equal(strings.read(bytes, 0, 3, decode), "ana");
  });
});
