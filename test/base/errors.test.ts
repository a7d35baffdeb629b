import assert from "node:assert/strict";

import { assert as invariant, AssertionError, unreachable } from "../../src/base/assert.js";
import { asError, errorCodes, isErrorCode, UsherError } from "../../src/base/errors.js";

describe("errors", () => {
  it("carry a code, a message and details", () => {
    const cause = new Error("disk");
    const error = new UsherError("store_unavailable", "the store is gone", { details: { path: "x" }, cause });
    assert.ok(error instanceof Error);
    assert.equal(error.name, "UsherError");
    assert.equal(error.code, "store_unavailable");
    assert.deepEqual(error.details, { path: "x" });
    assert.equal(error.cause, cause);
    assert.equal("cause" in new UsherError("closed", "closed"), false);
  });

  it("have codes that are distinct words", () => {
    assert.equal(new Set(errorCodes).size, errorCodes.length);
    for (const code of errorCodes) assert.match(code, /^[a-z]+(_[a-z]+)*$/);
  });

  it("are recognised by their code", () => {
    assert.ok(isErrorCode("invalid_id"));
    assert.ok(!isErrorCode("toString"));
    assert.ok(!isErrorCode(""));
  });

  it("are made of whatever was thrown", () => {
    const error = new RangeError("x");
    assert.equal(asError(error), error);
    assert.equal(asError("text").message, "text");
    assert.equal(asError(undefined).message, "undefined");
  });
});

describe("assertions", () => {
  it("throw for a broken invariant, and are no operational error", () => {
    invariant(true, "holds");
    assert.throws(() => invariant(0, "broken"), (error) => error instanceof AssertionError && error.message === "broken");
    assert.throws(() => unreachable("kind" as never), /unreachable: "kind"/);
  });
});
