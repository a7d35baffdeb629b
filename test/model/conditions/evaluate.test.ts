import assert from "node:assert/strict";

import { forever } from "../../../src/base/clock.js";
import { UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { emptyContext, type Context } from "../../../src/model/context.js";
import { compileCondition } from "../../../src/model/conditions/compile.js";
import type { Condition, ConditionResult } from "../../../src/model/conditions/condition.js";

const noon = Date.parse("2024-03-01T12:00:00Z");

function condition(parameters: Readonly<Record<string, string>>, expression: string): Condition {
  return compileCondition({ name: "c", doc: "", parameters: new Map(Object.entries(parameters)), expression });
}

function evaluate(parameters: Readonly<Record<string, string>>, expression: string, stored: Context = emptyContext, request: Context = emptyContext): ConditionResult {
  return condition(parameters, expression).evaluate(stored, request, noon);
}

/** `true`, `false`, `missing a,b` or an error's code. */
function outcome(result: ConditionResult): string {
  if (result.kind === "missing") return `missing ${result.fields.join()}`;
  return result.kind === "error" ? result.code : result.kind;
}

describe("a condition's evaluation", () => {
  it("takes the stored context before the request's, field by field", () => {
    const parameters = { a: "int", b: "int" };
    assert.equal(outcome(evaluate(parameters, "a == 1 && b == 2", { a: 1 }, { a: 7, b: 2 })), "true");
    assert.equal(outcome(evaluate({ m: "map<int>" }, "m == {'x': 1}", { m: { x: 1 } }, { m: { y: 2 } })), "true");
  });

  it("ignores what the request brings beyond the parameters", () => {
    assert.equal(outcome(evaluate({ a: "int" }, "a == 1", {}, { a: 1, other: { deep: [1] }, now: "nonsense" })), "true");
  });

  it("names the absent parameters that were read", () => {
    assert.equal(outcome(evaluate({ b: "int", a: "int" }, "b == 1 || a == 1")), "missing a,b");
    assert.equal(outcome(evaluate({ a: "int", b: "int" }, "a == 1 && b == 1", { a: 1 })), "missing b");
    assert.equal(outcome(evaluate({ a: "bool", b: "bool" }, "a ? b : true")), "missing a");
    assert.equal(outcome(evaluate({ a: "bool", b: "bool" }, "a ? b : true", { a: true })), "missing b");
    assert.equal(outcome(evaluate({ m: "map<any>" }, "has(m.x)")), "missing m");
    assert.equal(outcome(evaluate({ l: "list<int>", a: "int" }, "l.exists(x, x == a)", { l: [1, 2] })), "missing a");
    assert.equal(outcome(evaluate({ l: "list<int>" }, "1 in l")), "missing l");
    assert.equal(outcome(evaluate({ toString: "int", constructor: "int" }, "toString == constructor")), "missing toString");
  });

  it("lets the rest decide where it can", () => {
    for (const [expression, expected] of [
      ["true || a", "true"],
      ["a || true", "true"],
      ["false && a", "false"],
      ["a && false", "false"],
      ["(a && false) || false", "false"],
      ["b ? true : a", "true"],
      ["[1, 2].exists(x, x == 2 || a)", "true"],
      ["[1, 2].all(x, x == 2 && a)", "false"],
      ["[2, 1].all(x, x == 2 ? a : false)", "false"],
      ["[1, 2].exists(x, x == 1 ? a : true)", "true"],
    ] as const) {
      assert.equal(outcome(evaluate({ a: "bool", b: "bool" }, expression, { b: true })), expected, expression);
    }
  });

  it("prefers a missing field to an error, since with the field the answer may come", () => {
    assert.equal(outcome(evaluate({ a: "bool" }, "a || 1 / 0 == 1")), "missing a");
    assert.equal(outcome(evaluate({ a: "bool" }, "1 / 0 == 1 || a")), "missing a");
    assert.equal(outcome(evaluate({ a: "bool" }, "1 / 0 == 1 || a", { a: true })), "true");
    assert.equal(outcome(evaluate({ a: "bool" }, "1 / 0 == 1 || a", { a: false })), "condition_failed");
  });

  it("forgets one evaluation before the next", () => {
    const c = condition({ a: "bool", b: "bool" }, "a || b");
    assert.equal(outcome(c.evaluate({}, {}, noon)), "missing a,b");
    assert.equal(outcome(c.evaluate({ a: false }, {}, noon)), "missing b");
    assert.equal(outcome(c.evaluate({ a: false }, { b: false }, noon)), "false");
    assert.equal(outcome(c.evaluate({}, {}, noon)), "missing a,b");
  });

  it("errs where a key is not in a map, unless `has` guards it", () => {
    const m = { m: { x: 1 } };
    assert.equal(outcome(evaluate({ m: "map<any>" }, "m.y == 1", m)), "condition_failed");
    assert.equal(outcome(evaluate({ m: "map<any>" }, "has(m.y) && m.y == 1", m)), "false");
    assert.equal(outcome(evaluate({ m: "map<any>" }, "has(m.x) && m.x == 1", m)), "true");
    assert.equal(outcome(evaluate({ m: "map<any>" }, "'y' in m", m)), "false");
    assert.equal(outcome(evaluate({ m: "map<any>" }, "has(m.y.z)", m)), "condition_failed");
  });

  it("errs, and does not crash, for whatever is wrong", () => {
    for (const [expression, value] of [
      ["x[3] == 1", [1]],
      ["x[-1] == 1", [1]],
      ["x.y.z == 1", { y: "text" }],
      ["x < 1", "text"],
      ["x + 1 == 2", null],
      ["x && true", "text"],
      ["x.all(i, i > 0)", 5],
      ["x.matches('a')", 5],
      ["x.length == 1", "text"],
      ["x.constructor == x", "text"],
      ["x.__proto__ == x", {}],
      ["int(x) == 1", "0x10"],
      ["int(x) == 0", ""],
      ["int(x) == 1", 1e300],
      ["timestamp(x) == timestamp(x)", "yesterday"],
      ["x.in_cidr('10.0.0.0/8')", "10.0.0.1"],
    ] as const) {
      const result = evaluate({ x: "any" }, expression, { x: value });
      assert.equal(outcome(result), "condition_failed", expression);
      assert.match((result as { message: string }).message, /^condition `c` failed: /);
    }
  });

  it("compares numbers by value across types, in lists and maps too", () => {
    const x = { x: [1, 2.5, { k: 3 }] };
    assert.equal(outcome(evaluate({ x: "any" }, "x == [1, 2.5, {'k': 3}]", x)), "true");
    assert.equal(outcome(evaluate({ x: "any" }, "x != [1, 2.5, {'k': 3}]", x)), "false");
    assert.equal(outcome(evaluate({ x: "any" }, "1 in x && 2.5 in x && {'k': 3u} in x && !(4 in x)", x)), "true");
    assert.equal(outcome(evaluate({ x: "any" }, "x == '1'", { x: 1 })), "false");
    assert.equal(outcome(evaluate({ x: "any" }, "x == {'__proto__': {}}", { x: { a: 1 } })), "false");
  });

  it("keeps ints within 64 bits", () => {
    const least = { a: "-9223372036854775808" };
    assert.equal(outcome(evaluate({ a: "int" }, "a == -9223372036854775808", least)), "true");
    for (const expression of ["-a == a", "a / -1 == a", "a - 1 == a", "a * 2 == a"]) {
      assert.equal(outcome(evaluate({ a: "int" }, expression, least)), "condition_failed", expression);
    }
  });

  it("orders strings by code point, as their bytes are", () => {
    assert.equal(outcome(evaluate({ s: "string" }, "s < '\\U0001F600' && '\\uE000' < '\\U0001F600' && 'a' < 'ab' && !('b' <= 'ab')", { s: "\ue000" })), "true");
  });

  it("knows addresses and their blocks", () => {
    const parameters = { ip: "ipaddress", block: "string" };
    const inBlock = (ip: string, block: string) => outcome(evaluate(parameters, "ip.in_cidr(block)", { ip, block }));
    assert.equal(inBlock("10.1.2.3", "10.0.0.0/8"), "true");
    assert.equal(inBlock("11.1.2.3", "10.0.0.0/8"), "false");
    assert.equal(inBlock("10.1.2.3", "0.0.0.0/0"), "true");
    assert.equal(inBlock("10.1.2.3", "10.1.2.3/32"), "true");
    assert.equal(inBlock("10.1.2.4", "10.1.2.3/32"), "false");
    assert.equal(inBlock("2001:db8::1", "2001:db8::/32"), "true");
    assert.equal(inBlock("2001:db9::1", "2001:db8::/32"), "false");
    assert.equal(inBlock("::1", "0.0.0.0/0"), "false");
    assert.equal(inBlock("1.2.3.4", "::/0"), "false");
    assert.equal(inBlock("::ffff:10.1.2.3", "10.0.0.0/8"), "true");
    assert.equal(inBlock("10.1.2.3", "::ffff:10.0.0.0/104"), "true");
    for (const block of ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/129", "/8", "10.0.0.0/-1", "10.0.0.0/08", "::ffff:10.0.0.0/8"]) {
      assert.equal(inBlock("10.1.2.3", block), "condition_failed", block);
    }
    assert.equal(outcome(evaluate(parameters, "ip == ipaddress('::ffff:7f00:1')", { ip: "127.0.0.1" })), "true");
  });

  it("tells whether one map is a part of another", () => {
    const part = (left: Context, right: Context) => outcome(evaluate({ l: "map<any>", r: "map<any>" }, "l.isSubtreeOf(r)", { l: left, r: right }));
    assert.equal(part({}, { a: 1 }), "true");
    assert.equal(part({ a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 2], d: 4 }, e: 5 }), "true");
    assert.equal(part({ a: 1 }, { a: 2 }), "false");
    assert.equal(part({ a: 1 }, { b: 1 }), "false");
    assert.equal(part({ a: { b: 1 } }, { a: 1 }), "false");
  });

  it("reads the calendar in UTC or the zone asked for, whatever the machine's", () => {
    const t = { t: "2024-12-31T23:30:00.250Z" };
    for (const expression of [
      "t.getFullYear() == 2024 && t.getMonth() == 11 && t.getDate() == 31 && t.getDayOfMonth() == 30",
      "t.getDayOfWeek() == 2 && t.getDayOfYear() == 365 && t.getHours() == 23 && t.getMinutes() == 30",
      "t.getSeconds() == 0 && t.getMilliseconds() == 250",
      "t.getFullYear('Europe/Berlin') == 2025 && t.getHours('+01:00') == 0 && t.getHours('-02:30') == 21 && t.getHours('America/New_York') == 18",
      "int(t) == 1735687800 && string(t) == '2024-12-31T23:30:00.25Z' && t == timestamp('2025-01-01T00:30:00.250+01:00')",
      "t - timestamp('2024-12-31T00:00:00Z') > duration('23h') && t + duration('1h') - duration('30m') == t + duration('30m')",
      "duration('1h30m') == duration('90m') && duration('-1.5s').getMilliseconds() == -500 && string(duration('90m')) == '5400s'",
    ]) {
      assert.equal(outcome(evaluate({ t: "timestamp" }, expression, t)), "true", expression);
    }
    assert.equal(outcome(evaluate({ t: "timestamp" }, "t.getHours('Mars/Base') == 0", t)), "condition_failed");
  });
});

describe("a context value of another type than declared", () => {
  const cases: readonly [type: string, expression: string, good: readonly unknown[], bad: readonly unknown[]][] = [
    ["bool", "x == true", [true], ["true", 1, null]],
    ["string", "x == 'a'", ["a"], [1, null, ["a"]]],
    ["int", "x == 7", [7, "7", 7.0], [7.5, "7.5", "", "0x7", " 7", "9223372036854775808", 1e19, true, null]],
    ["uint", "x == 7u", [7, "7"], [-1, "-1", 1.5, "18446744073709551616"]],
    ["double", "x == 7.5", [7.5, "7.5", "75e-1"], ["", "NaN", "1e999", true]],
    ["bytes", "x == b'ab'", ["YWI="], ["YWI", "Y W I=", 3]],
    ["duration", "x == duration('90m')", ["1h30m", "90m", "5400s", "1.5h", "5400000ms"], ["", "90", "1h 30m", "h", "1d", 5400, "300y", "9999999h"]],
    [
      "timestamp",
      "x == timestamp('2024-02-29T00:00:00Z')",
      ["2024-02-29T00:00:00Z", "2024-02-29T01:00:00.000000000+01:00"],
      ["2024-02-29", "2023-02-29T00:00:00Z", "2024-02-29T24:00:00Z", "2024-02-29T00:00:60Z", "2024-02-29T00:00:00", "0000-01-01T00:00:00Z", 1709164800],
    ],
    ["ipaddress", "x == ipaddress('10.0.0.1')", ["10.0.0.1", "::ffff:10.0.0.1"], ["10.0.0", "10.0.0.01", "fe80::1%eth0", "10.0.0.1/8", ""]],
    ["list<int>", "x == [1, 2]", [[1, 2], ["1", 2]], [["a"], { 0: 1 }, 1, [1, null]]],
    ["map<list<int>>", "x == {'a': [1]}", [{ a: [1] }], [{ a: 1 }, [1], null]],
    ["any", "x == null", [null], []],
  ];
  for (const [type, expression, good, bad] of cases) {
    it(`is refused: ${type}`, () => {
      const c = condition({ x: type }, expression);
      for (const value of good as Context[string][]) {
        assert.equal(outcome(c.evaluate({}, { x: value }, noon)), "true", JSON.stringify(value));
        assert.equal(outcome(c.evaluate({ x: value }, {}, noon)), "true", JSON.stringify(value));
        c.checkStored({ x: value });
      }
      for (const value of bad as Context[string][]) {
        const result = c.evaluate({}, { x: value }, noon);
        assert.equal(outcome(result), "invalid_context", JSON.stringify(value));
        assert.ok((result as { message: string }).message.includes(`\`x\` is declared ${type}, but came as`));
        assert.equal(outcome(c.evaluate({ x: value }, {}, noon)), "invalid_context");
        assert.throws(() => c.checkStored({ x: value }), (error) => error instanceof UsherError && error.code === "invalid_context" && error.details.field === "x");
      }
    });
  }

  it("is not noticed where the field is not read", () => {
    assert.equal(outcome(evaluate({ a: "bool", b: "int" }, "a || b == 1", { a: true }, { b: "x" })), "true");
  });
});

describe("a context to be stored", () => {
  const c = condition({ a: "int", now: "timestamp" }, "a == 1 && now > timestamp('2020-01-01T00:00:00Z')");
  const refused = (context: Context) => assert.throws(() => c.checkStored(context), (error) => error instanceof UsherError && error.code === "invalid_context");

  it("may be partial", () => {
    c.checkStored({});
    c.checkStored({ a: 1 });
  });

  it("must not hold an undeclared field or `now`", () => {
    refused({ b: 1 });
    refused({ a: 1, b: 1 });
    refused({ now: "2024-01-01T00:00:00Z" });
    refused({ a: "x".repeat(limits.contextBytesMax) });
  });

  it("cannot set `now`", () => {
    const always = condition({ now: "timestamp" }, "now == timestamp('2024-03-01T12:00:00Z')");
    assert.equal(outcome(always.evaluate({ now: "1999-01-01T00:00:00Z" }, {}, noon)), "true");
  });

  it("leaves `now` to a request that names an instant, whose answer time then cannot change", () => {
    const before = condition({ now: "timestamp" }, "now < timestamp('2024-03-01T12:00:00.005Z')");
    assert.deepEqual(before.evaluate({}, {}, noon), { kind: "true", until: noon + 5 });
    assert.deepEqual(before.evaluate({}, { now: "2023-01-01T00:00:00Z" }, noon), { kind: "true", until: forever });
    assert.deepEqual(before.evaluate({}, { now: "2025-01-01T00:00:00Z" }, noon), { kind: "false", until: forever });
    assert.equal(outcome(before.evaluate({}, { now: "nonsense" }, noon)), "invalid_context");
  });
});
