import assert from "node:assert/strict";

import fc from "fast-check";

import { forever } from "../../../src/base/clock.js";
import { limits } from "../../../src/base/limits.js";
import { compileCondition } from "../../../src/model/conditions/compile.js";
import type { Condition, ConditionResult } from "../../../src/model/conditions/condition.js";
import { emptyContext, type Context } from "../../../src/model/context.js";

const start = Date.parse("2024-03-01T12:00:00Z");
const parameters = new Map([["now", "timestamp"], ["t", "timestamp"], ["u", "timestamp"], ["d", "duration"], ["b", "bool"], ["l", "list<timestamp>"]]);

function condition(expression: string): Condition {
  return compileCondition({ name: "c", doc: "", parameters, expression });
}

/** The instant so many milliseconds after the start, with a fraction of nanoseconds maybe. */
function at(ms: number, ns = 0): string {
  return new Date(start + ms).toISOString().replace("Z", `${String(ns).padStart(6, "0")}Z`);
}

function until(expression: string, context: Context): number {
  return condition(expression).evaluate(context, emptyContext, start).until - start;
}

describe("until when a condition's result holds", () => {
  it("is for ever where `now` is not read", () => {
    assert.equal(until("t < u", { t: at(0), u: at(5) }), forever);
    assert.equal(until("b || now < t", { b: true, t: at(5) }), forever);
  });

  it("is the instant at which a comparison turns", () => {
    const t = { t: at(10) };
    assert.equal(until("now < t", t), 10);
    assert.equal(until("now <= t", t), 11);
    assert.equal(until("now >= t", t), 10);
    assert.equal(until("now > t", t), 11);
    assert.equal(until("now == t", t), 10);
    assert.equal(until("now != t", t), 10);
    assert.equal(until("t > now", t), 10);
    assert.equal(until("t >= now", t), 11);
    assert.equal(until("!(t < now)", t), 11);
  });

  it("is exact for instants between milliseconds", () => {
    const t = { t: at(10, 1) };
    assert.equal(until("now < t", t), 11);
    assert.equal(until("now <= t", t), 11);
    assert.equal(until("now == t", t), forever);
  });

  it("is for ever where the comparison has turned", () => {
    for (const expression of ["now < t", "now <= t", "now > t", "now >= t", "now == t", "now != t"]) {
      assert.equal(until(expression, { t: at(-1) }), forever, expression);
    }
    assert.equal(until("now < t", { t: at(0) }), forever);
    assert.equal(until("now <= t", { t: at(0) }), 1);
    assert.equal(until("now == t", { t: at(0) }), 1);
  });

  it("follows sums and differences", () => {
    assert.equal(until("now + d < t", { t: at(10), d: "4ms" }), 6);
    assert.equal(until("now - duration('4ms') < t", { t: at(10) }), 14);
    assert.equal(until("now - t < d", { t: at(-3), d: "10ms" }), 7);
    assert.equal(until("t - now > d", { t: at(20), d: "5ms" }), 15);
    assert.equal(until("d + now >= t + d", { t: at(20), d: "5ms" }), 20);
    assert.equal(until("now - t < u - now", { t: at(-10), u: at(20) }), 5);
    assert.equal(until("now - now < d", { d: "1ms" }), forever);
    assert.equal(until("now <= now", {}), forever);
  });

  it("is the earliest of those evaluated", () => {
    const context = { t: at(10), u: at(20) };
    assert.equal(until("now < t && now < u", context), 10);
    assert.equal(until("now < t || now < u", context), 10);
    assert.equal(until("now < u && now < t", context), 10);
    // The second comparison is not evaluated before the first turns.
    assert.equal(until("now > u && now < t", context), 21);
    assert.equal(until("l.exists(x, now < x)", { l: [at(-5), at(7), at(3)] }), 7);
    assert.equal(until("l.all(x, now < x)", { l: [at(9), at(7), at(30)] }), 7);
  });

  it("is given for missing fields and errors too", () => {
    assert.deepEqual(condition("now < t || b").evaluate({ t: at(-1) }, {}, start), { kind: "missing", fields: ["b"], until: forever });
    assert.deepEqual(condition("now > t && b").evaluate({ t: at(9) }, {}, start), { kind: "false", until: start + 10 });
    assert.deepEqual(condition("now < t && b").evaluate({ t: at(9) }, {}, start), { kind: "missing", fields: ["b"], until: start + 9 });
    assert.equal(condition("now < t && 1 / 0 == 1").evaluate({ t: at(9) }, {}, start).until, start + 9);
    assert.equal(condition("now < t").evaluate({}, {}, start).until, forever);
  });

  it("is a second wherever else `now` is read", () => {
    for (const expression of ["now.getHours() < 13", "string(now) != ''", "now in l", "(b ? now : t) < t", "cel.bind(n, now, n < t)", "[now][0] < t", "int(now) > 5", "l == [now]"]) {
      assert.equal(until(expression, { b: true, t: at(50), l: [] }), limits.nowUseValidMs, expression);
    }
    assert.equal(until("now < t && now.getHours() < 13", { t: at(50) }), 50);
    assert.equal(until("now < t || now.getHours() < 13", { t: at(50) }), 50);
  });

  it("holds: at each millisecond before it the result is the same", () => {
    fc.assert(
      fc.property(expressions, contexts, (expression, context) => {
        const c = condition(expression);
        const held = (result: ConditionResult) => ({ ...result, until: 0 });
        let first = c.evaluate(context, emptyContext, start);
        for (let ms = 0; ms <= 40; ms++) {
          const result = c.evaluate(context, emptyContext, start + ms);
          assert.ok(result.until > start + ms);
          if (start + ms >= first.until) first = result;
          else assert.deepEqual(held(result), held(first), `${expression} after ${ms} ms`);
        }
      }),
      { numRuns: 500 },
    );
  });
});

const timestamps = fc.constantFrom("t", "u", "timestamp('2024-03-01T12:00:00.007Z')");
const durations = fc.constantFrom("d", "duration('3ms')", "duration('2500us')", "duration('-1ms')");
const instants = fc.oneof(
  fc.constant("now"),
  timestamps,
  fc.tuple(fc.constantFrom("now", "t"), fc.constantFrom("+", "-"), durations).map((parts) => `(${parts.join(" ")})`),
);
const lengths = fc.oneof(durations, fc.tuple(instants, instants).map(([a, b]) => `(${a} - ${b})`));
const operators = fc.constantFrom("<", "<=", ">", ">=", "==", "!=");
const comparisons = fc.oneof(
  fc.tuple(instants, operators, instants).map((parts) => parts.join(" ")),
  fc.tuple(lengths, operators, lengths).map((parts) => parts.join(" ")),
  fc.tuple(operators, fc.constantFrom("all", "exists", "exists_one")).map(([operator, macro]) => `l.${macro}(x, now ${operator} x)`),
);
const { expressions } = fc.letrec<{ expressions: string }>((tie) => ({
  expressions: fc.oneof(
    { maxDepth: 3 },
    comparisons,
    fc.constantFrom("b", "1 / 0 == 1", "true", "false"),
    fc.tuple(tie("expressions"), fc.constantFrom("&&", "||"), tie("expressions")).map((parts) => `(${parts.join(" ")})`),
    tie("expressions").map((inner) => `!(${inner})`),
    fc.tuple(tie("expressions"), tie("expressions"), tie("expressions")).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
  ),
}));
const times = fc.tuple(fc.integer({ min: -10, max: 30 }), fc.constantFrom(0, 0, 1, 500_000)).map(([ms, ns]) => at(ms, ns));
const contexts = fc.record(
  { t: times, u: times, d: fc.constantFrom("1ms", "7ms", "-2ms", "1500us"), b: fc.boolean(), l: fc.array(times, { maxLength: 3 }) },
  { requiredKeys: ["t", "d"] },
) as fc.Arbitrary<Context>;
