import assert from "node:assert/strict";

import { findClosingBrace, namesIn } from "../../../src/model/schema/celtext.js";

describe("celtext", () => {
  const closed = [
    "a == b }",
    "{'x': {'y': 1}}.x.y == 1 }",
    "a == '}' }",
    'a == "\\"}" }',
    "a == '\\\\' }",
    "a == r'\\' }",
    "a == bR'\\' }",
    "a == '''\n}'\"\n''' }",
    'a == """}\\"""}""" }',
    "a // }\n }",
    "a == 'unfinished }\n }",
  ];
  for (const text of closed) {
    it(`finds the brace that closes ${JSON.stringify(text)}`, () => assert.equal(findClosingBrace(text, 0), text.length - 1));
  }

  for (const text of ["a == b", "{ a }", "a == '''}", "a // }", "a\ndefinition doc {}", "a\r\tcaveat c(b int) {}"]) {
    it(`finds none in ${JSON.stringify(text)}`, () => assert.equal(findClosingBrace(text, 0), undefined));
  }

  it("finds the names that are read, not fields, strings, numbers or comments", () => {
    assert.deepEqual([...namesIn("a.b == c['d'] && e . f(g) == 0x1f // h\n || r'i' == j")], ["a", "c", "e", "g", "j"]);
  });
});
