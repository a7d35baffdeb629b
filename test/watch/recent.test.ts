import assert from "node:assert/strict";

import { limits } from "../../src/base/limits.js";
import type { Commit } from "../../src/storage/store.js";
import { RecentCommits } from "../../src/watch/recent.js";
import { touchViewer } from "./store.js";

function commit(revision: number, tenant = 1, changes = 1): Commit {
  const { tuple } = touchViewer("1", "ana");
  return { revision, tenant, instant: revision, principal: "", metadata: {}, changes: Array.from({ length: changes }, () => ({ kind: "write", tuple })) };
}

describe("recent commits", () => {
  it("give a tenant's commits after a revision, as the log does", () => {
    const recent = new RecentCommits(10);
    assert.deepEqual(recent.page(1, 10, 5), { commits: [], through: 10 });
    for (const [revision, tenant] of [[11, 1], [12, 2], [13, 1], [14, 2]] as const) recent.add(commit(revision, tenant));
    const page = (after: number, limit: number, tenant = 1) => {
      const read = recent.page(tenant, after, limit);
      return read && [read.commits.map(({ revision }) => revision), read.through];
    };
    assert.deepEqual(page(10, 5), [[11, 13], 14]);
    assert.deepEqual(page(10, 1), [[11], 11]);
    assert.deepEqual(page(11, 1), [[13], 13]);
    assert.deepEqual(page(13, 1), [[], 14]);
    assert.deepEqual(page(12, 5, 2), [[14], 14]);
    assert.deepEqual(page(0, 5, 3), undefined, "what came before the first is not here");
    assert.deepEqual(page(9, 5), undefined);
  });

  it("hold no more commits than their bound, and know from where they are complete", () => {
    const recent = new RecentCommits(0);
    for (let revision = 1; revision <= limits.watchRecentCommitsMax; revision++) recent.add(commit(revision));
    assert.equal(recent.page(1, 0, 1)?.commits[0]?.revision, 1);
    recent.add(commit(limits.watchRecentCommitsMax + 1));
    assert.equal(recent.page(1, 0, 1), undefined);
    assert.equal(recent.page(1, 1, 1)?.commits[0]?.revision, 2);
  });

  it("hold no more changes than their bound, even of one commit", () => {
    const recent = new RecentCommits(0);
    recent.add(commit(1));
    recent.add(commit(2, 1, limits.watchRecentChangesMax - 1));
    assert.equal(recent.page(1, 0, 5)?.commits.length, 2);
    recent.add(commit(3));
    assert.equal(recent.page(1, 0, 5), undefined);
    assert.equal(recent.page(1, 1, 5)?.commits.length, 2);
    recent.add(commit(4, 1, limits.watchRecentChangesMax + 1));
    assert.equal(recent.page(1, 3, 5), undefined);
    assert.deepEqual(recent.page(1, 4, 5), { commits: [], through: 4 });
  });
});
