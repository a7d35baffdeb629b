import assert from "node:assert/strict";

import fc from "fast-check";

import { sharesRevision } from "../../src/storage/resolve-zookie.js";

describe("what a timeline shares with those before it", () => {
  const lineage = { timeline: "cccccccc", ancestors: [{ timeline: "aaaaaaaa", fork: 100 }, { timeline: "bbbbbbbb", fork: 150 }] };

  it("is each of them up to its fork, and all of its own", () => {
    assert.equal(sharesRevision(lineage, "cccccccc", 1_000), true);
    assert.equal(sharesRevision(lineage, "aaaaaaaa", 100), true);
    assert.equal(sharesRevision(lineage, "aaaaaaaa", 101), false);
    assert.equal(sharesRevision(lineage, "bbbbbbbb", 150), true);
    assert.equal(sharesRevision(lineage, "bbbbbbbb", 151), false);
    assert.equal(sharesRevision(lineage, "dddddddd", 0), false);
  });

  it("is never more than every fork after it lets through", () => {
    const ancestors = fc.array(fc.nat(20), { maxLength: 5 }).map((forks) => forks.map((fork, i) => ({ timeline: String(i), fork })));
    fc.assert(
      fc.property(ancestors, fc.nat(5), fc.nat(25), (list, of, revision) => {
        const expected = of < list.length && Math.min(...list.slice(of).map(({ fork }) => fork)) >= revision;
        assert.equal(sharesRevision({ timeline: "own", ancestors: list }, String(of), revision), expected);
      }),
    );
  });
});
