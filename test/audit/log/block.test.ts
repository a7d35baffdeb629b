import assert from "node:assert/strict";

import { BlockBuilder, hashOf, readBlock } from "../../../src/audit/log/block.js";
import { decodeGroup, encodeGroup } from "../../../src/audit/log/group.js";
import { leafHash } from "../../../src/audit/tree/merkle.js";
import { limits } from "../../../src/base/limits.js";

describe("a block of records", () => {
  const salt = Buffer.alloc(16, 1);

  it("is written as its example says, and hashed as the tree hashes", () => {
    const block = new BlockBuilder();
    const leaf = block.add(salt, Buffer.from("{}"));
    block.redact(Buffer.alloc(32, 7));
    assert.equal(block.view().toString("hex"), `0000001300${"01".repeat(16)}7b7d` + `0000002102${"07".repeat(32)}`);
    assert(leaf.equals(leafHash(salt, Buffer.from("{}"))));
    const [kept, redacted] = readBlock(block.view());
    assert(kept !== undefined && hashOf(kept).equals(leaf));
    assert(redacted !== undefined && "hash" in redacted && redacted.hash.equals(Buffer.alloc(32, 7)));
  });

  it("is full at its bound, and takes a record of any size before", () => {
    const block = new BlockBuilder();
    const room = limits.auditBlockBytesMax - 4 - 1 - 16;
    block.add(salt, Buffer.from("x".repeat(room - 1)));
    assert(!block.isFull);
    block.add(salt, Buffer.from("é".repeat(1_000_000)));
    assert(block.isFull);
    assert.equal(readBlock(block.view()).length, 2);
    block.clear();
    block.add(salt, Buffer.from("x".repeat(room)));
    assert(block.isFull);
  });

  it("is damaged where it is cut or holds something else", () => {
    const block = new BlockBuilder();
    block.add(salt, Buffer.from("{}"));
    for (let length = 1; length < block.view().length; length++) assert.throws(() => readBlock(block.view().subarray(0, length)), { code: "store_corrupt" });
    const other = Buffer.from(block.view());
    other[4] = 9;
    assert.throws(() => readBlock(other), { code: "store_corrupt" });
  });

  it("is found by its group", () => {
    const group = { lowest: 1, highest: 9, high: 12, bytesBefore: 5_000_000_000, firsts: [0, 100, 255] };
    assert.deepEqual(decodeGroup(encodeGroup(group)), group);
    assert.equal(encodeGroup(group).subarray(32).toString("hex"), "0064ff");
  });
});
