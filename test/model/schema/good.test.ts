import assert from "node:assert/strict";

import { formatAllowedSubject } from "../../../src/model/schema/alternative.js";
import { checkSchema, compileSchema } from "../../../src/model/schema/compile.js";
import type { Rewrite } from "../../../src/model/schema/rewrite.js";
import type { Schema } from "../../../src/model/schema/schema.js";

function relation(schema: Schema, type: string, name: string): string[] {
  const member = schema.definitions.get(type)?.members.get(name);
  assert(member?.kind === "relation", `${type}#${name} is a relation`);
  return member.subjects.map(formatAllowedSubject);
}

function rewrite(schema: Schema, type: string, name: string): Rewrite {
  const member = schema.definitions.get(type)?.members.get(name);
  assert(member?.kind === "permission", `${type}#${name} is a permission`);
  return member.rewrite;
}

/** A rewrite with every operation in parentheses. */
function show(rewrite: Rewrite): string {
  switch (rewrite.kind) {
    case "union":
      return `(${rewrite.operands.map(show).join(" + ")})`;
    case "intersection":
      return `(${rewrite.operands.map(show).join(" & ")})`;
    case "exclusion":
      return `(${show(rewrite.base)} - ${show(rewrite.subtracted)})`;
    case "computed":
      return rewrite.name;
    case "arrow":
      return `${rewrite.tupleset}.${rewrite.quantifier}(${rewrite.permission})`;
    case "self":
    case "nil":
      return rewrite.kind;
  }
}

const relations = ["a", "b", "c", "d"].map((name) => `relation ${name}: user`).join("\n");

function expression(text: string, top = ""): string {
  return show(rewrite(compileSchema(`${top}\ndefinition user {}\ndefinition doc {\n${relations}\nrelation up: doc\npermission p = ${text}\n}`), "doc", "p"));
}

describe("schema language: expressions", () => {
  const table: [text: string, meaning: string][] = [
    ["a", "a"],
    ["a + b", "(a + b)"],
    ["a + b + c", "(a + b + c)"],
    ["(a + b) + c", "(a + b + c)"],
    ["a + (b + c)", "(a + b + c)"],
    ["a & b & c", "(a & b & c)"],
    ["a - b + c", "(a - (b + c))"],
    ["a + b - c", "((a + b) - c)"],
    ["a & b + c", "(a & (b + c))"],
    ["a + b & c", "((a + b) & c)"],
    ["a - b & c", "(a - (b & c))"],
    ["a & b - c", "((a & b) - c)"],
    ["a - b & c + d", "(a - (b & (c + d)))"],
    ["a - b - c", "((a - b) - c)"],
    ["a - (b - c)", "(a - (b - c))"],
    ["(a - b) + c", "((a - b) + c)"],
    ["((((a))))", "a"],
    ["nil", "nil"],
    ["a - nil", "(a - nil)"],
    ["up->p", "up.any(p)"],
    ["up.any(p)", "up.any(p)"],
    ["up.all(p) & a", "(up.all(p) & a)"],
    ["a-b", "(a - b)"],
    ["a -b", "(a - b)"],
    ["a +\n b", "(a + b)"],
    ["a\n + b", "(a + b)"],
    ["(\n a\n + b\n)", "(a + b)"],
    ["a // why\n + /* because */ b", "(a + b)"],
    ["up\n->p", "up.any(p)"],
  ];
  for (const [text, meaning] of table) it(`reads ${JSON.stringify(text)} as ${meaning}`, () => assert.equal(expression(text), meaning));

  it("reads `self` as the object itself where `use self` asks for it, else as a name", () => {
    assert.equal(expression("a + self", "use self"), "(a + self)");
    const schema = compileSchema("definition user { relation self: user\npermission p = self }");
    assert.equal(show(rewrite(schema, "user", "p")), "self");
    assert.equal(rewrite(schema, "user", "p").kind, "computed");
  });
});

describe("schema language: definitions", () => {
  it("reads every kind of subject", () => {
    const schema = compileSchema(`use expiration
      caveat office_hours(hour int) { hour > 8 }
      caveat acme/net(ip ipaddress) { ip.in_cidr("10.0.0.0/8") }
      definition acme/user {}
      definition group { relation member: acme/user | group#member }
      definition doc {
        relation viewer: acme/user | acme/user:* | group#member | acme/user with office_hours | acme/user with expiration
          | group#member with acme/net and expiration | acme/user:* with office_hours | group#...
      }`);
    assert.deepEqual(relation(schema, "doc", "viewer"), [
      "acme/user", "acme/user:*", "group#member", "acme/user with office_hours", "acme/user with expiration",
      "group#member with acme/net and expiration", "acme/user:* with office_hours", "group",
    ]);
    assert.deepEqual([...schema.conditions.keys()], ["office_hours", "acme/net"]);
  });

  it("ends statements at a new line, at `;` and before `}`", () => {
    const schema = compileSchema("definition user {} definition doc { relation a: user; relation b: user\npermission p = a + b }; definition other {}");
    assert.deepEqual([...schema.definitions.keys()], ["user", "doc", "other"]);
    assert.deepEqual([...(schema.definitions.get("doc")?.members.keys() ?? [])], ["a", "b", "p"]);
  });

  it("reads line ends of every system, and a byte order mark", () => {
    const text = "definition user {}\ndefinition doc {\n  relation a: user\n  relation b: user\n}\n";
    for (const end of ["\r\n", "\r"]) assert.equal(compileSchema(`\ufeff${text.replaceAll("\n", end)}`).definitions.size, 2);
  });

  it("compiles a text of nothing, or of comments", () => {
    assert.equal(compileSchema("").definitions.size, 0);
    assert.equal(compileSchema("// nothing\n/* yet */").definitions.size, 0);
  });

  it("keeps doc comments, and no others", () => {
    const schema = compileSchema(`
      /** Whoever signs in. */
      definition user {}
      // not documentation
      definition doc {
        /**
         * Who may look.
         *   Indented.
         */
        relation viewer: user /* nor this */
        /** May look. */ permission view = viewer
        /***/
        permission none = nil
      }
      /** By the clock. */
      caveat late(hour int) { hour > 18 }`);
    assert.equal(schema.definitions.get("user")?.doc, "Whoever signs in.");
    const doc = schema.definitions.get("doc");
    assert.equal(doc?.doc, "");
    assert.deepEqual([...(doc?.members.values() ?? [])].map((member) => member.doc), ["Who may look.\n  Indented.", "May look.", ""]);
    assert.equal(schema.conditions.get("late")?.doc, "By the clock.");
  });

  it("takes the names of features as names until they are used", () => {
    const schema = compileSchema("definition expiration { relation and: expiration\nrelation partial: expiration\nrelation typechecking: expiration\nrelation use: expiration }");
    assert.deepEqual([...(schema.definitions.get("expiration")?.members.keys() ?? [])], ["and", "partial", "typechecking", "use"]);
  });

  it("takes names of 128 bytes and of one letter, in either case", () => {
    const long = `U${"x".repeat(127)}`;
    assert.deepEqual([...compileSchema(`definition ${long} {} definition A {} definition _b/c/d {}`).definitions.keys()], [long, "A", "_b/c/d"]);
  });

  it("lets a wildcard be reached through a permission, or within its own definition", () => {
    compileSchema(`definition user {}
      definition group { relation member: user:* | group#member\npermission all = member }
      definition doc { relation viewer: group#all }`);
  });
});

describe("schema language: partials", () => {
  const text = `use partial
    partial base { relation owner: user\n ...deep }
    definition user {}
    definition doc { relation reader: user\n ...base\n permission read = reader + owner + seen }
    definition page { ...base; ...other }
    partial deep { /** Who saw it. */ relation seen: user }
    partial other { permission look = owner }`;

  it("puts members where they are included", () => {
    const schema = compileSchema(text);
    assert.deepEqual([...schema.definitions.keys()], ["user", "doc", "page"]);
    assert.deepEqual([...(schema.definitions.get("doc")?.members.keys() ?? [])], ["reader", "owner", "seen", "read"]);
    assert.deepEqual([...(schema.definitions.get("page")?.members.keys() ?? [])], ["owner", "seen", "look"]);
    assert.equal(schema.definitions.get("page")?.members.get("seen")?.doc, "Who saw it.");
  });
});

describe("schema language: types of permissions", () => {
  const text = (permission: string, flag = "use typechecking\nuse self") => `${flag}
    definition user {}
    definition bot {}
    definition team { relation member: user | bot\npermission all = member\nrelation parent: team\npermission up = parent->up + member }
    definition doc {
      relation viewer: user | team#all
      relation owner: bot
      relation team: team | user
      permission ${permission}
    }`;
  const good = ["p: user | bot = viewer", "p: bot = owner", "p: bot | user = viewer - owner", "p: user | bot = team->all", "p: user | bot = team->up", "p: doc = self", "p: bot = owner + nil"];
  for (const permission of good) it(`accepts \`${permission}\``, () => void compileSchema(text(permission)));

  it("keeps the annotation in the order of the text", () => {
    const member = compileSchema(text("p: bot | user = viewer")).definitions.get("doc")?.members.get("p");
    assert(member?.kind === "permission");
    assert.deepEqual(member.annotation, ["bot", "user"]);
  });

  it("warns of an annotation that is not checked, and drops it", () => {
    const unchecked = text("p: bot = viewer", "");
    const [warning] = checkSchema(unchecked);
    assert.equal(warning?.severity, "warning");
    assert.match(warning.message, /use typechecking/);
    const member = compileSchema(unchecked).definitions.get("doc")?.members.get("p");
    assert(member?.kind === "permission" && member.annotation === undefined);
  });
});

describe("schema language: warnings", () => {
  it("tells of an arrow that reaches nobody, and compiles it", () => {
    const text = "definition user {}\ndefinition folder { relation owner: user }\ndefinition doc {\n\trelation parent: folder | user\n\tpermission a = parent->owner\n\tpermission b = parent->ovner\n}";
    const warnings = checkSchema(text);
    assert.deepEqual(warnings.map(({ severity, line, column, length }) => ({ severity, line, column, length })), [{ severity: "warning", line: 6, column: 25, length: 5 }]);
    compileSchema(text);
  });
});
