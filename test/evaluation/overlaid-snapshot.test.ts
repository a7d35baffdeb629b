import assert from "node:assert/strict";
import * as fc from "fast-check";
import { OverlaidSnapshot } from "../../src/evaluation/overlaid-snapshot.js";
import type { TupleFilter } from "../../src/model/filter.js";
import type { Operation } from "../../src/model/service.js";
import { parseTuple } from "../../src/model/tuple-text.js";
import { formatTuple, tupleIdentity, type StoredTuple, type Tuple } from "../../src/model/tuple.js";
import type { Snapshot, TupleKey } from "../../src/storage/store.js";
import { MemorySnapshot } from "./memory-snapshot.js";

const tenant = 1;
const identities = ["doc:1", "doc:12", "doc:2"].flatMap((object) => ["user:a", "user:*", "team:x", "team:x#member"].map((subject) => `${object}#viewer@${subject}`));
const tuple = fc.tuple(fc.constantFrom(...identities), fc.constantFrom("", "[expiration:2030-01-01T00:00:00Z]")).map(([identity, expiration]) => parseTuple(identity + expiration));
const some = fc.uniqueArray(tuple, { selector: tupleIdentity });
const operations: fc.Arbitrary<Operation[]> = fc.uniqueArray(fc.record({ kind: fc.constantFrom("create", "touch", "delete"), tuple }), { selector: (operation) => tupleIdentity(operation.tuple) });
const filters: fc.Arbitrary<TupleFilter> = fc.constantFrom<TupleFilter>(
  {},
  { objectType: "doc", objectId: "1", relation: "viewer", subjectType: "team" },
  { objectType: "doc", objectId: "1", subjectType: "team", subjectRelation: "" },
  { objectType: "doc", objectIdPrefix: "1" },
  { subjectType: "user", subjectId: "*" },
  { subjectType: "team", subjectRelation: "member" },
);

async function listed(snapshot: Snapshot, of: number, filter: TupleFilter): Promise<string[]> {
  const all: StoredTuple[] = [];
  let after: TupleKey | undefined;
  do {
    const page = await snapshot.list(of, { filter, limit: 2, ...(after && { after }) });
    all.push(...page.tuples);
    after = page.next;
  } while (after !== undefined);
  return all.map(formatTuple).sort();
}

describe("OverlaidSnapshot", () => {
  it("reads as a snapshot does that was taken after the write", () =>
    fc.assert(
      fc.asyncProperty(some, operations, filters, async (below, write, filter) => {
        const standing = new Map<string, Tuple>(below.map((each) => [tupleIdentity(each), each]));
        for (const { kind, tuple: written } of write) {
          if (kind === "delete") standing.delete(tupleIdentity(written));
          else standing.set(tupleIdentity(written), written);
        }
        const overlaid = new OverlaidSnapshot(new MemorySnapshot(below), tenant, write);
        const after = new MemorySnapshot([...standing.values()]);
        assert.deepEqual(await listed(overlaid, tenant, filter), await listed(after, tenant, filter));
        const keys = identities.map(parseTuple);
        const texts = (tuples: (StoredTuple | undefined)[]) => tuples.map((each) => each && formatTuple(each));
        assert.deepEqual(texts(await overlaid.probe(tenant, keys)), texts(await after.probe(tenant, keys)));
      }),
    ));

  it("leaves other tenants as they are", async () => {
    const below = new MemorySnapshot([parseTuple("doc:1#viewer@user:a")]);
    const overlaid = new OverlaidSnapshot(below, tenant, [{ kind: "delete", tuple: parseTuple("doc:1#viewer@user:a") }, { kind: "touch", tuple: parseTuple("doc:2#viewer@user:a") }]);
    assert.deepEqual(await listed(overlaid, tenant + 1, {}), ["doc:1#viewer@user:a"]);
    assert.deepEqual(await listed(overlaid, tenant, {}), ["doc:2#viewer@user:a"]);
  });
});
