import assert from "node:assert/strict";
import { UsherError } from "../../src/base/errors.js";
import { allowed, denied, undecided } from "../../src/evaluation/answer.js";
import { Budget } from "../../src/evaluation/cache/budget.js";
import type { Outcome } from "../../src/evaluation/cache/result.js";
import { SubjectView } from "../../src/evaluation/cache/subject-view.js";
import { SharedMemo } from "../../src/evaluation/memo.js";
import type { Context } from "../../src/model/context.js";

const at = { revision: 1, now: 0 };
const weight = { grounds: 0, cheap: false };
const counts = () => ({ memoHits: 0, memoMisses: 0, readHits: 0, readMisses: 0, fillsDiscarded: 0, pinned: 0 });
const outcome = (more: Partial<Outcome> = {}): Outcome => ({ answer: denied, height: 0, cutAt: -1, footprint: [], fields: undefined, ...more });

/** The memos of requests with these contexts about one subject. */
function memos(...contexts: Context[]): SharedMemo[] {
  const view = new SubjectView(new Budget(), { count: 0 });
  return contexts.map((context) => {
    const memo = new SharedMemo(context, 10, counts());
    memo.begin(view);
    return memo;
  });
}

describe("the memo that requests share", () => {
  it("keeps to a request what is undecided, and what is cheap", () => {
    const [one, other] = memos({}, {}) as [SharedMemo, SharedMemo];
    one.keep("document:1#view", outcome({ answer: undecided(new UsherError("depth_exceeded", "too deep")) }), at, weight);
    one.keep("document:2#view", outcome(), at, { ...weight, cheap: true });
    one.keep("document:3#view", outcome({ answer: allowed }), at, weight);
    const found = (memo: SharedMemo) => [1, 2, 3].map((id) => memo.find(`document:${id}#view`, at, 0)?.answer.value);
    assert.deepEqual(found(one), ["undecided", "denied", "allowed"]);
    assert.deepEqual(found(other), [undefined, undefined, "allowed"]);
  });

  it("finds a request's own where the shared one does not serve as deep", () => {
    const [memo] = memos({}) as [SharedMemo];
    memo.keep("document:1#view", outcome({ height: 5 }), at, weight);
    memo.keep("document:1#view", outcome({ answer: undecided(new UsherError("depth_exceeded", "too deep")), height: 3, cutAt: 8 }), at, weight);
    assert.deepEqual([5, 6, 7, 8, 9].map((depth) => memo.find("document:1#view", at, depth)?.answer.value), ["denied", undefined, undefined, "undecided", "undecided"]);
  });

  const same: [string, Context, Context, boolean][] = [
    ["the same value", { x: 1 }, { x: 1, y: 2 }, true],
    ["another value", { x: 1 }, { x: 2 }, false],
    ["none against a value", {}, { x: null }, false],
    ["none in either", {}, { y: 1 }, true],
    ["a text like a number", { x: 1 }, { x: "1" }, false],
    ["the empty text against none", { x: "" }, {}, false],
    ["zero and minus zero, of which a condition can tell", { x: 0 }, { x: -0 }, false],
    ["minus zero further in", { x: [{ y: -0 }] }, { x: [{ y: 0 }] }, false],
    ["a text that looks like minus zero", { x: -0 }, { x: "-0" }, false],
  ];
  for (const [what, one, other, serves] of same) {
    it(`${serves ? "serves" : "does not serve"} a request with ${what}`, () => {
      const [first, second] = memos(one, other) as [SharedMemo, SharedMemo];
      first.keep("document:1#view", outcome({ fields: first.fieldsOf(new Set(["x"])) }), at, weight);
      assert.equal(second.find("document:1#view", at, 0) !== undefined, serves);
    });
  }

  it("tells fields apart that are named like what every object has", () => {
    for (const name of ["constructor", "toString", "hasOwnProperty"]) {
      const [without, having] = memos({}, { [name]: true }) as [SharedMemo, SharedMemo];
      without.keep("document:1#view", outcome({ fields: without.fieldsOf(new Set([name])) }), at, weight);
      assert.equal(having.find("document:1#view", at, 0), undefined, name);
    }
  });
});
