import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";

import fc from "fast-check";

import { checkOrigin, isSignedBy, parseCheckpoint, signatureBy, signCheckpoint } from "../../src/audit/checkpoint.js";
import { openSigningKey, type SigningKey } from "../../src/audit/signing-key.js";
import { limits } from "../../src/base/limits.js";
import { inFolder } from "../support/folder.js";

const head = { origin: "example.com/usher", size: 20_852_163, root: createHash("sha256").update("root").digest(), at: Date.parse("2026-01-02T03:04:05.678Z") };

describe("a checkpoint", () => {
  let key: SigningKey;
  let other: SigningKey;

  before(() =>
    inFolder(async (folder) => {
      key = await openSigningKey(join(folder, "key"));
      other = await openSigningKey(join(folder, "other"));
    }));

  it("is a signed note of origin, size, root and instant", () => {
    const lines = signCheckpoint(head, key).split("\n");
    assert.deepEqual(lines.slice(0, 5), ["example.com/usher", "20852163", head.root.toString("base64"), "2026-01-02T03:04:05.678Z", ""]);
    const [dash, name, base64] = lines[5]!.split(" ");
    assert.deepEqual([dash, name, lines[6], lines.length], ["—", "example.com/usher", "", 7]);
    const bytes = Buffer.from(base64!, "base64");
    const id = createHash("sha256").update("example.com/usher\n\x01").update(Buffer.from(key.publicKey, "base64")).digest().subarray(0, 4);
    assert.deepEqual(bytes.subarray(0, 4), id);
    assert.equal(bytes.length, 4 + 64);
  });

  it("is read as it was signed, and verifies by its key alone", () => {
    const checkpoint = parseCheckpoint(signCheckpoint(head, key));
    const { origin, size, root, at } = checkpoint;
    assert.deepEqual({ origin, size, root, at }, head);
    assert.ok(isSignedBy(checkpoint, key.publicKey));
    assert.equal(signatureBy(checkpoint, other.publicKey), "none");
    assert.throws(() => isSignedBy(checkpoint, "no key"), { code: "invalid_request" });
  });

  it("may be signed by others too, who are passed over", () => {
    const witness = `— witness.example/w ${Buffer.alloc(100, 1).toString("base64")}\n`;
    const checkpoint = parseCheckpoint(signCheckpoint(head, key) + witness);
    assert.ok(isSignedBy(checkpoint, key.publicKey));
    assert.equal(checkpoint.signatures.length, 2);
    const theirs = parseCheckpoint(signCheckpoint(head, key).replace("— example.com/usher", "— example.com/other"));
    assert.equal(signatureBy(theirs, key.publicKey), "none");
  });

  it("is `damaged` where one signature of the key is right and another is not", () => {
    const text = signCheckpoint(head, key);
    const line = signCheckpoint({ ...head, size: 1 }, key).split("\n").at(-2)!;
    assert.equal(signatureBy(parseCheckpoint(`${text}${line}\n`), key.publicKey), "damaged");
  });

  it("does not verify with any byte changed", () => {
    const bytes = Buffer.from(signCheckpoint(head, key));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Buffer.from(bytes);
        changed[at]! ^= mask;
        let holds = false;
        try {
          const parsed = parseCheckpoint(changed.toString());
          holds = isSignedBy(parsed, key.publicKey);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "invalid_request");
        }
        assert.ok(!holds);
      }),
      { numRuns: 1_000 },
    );
  });

  it("is refused where it is of another form", () => {
    const text = signCheckpoint(head, key);
    const signature = text.split("\n")[5]!;
    const root = head.root.toString("base64");
    const at = "2026-01-02T03:04:05.678Z";
    const of = (...lines: string[]) => `${[...lines, "", signature].join("\n")}\n`;
    assert.equal(of(head.origin, "20852163", root, at), text);
    for (const [malformed, why] of [
      ["", /empty line/],
      [text.slice(0, -1), /line feed/],
      [text.replaceAll("\n", "\r\n"), /control characters/],
      [text.replace("—", "-"), /is no signature/],
      [of(head.origin, "20852163", root), /four lines/],
      [of(head.origin, "20852163", root, at, "more"), /four lines/],
      [of(head.origin, "020852163", root, at), /is no size/],
      [of(head.origin, "9007199254740992", root, at), /is no size/],
      [of(head.origin, "-1", root, at), /is no size/],
      [of(head.origin, "1", root.slice(4), at), /base64 of 32 bytes/],
      [of(head.origin, "1", ` ${root}`, at), /base64 of 32 bytes/],
      [of(head.origin, "1", root, "2026-01-02T03:04:05Z"), /is no instant/],
      [of("", "1", root, at), /origin/],
      [of("two words", "1", root, at), /origin/],
      [text.replace(/ \S+\n$/, " AAAA\n"), /too short/],
      [text.replace(/ \S+\n$/, " no!base64\n"), /is not base64/],
    ] as const) {
      assert.throws(() => parseCheckpoint(malformed), { code: "invalid_request", message: why }, JSON.stringify(malformed));
    }
  });

  it("is bounded in signatures, in bytes, and in its origin", () => {
    const text = signCheckpoint(head, key);
    const more = `— w ${Buffer.alloc(68).toString("base64")}\n`;
    assert.equal(parseCheckpoint(text + more.repeat(limits.checkpointSignaturesMax - 1)).signatures.length, limits.checkpointSignaturesMax);
    assert.throws(() => parseCheckpoint(text + more.repeat(limits.checkpointSignaturesMax)), /at most 16/);
    const full = `${text}— w ${"A".repeat(limits.checkpointBytesMax - Buffer.byteLength(text) - Buffer.byteLength("— w \n"))}\n`;
    const large = full.slice(0, full.length - 1 - ((full.length - text.length - 5) % 4)) + "\n";
    assert.equal(parseCheckpoint(large).signatures.length, 2);
    assert.throws(() => parseCheckpoint(`${full.slice(0, -1)}AAAA\n`), /more than 65536 bytes/);
    checkOrigin("o".repeat(limits.originBytesMax));
    for (const origin of ["", "o".repeat(limits.originBytesMax + 1), "a b", "a+b", "a\nb", "a\u00a0b", "\ud800"]) {
      assert.throws(() => checkOrigin(origin), { code: "invalid_request" });
      assert.throws(() => signCheckpoint({ ...head, origin }, key), { code: "invalid_request" });
    }
  });
});
