import assert from "node:assert/strict";
import { limits } from "../../../src/base/limits.js";
import type { SchemaChange } from "../../../src/model/schema/change.js";
import { compileSchema } from "../../../src/model/schema/compile.js";
import { diffSchemas } from "../../../src/model/schema/diff.js";

function diff(from: string, to: string): SchemaChange[] {
  return diffSchemas(compileSchema(from), compileSchema(to));
}

/** `widened document#view`, with `indirectly` and its causes. */
function short(change: SchemaChange): string {
  return [change.kind, change.name, ...(change.indirect ? ["indirectly"] : []), ...(change.causes === undefined ? [] : [`through ${change.causes.join(", ")}`])].join(" ");
}

const relations = "relation a: user\nrelation b: user\nrelation c: user\nrelation parent: doc\n";

/** How the permission `view` of one definition stands, from one expression to another. */
function view(from: string, to: string): string {
  const schema = (expression: string) => `use self\ndefinition user {}\ndefinition doc {\n${relations}permission view = ${expression}\n}`;
  return diff(schema(from), schema(to)).map(short).join("; ");
}

describe("the difference of two schemas", () => {
  it("is nothing for the same meaning in another order", () => {
    const one = "definition user {}\ncaveat c(x int, y int) { x > y }\ndefinition doc {\n relation a: user\n permission p = a\n permission q = a\n}";
    const other = "definition doc {\n permission q = a // why\n relation a: user\n permission p = (a)\n}\ncaveat c(x int, y int) { x > y }\ndefinition user {}";
    assert.deepEqual(diff(one, other), []);
  });

  describe("of a permission's expression", () => {
    const cases: [from: string, to: string, kind: string][] = [
      ["a", "a + b", "widened"],
      ["a + b", "b", "narrowed"],
      ["a", "a & b", "narrowed"],
      ["a & b", "a", "widened"],
      ["a", "a - b", "narrowed"],
      ["a - b", "a", "widened"],
      ["a - b", "a - (b & c)", "widened"],
      ["a - (b - c)", "a - b", "narrowed"],
      ["a", "b", "changed"],
      ["a - b", "b - a", "changed"],
      ["a + b", "b + a", "equivalent"],
      ["a + (b + c)", "(a + b) + c", ""],
      ["a & (b + c)", "(a & b) + (a & c)", "equivalent"],
      ["(a + b) - c", "(a - c) + (b - c)", "equivalent"],
      ["a", "a + (a & b)", "equivalent"],
      ["a", "a + nil", "equivalent"],
      ["a", "nil", "narrowed"],
      ["nil", "a - a", "widened"],
      ["a", "parent->view + a", "widened"],
      ["parent->view", "parent.all(view)", "changed"],
      ["self + a", "a", "narrowed"],
      // Two halves of `a` are all of it for who is in `b` or not, and neither where a condition of `b` is open.
      ["a", "(a & b) + (a - b)", "narrowed"],
    ];
    for (const [from, to, kind] of cases) {
      it(`\`${from}\` to \`${to}\`: ${kind === "" ? "nothing" : kind}`, () => {
        assert.equal(view(from, to), kind === "" ? "" : `${kind} doc#view`);
      });
    }

    it("beyond the rows of a truth table is found part by part", () => {
      const names = Array.from({ length: 40 }, (_, i) => `r${i}`);
      const schema = (expression: string) => `definition user {}\ndefinition doc {\n${names.map((name) => `relation ${name}: user`).join("\n")}\npermission view = ${expression}\n}`;
      const long = (from: number, to: number, operator = " + ") => names.slice(from, to).join(operator);
      const kinds = (from: string, to: string) => diff(schema(from), schema(to)).map(({ kind }) => kind);
      assert.deepEqual(kinds(long(0, 39), long(0, 40)), ["widened"]);
      assert.deepEqual(kinds(long(0, 40), long(1, 40)), ["narrowed"]);
      assert.deepEqual(kinds(long(0, 39, " & "), long(0, 40, " & ")), ["narrowed"]);
      assert.deepEqual(kinds(long(0, 40), names.toReversed().join(" + ")), ["equivalent"]);
      assert.deepEqual(kinds(`r0 - (${long(1, 40)})`, `r0 - (${long(2, 40)})`), ["widened"]);
      assert.deepEqual(kinds(long(0, 39), long(1, 40)), ["changed"]);
      // At the bound: 16 leaves of 2 states are as many rows as a table has; one more, and this is no longer seen.
      assert.equal(2 ** 16, limits.schemaDiffRowsMax);
      const spread = (count: number) => [`r0 & (${long(1, count)})`, names.slice(1, count).map((name) => `(r0 & ${name})`).join(" + ")] as const;
      assert.deepEqual(kinds(...spread(16)), ["equivalent"]);
      assert.deepEqual(kinds(...spread(17)), ["narrowed"]);
    });
  });

  describe("of a relation", () => {
    const schema = (subjects: string, more = "") => `use expiration\ncaveat c(x int) { x > 1 }\ndefinition user {}\ndefinition team {\n relation member: user\n}\ndefinition doc {\n relation a: ${subjects}\n${more}}`;

    it("tells what it allows newly, and no longer", () => {
      assert.deepEqual(diff(schema("user"), schema("user | team#member | user with c and expiration")), [
        {
          element: "relation", name: "doc#a", kind: "widened", from: "relation a: user", to: "relation a: user | team#member | user with c and expiration",
          allows: ["team#member", "user with c and expiration"],
        },
      ]);
      const [narrowed] = diff(schema("user | user:*"), schema("user"));
      assert.deepEqual([narrowed?.kind, narrowed?.allows, narrowed?.forbids], ["narrowed", undefined, ["user:*"]]);
      const [changed] = diff(schema("user"), schema("user with c"));
      assert.deepEqual([changed?.kind, changed?.allows, changed?.forbids], ["changed", ["user with c"], ["user"]]);
      assert.deepEqual(diff(schema("user | team#member"), schema("team#member | user")).map(short), ["equivalent doc#a"]);
    });

    it("that became a permission, or was added, or removed", () => {
      assert.deepEqual(diff(schema("user", " relation b: user\n"), schema("user", " permission b = a\n")).map(short), ["changed doc#b"]);
      assert.deepEqual(diff(schema("user"), schema("user", " relation b: user\n")), [{ element: "relation", name: "doc#b", kind: "added", to: "relation b: user" }]);
      assert.deepEqual(diff(schema("user", " relation b: user\n"), schema("user")), [{ element: "relation", name: "doc#b", kind: "removed", from: "relation b: user" }]);
    });
  });

  describe("of what others use", () => {
    const schema = (member: string, viewer = "user | team#member") => `definition user {}
      definition team {\n relation member: ${member}\n relation chief: user\n permission all = member + chief\n}
      definition folder {\n relation parent: folder\n relation viewer: ${viewer}\n relation banned: team#all\n
        permission view = viewer + parent->view\n permission edit = parent.all(view) - banned\n permission hide = viewer - banned\n permission both = viewer & banned\n}`;

    it("is told of each that moves with it, in the direction in which it moves", () => {
      assert.deepEqual(diff(schema("user"), schema("user | team#member")).map(short), [
        "widened team#member",
        "widened team#all indirectly through team#member",
        "widened folder#viewer indirectly through team#member",
        "widened folder#banned indirectly through team#all",
        "widened folder#view indirectly through folder#viewer",
        "changed folder#edit indirectly through folder#banned, folder#view",
        "changed folder#hide indirectly through folder#banned, folder#viewer",
        "widened folder#both indirectly through folder#banned, folder#viewer",
      ]);
    });

    it("turns round behind the right side of an exclusion", () => {
      const text = (banned: string, to = "owner - banned") => `definition user {}\ndefinition bot {}\ndefinition doc {\n relation owner: user\n relation banned: ${banned}\n permission view = ${to}\n permission odd = owner - view\n}`;
      assert.deepEqual(diff(text("user"), text("user | bot")).map(short), ["widened doc#banned", "narrowed doc#view indirectly through doc#banned", "widened doc#odd indirectly through doc#view"]);
      // Its own text narrows it as well, so that is not indirect.
      assert.deepEqual(diff(text("user", "owner"), text("user | bot")).map(short)[1], "narrowed doc#view through doc#banned");
    });

    it("is not told where it makes no difference", () => {
      const text = (viewer: string) => `definition user {}\ndefinition bot {}\ndefinition doc {\n relation owner: user\n relation viewer: ${viewer}\n permission view = owner + (owner & viewer)\n}`;
      assert.deepEqual(diff(text("user"), text("user | bot")).map(short), ["widened doc#viewer"]);
    });

    it("says nothing of an arrow's `all` that may lead to more objects", () => {
      const text = (parent: string) => `definition user {}\ndefinition box {\n relation viewer: user\n}\ndefinition folder {\n relation viewer: user\n}
        definition doc {\n relation parent: ${parent}\n permission any = parent->viewer\n permission every = parent.all(viewer)\n}`;
      assert.deepEqual(diff(text("folder"), text("folder | box")).map(short), [
        "widened doc#parent", "widened doc#any indirectly through doc#parent", "changed doc#every indirectly through doc#parent",
      ]);
    });

    it("finds a type that gains the permission to which an arrow leads", () => {
      const text = (folder: string) => `definition user {}\ndefinition folder {\n relation viewer: user\n${folder}}\ndefinition doc {\n relation parent: folder\n permission view = parent->view\n}`;
      assert.deepEqual(diff(text(""), text(" permission view = viewer\n")).map(short), ["added folder#view", "widened doc#view indirectly through folder#view"]);
    });

    it("finds no direction where a member may be defined by its own absence, and one where it turns round twice", () => {
      const text = (viewer: string) => `definition user {}\ndefinition bot {}\ndefinition doc {\n relation viewer: ${viewer}\n relation banned: user | doc#view\n permission view = viewer - banned\n}`;
      assert.deepEqual(diff(text("user"), text("user | bot")).map(short), [
        "widened doc#viewer", "changed doc#banned indirectly through doc#view", "changed doc#view indirectly through doc#banned, doc#viewer",
      ]);
      assert.deepEqual(diff(text("user"), text("user")), []);
      const twice = (viewer: string) => `definition user {}\ndefinition bot {}\ndefinition doc {\n relation viewer: ${viewer}\n relation parent: doc\n permission view = viewer - lost\n permission lost = parent->hide\n permission hide = nil + (parent->all - view)\n permission all = nil\n}`;
      assert.deepEqual(diff(twice("user"), twice("user | bot")).map(short), [
        "widened doc#viewer", "widened doc#view indirectly through doc#lost, doc#viewer", "narrowed doc#lost indirectly through doc#hide", "narrowed doc#hide indirectly through doc#view",
      ]);
    });
  });

  describe("of a condition", () => {
    const schema = (caveat: string) => `${caveat}\ndefinition user {}\ndefinition doc {\n relation viewer: user with c\n permission view = viewer\n}`;

    it("names its parameters and what it stands before", () => {
      const [condition, ...rest] = diff(schema("caveat c(x int, y bool) { x > 1 && y }"), schema("caveat c(x uint, z bool) { x > 1u && z }"));
      assert.deepEqual(condition?.parameters, [{ name: "x", from: "int", to: "uint" }, { name: "y", from: "bool" }, { name: "z", to: "bool" }]);
      assert.deepEqual([condition, ...rest].map((change) => change && short(change)), ["changed c", "changed doc#viewer indirectly through c", "changed doc#view indirectly through doc#viewer"]);
    });

    it("is changed by its expression, and not by the order of its parameters", () => {
      assert.deepEqual(diff(schema("caveat c(x int) { x > 1 }"), schema("caveat c(x int) { x > 2 }")).map(short)[0], "changed c");
      assert.deepEqual(diff(schema("caveat c(x int, y int) { x > y }"), schema("caveat c(y int, x int) { x > y }")).map(short), ["equivalent c"]);
    });
  });

  it("tells comments where they alone differ, and definitions without their members", () => {
    const from = "/** A user. */\ndefinition user {}\ndefinition doc {\n relation a: user\n /** Old. */\n permission p = a\n}\n/** A. */ caveat c(x bool) { x }\ndefinition gone {\n relation a: user\n}";
    const to = "/** A person. */\ndefinition user {}\ndefinition doc {\n /** Holds. */\n relation a: user\n /** New. */\n permission p = a + a\n}\n/** B. */ caveat c(x bool) { x }\ndefinition come {\n relation a: user\n}";
    assert.deepEqual(diff(from, to).map(short), ["documented c", "documented user", "documented doc#a", "equivalent doc#p", "added come", "removed gone"]);
  });

  it("shows expressions with no more parentheses than they need", () => {
    const [change] = diff(
      `definition user {}\ndefinition doc {\n${relations}permission view = (((a))) \n}`,
      `definition user {}\ndefinition doc {\n${relations}permission view = ((a & b) + (c)) - (parent.all(view) - (a))\n}`,
    );
    assert.equal(change?.to, "permission view = (a & b) + c - (parent.all(view) - a)");
  });

  it("is bounded for texts made to be hard to compare", () => {
    // A ring of unions in which each move runs round the whole, with as many leaves as a truth table takes.
    const members = 1_500;
    const ring = (first: string) => {
      const lines = Array.from({ length: members }, (_, i) => {
        const leaves = Array.from({ length: 14 }, (_, k) => `parent->p${(i * 7 + k * 131 + 1) % members}`);
        return `permission p${i} = ${[i === 0 ? first : "a", ...leaves].join(i % 2 === 0 ? " + " : " & ")}`;
      });
      return `definition user {}\ndefinition doc {\nrelation a: user\nrelation b: user\nrelation parent: doc\n${lines.join("\n")}\n}`;
    };
    const changes = diff(ring("a"), ring("b"));
    assert.equal(changes[0]?.name, "doc#p0");
    assert.ok(changes.length > 1);
  });
});
