import assert from "node:assert/strict";

import fc from "fast-check";

import { UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { checkContext, emptyContext } from "../../src/model/context.js";

function refused(context: unknown, field?: string): void {
  assert.throws(() => checkContext(context, "the context"), (error) => error instanceof UsherError && error.code === "invalid_context" && error.details.field === field);
}

function nested(depth: number): unknown {
  return depth === 1 ? {} : { a: nested(depth - 1) };
}

describe("a context from outside", () => {
  it("is copied, so that its giver cannot change it", () => {
    const given = { a: [1, { b: "x" }], c: null, d: true };
    const checked = checkContext(given, "the context");
    assert.deepEqual(checked, given);
    given.a.push(2);
    assert.deepEqual(checked, { a: [1, { b: "x" }], c: null, d: true });
    assert.equal(checkContext({}, "the context"), emptyContext);
  });

  it("may be any JSON object", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ maxDepth: 3, stringUnit: "grapheme" }), { maxKeys: 5 }), (value) => {
        fc.pre(!JSON.stringify(value).includes("__proto__"));
        const json = JSON.parse(JSON.stringify(value)) as unknown;
        assert.deepEqual(checkContext(json, "the context"), json);
      }),
    );
  });

  it("must be an object of JSON values", () => {
    for (const context of [null, undefined, 1, "a", [], [1], new Map(), new Date(), () => 1]) refused(context);
    for (const value of [undefined, Number.NaN, Infinity, 1n, Symbol("x"), new Date(), new Map(), () => 1, Buffer.from("x")]) {
      refused({ a: value }, "a");
      refused({ a: { b: [value] } }, "a.b[0]");
    }
    const sparse: unknown[] = [];
    sparse[1] = 1;
    refused({ a: sparse }, "a[0]");
  });

  it("must not play tricks with prototypes", () => {
    refused(JSON.parse('{"__proto__": {"admin": true}}'), "__proto__");
    refused(JSON.parse('{"a": {"__proto__": 1}}'), "a.__proto__");
    refused(Object.create({ admin: true }));
    assert.deepEqual(checkContext(JSON.parse('{"constructor": 1, "toString": 2}'), "the context"), { constructor: 1, toString: 2 });
    assert.deepEqual(checkContext(Object.assign(Object.create(null) as object, { a: 1 }), "the context"), { a: 1 });
  });

  it("must be well-formed Unicode", () => {
    refused({ a: "\ud800" }, "a");
    refused({ "\udc00": 1 }, "\udc00");
  });

  it("is bounded in size", () => {
    const empty = '{"a":""}'.length;
    checkContext({ a: "x".repeat(limits.contextBytesMax - empty) }, "the context");
    refused({ a: "x".repeat(limits.contextBytesMax - empty + 1) });
    checkContext({ a: "é".repeat((limits.contextBytesMax - empty) / 2) }, "the context");
    refused({ a: "é".repeat((limits.contextBytesMax - empty) / 2 + 1) });
    checkContext({ a: "\n".repeat((limits.contextBytesMax - empty) / 2) }, "the context");
    refused({ a: "\n".repeat((limits.contextBytesMax - empty) / 2 + 1) });
  });

  it("is bounded in depth, and may not hold itself", () => {
    checkContext(nested(limits.contextDepthMax), "the context");
    assert.throws(() => checkContext(nested(limits.contextDepthMax + 1), "the context"), /nests more than/);
    const self: Record<string, unknown> = {};
    for (const key of "abcdefgh") self[key] = self;
    assert.throws(() => checkContext(self, "the context"), UsherError);
  });
});
