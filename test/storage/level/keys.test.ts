import assert from "node:assert/strict";

import fc from "fast-check";

import { headKey, headRange, identityFields, logKey, parseIdentity, pastKey, pastRange, splitPastKey } from "../../../src/storage/level/keys.js";
import { planOf } from "../../../src/storage/level/plan.js";
import type { TupleKey } from "../../../src/storage/store.js";
import { filters, tupleKeys } from "../arbitraries.js";

const ana: TupleKey = { object: { type: "document", id: "1" }, relation: "viewer", subject: { type: "user", id: "ana", relation: "" } };
const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ""), "hex");
const text = (ascii: string) => Buffer.from(ascii).toString("hex");

describe("keys of the LevelDB store", () => {
  it("are as the file says, by example", () => {
    const byObject = `00000001 ${text("document")}00 ${text("1")}00 ${text("viewer")}00 ${text("user")}00 00 ${text("ana")}`;
    const bySubject = `00000001 ${text("user")}00 ${text("ana")}00 00 ${text("document")}00 ${text("viewer")}00 ${text("1")}`;
    assert.deepEqual(headKey("object", 1, ana), hex(`10 ${byObject}`));
    assert.deepEqual(headKey("subject", 1, ana), hex(`11 ${bySubject}`));
    assert.deepEqual(pastKey("object", 1, ana, 7), hex(`12 ${byObject} 00 0000000000000007`));
    assert.deepEqual(pastKey("subject", 1, ana, 7), hex(`13 ${bySubject} 00 0000000000000007`));
    assert.deepEqual(logKey(2 ** 40 + 8), hex("20 0000010000000008"));
  });

  it("give back what they were made of", () => {
    fc.assert(
      fc.property(tupleKeys, fc.constantFrom("object", "subject"), fc.maxSafeNat(), (tuple, side, since) => {
        const head = headKey(side, 1, tuple);
        assert.deepEqual(parseIdentity(side, head, head.length), tuple);
        const past = pastKey(side, 1, tuple, since);
        assert.deepEqual(splitPastKey(past), { identityEnd: head.length, since });
        assert.deepEqual(parseIdentity(side, past, head.length), tuple);
      }),
    );
  });

  it("sort as their fields do, each by bytes, and versions by revision", () => {
    const compare = (a: readonly string[], b: readonly string[]) =>
      a.map((field, i) => Buffer.compare(Buffer.from(field), Buffer.from(b[i] ?? ""))).find((order) => order !== 0) ?? 0;
    fc.assert(
      fc.property(tupleKeys, tupleKeys, fc.constantFrom("object", "subject"), fc.maxSafeNat(), fc.maxSafeNat(), (a, b, side, left, right) => {
        const order = compare(identityFields(side, a), identityFields(side, b));
        assert.equal(headKey(side, 1, a).compare(headKey(side, 1, b)), order);
        assert.equal(pastKey(side, 1, a, left).compare(pastKey(side, 1, b, right)), order || Math.sign(left - right));
      }),
    );
  });

  it("lie in the range of a filter that they match, and of no other tenant's", () => {
    fc.assert(
      fc.property(tupleKeys, filters, (tuple, wanted) => {
        const filter = Object.fromEntries(Object.entries(wanted).map(([field]) => [field, fieldsOf(tuple)[field]]));
        const { side, prefix } = planOf(filter);
        for (const tenant of [1, 255, 2 ** 32 - 1]) {
          const [heads, pasts] = [headRange(side, tenant, prefix), pastRange(side, tenant, prefix)];
          const [head, past] = [headKey(side, tenant, tuple), pastKey(side, tenant, tuple, 9)];
          assert(head.compare(heads.gte) >= 0 && head.compare(heads.lt) < 0);
          assert(past.compare(pasts.gte) >= 0 && past.compare(pasts.lt) < 0);
          const other = headKey(side, tenant - 1, tuple);
          assert(other.compare(heads.gte) < 0 || other.compare(heads.lt) >= 0);
        }
      }),
    );
  });

  it("are one prefix for the usersets of one type and relation", () => {
    assert.deepEqual(planOf({ objectType: "d", objectId: "1", relation: "viewer", subjectType: "team", subjectRelation: "member" }), {
      side: "object",
      prefix: "d\x001\0viewer\0team\0member\0",
    });
    assert.deepEqual(planOf({ objectType: "d", relation: "viewer", subjectType: "user", subjectId: "ana", subjectRelation: "" }), {
      side: "subject",
      prefix: "user\0ana\0\0d\0viewer\0",
    });
    assert.deepEqual(planOf({}), { side: "object", prefix: "" });
  });
});

function fieldsOf({ object, relation, subject }: TupleKey): Record<string, string> {
  return {
    objectType: object.type, objectId: object.id, objectIdPrefix: [...object.id].slice(0, 1).join(""), relation,
    subjectType: subject.type, subjectId: subject.id, subjectRelation: subject.relation,
  };
}
