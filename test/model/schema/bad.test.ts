import assert from "node:assert/strict";

import { UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { checkSchema, compileSchema } from "../../../src/model/schema/compile.js";
import type { SchemaDiagnostic } from "../../../src/model/schema/diagnostics.js";

function errorsOf(text: string): SchemaDiagnostic[] {
  return checkSchema(text).filter(({ severity }) => severity === "error");
}

/** `@` in a text marks where the error must be told; the marks are taken out. */
function marked(text: string): { text: string; places: string[] } {
  const places: string[] = [];
  const lines = text.split("\n").map((line, at) => {
    while (line.includes("@")) {
      places.push(`${at + 1}:${line.indexOf("@") + 1}`);
      line = line.replace("@", "");
    }
    return line;
  });
  return { text: lines.join("\n"), places };
}

const inDoc = (member: string, top = "") => `${top}\ndefinition user {}\ndefinition doc {\n\trelation viewer: user\n\t${member}\n}`;
const caveat = (text: string) => `${text}\ndefinition user {}`;

const table: [title: string, text: string, message: RegExp][] = [
  // What cannot be read.
  ["a stray word", "@hello", /expected `definition`/],
  ["an unknown character", "definition user {@%}", /has no meaning/],
  ["an unfinished comment", "definition user {} @/* and so", /never closed/],
  ["an unfinished definition", "definition @user {\n", /never closed/],
  ["a definition within another", "definition @doc {\n\trelation a: user\ndefinition user {}", /never closed/],
  ["a definition without a name", "definition @{}", /name of a definition/],
  ["a name that starts with a digit", "definition @1st {}", /cannot name/],
  ["a name of 129 bytes", `definition @${"x".repeat(129)} {}`, /at most 128 bytes/],
  ["a name with letters beyond ASCII", "definition @usér {}", /cannot name/],
  ["a relation without type", inDoc("relation a@\n"), /expected `:`/],
  ["a relation with an empty alternative", inDoc("relation a: user | @|"), /name of a type/],
  ["half a wildcard", inDoc("relation a: user:@user"), /expected `\*`/],
  ["a permission without expression", inDoc("permission a =@\n"), /name of a relation or permission/],
  ["two statements on one line", inDoc("relation a: user @relation b: user"), /new line or `;`/],
  ["an unfinished parenthesis", inDoc("permission a = (viewer@\n"), /expected `\)`/],
  ["an arrow of two steps", inDoc("relation up: doc\n\tpermission a = up->up@->a"), /one step/],
  ["an arrow after parentheses", inDoc("permission a = (viewer)@->a"), /left of an arrow/],
  ["an arrow to `nil`", inDoc("relation up: doc\n\tpermission a = up->@nil"), /reserved word `nil`/],
  ["an unknown arrow function", inDoc("relation up: doc\n\tpermission a = up.@some(a)"), /`any` or `all`/],
  ["a reserved word as a name", inDoc("relation @nil: user"), /reserved word `nil`/],
  ["`with` as a name", inDoc("relation @with: user"), /reserved word `with`/],
  ["`self` as a name where it is a word", inDoc("relation @self: user", "use self"), /reserved word `self`/],
  ["a member that is none", inDoc("@field a: user"), /expected `relation`, `permission` or `}`/],
  ["an import", '@import "other.zed"', /cannot import/],
  // Features.
  ["an unknown feature", "use @magic\ndefinition user {}", /no feature `magic`/],
  ["a feature used twice", "use self\n@use self", /in use already/],
  ["a feature used late", "definition user {}\n@use self", /before the first definition/],
  ["expiration without its feature", inDoc("relation a: user with @expiration"), /use expiration/],
  ["expiration after a caveat without its feature", `caveat c(x int) { x > 1 }${inDoc("relation a: user with c and @expiration")}`, /use expiration/],
  ["expiration before the caveat", `use expiration\ncaveat c(x int) { x > 1 }${inDoc("relation a: user with expiration @and c")}`, /comes last/],
  ["two caveats", `use expiration\ncaveat c(x int) { x > 1 }${inDoc("relation a: user with c and @c")}`, /expected `expiration`/],
  ["a partial without its feature", "@partial p {}", /use partial/],
  ["`self` without its feature", inDoc("permission a = @self"), /use self/],
  // Names.
  ["an unknown type", inDoc("relation a: @usr"), /unknown type `usr`/],
  ["an unknown userset", inDoc("relation a: doc#@reader"), /`doc` has no relation or permission `reader`/],
  ["an unknown caveat", inDoc("relation a: user with @late"), /unknown caveat `late`/],
  ["an unknown member", inDoc("permission a = @reader"), /has no relation or permission `reader`/],
  ["an unknown relation of an arrow", inDoc("permission a = @up->a"), /has no relation or permission `up`/],
  ["an unknown partial", inDoc("...@p", "use partial"), /unknown partial `p`/],
  ["two definitions of one name", "definition user {}\ndefinition @user {}", /name of a definition already/],
  ["a caveat named as a definition", "definition user {}\ncaveat @user(a int) { a > 1 }", /name of a definition already/],
  ["two partials of one name", "use partial\npartial p {}\npartial @p {}", /name of a partial already/],
  ["two members of one name", inDoc("permission @viewer = nil"), /already has `viewer`/],
  ["a member that a partial brings too", `use partial\npartial p { relation viewer: user }${inDoc("@...p")}`, /partial `p` brings in again/],
  ["a partial included twice", `use partial\npartial p { relation a: user }${inDoc("...p\n\t@...p")}`, /already has `a`/],
  ["partials in a circle", "use partial\npartial a { ...b }\npartial b { ...@a }", /includes itself: `a -> b -> a`/],
  ["a caveat named `expiration`", "caveat @expiration(a int) { a > 1 }", /cannot be named `expiration`/],
  // No error on the heels of another: what cannot be read may hold what is not found.
  ["a relation without name, and nothing else", inDoc("relation @: user\n\tpermission a = unread"), /name of a relation/],
  ["a relation without type, and nothing else", inDoc("relation unread@\n\tpermission a = unread->x + unread"), /expected `:`/],
  ["an unknown partial, and nothing else", inDoc("...@p\n\tpermission a = unread", "use partial"), /unknown partial/],
  ["a partial within an unknown partial, and nothing else", `use partial\npartial p { ...@q }${inDoc("...p\n\tpermission a = unread")}`, /unknown partial/],
  ["a caveat that does not compile, and nothing else", `caveat c(a int) { @a < 'x' }${inDoc("relation a: user with c")}`, /no such overload/],
  // What cannot be evaluated.
  ["an alternative given twice", inDoc("relation a: user | @user#..."), /allows `user` twice/],
  ["an arrow over a permission", inDoc("permission a = @b->a\n\tpermission b = viewer"), /is a permission/],
  ["an arrow over a wildcard", inDoc("relation pub: user | user:*\n\tpermission a = @pub->a"), /leads to no object/],
  ["a wildcard through another relation", "definition user {}\ndefinition team { relation member: user:* }\ndefinition doc { relation a: user | @team#member }", /may not be reached/],
  ["a wildcard through two others", "definition user {}\ndefinition doc { relation a: @b#c }\ndefinition b { relation c: b#d\nrelation d: user:* }", /reaches a wildcard/],
  ["a wildcard through three others", "definition user {}\ndefinition doc { relation a: @b#c }\ndefinition b { relation c: b#d\nrelation d: b#e\nrelation e: user:* }", /reaches a wildcard/],
  ["a permission defined by itself", inDoc("permission @a = viewer + a"), /defined by itself: `a -> a`/],
  ["permissions in a circle", inDoc("permission @a = viewer - b\n\tpermission b = c\n\tpermission c = viewer & (a + viewer)"), /`a -> b -> c -> a`/],
  // Types of permissions.
  ["a type that is missing", inDoc("permission @a: user = viewer + self", "use self\nuse typechecking"), /also has subjects of type `doc`/],
  ["a type too many", inDoc("permission a: user | @doc = viewer", "use typechecking"), /never has subjects of type `doc`/],
  ["a type named twice", inDoc("permission a: user | @user = viewer", "use typechecking"), /named twice/],
  ["an unknown type of a permission", inDoc("permission a: user | @usr = viewer", "use typechecking"), /unknown type `usr`/],
  // Caveats.
  ["a caveat without parameters", caveat("caveat c(@) { true }"), /at least one parameter/],
  ["a parameter without type", caveat("caveat c(a@) { a }"), /a parameter's type/],
  ["a parameter of an unknown type", caveat("caveat c(a @strin) { a == '' }"), /strin/],
  ["a parameter declared twice", caveat("caveat c(a int, @a int) { a > 1 }"), /declared twice/],
  ["a parameter never used", caveat("caveat c(a int, @b int) { a > 1 && {'b': 'b'}.b == 'b' /* b */ }").replace("/* b */", "// b\n"), /never used/],
  ["an empty caveat", caveat("caveat @c(a int) { }"), /no expression/],
  ["an unfinished caveat", caveat("caveat c(a int) @{ a > 1"), /never closed/],
  ["a caveat whose string hides its brace", caveat("caveat c(a string) @{ a == '''}"), /never closed/],
  ["a caveat that does not type-check", caveat("caveat c(a int) {\n\ta > 1 &&\n\t@a < 'x'\n}"), /caveat `c`: /],
];

describe("schema errors", () => {
  for (const [title, source, message] of table) {
    it(`refuses ${title}`, () => {
      const { text, places } = marked(source);
      const errors = errorsOf(text);
      assert.deepEqual(errors.map(({ line, column }) => `${line}:${column}`), places, errors.map((error) => error.message).join("\n"));
      assert.match(errors[0]?.message ?? "", message);
      assert.throws(() => compileSchema(text), { code: "invalid_schema" });
    });
  }

  it("tells them all, in order, with their places, for people and for programs", () => {
    const { text, places } = marked(`definition user {}
definition group {
	relation member: user | @grup#member
	relation x @y: user
	permission ok = x + member + @nope
	permission many = (member &@) + x
	permission after = many + @gone
}
caveat c(a int) { a < @"x" }
caveat d(a int) @{ a < 5 &&
definition doc {
	relation viewer: group#member with @late
	@broken
	permission view = viewer
}
definition @group {}`);
    assert.throws(() => compileSchema(text), (error) => {
      assert(error instanceof UsherError);
      const listed = JSON.parse(error.details.errors ?? "") as SchemaDiagnostic[];
      assert.deepEqual(listed.map(({ line, column }) => `${line}:${column}`), places.map((place) => (place === "9:23" ? "9:19" : place)));
      assert.equal(error.details.line, "3");
      assert.equal(error.details.column, "26");
      assert.match(error.message, /^schema has 10 errors\nline 3, column 26: unknown type `grup`: define it with `definition grup \{ … \}`\n3 \| \trelation member: user \| grup#member\n {2}\| \t {24}\^\^\^\^\n/);
      return true;
    });
  });

  it("shows a window of a long line, and nothing that a terminal would obey", () => {
    const [error] = errorsOf(`definition user {} // ${"x".repeat(500)}\n${" ".repeat(300)}\u001b[31m`);
    assert(error !== undefined && error.excerpt.length < 300 && !error.excerpt.includes("\u001b"), error?.excerpt);
  });

  it("gathers at most as many errors as its bound, and says that there may be more", () => {
    const text = `definition doc {\n${Array.from({ length: 5_000 }, (_, at) => `relation r${at}: nowhere${at}`).join("\n")}\n}`;
    assert.equal(errorsOf(text).length, limits.schemaErrorsMax);
    assert.throws(() => compileSchema(text), /schema has 100 errors or more/);
    assert.equal(errorsOf("? ".repeat(50_000)).length, limits.schemaErrorsMax);
  });
});

describe("schema bounds", () => {
  const expression = (text: string) => `definition user {}\ndefinition doc { relation a: user\npermission p = ${text} }`;

  it("takes a text of its largest size, and none larger", () => {
    const text = "definition user {} //";
    compileSchema(text + "x".repeat(limits.schemaBytesMax - text.length));
    assert.throws(() => compileSchema(text + "x".repeat(limits.schemaBytesMax - text.length + 1)), { code: "invalid_schema" });
    assert.throws(() => compileSchema(text + "é".repeat(limits.schemaBytesMax / 2)), { code: "invalid_schema" });
  });

  it("refuses text that is no Unicode", () => {
    assert.throws(() => compileSchema("// \ud800"), { code: "invalid_schema", message: /well-formed/ });
  });

  it("takes parentheses nested to the bound, and none deeper", () => {
    const nested = (depth: number) => expression(`${"(".repeat(depth)}a${")".repeat(depth)}`);
    compileSchema(nested(limits.schemaNestingMax));
    assert.throws(() => compileSchema(nested(limits.schemaNestingMax + 1)), /nests deeper than 64/);
    assert.throws(() => compileSchema(expression("(".repeat(500_000))), /nests deeper than 64/);
  });

  it("takes a chain of exclusions to the bound, and none longer", () => {
    const chain = (length: number) => expression(`a${" - a".repeat(length)}`);
    compileSchema(chain(limits.schemaNestingMax - 1));
    assert.throws(() => compileSchema(chain(limits.schemaNestingMax)), /nests deeper than 64/);
    assert.throws(() => compileSchema(chain(100_000)), /nests deeper than 64/);
  });

  it("takes unions of any width", () => {
    compileSchema(expression(`a${" + a".repeat(100_000)}`));
  });

  it("takes types nested to the bound, and none deeper", () => {
    const type = (depth: number) => `caveat c(a ${"list<".repeat(depth)}int${">".repeat(depth)}) { a == a }`;
    assert(!errorsOf(type(limits.schemaNestingMax - 1)).some(({ message }) => message.includes("nests")));
    assert.match(errorsOf(type(limits.schemaNestingMax))[0]?.message ?? "", /nests deeper than 64/);
    assert.match(errorsOf(type(100_000))[0]?.message ?? "", /nests deeper than 64/);
  });

  it("takes as many definitions as its bound, and no more", () => {
    const definitions = (count: number) => Array.from({ length: count }, (_, at) => `definition t${at} {}`).join("\n");
    assert.equal(compileSchema(definitions(limits.schemaDefinitionsMax)).definitions.size, limits.schemaDefinitionsMax);
    assert.throws(() => compileSchema(definitions(limits.schemaDefinitionsMax + 1)), /more than 1000 definitions/);
  });

  it("takes as many members as its bound, those of partials counted where they are included", () => {
    const schema = (count: number) => `use partial\ndefinition user {}
      partial p { ${Array.from({ length: limits.schemaMembersMax / 10 }, (_, at) => `relation r${at}: user`).join(";")} }
      ${Array.from({ length: 9 }, (_, at) => `definition d${at} { ...p }`).join("\n")}
      definition last { ${Array.from({ length: count }, (_, at) => `relation r${at}: user`).join(";")} }`;
    compileSchema(schema(0));
    assert.throws(() => compileSchema(schema(1)), /more than 20000 relations/);
  });

  it("takes as many parameters of a caveat as its bound, and no more", () => {
    const withParameters = (count: number) => {
      const names = Array.from({ length: count }, (_, at) => `p${at}`);
      return `caveat c(${names.map((name) => `${name} bool`).join(", ")}) { ${names.join(" || ")} }`;
    };
    compileSchema(withParameters(limits.conditionParametersMax));
    assert.throws(() => compileSchema(withParameters(limits.conditionParametersMax + 1)), /more than 64 parameters/);
  });

  it("works out partials that include each other over and over without repeating itself", () => {
    const partials = Array.from({ length: 900 }, (_, at) => `partial p${at + 1} { ...p${at}\n...p${at} }`).join("\n");
    assert(errorsOf(`use partial\npartial p0 { relation r: user }\ndefinition user { ...p900 }\n${partials}`).length > 0);
  });

  it("follows long chains of permissions, usersets and types without recursion", () => {
    const count = 15_000;
    const chain = (from: string, last: string) =>
      `use typechecking\ndefinition user {}\ndefinition d { relation u: user\n${Array.from({ length: count }, (_, at) => from.replaceAll("N", String(at)).replaceAll("M", String(at + 1))).join("\n")}\n${last} }`;
    compileSchema(chain("permission pN: user = pM", `permission p${count} = u`));
    assert.match(errorsOf(chain("permission pN: user = pM", `permission p${count} = p0`))[0]?.message ?? "", /defined by itself/);
    compileSchema(chain("relation rN: d#rM", `relation r${count}: user:*`));
  });
});
