import assert from "node:assert/strict";
import { allowed, boundedBy, denied } from "../../../src/evaluation/answer.js";
import { Leaf, type Ground, type ProbeLeaf } from "../../../src/evaluation/cache/leaf.js";
import { Result, type Outcome } from "../../../src/evaluation/cache/result.js";

const now = 1_000;

function outcome(footprint: readonly Ground[], more: Partial<Outcome> = {}): Outcome {
  return { answer: denied, height: 0, cutAt: -1, footprint, fields: undefined, ...more };
}

function result(footprint: readonly Ground[], more: Partial<Outcome> = {}, revision = 1): Result {
  return new Result(outcome(footprint, more), { revision, now });
}

function changedLeaf(revision: number): ProbeLeaf {
  const leaf: ProbeLeaf = new Leaf();
  leaf.change(null, revision);
  return leaf;
}

describe("a result", () => {
  it("stands through commits that touch nothing it rests on, and falls with the first that does", () => {
    const [a, b] = [changedLeaf(1), changedLeaf(1)];
    const found = result([a, b]);
    assert.ok(found.standsAt(7));
    b.change(null, 8);
    assert.equal(found.standsAt(8), false);
    assert.equal(found.standsAt(9), false, "and does not rise again");
  });

  it("is not believed of a commit before the last that it was seen to hold at", () => {
    const found = result([]);
    assert.ok(found.standsAt(5));
    assert.equal(found.standsAt(4), false);
  });

  it("falls with a result that it rests on, however far down the change is", () => {
    const leaf = changedLeaf(1);
    const top = result([result([result([leaf])])]);
    assert.ok(top.standsAt(2));
    leaf.change(null, 3);
    assert.equal(top.standsAt(3), false);
  });

  it("that has come to rest on itself, by way of another, does not stand by that", () => {
    const leaf = changedLeaf(1);
    const first = result([leaf]);
    const second = result([first, leaf]);
    first.renew(outcome([second]), { revision: 1, now });
    assert.equal(second.standsAt(2), false);
    assert.equal(first.standsAt(2), false);
    first.renew(outcome([leaf]), { revision: 2, now });
    assert.ok(second.standsAt(2), "once it is found out without that, it does");
  });

  it("falls with one that was found out again at the commit at which it was last seen to hold", () => {
    const below = result([changedLeaf(1)]);
    const top = result([below]);
    assert.ok(top.standsAt(2));
    below.renew(outcome([], { fields: { names: ["x"], values: ["1"] } }), { revision: 2, now });
    assert.equal(top.standsAt(3), false);
  });

  it("stands on one that was found out again and came out the same: there the wave stops", () => {
    const leaf = changedLeaf(1);
    const below = result([leaf]);
    const top = result([below]);
    leaf.change(null, 2);
    below.renew(outcome([leaf]), { revision: 2, now });
    assert.ok(top.standsAt(2));
  });

  for (const [what, more] of [
    ["answer", { answer: allowed }],
    ["validity", { answer: boundedBy(denied, now + 5) }],
    ["height", { height: 1 }],
    ["cut", { cutAt: 3 }],
    ["fields", { fields: { names: ["x"], values: ["1"] } }],
  ] as const) {
    it(`falls with one that was found out again with another ${what}`, () => {
      const leaf = changedLeaf(1);
      const below = result([leaf]);
      const top = result([below]);
      leaf.change(null, 2);
      below.renew(outcome([leaf], more), { revision: 2, now });
      assert.equal(top.standsAt(2), false);
      assert.ok(below.standsAt(2));
    });
  }

  it("rests on what it read the last time", () => {
    const [before, after] = [changedLeaf(1), changedLeaf(1)];
    const found = result([before]);
    found.renew(outcome([after]), { revision: 2, now });
    before.change(null, 3);
    assert.ok(found.standsAt(3));
    after.change(null, 4);
    assert.equal(found.standsAt(4), false);
  });

  it("holds from the instant of its walk until time alone may change it", () => {
    const found = result([], { answer: boundedBy(allowed, now + 10) });
    const at = (instant: number) => found.holds({ revision: 1, now: instant });
    assert.deepEqual([now - 1, now, now + 9, now + 10].map(at), [false, true, true, false]);
  });

  it("serves a walk that it would not carry past the depth bound; one that was cut, those that are as deep", () => {
    const high = result([], { height: 3 });
    assert.deepEqual([7, 8].map((depth) => high.serves(depth, 10)), [true, false]);
    const cut = result([], { height: 4, cutAt: 8 });
    assert.deepEqual([7, 8, 9].map((depth) => cut.serves(depth, 10)), [false, true, true]);
  });
});
