import assert from "node:assert/strict";

import { compileCondition } from "../../../src/model/conditions/compile.js";
import type { ConditionResult } from "../../../src/model/conditions/condition.js";
import type { Context } from "../../../src/model/context.js";

function evaluate(parameters: Readonly<Record<string, string>>, expression: string, context: Context): ConditionResult {
  return compileCondition({ name: "c", doc: "", parameters: new Map(Object.entries(parameters)), expression }).evaluate({}, context, 0);
}

function exhausts(parameters: Readonly<Record<string, string>>, expression: string, context: Context): void {
  const result = evaluate(parameters, expression, context);
  assert.equal(result.kind, "error", expression);
  assert.ok(result.kind === "error" && result.code === "condition_failed" && result.message.includes("conditionStepsMax"), expression);
  assert.deepEqual(evaluate(parameters, expression, context), result, "each time alike");
}

const items = Array.from({ length: 300 }, (_, i) => i);
const list = { l: "list<int>" };

describe("the step budget of a condition", () => {
  it("suffices for ordinary loops", () => {
    assert.equal(evaluate(list, "l.all(x, x >= 0 && x < 300) && l.map(x, x * 2).exists(y, y == 598) && l.filter(x, x > 10).size() == 289", { l: items }).kind, "true");
    assert.equal(evaluate(list, "l.exists(x, l.exists(y, x + y == 10))", { l: items }).kind, "true");
  });

  it("stops nested loops of every kind", () => {
    for (const [outer, inner] of [["all", "true"], ["exists", "false"], ["exists_one", "false"], ["filter", "true"], ["map", "true"]]) {
      const loops = ["a", "b", "c"].reduceRight((body, name) => {
        const size = outer === "filter" || outer === "map" ? ".size() >= 0" : "";
        return `l.${outer}(${name}, ${body})${size}`;
      }, inner ?? "");
      exhausts(list, loops, { l: items });
    }
  });

  it("is not restored by what absorbs errors", () => {
    const endless = "l.all(a, l.all(b, l.all(c, l.all(d, a + b + c + d >= 0))))";
    for (const expression of [`${endless} || true`, `true && (${endless} || true)`, `!(${endless} && false)`, `[1, 2].exists(x, x == 2 || ${endless})`]) {
      exhausts(list, expression, { l: items });
    }
  });

  it("is not dodged by making lists longer", () => {
    const doubled = (times: number) => {
      let expression = `x${times}.all(y, y >= 0)`;
      for (let i = times; i > 0; i--) expression = `cel.bind(x${i}, x${i - 1} + x${i - 1}, ${expression})`;
      return `cel.bind(x0, l, ${expression})`;
    };
    assert.equal(evaluate(list, doubled(2), { l: items }).kind, "true");
    exhausts(list, doubled(20), { l: items });
    exhausts(list, "l.map(a, l.map(b, l + l)).size() > 0", { l: items });
  });

  it("is not dodged by making strings or bytes longer", () => {
    for (const type of ["string", "bytes"]) {
      let expression = "size(x40) > 0";
      for (let i = 40; i > 0; i--) expression = `cel.bind(x${i}, x${i - 1} + x${i - 1}, ${expression})`;
      exhausts({ s: type }, `cel.bind(x0, s, ${expression})`, { s: "YWJj" });
    }
  });

  it("is paid by comparing, searching and matching", () => {
    const long = "a".repeat(50_000);
    const parameters = { l: "list<int>", s: "string", m: "map<any>" };
    const map = Object.fromEntries(items.map((i) => [`k${i}`, i]));
    for (const body of ["l == l + []", "x in l || x in l + [1]", "s == s + ''", "s.contains('b')", "s < s + 'a'", "m == m && m.exists(k, true)", "bytes(s) == b''", "s.size() == x"]) {
      const wide = `l.map(x, l.map(y, ${body})).size() > 0`;
      exhausts(parameters, wide, { l: items, s: long, m: map });
    }
    exhausts(parameters, "s.matches('(a|b|ab)*c(d|e)+$') || s.matches('.*' + 'x{1,300}$')", { l: items, s: long, m: map });
  });

  it("is paid by errors that are absorbed, and by long searches", () => {
    const errors = "l.exists(x, l.exists(y, m.absent == 1 || m.absent == 2 || m.absent == 3))";
    exhausts({ l: "list<int>", m: "map<any>" }, errors, { l: items.slice(0, 60), m: {} });
    const half = "a".repeat(10_000);
    exhausts({ s: "string" }, `s.contains("${"a".repeat(2_000)}b" + s)`, { s: half + half });
  });

  it("is not paid for what is missing", () => {
    const result = evaluate({ l: "list<int>", a: "int" }, "l.exists(x, x == a)", { l: Array.from({ length: 5_000 }, (_, i) => i) });
    assert.deepEqual(result, { kind: "missing", fields: ["a"], until: Infinity });
  });

  it("is not spent by one evaluation for the next", () => {
    const c = compileCondition({ name: "c", doc: "", parameters: new Map([["l", "list<int>"]]), expression: "l.all(a, l.all(b, a + b >= 0))" });
    for (let i = 0; i < 20; i++) {
      assert.equal(c.evaluate({}, { l: items.slice(0, 100) }, 0).kind, "true");
      assert.equal(c.evaluate({}, { l: items }, 0).kind, "error");
    }
  });
});

describe("a pattern", () => {
  it("matches in linear time what takes a backtracking engine for ever", () => {
    assert.equal(evaluate({ s: "string" }, "s.matches('^(a+)+$')", { s: `${"a".repeat(5_000)}b` }).kind, "false");
    assert.equal(evaluate({ s: "string", p: "string" }, "s.matches(p)", { s: `${"a".repeat(5_000)}b`, p: "^(a|aa)+$" }).kind, "false");
  });

  it("matches any part, unless it is anchored", () => {
    assert.equal(evaluate({ s: "string" }, "s.matches('b+')", { s: "abbc" }).kind, "true");
    assert.equal(evaluate({ s: "string" }, "s.matches('^b+$')", { s: "abbc" }).kind, "false");
    assert.equal(evaluate({ s: "string" }, "matches(s, '^abbc$')", { s: "abbc" }).kind, "true");
  });

  it("is refused where it is malformed or unbounded, when it is used at the latest", () => {
    for (const p of ["(", "a{1001}", "(?=a)", "\\1", "a".repeat(600), "((a{100}){100}){100}"]) {
      assert.equal(evaluate({ s: "string", p: "string" }, "s.matches(p)", { s: "a", p }).kind, "error", p);
    }
  });
});
