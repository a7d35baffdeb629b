import assert from "node:assert/strict";
import { Budget } from "../../../src/evaluation/cache/budget.js";
import { Generations } from "../../../src/evaluation/cache/generations.js";

const entry = { bytes: 40 };

describe("the budget", () => {
  it("ends an epoch once more than half of it is charged, and holds what this epoch and the last were charged", () => {
    const budget = new Budget(200);
    budget.charge(100);
    budget.turn();
    assert.deepEqual([budget.epoch, budget.bytes], [1, 100], "half of it, and no more");
    budget.charge(1);
    budget.turn();
    assert.deepEqual([budget.epoch, budget.turns, budget.bytes], [2, 1, 101]);
    budget.charge(50);
    assert.equal(budget.bytes, 151);
    budget.charge(51);
    budget.turn();
    assert.equal(budget.bytes, 101, "of the epoch before the last nothing is held any more");
  });
});

describe("generations", () => {
  function fixture() {
    const budget = new Budget(200);
    const end = () => {
      budget.charge(101);
      budget.turn();
    };
    return { budget, end, entries: new Generations<typeof entry>(budget) };
  }

  it("keep an entry for the epoch in which it was asked for and the one after", () => {
    const { entries, end } = fixture();
    entries.set("asked", entry);
    entries.set("left", entry);
    end();
    assert.equal(entries.get("asked"), entry);
    end();
    assert.equal(entries.get("asked"), entry);
    assert.equal(entries.get("left"), undefined);
  });

  it("do not keep one that was only looked at, as commits do", () => {
    const { entries, end } = fixture();
    entries.set("looked at", entry);
    end();
    assert.equal(entries.peek("looked at"), entry);
    end();
    assert.equal(entries.peek("looked at"), undefined);
  });

  it("forget all of it when two epochs have ended since they were used", () => {
    const { entries, end } = fixture();
    entries.set("a", entry);
    end();
    end();
    assert.equal(entries.get("a"), undefined);
  });

  it("charge an entry, with its key, in each epoch in which it is asked for, once", () => {
    const { entries, end, budget } = fixture();
    entries.set("key", entry);
    assert.equal(budget.bytes, 46);
    entries.get("key");
    assert.equal(budget.bytes, 46);
    end();
    entries.get("key");
    entries.get("key");
    assert.equal(budget.bytes, 147 + 46);
  });
});
