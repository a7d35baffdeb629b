import assert from "node:assert/strict";

import fc from "fast-check";

import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { emptyContext, type Context } from "../../src/model/context.js";
import { formatObject } from "../../src/model/object.js";
import { formatSubject } from "../../src/model/subject.js";
import { formatTuple, type Tuple } from "../../src/model/tuple.js";
import { parseCheck, parseObject, parseSubject, parseTuple, parseTupleLines } from "../../src/model/tuple-text.js";
import { contexts, ids, names, objects, plain, subjects, types } from "./generators.js";

const tuples: fc.Arbitrary<Tuple> = fc
  .tuple(
    fc.record({ object: objects, relation: names, subject: subjects }, plain),
    fc.option(fc.record({ name: fc.oneof(types, fc.constant("expiration")), context: contexts }, plain)),
    fc.option(fc.integer({ min: Date.parse("0001-01-01T00:00:00Z"), max: Date.parse("9999-12-31T23:59:59.999Z") })),
  )
  .map(([identity, condition, expiresAt]) => ({ ...identity, ...(condition ? { condition } : {}), ...(expiresAt === null ? {} : { expiresAt }) }));

function refused(parse: () => unknown, code: ErrorCode, column?: number): void {
  assert.throws(parse, (error) => {
    assert.ok(error instanceof UsherError, String(error));
    assert.equal(error.code, code, error.message);
    if (column !== undefined) assert.equal(error.details.column, String(column), error.message);
    return true;
  });
}

describe("a tuple's text", () => {
  it("is read as it was written", () => {
    fc.assert(fc.property(tuples, (tuple) => assert.deepEqual(parseTuple(formatTuple(tuple)), tuple)), { numRuns: 1000 });
  });

  it("is read in full", () => {
    assert.deepEqual(parseTuple('doc:1#viewer@user:a[ip:{"net":"10.0.0.0/8"}][expiration:2030-01-01T00:00:00Z]'), {
      object: { type: "doc", id: "1" },
      relation: "viewer",
      subject: { type: "user", id: "a", relation: "" },
      condition: { name: "ip", context: { net: "10.0.0.0/8" } },
      expiresAt: Date.parse("2030-01-01T00:00:00Z"),
    });
  });

  it("lets ids hold what separates, where it does not mislead", () => {
    const tuple = parseTuple("acme/doc:https://example.com/a:b@c#owner@user:ana@example.com:8080/x#member");
    assert.deepEqual(tuple.object, { type: "acme/doc", id: "https://example.com/a:b@c" });
    assert.equal(tuple.relation, "owner");
    assert.deepEqual(tuple.subject, { type: "user", id: "ana@example.com:8080/x", relation: "member" });
    assert.deepEqual(parseTuple('doc:"a[\\"b"#owner@user:"c]["').object.id, 'a["b');
    assert.equal(parseTuple('doc:a"b#owner@user:*x').subject.id, "*x");
  });

  it("takes `#...` for no relation", () => {
    assert.deepEqual(parseTuple("doc:1#viewer@user:a#..."), parseTuple("doc:1#viewer@user:a"));
    assert.deepEqual(parseTuple("doc:1#viewer@user:*#...").subject, { type: "user", id: "*", relation: "" });
  });

  it("reads brackets inside a condition's strings", () => {
    const context = { a: "]}{[\"\\", "}]": [{ b: "{" }] };
    assert.deepEqual(parseTuple(`doc:1#viewer@user:a[c:${JSON.stringify(context)}]`).condition?.context, context);
    assert.deepEqual(parseTuple('doc:1#viewer@user:a[c:{ "a" : [ 1 , 2 ] }]').condition?.context, { a: [1, 2] });
    assert.equal(parseTuple("doc:1#viewer@user:a[c:{}]").condition?.context, emptyContext);
  });

  it("tells an expiration from a condition of that name", () => {
    assert.deepEqual(parseTuple("doc:1#viewer@user:a[expiration]").condition, { name: "expiration", context: {} });
    assert.deepEqual(parseTuple('doc:1#viewer@user:a[expiration:{"a":1}]').condition, { name: "expiration", context: { a: 1 } });
  });

  it("takes expirations in the past, in any zone, cut to the millisecond", () => {
    const expiresAt = (text: string) => parseTuple(`doc:1#viewer@user:a[expiration:${text}]`).expiresAt;
    assert.equal(expiresAt("1999-12-31T23:59:59.999999999Z"), Date.parse("1999-12-31T23:59:59.999Z"));
    assert.equal(expiresAt("2030-01-01T02:00:00+02:00"), Date.parse("2030-01-01T00:00:00Z"));
    assert.equal(expiresAt("1969-12-31T23:59:59.999500Z"), -1);
  });

  it("is refused with the column where it is wrong", () => {
    for (const [text, code, column] of [
      ["", "invalid_tuple", 1],
      ["doc", "invalid_tuple", 4],
      ["doc:1", "invalid_tuple", 6],
      ["doc:1#viewer", "invalid_tuple", 13],
      ["doc:1#viewer@user", "invalid_tuple", 18],
      ["doc:1#viewer@user:a#", "invalid_tuple", 21],
      ["doc:#viewer@user:a", "invalid_id", 1],
      ["doc:*#viewer@user:a", "invalid_id", 1],
      ["doc:1#viewer@user:", "invalid_id", 14],
      ["doc:1#viewer@user:a b", "invalid_id", 14],
      ["doc:1#viewer@user:a#b#c", "invalid_name", 14],
      ["1doc:1#viewer@user:a", "invalid_name", 1],
      ["doc:1#view-er@user:a", "invalid_name", 7],
      ["doc:1#@user:a", "invalid_name", 7],
      ["doc:1#viewer@user:*#member", "invalid_tuple", 14],
      ['doc:"1#viewer@user:a', "invalid_tuple", 5],
      ['doc:"1"2#viewer@user:a', "invalid_tuple", 8],
      ["doc:1#viewer@user:a[", "invalid_name", 21],
      ["doc:1#viewer@user:a[]", "invalid_name", 21],
      ["doc:1#viewer@user:a[c", "invalid_tuple", 22],
      ["doc:1#viewer@user:a[c:{]", "invalid_context", 23],
      ["doc:1#viewer@user:a[c:1]", "invalid_context", 23],
      ['doc:1#viewer@user:a[c:{"a":1}', "invalid_tuple", 30],
      ['doc:1#viewer@user:a[c:{"__proto__":1}]', "invalid_context", 23],
      ["doc:1#viewer@user:a[c]x", "invalid_tuple", 23],
      ["doc:1#viewer@user:a[c][d]", "invalid_tuple", 23],
      ["doc:1#viewer@user:a[expiration:soon]", "invalid_tuple", 32],
      ["doc:1#viewer@user:a[expiration:2030-02-30T00:00:00Z]", "invalid_tuple", 32],
      ["doc:1#viewer@user:a[expiration:2030-01-01T00:00:00Z", "invalid_tuple", 52],
      ["doc:1#viewer@user:a[expiration:2030-01-01T00:00:00Z][c]", "invalid_tuple", 53],
    ] as const) {
      refused(() => parseTuple(text), code, column);
    }
  });

  it("never crashes, whatever it is", () => {
    const pieces = fc.array(fc.constantFrom("doc", ":", "#", "@", "[", "]", "{", "}", '"', "\\", "*", "...", "expiration", "2030-01-01T00:00:00Z", "1", " with "), { maxLength: 20 });
    fc.assert(
      fc.property(pieces, (parts) => {
        for (const parse of [parseTuple, parseCheck, parseObject, parseSubject]) {
          try {
            parse(parts.join(""));
          } catch (error) {
            assert.ok(error instanceof UsherError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("an object's, a subject's and a check's text", () => {
  it("is read as it was written", () => {
    fc.assert(fc.property(objects, (object) => assert.deepEqual(parseObject(formatObject(object)), object)));
    fc.assert(fc.property(subjects, (subject) => assert.deepEqual(parseSubject(formatSubject(subject)), subject)));
    fc.assert(
      fc.property(objects, names, subjects, contexts, (object, permission, subject, context: Context) => {
        const text = `${formatObject(object)}#${permission}@${formatSubject(subject)}`;
        assert.deepEqual(parseCheck(text), { object, permission, subject, context: {} });
        assert.deepEqual(parseCheck(`${text} with ${JSON.stringify(context)}`), { object, permission, subject, context });
      }),
    );
  });

  it("is refused where it is wrong", () => {
    refused(() => parseObject("doc"), "invalid_tuple", 4);
    refused(() => parseObject("doc:*"), "invalid_id");
    refused(() => parseObject("doc:a#b"), "invalid_tuple", 6);
    refused(() => parseSubject("user"), "invalid_tuple", 5);
    refused(() => parseSubject("user:*#member"), "invalid_tuple");
    refused(() => parseSubject("user:a[c]"), "invalid_tuple", 7);
    refused(() => parseCheck("doc:1#view@user:a with"), "invalid_id");
    refused(() => parseCheck("doc:1#view@user:a with {"), "invalid_context", 24);
    refused(() => parseCheck("doc:1#view@user:a with []"), "invalid_context", 24);
    refused(() => parseCheck("doc:1@user:a"), "invalid_tuple");
  });

  it("is cut at the first ` with `, since no id has a space", () => {
    assert.deepEqual(parseCheck('doc:1#view@user:a with {"s": "x with {}"}').context, { s: "x with {}" });
  });
});

describe("a text of tuples", () => {
  it("has one a line, with blank lines and comments between", () => {
    const text = "// who may\r\n\r\ndoc:1#viewer@user:a\r\n  doc:2#viewer@user:b  \n\n// end\n";
    assert.deepEqual([...parseTupleLines(text)].map(({ line, tuple }) => `${line} ${formatTuple(tuple)}`), ["3 doc:1#viewer@user:a", "4 doc:2#viewer@user:b"]);
    assert.deepEqual([...parseTupleLines("")], []);
  });

  it("is refused with the line", () => {
    const lines = parseTupleLines("doc:1#viewer@user:a\n\ndoc:2\n");
    const first = lines.next();
    assert.ok(first.done !== true && first.value.line === 1);
    assert.throws(() => lines.next(), (error) => error instanceof UsherError && error.details.line === "3" && error.details.column === "6");
  });
});

describe("ids in text", () => {
  it("come back whole", () => {
    fc.assert(fc.property(ids, (id) => assert.equal(parseObject(formatObject({ type: "doc", id })).id, id)), { numRuns: 2000 });
  });
});
