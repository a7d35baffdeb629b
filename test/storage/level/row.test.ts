import assert from "node:assert/strict";

import fc from "fast-check";

import { UsherError } from "../../../src/base/errors.js";
import { headKey } from "../../../src/storage/level/keys.js";
import { decodeRecord, encodeRecord, noHash } from "../../../src/storage/level/record.js";
import { decodeRow, encodeRow } from "../../../src/storage/level/row.js";
import { tuples } from "../arbitraries.js";

const isCorrupt = (error: unknown) => error instanceof UsherError && error.code === "store_corrupt";

describe("rows of the LevelDB store", () => {
  it("give back the tuple, its since and its until", () => {
    fc.assert(
      fc.property(tuples, fc.maxSafeNat(), fc.option(fc.maxSafeNat(), { nil: undefined }), (tuple, since, until) => {
        const key = headKey("object", 1, tuple);
        const { object, relation, subject } = tuple;
        const row = decodeRow(key, encodeRow(key, tuple, since, until), { object, relation, subject });
        assert.deepEqual(row, { tuple: { ...tuple, since }, ...(until === undefined ? {} : { until }) });
      }),
    );
  });

  it("are small for a plain tuple", () => {
    const tuple = { object: { type: "document", id: "1" }, relation: "viewer", subject: { type: "user", id: "ana", relation: "" } };
    assert.equal(encodeRow(headKey("object", 1, tuple), tuple, 300).length, 7);
  });

  it("name a flipped bit, whether in the key or in the value", () => {
    fc.assert(
      fc.property(tuples, fc.nat(), (tuple, bit) => {
        const key = headKey("object", 1, tuple);
        const value = encodeRow(key, tuple, 300);
        const both = Buffer.concat([key, value]);
        const at = Math.floor(bit / 8) % both.length;
        both[at] = (both[at] ?? 0) ^ (1 << (bit % 8));
        assert.throws(() => decodeRow(both.subarray(0, key.length), both.subarray(key.length), tuple), isCorrupt);
      }),
    );
  });
});

describe("records of commits", () => {
  it("give back the commit, and the hash that the next one carries", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ tuple: tuples, replaced: fc.nat(), write: fc.boolean() })), fc.boolean(), (changed, withSchema) => {
        const commit = {
          revision: 9,
          instant: 1_700_000_000_000,
          tenant: 2,
          principal: "billing",
          metadata: { reason: "offboarded", ["__proto__"]: "\ud800" },
          changes: changed.map(({ tuple, replaced, write }) => ({ kind: write ? ("write" as const) : ("delete" as const), tuple, ...(replaced === 0 ? {} : { replaced }) })),
          ...(withSchema ? { schema: "definition user {}" } : {}),
        };
        const { key, value, hash } = encodeRecord(commit, noHash);
        const record = decodeRecord(9, key, value);
        assert.deepEqual(record, { commit, previous: noHash, hash });
        assert.throws(() => decodeRecord(9, key, value.subarray(0, -1)), isCorrupt);
      }),
    );
  });
});
