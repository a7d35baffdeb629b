import assert from "node:assert/strict";

import fc from "fast-check";

import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { checkId, checkName, checkType, formatId, formatObject, isName, isTypeName, object, quote } from "../../src/model/object.js";
import { isUserset, isWildcard, subject, formatSubject } from "../../src/model/subject.js";
import { ids } from "./generators.js";

function refused(make: () => unknown, code: ErrorCode): void {
  assert.throws(make, (error) => error instanceof UsherError && error.code === code);
}

describe("an id", () => {
  it("may be an e-mail address, a URL, a path, any word of any language", () => {
    for (const id of ["1", "ana@example.com", "https://example.com/a?b=c&d", "a:b", "a/b/c", "日本語", "😀", "e\u0301", "**", "*x", "x*", '"', "[", "a[b]", "-", "..."]) {
      assert.equal(checkId(id), id);
    }
    fc.assert(fc.property(ids, (id) => checkId(id) === id));
  });

  it("is compared by its bytes: composed and decomposed differ", () => {
    assert.notEqual(checkId("\u00e9"), checkId("e\u0301"));
  });

  it("must not be empty or a wildcard", () => {
    for (const id of ["", "*"]) refused(() => checkId(id), "invalid_id");
  });

  it("must not hold what cannot be seen, or `#`", () => {
    const invisible = ["\0", "\x1f", " ", "\t", "\n", "\x7f", "\x80", "\x9f", "\xa0", "\u1680", "\u180e", "\u2000", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u202f", "\u205f", "\u2060", "\u2066", "\u2069", "\u3000", "\ufeff", "#",
      "\xad", "\u034f", "\u061c", "\u115f", "\u17b4", "\u180b", "\u2065", "\u2800", "\u3164", "\ufe0f", "\uffa0", "\ufff9", "\u{e0041}", "\u{e0100}"];
    for (const character of invisible) {
      for (const id of [character, `a${character}`, `${character}a`, `a${character}b`]) refused(() => checkId(id), "invalid_id");
    }
  });

  it("must be well-formed Unicode", () => {
    for (const id of ["\ud800", "a\udc00", "\ud800\ud800", "\udc00\ud800"]) refused(() => checkId(id), "invalid_id");
  });

  it("is 1,024 bytes long at most", () => {
    assert.equal(limits.idBytesMax, 1024);
    checkId("a".repeat(1024));
    refused(() => checkId("a".repeat(1025)), "invalid_id");
    checkId("é".repeat(512));
    refused(() => checkId("é".repeat(512) + "a"), "invalid_id");
    checkId("😀".repeat(256));
    refused(() => checkId("😀".repeat(257)), "invalid_id");
  });

  it("must be a string", () => {
    for (const id of [1, null, undefined, {}, ["a"]]) refused(() => checkId(id as string), "invalid_id");
  });

  it("is quoted in text where it would be misread", () => {
    assert.equal(formatId("a:b@c"), "a:b@c");
    assert.equal(formatId("a[b"), '"a[b"');
    assert.equal(formatId('"a'), '"\\"a"');
    assert.equal(formatObject(object("doc", "a[b]")), 'doc:"a[b]"');
  });
});

describe("a name", () => {
  it("is of letters, digits and underscores", () => {
    for (const name of ["a", "A_1", "_", "__proto__", "a".repeat(limits.nameBytesMax)]) {
      assert.ok(isName(name));
      assert.equal(checkName(name, "relation"), name);
      assert.equal(checkType(name), name);
    }
    for (const name of ["", "1a", "a-b", "a b", "é", "a.b", "a\n", "a".repeat(limits.nameBytesMax + 1)]) {
      refused(() => checkName(name, "relation"), "invalid_name");
      refused(() => checkType(name), "invalid_name");
    }
    refused(() => checkName(undefined as unknown as string, "relation"), "invalid_name");
  });

  it("of a type may have prefixes", () => {
    for (const type of ["acme/doc", "a/b/c"]) assert.ok(isTypeName(type) && !isName(type));
    for (const type of ["/a", "a/", "a//b", "a/1"]) refused(() => checkType(type), "invalid_name");
  });
});

describe("a subject", () => {
  it("is an object, a userset or a wildcard", () => {
    assert.equal(formatSubject(subject("user", "ana")), "user:ana");
    assert.equal(formatSubject(subject("team", "sre", "member")), "team:sre#member");
    assert.equal(formatSubject(subject("user", "*")), "user:*");
    assert.ok(isWildcard(subject("user", "*")) && !isWildcard(subject("user", "**")));
    assert.ok(isUserset(subject("team", "sre", "member")) && !isUserset(subject("user", "ana")));
  });

  it("is no userset of a wildcard", () => {
    refused(() => subject("user", "*", "member"), "invalid_request");
    refused(() => subject("user", "a b"), "invalid_id");
    refused(() => subject("user", "a", "b-c"), "invalid_name");
    refused(() => subject("us er", "a"), "invalid_name");
  });
});

describe("quoted input", () => {
  it("is in backticks, on one line, and cut", () => {
    assert.equal(quote("a"), "`a`");
    assert.equal(quote("a\nb\0"), "`a\\nb\\u0000`");
    assert.ok(quote("x".repeat(10_000)).length < 100);
    assert.equal(quote(undefined), "`undefined`");
  });
});
