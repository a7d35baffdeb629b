import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { RelationCache } from "../../../src/evaluation/cache/relation-cache.js";
import { listKind } from "../../../src/evaluation/reads.js";
import { compileSchema } from "../../../src/model/schema/compile.js";
import { parseTuple } from "../../../src/model/tuple-text.js";
import type { Commit, Head } from "../../../src/storage/store.js";

class Commits {
  head: Head = { revision: 1, instant: 1_000 };
  #listener: ((commit: Commit) => void) | undefined;

  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = undefined);
  }

  commit(commit: Partial<Commit>): void {
    this.head = { revision: this.head.revision + 1, instant: this.head.instant };
    this.#listener?.({ tenant: 1, principal: "", metadata: {}, changes: [], ...this.head, ...commit });
  }
}

/** Node.js has it behind a flag, which counts for contexts that are made after it is set. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

const tuple = parseTuple("document:1#viewer@group:a#member");
const written = { changes: [{ kind: "write" as const, tuple }] };

describe("the relation cache", () => {
  it("applies each commit to its tenant alone: of another, with the same names, nothing changes", () => {
    const commits = new Commits();
    const cache = new RelationCache(commits);
    const leaves = [1, 2].map((tenant) => cache.tenant(tenant).list("document:1#viewer", listKind("group")));
    for (const leaf of leaves) leaf.fill([], 1);
    commits.commit({ tenant: 2, ...written });
    assert.deepEqual(leaves.map(({ value }) => value), [[], [tuple]]);
    assert.deepEqual([cache.tenant(1).revision, cache.tenant(2).revision], [1, 2]);
  });

  it("tells what is known of the subject, of the object and from the subject upward", () => {
    const commits = new Commits();
    const tenant = new RelationCache(commits).tenant(1);
    const probe = tenant.subject("group:a#member").probe("document:1#viewer");
    const list = tenant.list("document:1#viewer", listKind("group", "member"));
    const up = tenant.up("group:a#member<document#viewer");
    list.fill([], 1);
    up.fill([], 1);
    commits.commit(written);
    assert.deepEqual([probe.value, list.value, up.value], [{ ...tuple, since: 2 }, [tuple], [tuple]]);
    commits.commit({ changes: [{ kind: "delete", tuple }] });
    assert.deepEqual([probe.value, list.value, up.value], [null, [], []]);
    assert.deepEqual([probe.changedAt, list.changedAt, up.changedAt], [3, 3, 3]);
  });

  it("knows of each tenant which commit wrote its schema, also where nothing has been asked", () => {
    const commits = new Commits();
    const cache = new RelationCache(commits);
    commits.commit({ tenant: 2, schema: "definition user {}" });
    assert.deepEqual([cache.schemaAt(1), cache.schemaAt(2)], [0, 2]);
    cache.forget(2);
    assert.equal(cache.schemaAt(2), 0);
  });

  it("begins anew with a tenant whose commit could not be applied, rather than believe what is past", () => {
    const commits = new Commits();
    const cache = new RelationCache(commits);
    const before = cache.tenant(1);
    before.list("document:1#viewer", listKind("group")).fill([], 1);
    assert.throws(() => commits.commit({ changes: [{ kind: "write", tuple: null as never }] }), TypeError);
    assert.notEqual(cache.tenant(1), before);
    assert.equal(cache.tenant(1).list("document:1#viewer", listKind("group")).value, undefined);
  });

  it("begins anew with another schema's results", () => {
    const tenant = new RelationCache(new Commits()).tenant(1);
    const [one, other] = [compileSchema("definition user {}"), compileSchema("definition user {}")];
    const view = tenant.subject("user:ana");
    tenant.adopt(one);
    const member = { key: "m" } as never;
    view.keepHolders(member, { footprint: [], ids: undefined } as never);
    tenant.adopt(one);
    assert.notEqual(view.holders(member), undefined);
    tenant.adopt(other);
    assert.equal(view.holders(member), undefined);
  });

  it("keeps nothing of a tenant that nobody asks any more, once two epochs have ended", async () => {
    const cache = new RelationCache(new Commits(), 10_000);
    const kept = new WeakRef(cache.tenant(1).list("document:1#viewer", listKind("group")));
    for (let epoch = 0; epoch < 2; epoch++) {
      cache.budget.charge(5_001);
      cache.turn();
    }
    await setImmediate();
    collectGarbage();
    assert.equal(kept.deref(), undefined);
  });

  it("is charged for what commits add to what it holds", () => {
    const commits = new Commits();
    const cache = new RelationCache(commits);
    cache.tenant(1).list("document:1#viewer", listKind("group")).fill([], 1);
    const before = cache.status.bytes;
    commits.commit({ changes: [{ kind: "write", tuple: { ...tuple, condition: { name: "on", context: { text: "x".repeat(60_000) } } } }] });
    assert.ok(cache.status.bytes > before + 60_000);
  });

  it("gives passes instants that never go back, be it behind another pass or behind a commit", () => {
    const commits = new Commits();
    const tenant = new RelationCache(commits).tenant(1);
    assert.deepEqual([900, 1_200, 1_100].map((now) => tenant.pass(now)), [1_000, 1_200, 1_200]);
    commits.commit({ instant: 1_500 });
    commits.commit({ instant: 1_400 });
    assert.equal(tenant.pass(1_300), 1_500);
  });

  it("hears of nothing once it is stopped", () => {
    const commits = new Commits();
    const cache = new RelationCache(commits);
    cache.stop();
    commits.commit({ schema: "definition user {}" });
    assert.equal(cache.schemaAt(1), 0);
  });
});
