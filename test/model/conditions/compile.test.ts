import assert from "node:assert/strict";

import { limits } from "../../../src/base/limits.js";
import { compileCondition, ConditionError } from "../../../src/model/conditions/compile.js";
import type { Condition } from "../../../src/model/conditions/condition.js";

function compile(parameters: Readonly<Record<string, string>>, expression: string): Condition {
  return compileCondition({ name: "c", doc: "why", parameters: new Map(Object.entries(parameters)), expression });
}

function refusal(parameters: Readonly<Record<string, string>>, expression: string): ConditionError {
  try {
    compile(parameters, expression);
  } catch (error) {
    assert.ok(error instanceof ConditionError, String(error));
    return error;
  }
  assert.fail(`not refused: ${expression.slice(0, 100)}`);
}

/** The part of the expression that the error points at. */
function place(expression: string, error: ConditionError): string {
  return expression.slice(error.offset, error.offset + error.length);
}

describe("compiling a condition", () => {
  it("keeps what was declared", () => {
    const c = compile({ b: "list< string >", a: "map<list<any>>" }, "  'x' in b\n");
    assert.equal(c.name, "c");
    assert.equal(c.doc, "why");
    assert.deepEqual([...c.parameters], [["b", "list<string>"], ["a", "map<list<any>>"]]);
    assert.equal(c.expression, "'x' in b");
  });

  it("fingerprints parameters and expression, and nothing else", () => {
    const c = compile({ a: "int" }, "a == 1");
    assert.match(c.fingerprint, /^[0-9a-f]{64}$/);
    const other = compileCondition({ name: "other", doc: "", parameters: new Map([["a", " int"]]), expression: " a == 1 " });
    assert.equal(other.fingerprint, c.fingerprint);
    assert.notEqual(compile({ a: "uint" }, "a == 1u").fingerprint, c.fingerprint);
    assert.notEqual(compile({ a: "int" }, "a == 2").fingerprint, c.fingerprint);
    assert.notEqual(compile({ a: "int", b: "int" }, "a == 1").fingerprint, c.fingerprint);
  });

  it("refuses a parameter whose type is none", () => {
    for (const type of ["", "dyn", "integer", "list", "list<>", "list<foo>", "map<string, int>", "list<int>>", "Int", "list<".repeat(9) + "int" + ">".repeat(9)]) {
      assert.equal(refusal({ a: "int", b: type }, "a == 1").parameter, "b", type);
    }
  });

  it("refuses a parameter whose name CEL could not read", () => {
    for (const name of ["as", "namespace", "__proto__", "1a", "a-b", ""]) {
      const parameters = new Map([[name, "int"]]);
      assert.throws(() => compileCondition({ name: "c", doc: "", parameters, expression: "true" }), (error) => error instanceof ConditionError && error.parameter === name, name);
    }
  });

  it("takes parameters that are called like types and library names", () => {
    const names = ["type", "list", "map", "int", "bytes", "cel", "google", "size", "has", "timestamp", "toString", "constructor"];
    for (const name of names) {
      const c = compile({ [name]: "int" }, `${name} == 1 && [1].all(x, x == ${name}) && size('a') == 1`);
      assert.equal(c.evaluate({ [name]: 1 }, {}, 0).kind, "true", name);
      assert.deepEqual(c.evaluate({}, {}, 0), { kind: "missing", fields: [name], until: Infinity });
    }
  });

  it("lets a macro's variable hide a parameter, but not `now`", () => {
    assert.equal(compile({ type: "string" }, "[1, 2].exists(type, type == 2)").evaluate({}, {}, 0).kind, "true");
    refusal({ now: "timestamp" }, "[1].all(now, now == 1)");
    refusal({}, "cel.bind(now, 1, now == 1)");
    assert.equal(refusal({ now: "string" }, "now == ''").parameter, "now");
  });

  it("points at what does not parse or type-check", () => {
    const cases: readonly [string, string][] = [
      ["a == ", ""],
      ["a == 'x'", "a == 'x'"],
      ["a == 1 && b == 2", "b"],
      ["true && a", "true && a"],
      ["a.foo == 1", "foo"],
      ["a", "a"],
      ["a == 1 && foo(a)", "foo(a)"],
      ["a == 1 && s.matches('(')", "'('"],
      ["ip.in_cidr('10.0.0.0/99')", "'10.0.0.0/99'"],
      ["t < timestamp('tomorrow')", "'tomorrow'"],
      ["t - t < duration('1 h')", "'1 h'"],
      ["a == 9223372036854775808", "9223372036854775808"],
    ];
    for (const [expression, expected] of cases) {
      const error = refusal({ a: "int", s: "string", ip: "ipaddress", t: "timestamp" }, expression);
      assert.equal(place(expression, error), expected, `${expression}: ${error.message}`);
      assert.equal(error.parameter, undefined);
    }
  });

  it("offers CEL's functions and no others that the library has", () => {
    const others = ["s.split(',') == []", "s.lowerAscii() == s", "['a'].join('') == s", "s.substring(1) == s", "b.json() == {}", "b.hex() == s", "google.protobuf == s", "optional.none() == s", "s.trim() == s"];
    for (const expression of others) refusal({ s: "string", b: "bytes" }, expression);
    compile({ s: "string", b: "bytes" }, "size(s) == s.size() && matches(s, 'a') && string(b) == s && bytes(s) == b && s.contains('a') && type(s) == string");
  });

  it("does not reach into the objects behind values", () => {
    for (const expression of ["t.ns == 1", "u.value == 1", "b.length == 1", "ip.bits == 1", "type(s).name == s", "has(t.ns)"]) {
      refusal({ t: "timestamp", u: "uint", b: "bytes", ip: "ipaddress", s: "string" }, expression);
    }
  });

  it("bounds the expression", () => {
    const chain = (count: number) => Array<string>(count).fill("a").join("||");
    assert.equal(compile({ a: "bool" }, chain(limits.conditionNestingMax + 1)).evaluate({ a: false }, {}, 0).kind, "false");
    refusal({ a: "bool" }, chain(limits.conditionNestingMax + 2));
    for (const [open, close] of [["(", ")"], ["!", ""], ["[", "]"]] as const) {
      refusal({ a: "bool" }, open.repeat(4_000) + "a" + close.repeat(4_000));
    }
    compile({ s: "string" }, `s == "${"x".repeat(limits.conditionBytesMax - 7)}"`);
    refusal({ s: "string" }, `s == "${"x".repeat(limits.conditionBytesMax - 6)}"`);
    const list = (count: number) => `1 in [${Array<string>(count).fill("1").join()}]`;
    compile({}, list(900));
    refusal({}, list(limits.conditionNodesMax));
  });

  it("bounds the parameters", () => {
    const parameters = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, "int"]));
    compile(parameters(limits.conditionParametersMax), "p0 == 1");
    assert.equal(refusal(parameters(limits.conditionParametersMax + 1), "p0 == 1").parameter, `p${limits.conditionParametersMax}`);
  });

  it("bounds patterns", () => {
    compile({ s: "string" }, `s.matches("${"a".repeat(limits.patternBytesMax)}")`);
    refusal({ s: "string" }, `s.matches("${"a".repeat(limits.patternBytesMax + 1)}")`);
    refusal({ s: "string" }, "s.matches('(a{100}){10}b{1000}')");
  });
});
