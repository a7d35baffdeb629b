import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { parse } from "yaml";

import { limits } from "../../../src/base/limits.js";
import { compileSchema } from "../../../src/model/schema/compile.js";
import { formatSchema } from "../../../src/model/schema/format.js";

const shared = path.resolve(process.cwd(), "../shared");

function fingerprint(text: string, type: string, member: string): string {
  const found = compileSchema(text).definitions.get(type)?.members.get(member);
  assert(found !== undefined);
  assert.match(found.fingerprint, /^[0-9a-f]{64}$/);
  return found.fingerprint;
}

describe("compileSchema", () => {
  const text = "definition user {}\ndefinition doc { relation viewer: user | user:*\npermission view = viewer + nil }";

  it("keeps the text as written", () => assert.equal(compileSchema(text).text, text));

  it("takes the dialect as data", () => {
    assert.equal(compileSchema(text).dialect.depthMax, limits.depthMax);
    assert.equal(compileSchema(text, { dialect: { depthMax: 25 } }).dialect.depthMax, 25);
    assert.equal(compileSchema(text, { dialect: { depthMax: undefined } }).dialect.depthMax, limits.depthMax);
    assert.equal(compileSchema(`use openfga\n${text}`).dialect.depthMax, 25);
  });

  it("gives what nobody can change", () => {
    const schema = compileSchema(text);
    const everything: unknown[] = [schema, schema.dialect, schema.definitions, schema.conditions];
    for (const definition of schema.definitions.values()) {
      everything.push(definition, definition.members);
      for (const member of definition.members.values()) {
        everything.push(member);
        if (member.kind === "relation") everything.push(member.subjects, ...member.subjects);
        else everything.push(member.rewrite, ...(member.rewrite.kind === "union" ? [member.rewrite.operands, ...member.rewrite.operands] : []));
      }
    }
    for (const part of everything) {
      assert(Object.isFrozen(part));
      if (part instanceof Map) for (const change of [() => part.set("x", 1), () => part.delete("doc"), () => part.clear()]) assert.throws(change);
    }
  });
});

describe("fingerprints", () => {
  const schema = (doc: string, caveat = "a > 1") =>
    `use self\ncaveat c(a int) { ${caveat} }\ncaveat other(a int) { a > 2 }\ndefinition user {}\ndefinition group { relation member: user }\ndefinition doc { relation a: user\nrelation b: user\nrelation up: doc\n${doc} }`;
  const same: [string, string, string][] = [
    ["the order of a relation's alternatives", "relation r: user | group#member", "relation r: group#member | user"],
    ["comments and white space", "permission r = a + b", "/** said */ permission   r = a /* and */ + b"],
    ["parentheses without meaning", "permission r = (a + (b + up->a))", "permission r = a + b + up->a"],
    ["the spelling of an arrow", "permission r = up->a", "permission r = up.any(a)"],
    ["other members", "relation r: user", "relation r: user\npermission s = r"],
  ];
  for (const [what, one, other] of same) {
    it(`do not depend on ${what}`, () => assert.equal(fingerprint(schema(one), "doc", "r"), fingerprint(schema(other), "doc", "r")));
  }

  const different: [string, string, string][] = [
    ["an alternative more", "relation r: user", "relation r: user | group#member"],
    ["a wildcard", "relation r: user", "relation r: user:*"],
    ["a condition", "relation r: user", "relation r: user with c"],
    ["another condition", "relation r: user with other", "relation r: user with c"],
    ["an operator", "permission r = a + b", "permission r = a & b"],
    ["the order of an exclusion", "permission r = a - b", "permission r = b - a"],
    ["the grouping of an exclusion", "permission r = a - b - a", "permission r = a - (b - a)"],
    ["the quantifier of an arrow", "permission r = up->a", "permission r = up.all(a)"],
    ["`self` for `nil`", "permission r = self", "permission r = nil"],
    ["a permission for a relation", "permission r = a", "relation r: user"],
  ];
  for (const [what, one, other] of different) {
    it(`differ by ${what}`, () => assert.notEqual(fingerprint(schema(one), "doc", "r"), fingerprint(schema(other), "doc", "r")));
  }

  it("depend on the conditions that a relation names, and on no others", () => {
    const conditional = "relation r: user with c | user";
    assert.notEqual(fingerprint(schema(conditional), "doc", "r"), fingerprint(schema(conditional, "a > 3"), "doc", "r"));
    assert.equal(fingerprint(schema("relation r: user with other"), "doc", "r"), fingerprint(schema("relation r: user with other", "a > 3"), "doc", "r"));
  });

  it("are not transitive: a permission's says nothing of the relations it names", () => {
    assert.equal(fingerprint(schema("relation x: user\npermission r = x"), "doc", "r"), fingerprint(schema("relation x: user:*\npermission r = x"), "doc", "r"));
  });
});

describe("schemas that others wrote", () => {
  const folder = path.join(shared, "conformance/spicedb");
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".yaml")) : [];
  if (files.length === 0) it("compile (skipped: no ../shared/conformance/spicedb here)", function () { this.skip(); });
  for (const file of files) {
    it(`compile and format: ${file}`, () => {
      const { schema } = parse(readFileSync(path.join(folder, file), "utf8")) as { schema: string };
      const compiled = compileSchema(schema);
      assert(compiled.definitions.size > 0);
      assert.deepEqual([...compileSchema(formatSchema(schema)).definitions.keys()], [...compiled.definitions.keys()]);
    });
  }

  it("compile: the Kubernetes organisations, which stand in canonical form", function () {
    const file = path.join(shared, "data/kubernetes-org/schema.zed");
    if (!existsSync(file)) return this.skip();
    const text = readFileSync(file, "utf8");
    assert.deepEqual([...compileSchema(text).definitions.keys()], ["user", "org", "team", "repo"]);
    assert.equal(formatSchema(text), text);
  });
});
