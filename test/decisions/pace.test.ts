import assert from "node:assert/strict";
import { limits } from "../../src/base/limits.js";
import { owedPerMs, Pace } from "../../src/decisions/pace.js";

/** Turns of the event loop in each of which others take so long, on a clock that nothing else moves. */
function turns(takenMs: number) {
  const clock = { ms: 0 };
  const counted = { turns: 0 };
  const each = () => {
    counted.turns++;
    clock.ms += takenMs;
    if (!over) setImmediate(each);
  };
  let over = false;
  setImmediate(each);
  return { pace: new Pace(() => clock.ms), counted, end: () => (over = true) };
}

describe("the pace of live evaluations", () => {
  it("gives the others as long as was taken, in whole turns", async () => {
    const { pace, counted, end } = turns(0.5);
    pace.charge(2);
    await pace.pause();
    end();
    assert.ok(counted.turns >= 4 && counted.turns <= 5, String(counted.turns));
  });

  it("waits for one turn alone where nobody takes any of it", async () => {
    const { pace, counted, end } = turns(0);
    pace.charge(1_000);
    await pace.pause();
    end();
    assert.equal(counted.turns, 1);
  });

  it("waits for nothing where nothing was taken, and where others took more than was owed to them: so much, and no more", async () => {
    const { pace, counted, end } = turns(100);
    await pace.pause();
    assert.equal(counted.turns, 0);
    pace.charge(1);
    await pace.pause();
    const lent = counted.turns;
    pace.charge(limits.liveLentMsMax / owedPerMs);
    await pace.pause();
    assert.equal(counted.turns, lent, "the bound itself");
    pace.charge(1);
    await pace.pause();
    end();
    assert.equal(counted.turns, lent + 1, "beyond it");
  });

  it("is one for all who wait: a turn of the others counts once", async () => {
    const { pace, counted, end } = turns(0.5);
    pace.charge(1);
    pace.charge(1);
    await Promise.all([pace.pause(), pace.pause()]);
    end();
    assert.ok(counted.turns >= 4 && counted.turns <= 5, String(counted.turns));
  });
});
