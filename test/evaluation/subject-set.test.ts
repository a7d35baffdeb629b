import assert from "node:assert/strict";
import fc from "fast-check";
import { UsherError } from "../../src/base/errors.js";
import { SubjectSet, subjectSetOf, type SubjectEntry } from "../../src/evaluation/subject-set.js";
import { object } from "../../src/model/object.js";
import type { ExpandNode, ExpandSubject } from "../../src/model/service.js";
import { formatSubject, subject, type SubjectRef } from "../../src/model/subject.js";

/** `user:ana`, `user:*`, `team:sre#member`; a question mark at the end makes it conditional. */
function one(text: string, through = "doc:1#viewer"): SubjectSet {
  return SubjectSet.of(ref(text.replace(/\?$/, "")), text.endsWith("?"), through);
}

function set(...texts: string[]): SubjectSet {
  return SubjectSet.union(texts.map((text) => one(text)));
}

function ref(text: string): SubjectRef {
  const [, type = "", id = "", relation = ""] = /^(\w+):([^#]+)(?:#(\w+))?$/.exec(text) ?? [];
  return subject(type, id, relation);
}

function show(of: SubjectSet): string[] {
  return of.entries().map(showEntry);
}

function showEntry(entry: SubjectEntry): string {
  const mark = (conditional: boolean) => (conditional ? "?" : "");
  const excluded = entry.excluded.map((each) => formatSubject(each.subject) + mark(each.conditional)).join(" ");
  return formatSubject(entry.subject) + mark(entry.conditional) + (excluded === "" ? "" : ` - ${excluded}`);
}

describe("SubjectSet", () => {
  describe("union", () => {
    const cases: [string, SubjectSet, string[]][] = [
      ["of nothing", SubjectSet.union([]), []],
      ["names each once", set("user:a", "user:b", "user:a"), ["user:a", "user:b"]],
      ["is certain where one side is", set("user:a?", "user:a"), ["user:a"]],
      ["keeps a subject named beside a wildcard", set("user:*", "user:a?"), ["user:*", "user:a?"]],
      ["takes back an exclusion", SubjectSet.union([set("user:*").difference(set("user:a", "user:b")), set("user:a")]), ["user:* - user:b", "user:a"]],
      ["takes it back only if a condition holds", SubjectSet.union([set("user:*").difference(set("user:a")), set("user:a?")]), ["user:* - user:a?", "user:a?"]],
      ["keeps an exclusion that both wildcards have", SubjectSet.union([set("user:*").difference(set("user:a", "user:b")), set("user:*").difference(set("user:b"))]), ["user:* - user:b"]],
      ["lets a conditional wildcard take back an exclusion conditionally", SubjectSet.union([set("user:*").difference(set("user:a")), set("user:*?")]), ["user:* - user:a?"]],
      ["does not let a wildcard cover usersets or other types", set("user:*", "team:x#member", "bot:a"), ["bot:a", "team:x#member", "user:*"]],
    ];
    for (const [name, actual, expected] of cases) it(name, () => assert.deepEqual(show(actual), expected));
  });

  describe("intersection", () => {
    const cases: [string, SubjectSet, string[]][] = [
      ["is what both name", set("user:a", "user:b").intersection(set("user:b", "user:c")), ["user:b"]],
      ["is conditional where one side is", set("user:a").intersection(set("user:a?")), ["user:a?"]],
      ["lets a wildcard pass what is named", set("user:*").intersection(set("user:a", "team:x#member")), ["user:a"]],
      ["leaves out what the wildcard leaves out", set("user:*").difference(set("user:a", "user:b?")).intersection(set("user:a", "user:b")), ["user:b?"]],
      ["of wildcards leaves out what either does", set("user:*").difference(set("user:a")).intersection(set("user:*").difference(set("user:b"))), ["user:* - user:a user:b"]],
      ["with nothing is nothing", set("user:*", "user:a").intersection(SubjectSet.union([])), []],
      ["of different types is nothing", set("user:a").intersection(set("bot:a")), []],
    ];
    for (const [name, actual, expected] of cases) it(name, () => assert.deepEqual(show(actual), expected));
  });

  describe("difference", () => {
    const cases: [string, SubjectSet, string[]][] = [
      ["takes away what is named", set("user:a", "user:b").difference(set("user:b")), ["user:a"]],
      ["takes away conditionally", set("user:a").difference(set("user:a?")), ["user:a?"]],
      ["excludes from a wildcard", set("user:*", "user:a").difference(set("user:a", "user:b?")), ["user:* - user:a user:b?"]],
      ["of a wildcard leaves nothing", set("user:*", "user:a").difference(set("user:*")), []],
      ["of a wildcard leaves usersets and other types", set("team:x#member", "bot:a").difference(set("user:*")), ["bot:a", "team:x#member"]],
      ["of a conditional wildcard leaves all conditional", set("user:*", "user:a").difference(set("user:*?")), ["user:*?", "user:a?"]],
      ["names what the subtracted wildcard leaves out", set("user:*").difference(set("user:*").difference(set("user:a", "user:b?"))), ["user:a", "user:b?"]],
      ["does not name what its own wildcard leaves out", set("user:*").difference(set("user:a")).difference(set("user:*").difference(set("user:a"))), []],
    ];
    for (const [name, actual, expected] of cases) it(name, () => assert.deepEqual(show(actual), expected));
  });

  it("knows the relations by which a subject came", () => {
    const [viewer, editor, banned] = [one("user:a", "doc:1#viewer"), one("user:a", "doc:1#editor"), one("user:a?", "doc:1#banned")];
    const throughOf = (of: SubjectSet) => of.entries().map((entry) => entry.through.join(" "));
    assert.deepEqual(throughOf(SubjectSet.union([viewer, editor])), ["doc:1#editor doc:1#viewer"]);
    assert.deepEqual(throughOf(viewer.intersection(editor)), ["doc:1#editor doc:1#viewer"]);
    assert.deepEqual(throughOf(viewer.difference(banned)), ["doc:1#banned doc:1#viewer"]);
    assert.deepEqual(throughOf(one("user:*", "doc:1#public").intersection(viewer)), ["doc:1#viewer"]);
  });

  it("leaves its operands as they were", () => {
    const [a, b] = [set("user:*", "user:a"), set("user:a?", "user:b")];
    const before = [show(a), show(b)];
    for (const result of [SubjectSet.union([a, b]), a.intersection(b), a.difference(b), a.conditionally()]) SubjectSet.union([result, set("user:*", "user:c")]);
    assert.deepEqual([show(a), show(b)], before);
  });

  it("agrees with a naive model on every expression", () => {
    fc.assert(
      fc.property(expression, (tree) => {
        const actual = evaluate(tree);
        for (const id of [...named, "other"]) {
          const expected = naive(tree, id);
          assert.equal(actual.membership(subject("user", id)), answers[expected], `membership of ${id}`);
          assert.equal(readFromEntries(actual, id), expected, `entries on ${id}: ${show(actual).join(", ")}`);
        }
        assert.equal(actual.membership(subject("user", "*")), answers[naive(tree, "other")], "a wildcard is in as far as a subject nobody named");
      }),
      { numRuns: 5_000 },
    );
  });
});

// The naive model: the truth (0 no, 1 if conditions hold, 2 yes) of one subject, expression by expression.

const named = ["a", "b", "c"];
const answers = ["absent", "conditional", "member"] as const;

type Expression =
  | { kind: "leaf"; id: string; conditional: boolean }
  | { kind: "union" | "intersection" | "difference"; left: Expression; right: Expression }
  | { kind: "conditionally"; of: Expression };

const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 6 },
    fc.record({ kind: fc.constant("leaf" as const), id: fc.constantFrom("*", "*", ...named), conditional: fc.boolean() }),
    fc.record({ kind: fc.constantFrom("union" as const, "intersection" as const, "difference" as const), left: tie("expression"), right: tie("expression") }),
    fc.record({ kind: fc.constantFrom("union" as const, "difference" as const), left: tie("expression"), right: tie("expression") }),
    fc.record({ kind: fc.constant("conditionally" as const), of: tie("expression") }),
  ),
}));

function evaluate(tree: Expression): SubjectSet {
  switch (tree.kind) {
    case "leaf": return one(`user:${tree.id}${tree.conditional ? "?" : ""}`);
    case "union": return SubjectSet.union([evaluate(tree.left), evaluate(tree.right)]);
    case "intersection": return evaluate(tree.left).intersection(evaluate(tree.right));
    case "difference": return evaluate(tree.left).difference(evaluate(tree.right));
    case "conditionally": return evaluate(tree.of).conditionally();
  }
}

function naive(tree: Expression, id: string): 0 | 1 | 2 {
  switch (tree.kind) {
    case "leaf": return tree.id !== id && tree.id !== "*" ? 0 : tree.conditional ? 1 : 2;
    case "union": return Math.max(naive(tree.left, id), naive(tree.right, id)) as 0 | 1 | 2;
    case "intersection": return Math.min(naive(tree.left, id), naive(tree.right, id)) as 0 | 1 | 2;
    case "difference": return Math.min(naive(tree.left, id), 2 - naive(tree.right, id)) as 0 | 1 | 2;
    case "conditionally": return Math.min(naive(tree.of, id), 1) as 0 | 1 | 2;
  }
}

/** What the entries say to somebody who reads them: named, or covered by the wildcard and not excluded. */
function readFromEntries(of: SubjectSet, id: string): number {
  const entries = of.entries();
  const truth = (entry: { conditional: boolean } | undefined) => (entry === undefined ? 0 : entry.conditional ? 1 : 2);
  const wildcard = entries.find((entry) => entry.subject.id === "*");
  const excluded = wildcard?.excluded.find((each) => each.subject.id === id);
  return Math.max(truth(entries.find((entry) => entry.subject.id === id)), Math.min(truth(wildcard), 2 - truth(excluded)));
}

describe("subjectSetOf", () => {
  const doc = object("doc", "1");
  const condition = { name: "on_call", context: {} };

  function leaf(member: string, ...subjects: (string | ExpandSubject)[]): ExpandNode {
    return { kind: "leaf", object: doc, member, children: [], subjects: subjects.map((each) => (typeof each === "string" ? { subject: ref(each) } : each)) };
  }
  function branch(kind: "union" | "intersection" | "exclusion", ...children: ExpandNode[]): ExpandNode {
    return { kind, object: doc, member: "view", children, subjects: [] };
  }
  function team(id: string, ...subjects: (string | ExpandSubject)[]): ExpandNode {
    return { ...leaf("member", ...subjects), object: object("team", id) };
  }
  const within = (id: string, expanded?: ExpandNode) => ({ subject: ref(`team:${id}#member`), ...(expanded === undefined ? {} : { expanded }) });

  const setOf = (tree: ExpandNode) => subjectSetOf(tree, "view");

  it("names the usersets of tuples and what they hold, with the relations", () => {
    const entries = setOf(leaf("viewer", "user:a", within("x", team("x", "user:b")))).entries();
    assert.deepEqual(entries.map((entry) => `${showEntry(entry)} is ${entry.through.join(" ")}`), [
      "team:x#member is doc:1#viewer",
      "user:a is doc:1#viewer",
      "user:b is team:x#member",
    ]);
  });

  it("does not name what an arrow leads to, but what that holds", () => {
    const held = { ...leaf("viewer", "user:a"), object: object("folder", "f") };
    for (const arrow of ["parent->view", "parent.all(view)"]) {
      assert.deepEqual(show(setOf(leaf(arrow, { subject: ref("folder:f#view"), expanded: held }))), ["user:a"]);
    }
  });

  it("makes conditional what a condition stands before, all the way down", () => {
    const tree = leaf("viewer", { subject: ref("user:a"), condition }, { ...within("x", team("x", "user:b", "user:*")), condition });
    assert.deepEqual(show(setOf(tree)), ["team:x#member?", "user:*?", "user:a?", "user:b?"]);
  });

  it("follows unions, intersections and exclusions", () => {
    const tree = branch("union", branch("exclusion", leaf("public", "user:*"), leaf("banned", "user:b")), branch("intersection", leaf("viewer", "user:a", "user:c"), leaf("staff", "user:c")));
    assert.deepEqual(show(setOf(tree)), ["user:* - user:b", "user:c"]);
  });

  it("takes nobody from a leaf of nothing", () => {
    assert.deepEqual(show(setOf(branch("union", leaf("nil"), leaf("viewer")))), []);
  });

  it("takes the least fixed point of a cycle", () => {
    const tree = leaf("viewer", within("x", team("x", "user:a", within("y", team("y", "user:b", within("x"))))));
    assert.deepEqual(show(setOf(tree)), ["team:x#member", "team:y#member", "user:a", "user:b"]);
  });

  it("takes a cycle within the right side of an exclusion, and refuses one through it", () => {
    const cyclic = team("x", "user:a", within("x"));
    assert.deepEqual(show(setOf(branch("exclusion", leaf("viewer", "user:a", "user:b"), leaf("banned", within("x", cyclic))))), ["user:b"]);
    const view = { subject: ref("doc:1#view") };
    assert.throws(
      () => setOf(branch("exclusion", leaf("viewer", "user:a"), leaf("banned", view))),
      (error) => error instanceof UsherError && error.code === "cycle_through_exclusion",
    );
  });

  it("refuses a tree of one level, which says too little", () => {
    assert.throws(() => setOf(leaf("viewer", within("x"))), /expanded down to its leaves/);
  });
});
