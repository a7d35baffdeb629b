import assert from "node:assert/strict";

import type { TupleFilter } from "../../../src/model/filter.js";
import type { StoredTuple } from "../../../src/model/tuple.js";
import type { LevelStore } from "../../../src/storage/level/level-store.js";
import type { Commit, Snapshot, Store, TupleKey, Write } from "../../../src/storage/store.js";
import { type ModelStore, nameOf, shapeOf } from "../model-store.js";

/** A write that touches `doc:1#viewer` for each subject, written `user:ana`. */
export function touchWrite(subjects: readonly string[], fields: Partial<Write> = {}): Write {
  return {
    tenant: 1,
    principal: "",
    preconditions: [],
    operations: subjects.map((text) => {
      const [type = "", id = ""] = text.split(":");
      return { kind: "touch", tuple: { object: { type: "doc", id: "1" }, relation: "viewer", subject: { type, id, relation: "" } } };
    }),
    metadata: {},
    validateOnly: false,
    ...fields,
  };
}

/** Everything that the store holds is what the model says, in both indexes, the log and the counters. */
export async function assertHolds(store: LevelStore, model: ModelStore): Promise<void> {
  assert.deepEqual(store.head, model.head);
  const snapshot = store.snapshot();
  try {
    for (const tenant of [1, 2]) {
      const expected = model.tuplesAt(tenant, model.head.revision);
      assert.deepEqual(await listAll(snapshot, tenant, {}), model.list(tenant, model.head.revision, {}));
      assert.deepEqual(await snapshot.probe(tenant, [...expected.values()]), [...expected.values()]);
      await assertConsistent(store, snapshot, tenant);
      const commits = await logOf(store, tenant);
      assert.deepEqual(commits, model.commits.filter((commit) => commit.tenant === tenant));
      assert.deepEqual(await snapshot.schema(tenant), model.schemaAt(tenant, model.head.revision));
    }
  } finally {
    snapshot.release();
  }
}

/** Without a model: the index by subject is the index by object, every tuple is found by its key, and the counters count them. */
export async function assertConsistent(store: LevelStore, snapshot: Snapshot, tenant: number): Promise<StoredTuple[]> {
  const byObject = await listAll(snapshot, tenant, {});
  const types = [...new Set(byObject.map(({ subject }) => subject.type))];
  const bySubject = (await Promise.all(types.map((subjectType) => listAll(snapshot, tenant, { subjectType })))).flat();
  const ordered = (tuples: readonly StoredTuple[]) => [...tuples].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  assert.deepEqual(ordered(bySubject), ordered(byObject));
  assert.deepEqual(await snapshot.probe(tenant, byObject), byObject);
  const counts = new Map<string, number>();
  for (const tuple of byObject) {
    const shape = JSON.stringify(shapeOf(tuple));
    counts.set(shape, (counts.get(shape) ?? 0) + 1);
  }
  const counters = [...(store.state.counters.get(tenant)?.values() ?? [])];
  assert.deepEqual(new Map(counters.map(({ shape, count }) => [JSON.stringify(shape), count])), counts);
  return byObject;
}

export async function listAll(snapshot: Snapshot, tenant: number, filter: TupleFilter): Promise<StoredTuple[]> {
  const tuples: StoredTuple[] = [];
  let after: TupleKey | undefined;
  do {
    const page = await snapshot.list(tenant, { filter, limit: 500, ...(after === undefined ? {} : { after }) });
    tuples.push(...page.tuples);
    after = page.next;
  } while (after !== undefined);
  return tuples;
}

export async function logOf(store: Store, tenant: number): Promise<Commit[]> {
  const commits: Commit[] = [];
  for (let through = store.horizon.revision; through < store.head.revision; ) {
    const page = await store.log(tenant, through, 100);
    commits.push(...page.commits);
    through = page.through;
  }
  return commits;
}
