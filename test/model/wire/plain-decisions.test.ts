import assert from "node:assert/strict";

import fc from "fast-check";

import { limits } from "../../../src/base/limits.js";
import { UsherError } from "../../../src/base/errors.js";
import { ProtoCodec } from "../../../src/base/proto.js";
import type { BatchCheckResult, Decision } from "../../../src/model/service.js";
import { writeBatchCheckResponse } from "../../../src/model/wire/check.js";
import { writeDecision } from "../../../src/model/wire/decision.js";
import { methods } from "../../../src/model/wire/methods.js";

/** Few zookies and instants, so that many decisions share both, and many share one. */
const decisions = fc.array(
  fc.record(
    {
      allowed: fc.boolean(),
      missingFields: fc.constantFrom([], [], [], ["hour"]),
      zookie: fc.constantFrom("a", "b"),
      instant: fc.constantFrom(0, 1_700_000_000_123, 1_700_000_000_124),
      validForMs: fc.constantFrom(0, 60_000),
    },
    { requiredKeys: ["allowed", "missingFields", "zookie", "instant"] },
  ) satisfies fc.Arbitrary<Decision>,
  { maxLength: 40 },
);

describe("decisions on the wire", () => {
  it("have the bytes of their messages, whatever was answered before", () => {
    const codec = new ProtoCodec("usher.v1.CheckResponse");
    fc.assert(fc.property(decisions, (given) => {
      for (const decision of given) assert.deepEqual(methods.check.response.encode(decision), codec.encode(writeDecision(decision)));
    }));
  });

  it("have in a batch the bytes of the whole message", () => {
    const codec = new ProtoCodec("usher.v1.BatchCheckResponse");
    const error: BatchCheckResult = { error: { code: "depth_exceeded", message: "too deep" } };
    fc.assert(fc.property(fc.constantFrom("", "z"), decisions, fc.nat({ max: 40 }), (zookie, given, at) => {
      const results: BatchCheckResult[] = given.map((decision) => ({ decision }));
      results.splice(at, 0, error);
      assert.deepEqual(methods.batchCheck.response.encode({ zookie, results }), codec.encode(writeBatchCheckResponse({ zookie, results })));
    }));
  });

  it("are refused where they are more than a message may be, though each is small", () => {
    const decision: Decision = { allowed: true, missingFields: [], zookie: "z".repeat(1_000), instant: 0 };
    const of = (count: number) => methods.batchCheck.response.encode({ zookie: "z", results: Array.from({ length: count }, () => ({ decision })) });
    const zookieBytes = of(0).length;
    const bytesEach = of(1).length - zookieBytes;
    const most = Math.floor((limits.messageBytesMax - zookieBytes) / bytesEach);
    assert.equal(of(most).length, zookieBytes + most * bytesEach);
    assert.equal(methods.batchCheck.response.decode(of(most)).zookie, "z");
    assert.throws(() => of(most + 1), (error) => error instanceof UsherError && error.code === "response_too_large");
  });
});
