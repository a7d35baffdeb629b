import assert from "node:assert/strict";
import { limits } from "../../src/base/limits.js";
import { parseTuple } from "../../src/model/tuple-text.js";
import type { StoredTuple } from "../../src/model/tuple.js";
import type { Snapshot } from "../../src/storage/store.js";
import { head } from "./head.js";

describe("an evaluation that reads too much", function () {
  this.timeout(60_000);

  it("does not say of the newest state what it was told of an earlier one", async () => {
    const text = "definition user {} definition folder { relation viewer: user; relation parent: folder; permission view = viewer + parent->view }";
    const { askAll, remove, store } = head(text, ["folder:known#viewer@user:ana"]);
    // Of each level the first folder has as many parents as a pass may read lists.
    const parents = (id: string) => {
      const [, level, first] = /^(\d+)-(\d+)$/.exec(id) ?? [];
      const targets = first === "0" ? limits.readsPerPassMax : 0;
      return Array.from({ length: targets }, (_, i) => parseStored(`folder:${id}#parent@folder:${Number(level) + 1}-${i}`));
    };
    const newest = (): Snapshot => {
      const snapshot = store.snapshot();
      snapshot.list = (_tenant, { filter }) => Promise.resolve({ tuples: filter.objectId === undefined ? [] : parents(filter.objectId) });
      return snapshot;
    };
    let loads = 0;
    const onLoad = () => void (++loads === 8 && remove(["folder:known#viewer@user:ana"]));
    const { answers, revision } = await askAll(["folder:known#view@user:ana", "folder:0-0#view@user:ana"], { onLoad, newest, timer: () => 0 });
    assert.equal(revision, 2);
    assert.deepEqual(answers.map(({ error }) => error?.code), ["evaluation_too_large", "evaluation_too_large"]);
  });
});

function parseStored(text: string): StoredTuple {
  return { ...parseTuple(text), since: 1 };
}
