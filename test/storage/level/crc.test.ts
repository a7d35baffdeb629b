import assert from "node:assert/strict";
import { crc32 as zlibCrc32 } from "node:zlib";

import fc from "fast-check";

import { crc32, crc32c } from "../../../src/storage/level/crc.js";

describe("crc32c", () => {
  it("gives the check values of RFC 3720, whatever the length", () => {
    assert.equal(crc32c(Buffer.from("123456789"), 0, 9), 0xe3069283);
    assert.equal(crc32c(Buffer.alloc(32), 0, 32), 0x8a9136aa);
    assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0, 32), 0x46dd794e);
    assert.equal(crc32c(Buffer.from("..123456789.."), 2, 11), 0xe3069283);
  });
});

describe("crc32", () => {
  it("is that of zlib, of a part and in parts", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 64 }), (first, second) => {
        const both = Buffer.concat([first, second]);
        assert.equal(crc32(both, 0, both.length), zlibCrc32(both));
        assert.equal(crc32(both, first.length, both.length), zlibCrc32(second));
        assert.equal(crc32(second, 0, second.length, crc32(first, 0, first.length)), zlibCrc32(both));
      }),
    );
  });
});
