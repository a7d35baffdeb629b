import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { fsck } from "../../../../src/storage/level/fsck/fsck.js";
import {
  allRows, counterKey, headKey, keyspaceOf, keyspaceRange, type Keyspace, logKey, metaKey, pastKey, requestAgeKey, schemaKey, tenantLogKey, timeLogKey,
} from "../../../../src/storage/level/keys.js";
import { putTenant } from "../../../../src/storage/level/meta.js";
import { openClassicLevel, type RawDatabase, type RawOperation } from "../../../../src/storage/level/raw.js";
import { encodeRow } from "../../../../src/storage/level/row.js";
import { sealEmpty, sealJson } from "../../../../src/storage/level/seal.js";
import { findTables } from "../../../../src/storage/level/scrub.js";
import { entries } from "../../../../src/storage/level/state.js";
import { openLevelStore } from "../../../../src/storage/level/store.js";
import type { TupleKey } from "../../../../src/storage/store.js";
import { writes } from "../../arbitraries.js";
import { ManualTime } from "../../conformance.js";
import { flipBit } from "../../faults.js";
import { withTwoTenants } from "../../two-tenants.js";
import { codeOf, findingsOf } from "../backup/files.js";
import { touchWrite } from "../checks.js";

type Rows = Map<string, string>;

const key = (id: string, user: string): TupleKey => ({ object: { type: "doc", id }, relation: "viewer", subject: { type: "user", id: user, relation: "" } });

describe("fsck", function () {
  this.timeout(120_000);
  let root: string;
  let sound: string;
  let horizon: number;
  let head: number;
  let anaSince: number;

  /** Two tenants with history, schemas, kept outcomes, a horizon that has moved, and one tenant that has ended. */
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "usher-fsck-"));
    sound = join(root, "sound");
    const time = new ManualTime();
    const open = (horizonMs: number) => openLevelStore(sound, { time, horizonMs, maintenanceMs: Number.POSITIVE_INFINITY });
    const store = await withTwoTenants(await open(1_000));
    for (const write of fc.sample(writes, { numRuns: 200, seed: 7 })) {
      time.ms += 10;
      await store.commit(write).catch(() => undefined);
    }
    anaSince = (await store.commit(touchWrite(["user:ana", "user:bo"]))).revision;
    await store.commit(touchWrite(["user:ana"], { requestId: "kept", requestHash: "h" }));
    const [gone] = touchWrite(["user:bo"]).operations;
    assert(gone);
    await store.commit(touchWrite([], { operations: [{ kind: "delete", tuple: gone.tuple }] }));
    await store.createTenant("ended", {});
    await store.commit(touchWrite(["user:x"], { tenant: 3 }));
    await store.deleteTenant("ended");
    await store.maintain();
    horizon = store.horizon.revision;
    head = store.head.revision;
    assert(horizon > 10 && head > horizon + 10);
    await store.close();
  });

  after(() => rm(root, { recursive: true, force: true }));

  async function withRaw<Result>(folder: string, task: (raw: RawDatabase) => Promise<Result>): Promise<Result> {
    const raw = await openClassicLevel(join(folder, "level"), { create: false });
    try {
      return await task(raw);
    } finally {
      await raw.close();
    }
  }

  async function rowsOf(folder: string): Promise<Rows> {
    return withRaw(folder, async (raw) => {
      const rows: Rows = new Map();
      const snapshot = raw.snapshot();
      for await (const [at, value] of entries(raw, snapshot, allRows)) rows.set(at.toString("hex"), value.toString("hex"));
      await snapshot.close();
      return rows;
    });
  }

  async function damaged(operations: readonly RawOperation[]): Promise<string> {
    const folder = await mkdtemp(join(root, "damaged-"));
    await cp(sound, folder, { recursive: true });
    await withRaw(folder, (raw) => raw.batch(operations, { sync: true }));
    return folder;
  }

  /** Rows of a kind, of tenants that stand, with how they are found. */
  async function rowOf(space: Keyspace, choose: (key: Buffer) => boolean = () => true): Promise<{ key: Buffer; value: Buffer }> {
    return withRaw(sound, async (raw) => {
      const snapshot = raw.snapshot();
      for await (const [at, value] of entries(raw, snapshot, keyspaceRange(space))) if (choose(at)) { await snapshot.close(); return { key: at, value }; }
      throw new Error(`no row of ${space}`);
    });
  }

  /** Finds the words, repairs them, and then everything is as it was. */
  async function repairs(operations: readonly RawOperation[], expected: Record<string, number>, restores = true): Promise<void> {
    const folder = await damaged(operations);
    const before = await rowsOf(folder);
    assert.deepEqual(await findingsOf(folder), expected);
    assert.deepEqual(await rowsOf(folder), before, "a check alone changes nothing");
    assert.equal((await fsck(folder, { repair: true })).left, 0);
    assert.deepEqual(await findingsOf(folder), {});
    if (restores) assert.deepEqual(await rowsOf(folder), await rowsOf(sound));
  }

  async function finds(operations: readonly RawOperation[], expected: Record<string, number>): Promise<void> {
    const folder = await damaged(operations);
    assert.deepEqual(await findingsOf(folder), expected);
    const { left } = await fsck(folder, { repair: true });
    assert(left > 0);
    assert.deepEqual(await findingsOf(folder), expected, "what cannot be derived is not touched");
  }

  const del = (at: Buffer): RawOperation => ({ type: "del", key: at });
  const ruined = (at: Buffer): RawOperation => ({ type: "put", key: at, value: Buffer.from("00000000ff", "hex") });

  it("finds nothing in a sound store", async () => assert.deepEqual(await findingsOf(sound), {}));

  it("finds and rebuilds the index by subject", async () => {
    const { key: row } = await rowOf("headBySubject");
    const { key: past } = await rowOf("pastBySubject");
    const orphan = headKey("subject", 1, key("9", "nobody"));
    await repairs([del(row)], { reverse_missing: 1 });
    await repairs([del(past)], { reverse_missing: 1 });
    await repairs([ruined(row)], { reverse_differs: 1 });
    await repairs([{ type: "put", key: row, value: encodeRow(row, key("9", "x"), 3) }], { reverse_differs: 1 });
    await repairs([{ type: "put", key: orphan, value: encodeRow(orphan, key("9", "nobody"), 3) }], { reverse_orphan: 1 });
  });

  it("makes a damaged tuple good from its twin, and brings none back that is missing", async () => {
    const { key: row } = await rowOf("headByObject");
    await repairs([ruined(row)], { forward_damaged: 1 });
    const ana = headKey("object", 1, key("1", "ana"));
    const folder = await damaged([del(ana)]);
    const { reverse_orphan, counter_wrong, version_missing } = await findingsOf(folder);
    assert.deepEqual([reverse_orphan, counter_wrong, version_missing], [1, 1, 1]);
    await fsck(folder, { repair: true });
    assert.deepEqual(await findingsOf(folder), { version_missing: 1 });
    const twins = [ana, headKey("subject", 1, key("1", "ana"))].map(ruined);
    assert.deepEqual(await findingsOf(await damaged(twins)), { forward_damaged: 1, counter_wrong: 1, version_missing: 1 });
  });

  it("finds a tuple that no commit wrote", async () => {
    const planted = key("1", "mallory");
    const operations = (["object", "subject"] as const).map((side): RawOperation => {
      const at = headKey(side, 1, planted);
      return { type: "put", key: at, value: encodeRow(at, planted, head) };
    });
    const folder = await damaged(operations);
    assert.deepEqual(await findingsOf(folder), { counter_wrong: 1, version_unlogged: 1 });
    const altered = (["object", "subject"] as const).map((side): RawOperation => {
      const at = headKey(side, 1, key("1", "ana"));
      return { type: "put", key: at, value: encodeRow(at, { ...key("1", "ana"), expiresAt: 9e12 }, anaSince) };
    });
    assert.equal((await findingsOf(await damaged(altered)))["version_missing"], 1);
  });

  it("finds history that overlaps, is missing, or that nobody will collect", async () => {
    const both = (since: number, until: number) =>
      (["object", "subject"] as const).map((side): RawOperation => {
        const at = pastKey(side, 1, key("1", "bo"), since);
        return { type: "put", key: at, value: encodeRow(at, key("1", "bo"), since, until) };
      });
    await repairs(both(1, 2), { history_leftover: 1 });
    assert.equal((await findingsOf(await damaged(both(head - 3, head))))["history_malformed"] ?? 0, 1);
    assert.equal((await findingsOf(await damaged(both(5, 5))))["history_malformed"], 1);
    assert.equal((await findingsOf(await damaged(both(head, head + 9))))["history_malformed"], 1);
    const ended = (["object", "subject"] as const).map((side) => del(pastKey(side, 1, key("1", "bo"), head - 2)));
    const found = await findingsOf(await damaged(ended));
    assert((found["version_missing"] ?? 0) > 0, JSON.stringify(found));
  });

  it("counts again", async () => {
    const { key: row } = await rowOf("counter");
    const shape = { objectType: "doc", relation: "none", subjectType: "user", subjectRelation: "", wildcard: false, condition: "", expiring: false };
    await repairs([{ type: "put", key: row, value: sealJson(row, 12_345) }], { counter_wrong: 1 });
    await repairs([del(row)], { counter_wrong: 1 });
    await repairs([ruined(row)], { counter_wrong: 1 });
    const extra = counterKey(2, shape);
    await repairs([{ type: "put", key: extra, value: sealJson(extra, 3) }], { counter_wrong: 1 });
  });

  it("finds a log that is not whole, and a head that is not its end", async () => {
    const inside = horizon + 5;
    const found = await findingsOf(await damaged([del(logKey(inside))]));
    assert.equal(found["log_broken"], 1);
    assert.equal((await findingsOf(await damaged([ruined(logKey(inside))])))["row_damaged"], 1);
    assert.equal((await findingsOf(await damaged([del(logKey(head))])))["head_mismatch"], 1);
    await fsck(await damaged([del(logKey(inside))]), { repair: true }).then(({ left }) => assert(left > 0));
  });

  it("rebuilds the indexes of the log, and the schemas of its commits", async () => {
    const { key: byTenant } = await rowOf("logByTenant", (at) => at.readUInt32BE(1) === 1);
    const { key: byTime } = await rowOf("logByTime", (at) => at.readUInt32BE(13) > horizon);
    await repairs([del(byTenant)], { log_index_missing: 1 });
    await repairs([del(byTime)], { time_index_missing: 1 });
    await repairs([ruined(byTime)], { time_index_missing: 1 });
    for (const [at, word] of [[tenantLogKey(1, head + 5), "log_index_orphan"], [timeLogKey(5, 5), "time_index_orphan"]] as const) {
      await repairs([{ type: "put", key: at, value: sealEmpty(at) }], { [word]: 1 });
    }
    const recent = await rowOf("schema", (at) => at.readUInt32BE(9) > horizon).catch(() => undefined);
    if (recent) {
      await repairs([del(recent.key)], { schema_missing: 1 });
      await repairs([ruined(recent.key)], { schema_missing: 1 });
    }
    const orphan = schemaKey(1, head + 1);
    await finds([{ type: "put", key: orphan, value: sealEmpty(orphan) }], { schema_orphan: 1 });
  });

  it("finds outcomes of request ids without their age, and the other way about", async () => {
    const { key: request } = await rowOf("request");
    const { key: age } = await rowOf("requestByAge", (at) => at.subarray(9).equals(request.subarray(1)));
    await repairs([del(age)], { request_unaged: 1 });
    await repairs([{ type: "put", key: requestAgeKey(7, Buffer.concat([request.subarray(0, 5), Buffer.alloc(32, 1)])), value: sealEmpty(requestAgeKey(7, Buffer.concat([request.subarray(0, 5), Buffer.alloc(32, 1)]))) }], { request_orphan: 1 });
  });

  it("finds rows of no kind, of no tenant, and tenants that contradict each other", async () => {
    const strange = Buffer.from("7b00", "hex");
    await finds([{ type: "put", key: strange, value: sealEmpty(strange) }], { row_unknown: 1 });
    const malformed = Buffer.from("1000000001646f63", "hex");
    await finds([{ type: "put", key: malformed, value: sealEmpty(malformed) }], { row_unknown: 1 });
    const nobody = headKey("object", 77, key("1", "x"));
    await repairs([{ type: "put", key: nobody, value: encodeRow(nobody, key("1", "x"), 3) }], { tenant_leftover: 1 });
    assert.equal(keyspaceOf(metaKey("tenant/again")), "meta");
    await finds([putTenant("again", 1)], { tenant_contradiction: 1 });
  });

  it("finds damaged tables and files that do not belong", async () => {
    const folder = await damaged([]);
    await writeFile(join(folder, "PROBE"), "");
    assert.deepEqual(await findingsOf(folder), { file_leftover: 1 });
    await fsck(folder, { repair: true });
    assert.deepEqual(await findingsOf(folder), {});
    const [table] = await findTables(join(folder, "level"));
    assert(table);
    flipBit(table.path, 100);
    const code = await codeOf(async () => assert.equal((await findingsOf(folder))["table_damaged"], 1));
    assert(code === undefined || code === "store_corrupt", code);
  });

  it("refuses what is no store, or is open", async () => {
    assert.equal(await codeOf(() => fsck(join(root, "missing"))), "not_a_store");
    const folder = await damaged([]);
    const store = await openLevelStore(folder, { maintenanceMs: Number.POSITIVE_INFINITY, acceptClock: true });
    assert.equal(await codeOf(() => fsck(folder)), "store_in_use");
    await store.close();
  });

  it("of any row deleted or ruined, finds it or finds nothing that reads differently", async () => {
    const all = [...(await rowsOf(sound)).keys()].map((hex) => Buffer.from(hex, "hex"));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...all), fc.boolean(), async (at, gone) => {
        const folder = await damaged([gone ? del(at) : ruined(at)]);
        const code = await codeOf(async () => {
          const found = await findingsOf(folder);
          const space = keyspaceOf(at);
          // A row by age of an ended tenant, and its indexes, are being purged; of two commits of one instant one alone is led to by need.
          const free = space === "requestByAge" || space === "logByTime" || space === "meta" || at.readUInt32BE(1) === 3 || space === "schema" || space === "request";
          assert(free || Object.keys(found).length > 0, `${space} ${at.toString("hex")}`);
        });
        assert(code === undefined || code === "store_corrupt", code);
        await rm(folder, { recursive: true });
      }),
      { numRuns: 80 },
    );
  });
});
