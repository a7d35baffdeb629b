import assert from "node:assert/strict";

import fc from "fast-check";

import { parseYaml } from "../../src/base/yaml.js";

describe("a YAML file of an operator", () => {
  it("is read, or told where it is wrong", () => {
    assert.deepEqual(parseYaml("a: 1\n").problems, []);
    assert.equal(parseYaml("a: 1\n").document.get("a"), 1);
    assert.deepEqual(parseYaml("a: 1\na: 2\n").problems, ["line 2, column 1: map keys must be unique"]);
    assert.deepEqual(parseYaml("---\na: 1\n---\n").problems.length, 1);
  });

  it("is never quoted, since what is wrong may be a secret", () => {
    for (const text of ["token: |s3cr3t", "token: >s3cr3t", 'token: "\\us3cr3t"', "token: %s3cr3t", "token: !!s3cr3t x", "token: 's3cr3t' s3cr3t", "token: s3cr3t: s3cr3t", "token: @s3cr3t", "token: {s3cr3t", "&s3cr3t *s3cr3t: x"]) {
      const { problems } = parseYaml(text);
      assert.ok(!problems.join().includes("s3cr3t"), problems.join());
    }
  });

  it("never throws, however it nests and whatever it holds", () => {
    for (const text of ["[".repeat(5_000), "- ".repeat(5_000), "{a: ".repeat(2_000), "? ".repeat(2_000)]) assert.ok(parseYaml(text).problems.length > 0);
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."ab:-[]{}&*!|>'\"%@`#?, \n\t\\") , maxLength: 60 }), (text) => void parseYaml(text)), { numRuns: 500 });
  });
});
