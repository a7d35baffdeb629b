import assert from "node:assert/strict";

import fc from "fast-check";

import { formatTuple, isExpired, tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { names, objects, subjects } from "./generators.js";

const tuple: Tuple = { object: { type: "doc", id: "1" }, relation: "viewer", subject: { type: "user", id: "ana", relation: "" } };

describe("a relation tuple", () => {
  it("is identified without its condition and expiration", () => {
    assert.equal(tupleIdentity({ ...tuple, condition: { name: "c", context: { a: 1 } }, expiresAt: 5 }), "doc:1#viewer@user:ana");
  });

  it("has distinct identities as text", () => {
    const identity = fc.record({ object: objects, relation: names, subject: subjects });
    fc.assert(
      fc.property(identity, identity, (a, b) => {
        assert.equal(tupleIdentity(a) === tupleIdentity(b), JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  it("expires at its instant, not after it", () => {
    assert.ok(!isExpired({ ...tuple, expiresAt: 1_000 }, 999));
    assert.ok(isExpired({ ...tuple, expiresAt: 1_000 }, 1_000));
    assert.ok(!isExpired(tuple, Number.MAX_SAFE_INTEGER));
  });

  it("is written with its condition and expiration", () => {
    assert.equal(formatTuple({ ...tuple, condition: { name: "c", context: {} } }), "doc:1#viewer@user:ana[c]");
    assert.equal(
      formatTuple({ ...tuple, condition: { name: "c", context: { a: "]" } }, expiresAt: 0 }),
      'doc:1#viewer@user:ana[c:{"a":"]"}][expiration:1970-01-01T00:00:00.000Z]',
    );
  });
});
