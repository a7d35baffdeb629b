import assert from "node:assert/strict";
import { KnownLists } from "../../../src/evaluation/lookup/known-lists.js";
import { parseTuple } from "../../../src/model/tuple-text.js";
import { MemorySnapshot } from "../memory-snapshot.js";
import type { TupleFilter } from "../../../src/model/filter.js";
import type { Snapshot, TupleKey } from "../../../src/storage/store.js";
import type { StoredTuple } from "../../../src/model/tuple.js";

const doc = { type: "doc", id: "1" };
const tuples = ["ana", "bo", "cy"].map((id) => `doc:1#viewer@user:${id}`).concat("doc:1#viewer@user:*", "doc:1#viewer@group:g#member", "doc:1#owner@user:ana", "doc:2#viewer@user:ana").map(parseTuple);

async function everything(snapshot: Snapshot, filter: TupleFilter, limit: number): Promise<StoredTuple[]> {
  const all: StoredTuple[] = [];
  let after: TupleKey | undefined;
  do {
    const page = await snapshot.list(1, { filter, limit, ...(after === undefined ? {} : { after }) });
    assert.ok(page.tuples.length <= limit);
    all.push(...page.tuples);
    after = page.next;
  } while (after !== undefined);
  return all;
}

describe("lists that are known", () => {
  const viewers = { objectType: "doc", objectId: "1", relation: "viewer", subjectType: "user", subjectRelation: "" };

  async function setUp() {
    const below = new MemorySnapshot(tuples);
    const known = new KnownLists(below);
    known.begin(doc, "viewer", "user", "")(await everything(below, viewers, 10));
    below.reads = 0;
    return { below, known };
  }

  it("answer from memory, hits and misses, page by page, as the snapshot does", async () => {
    const { below, known } = await setUp();
    for (const limit of [1, 3, 4, 10]) assert.deepEqual(await everything(known, viewers, limit), tuples.slice(0, 4).map((tuple) => ({ ...tuple, since: 1 })).sort((a, b) => (a.subject.id < b.subject.id ? -1 : 1)));
    const found = await known.probe(1, ["ana", "*", "eve"].map((id) => ({ object: doc, relation: "viewer", subject: { type: "user", id, relation: "" } })));
    assert.deepEqual(found.map((tuple) => tuple?.subject.id), ["ana", "*", undefined]);
    assert.equal(below.reads, 0);
  });

  it("leave to the snapshot whatever is not within them", async () => {
    const { below, known } = await setUp();
    const others: TupleKey[] = [
      { object: doc, relation: "owner", subject: { type: "user", id: "ana", relation: "" } },
      { object: doc, relation: "viewer", subject: { type: "user", id: "ana", relation: "" } },
      { object: { type: "doc", id: "2" }, relation: "viewer", subject: { type: "user", id: "ana", relation: "" } },
      { object: doc, relation: "viewer", subject: { type: "group", id: "g", relation: "member" } },
      { object: doc, relation: "viewer", subject: { type: "user", id: "ana", relation: "member" } },
    ];
    assert.deepEqual((await known.probe(1, others)).map((tuple) => tuple !== undefined), [true, true, true, true, false]);
    assert.equal(below.reads, 4);
    const { subjectRelation: _, ...ofType } = viewers;
    for (const filter of [ofType, { ...viewers, subjectId: "ana" }, { ...viewers, relation: "owner" }, { subjectType: "user", subjectId: "ana" }, { objectType: "doc", objectIdPrefix: "1" }]) {
      assert.deepEqual(await everything(known, filter, 2), await everything(new MemorySnapshot(tuples), filter, 2));
    }
  });

  it("of a whole type hold its usersets and its objects", async () => {
    const { below, known } = await setUp();
    known.begin(doc, "viewer", "group", undefined)(await everything(below, { objectType: "doc", objectId: "1", relation: "viewer", subjectType: "group" }, 10));
    below.reads = 0;
    const [userset, object] = await known.probe(1, ["member", ""].map((relation) => ({ object: doc, relation: "viewer", subject: { type: "group", id: "g", relation } })));
    assert.ok(userset !== undefined && object === undefined);
    assert.equal(below.reads, 0);
  });
});
