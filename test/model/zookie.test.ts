import assert from "node:assert/strict";

import fc from "fast-check";

import { UsherError } from "../../src/base/errors.js";
import { decodeZookie, encodeZookie, type ZookieParts } from "../../src/model/zookie.js";

const hex = fc.stringMatching(/^[0-9a-f]{8}$/);
const zookies: fc.Arbitrary<ZookieParts> = fc.record(
  { store: hex, timeline: hex, tenant: fc.oneof(fc.nat(300), fc.maxSafeNat()), revision: fc.oneof(fc.nat(300), fc.maxSafeNat()) },
  { noNullPrototype: true },
);

function refused(token: string): void {
  assert.throws(() => decodeZookie(token), (error) => error instanceof UsherError && error.code === "invalid_zookie", token);
}

describe("a zookie", () => {
  it("comes back as it was given", () => {
    fc.assert(fc.property(zookies, (parts) => assert.deepEqual(decodeZookie(encodeZookie(parts)), parts)), { numRuns: 1000 });
  });

  it("is encoded as its documentation shows", () => {
    const token = encodeZookie({ store: "0a1b2c3d", timeline: "00000001", tenant: 1, revision: 300 });
    assert.equal(Buffer.from(token, "base64url").toString("hex"), "010a1b2c3d0000000101ac02f25e001b");
  });

  it("fits in a URL and is short", () => {
    const longest = encodeZookie({ store: "ffffffff", timeline: "ffffffff", tenant: Number.MAX_SAFE_INTEGER, revision: Number.MAX_SAFE_INTEGER });
    assert.ok(longest.length <= 40);
    assert.match(longest, /^[A-Za-z0-9_-]+$/);
  });

  it("with any one character changed, left out or added is refused", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ .";
    for (const revision of [0, 1, 300, 123_456_789, Number.MAX_SAFE_INTEGER]) {
      const token = encodeZookie({ store: "0a1b2c3d", timeline: "00000001", tenant: 1, revision });
      for (let i = 0; i <= token.length; i++) {
        if (i < token.length) refused(token.slice(0, i) + token.slice(i + 1));
        for (const character of alphabet) {
          refused(token.slice(0, i) + character + token.slice(i));
          if (i < token.length && character !== token[i]) refused(token.slice(0, i) + character + token.slice(i + 1));
        }
      }
    }
  });

  it("is refused cut, or glued to another", () => {
    const token = encodeZookie({ store: "0a1b2c3d", timeline: "00000001", tenant: 1, revision: 300 });
    for (let i = 0; i < token.length; i++) refused(token.slice(0, i));
    refused(token + token);
  });

  it("is refused where a number is written in more bytes than it takes, or is not safe", () => {
    for (const numbers of ["0180", "8100ac02", "01ac8200", "01ac0200", `01${"ff".repeat(7)}1f`, `01${"ff".repeat(12)}01`]) {
      refused(forge(`010a1b2c3d00000001${numbers}`));
    }
    assert.equal(decodeZookie(forge("010a1b2c3d0000000101ac02")).revision, 300);
    refused(forge("020a1b2c3d0000000101ac02"));
  });

  it("is refused where it is any other string", () => {
    for (const token of ["", "zookie", "🍪", "A".repeat(10_000), "GhUKEzE2OTQ3MzI1NzcwMDAwMDAwMDA="]) refused(token);
    fc.assert(fc.property(fc.string(), refused));
  });
});

/** The bytes with their right checksum. */
function forge(body: string): string {
  const bytes = Buffer.from(body, "hex");
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(~sum >>> 0);
  return Buffer.concat([bytes, checksum]).toString("base64url");
}
