import assert from "node:assert/strict";

import fc from "fast-check";

import { tupleIdentity } from "../../../src/model/tuple.js";
import { ChunkChanges } from "../../../src/storage/level/import-changes.js";
import { BlockReader, encodeBlock, fieldsOf, type StagedTuple, stageTuple } from "../../../src/storage/level/import-block.js";
import { ChunkRows } from "../../../src/storage/level/import-rows.js";
import { headKey, type Side } from "../../../src/storage/level/keys.js";
import { encodeRecord, noHash, RecordWriter } from "../../../src/storage/level/record.js";
import { encodeRow } from "../../../src/storage/level/row.js";
import { checksumBytes } from "../../../src/storage/level/seal.js";
import { tuples } from "../arbitraries.js";

const several = fc.uniqueArray(tuples, { selector: tupleIdentity });
const plain = several.map((list) => list.map(({ object, relation, subject }) => ({ object, relation, subject })));

function staged(list: Parameters<typeof stageTuple>[0]["tuple"][]): StagedTuple[] {
  return list.map((tuple, at) => stageTuple({ tuple, position: at + 1 }));
}

describe("what an import makes of plain tuples", () => {
  it("are the rows that a write makes, in both orders, and those that were made already", () => {
    fc.assert(
      fc.property(plain, fc.nat(0xffff_ffff), fc.maxSafeNat(), (list, tenant, revision) => {
        const sides: Side[] = ["object", "subject"];
        const expected = sides.flatMap((side) => list.map((tuple) => ({ side, tuple, key: headKey(side, tenant, tuple) })));
        const other = { type: "del" as const, key: Buffer.from([1]) };
        const body = expected[0] === undefined ? Buffer.alloc(0) : encodeRow(expected[0].key, expected[0].tuple, revision).subarray(checksumBytes);
        const rows = new ChunkRows(tenant, body, staged(list));
        rows.push(other);
        for (const { order } of staged(list)) rows.putPlain(order, fieldsOf(order));
        assert.equal(rows.length, expected.length + 1);
        assert.deepEqual([...rows], [...expected.map(({ key, tuple }) => ({ type: "put", key, value: encodeRow(key, tuple, revision) })), other]);
      }),
    );
  });

  it("is the record that a commit of them makes", () => {
    fc.assert(
      fc.property(plain, (list) => {
        const commit = { revision: 9, instant: 1_700_000_000_000, tenant: 2, principal: "loader", metadata: {} };
        const writer = new RecordWriter(commit, noHash, 0);
        for (const { order } of staged(list)) writer.addPlain(fieldsOf(order));
        assert.deepEqual(writer.finish(), encodeRecord({ ...commit, changes: list.map((tuple) => ({ kind: "write", tuple })) }, noHash));
      }),
    );
  });
});

describe("staged tuples", () => {
  it("are the same after they were written and read", () => {
    fc.assert(
      fc.property(several, (list) => {
        const reader = new BlockReader(encodeBlock(staged(list)));
        for (const tuple of staged(list)) assert.deepEqual(reader.next(), tuple);
        assert.equal(reader.next(), undefined);
      }),
    );
  });

  it("share with the tuple before what is equal, and are cut alike without it", () => {
    fc.assert(
      fc.property(tuples, tuples, (first, second) => {
        const [a, b] = staged([first, second]).map(({ order }) => order) as [string, string];
        assert.deepEqual(fieldsOf(b, fieldsOf(a)), b.split("\0"));
      }),
    );
  });

  it("become the changes of a commit, with what they replaced", () => {
    fc.assert(
      fc.property(several, fc.array(fc.nat(3)), (list, replaced) => {
        const changes = new ChunkChanges();
        const expected = list.map((tuple, at) => ({ kind: "write", tuple, ...(replaced[at] ? { replaced: replaced[at] } : {}) }));
        for (const [at, each] of staged(list).entries()) changes.add(each, replaced[at] || undefined);
        assert.equal(changes.length, list.length);
        assert.deepEqual(changes.make(), expected);
      }),
    );
  });
});
