import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { UsherError, type ErrorCode } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import type { Tuple } from "../../../src/model/tuple.js";
import type { LevelStore } from "../../../src/storage/level/level-store.js";
import { openClassicLevel, type RawDatabase } from "../../../src/storage/level/raw.js";
import { openLevelStore } from "../../../src/storage/level/store.js";
import type { Commit, ImportOptions, PlacedTuple, Write } from "../../../src/storage/store.js";
import { tuples } from "../arbitraries.js";
import { ManualTime } from "../conformance.js";
import { Faults } from "../faults.js";
import { nameOf } from "../model-store.js";
import { withTwoTenants } from "../two-tenants.js";
import { assertConsistent, listAll, logOf, touchWrite } from "./checks.js";

const options: ImportOptions = { tenant: 1, principal: "loader", expectSchema: 0, metadata: { reason: "load" }, skipDuplicates: false };

function viewer(index: number, document = index % 97): Tuple {
  return { object: { type: "doc", id: `d${document}` }, relation: "viewer", subject: { type: "user", id: `u${index}`, relation: "" } };
}

function placed(list: readonly Tuple[]): PlacedTuple[] {
  return list.map((tuple, at) => ({ tuple, position: at + 1 }));
}

function code(expected: ErrorCode) {
  return (error: unknown) => error instanceof UsherError && error.code === expected;
}

describe("an import into the LevelDB store", () => {
  let folder: string;
  let faults: Faults;
  let time: ManualTime;
  let store: LevelStore;
  let raw: RawDatabase | undefined;

  const open = async (horizonMs = Number.POSITIVE_INFINITY) =>
    withTwoTenants(
      await openLevelStore(folder, {
        time, horizonMs, maintenanceMs: Number.POSITIVE_INFINITY,
        openRaw: faults.wrap(async (...args) => (raw = await openClassicLevel(...args))),
        report: (error) => assert.fail(error),
      }),
    );

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-import-"));
    faults = new Faults();
    time = new ManualTime();
    store = await open();
  });

  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function load(list: readonly PlacedTuple[], fields: Partial<ImportOptions> = {}) {
    const session = await store.beginImport({ ...options, ...fields });
    try {
      for (let at = 0; at < list.length; at += 1_000) await session.append(list.slice(at, at + 1_000));
      return await session.finish();
    } finally {
      await session.abort();
    }
  }

  /** Rows of the keyspaces that imports alone use. */
  async function leftovers(): Promise<number> {
    const snapshot = (raw as RawDatabase).snapshot();
    const iterator = (raw as RawDatabase).iterate({ gte: Buffer.from([0x60]), lt: Buffer.from([0x62]), snapshot });
    try {
      let count = 0;
      for (let found = await iterator.next(100); found.length > 0; found = await iterator.next(100)) count += found.length;
      return count;
    } finally {
      await iterator.close();
      await snapshot.close();
    }
  }

  async function everything(tenant = 1): Promise<Tuple[]> {
    const snapshot = store.snapshot();
    try {
      return await assertConsistent(store, snapshot, tenant);
    } finally {
      snapshot.release();
    }
  }

  it("touches its tuples as writes of the same chunks do: rows, history, log and counters", async function () {
    this.timeout(120_000);
    const property = fc.asyncProperty(fc.array(tuples, { maxLength: 30 }), fc.array(tuples, { maxLength: 60 }), async (standing, listed) => {
      const name = `t${store.listTenants().length}`;
      await store.createTenant(name, {});
      const tenant = store.tenant(name);
      const unique = (list: readonly Tuple[]) => [...new Map(list.map((tuple) => [nameOf(tuple), tuple])).values()];
      const write = (operations: readonly Tuple[]): Write => ({ ...touchWrite([]), tenant, operations: operations.map((tuple) => ({ kind: "touch", tuple })) });
      const before = store.head.revision;
      await store.commit(write(unique(standing)));
      const heard: Commit[] = [];
      const stop = store.onCommit((commit) => heard.push(commit));
      const imported = unique(listed);
      const outcome = await load(placed(imported), { tenant });
      stop();
      const stood = new Map(unique(standing).map((tuple) => [nameOf(tuple), tuple]));
      const changed = imported.filter((tuple) => !sameTuple(stood.get(nameOf(tuple)), tuple));
      assert.deepEqual({ tuples: outcome.tuples, changed: outcome.changed, chunks: outcome.chunks }, { tuples: imported.length, changed: changed.length, chunks: changed.length > 0 ? 1 : 0 });
      assert.deepEqual(heard.flatMap(({ changes }) => changes.map(({ tuple }) => nameOf(tuple))).sort(), changed.map(nameOf).sort());
      assert.deepEqual((await logOf(store, tenant)).filter(({ principal }) => principal === options.principal), heard, "the log is what listeners heard");
      for (const { metadata, principal } of heard) assert.deepEqual([metadata, principal], [options.metadata, options.principal]);
      const expected = new Map([...stood, ...imported.map((tuple) => [nameOf(tuple), tuple] as const)]);
      const found = await everything(tenant);
      assert.deepEqual(found.map((tuple) => nameOf(tuple)).sort(), [...expected.keys()].sort());
      for (const tuple of found) assert(sameTuple(expected.get(nameOf(tuple)), tuple));
      // What it replaced is still there at the revision before it.
      const past = store.snapshot(before + (standing.length > 0 ? 1 : 0));
      assert.deepEqual((await listAll(past, tenant, {})).map(nameOf).sort(), [...stood.keys()].sort());
      past.release();
      assert.equal(await leftovers(), 0);
    });
    await fc.assert(property, { numRuns: 40 });
  });

  it("commits more than a chunk in chunks, sorted runs merged into one order", async function () {
    this.timeout(60_000);
    const count = limits.importRunTuplesMax * 2 + 777;
    const list = Array.from({ length: count }, (_, i) => viewer((i * 7_919) % count));
    const heard: Commit[] = [];
    store.onCommit((commit) => heard.push(commit));
    const outcome = await load(placed(list));
    assert.deepEqual([outcome.tuples, outcome.changed, outcome.chunks], [count, count, Math.ceil(count / limits.importChunkTuplesMax)]);
    assert.equal(heard.length, outcome.chunks);
    assert.equal(outcome.revision, store.head.revision);
    for (const { changes } of heard) assert(changes.length <= limits.importChunkTuplesMax);
    assert.deepEqual(await logOf(store, options.tenant), heard);
    const order = heard.flatMap(({ changes }) => changes.map(({ tuple }) => nameOf(tuple)));
    assert.equal(new Set(order).size, count);
    assert.equal((await everything()).length, count);
    assert.equal(await leftovers(), 0);
    const again = await load(placed(list));
    assert.deepEqual([again.changed, again.chunks, again.revision], [0, 0, outcome.revision]);
  });

  it("leaves nothing where a tuple comes twice, in one run or in two, and names both places", async function () {
    this.timeout(60_000);
    for (const count of [10, limits.importRunTuplesMax + 5]) {
      const list = placed([...Array.from({ length: count }, (_, i) => viewer(i)), viewer(3)]);
      await assert.rejects(load(list), (error) => code("duplicate_operation")(error) && /stands at 4 already, and again at \d+/.test((error as Error).message));
      assert.deepEqual([store.head.revision, await leftovers(), store.state.counters.size], [0, 0, 0]);
    }
  });

  it("skips duplicates where it is told to: the first stands", async () => {
    const first = { ...viewer(1), condition: { name: "small", context: { limit: 1 } } };
    const outcome = await load(placed([first, viewer(2), viewer(1)]), { skipDuplicates: true });
    assert.deepEqual([outcome.tuples, outcome.skipped, outcome.problems.map(({ position, code: why }) => [position, why])], [2, 1, [[3, "duplicate_operation"]]]);
    assert.deepEqual((await everything()).map(({ condition }) => condition?.name), [ "small", undefined ]);
  });

  it("leaves nothing of one that is given up, whatever it had staged", async () => {
    const session = await store.beginImport(options);
    await session.append(placed(Array.from({ length: limits.importRunTuplesMax }, (_, i) => viewer(i))));
    assert((await leftovers()) > 0);
    await store.maintain();
    assert((await leftovers()) > 0, "maintenance keeps what is being staged");
    await session.abort();
    assert.deepEqual([store.head.revision, await leftovers()], [0, 0]);
  });

  it("collects on opening what a process left that ended while it staged", async () => {
    const session = await store.beginImport(options);
    await session.append(placed(Array.from({ length: limits.importRunTuplesMax }, (_, i) => viewer(i))));
    await store.close();
    store = await open();
    await store.maintain();
    assert.deepEqual([store.head.revision, await leftovers()], [0, 0]);
  });

  it("refuses to commit under a schema that is another than expected, and beyond a quota", async () => {
    const session = await store.beginImport(options);
    await session.append(placed([viewer(1)]));
    await store.commit(touchWrite([], { schema: { text: "view viewer", admits: () => true } }));
    await assert.rejects(session.finish(), code("schema_changed"));
    await session.abort();
    await store.setTenantQuotas("default", { tuples: 3 });
    await assert.rejects(load(placed([1, 2, 3, 4].map((i) => viewer(i))), { expectSchema: 1 }), code("quota_exceeded"));
    assert.deepEqual([(await everything()).length, await leftovers()], [0, 0]);
    await load(placed([1, 2, 3].map((i) => viewer(i))), { expectSchema: 1 });
    assert.equal((await load(placed([1, 2, 3].map((i) => viewer(i))), { expectSchema: 1 })).changed, 0, "what stands takes no room");
  });

  it("admits no schema that would orphan what it is committing, and keeps its room in the quota", async function () {
    this.timeout(60_000);
    const count = limits.importChunkTuplesMax * 2;
    await store.setTenantQuotas("default", { tuples: count + 1 });
    const narrow = store.commit.bind(store, touchWrite([], { schema: { text: "none", admits: () => false } }));
    const answers: Promise<unknown>[] = [];
    store.onCommit(() => {
      if (answers.length > 0) return;
      answers.push(narrow().catch((error: unknown) => error), store.commit(touchWrite(["user:x", "user:y"])).catch((error: unknown) => error), store.commit(touchWrite(["user:z"])));
    });
    const outcome = await load(placed(Array.from({ length: count }, (_, i) => viewer(i))));
    assert.deepEqual([outcome.tuples, outcome.chunks], [count, 2]);
    const [schema, tooMany] = await Promise.all(answers);
    assert(code("schema_orphans_tuples")(schema) && code("quota_exceeded")(tooMany));
    assert.equal((await everything()).length, count + 1);
  });

  it("lets others write between its chunks, and another import beside it", async function () {
    this.timeout(60_000);
    const count = limits.importChunkTuplesMax * 2;
    let writes = 0;
    const imports = [load(placed(Array.from({ length: count }, (_, i) => viewer(i)))), load(placed(Array.from({ length: count }, (_, i) => viewer(i + count / 2))))];
    const done = Promise.all(imports).then(() => true);
    for (let running = true; running; running = !(await Promise.race([done, Promise.resolve(false)]))) await store.commit(touchWrite([`user:w${writes++}`]));
    assert.deepEqual((await Promise.all(imports)).map((outcome) => outcome.tuples), [count, count]);
    assert.equal((await everything()).length, count * 1.5 + writes);
    assert(writes > 2);
  });

  it("answers one that was made with what it came to, within the horizon", async () => {
    const outcome = await load(placed([viewer(1)]), { id: "load-1" });
    assert.deepEqual(await store.importOutcome(1, "loader", "load-1"), outcome);
    assert.equal(await store.importOutcome(1, "other", "load-1"), undefined);
    assert.equal(await store.importOutcome(2, "loader", "load-1"), undefined);
    await store.close();
    store = await open(1_000);
    assert.deepEqual(await store.importOutcome(1, "loader", "load-1"), outcome);
    time.ms += 1_001;
    assert.equal(await store.importOutcome(1, "loader", "load-1"), undefined);
    await store.maintain();
    assert.equal(await leftovers(), 0);
  });

  it("bounds how many are staged at once, and refuses an id that is", async () => {
    const sessions = [await store.beginImport({ ...options, id: "one" })];
    await assert.rejects(store.beginImport({ ...options, id: "one" }), code("request_id_reused"));
    while (sessions.length < limits.importsUnderWayMax) sessions.push(await store.beginImport(options));
    await assert.rejects(store.beginImport(options), code("overloaded"));
    await sessions.pop()?.abort();
    await (await store.beginImport(options)).abort();
    for (const session of sessions) await session.abort();
  });

  it("ends with its tenant, and leaves nothing of it", async function () {
    this.timeout(60_000);
    const staged = await store.beginImport({ ...options, tenant: 2 });
    await staged.append(placed([viewer(1)]));
    const committing = load(placed(Array.from({ length: limits.importChunkTuplesMax * 3 }, (_, i) => viewer(i))), { tenant: 2 }).catch((error: unknown) => error);
    const deleted = new Promise<void>((resolve) => store.onCommit(() => void store.deleteTenant("second").then(resolve, resolve)));
    await deleted;
    assert(code("tenant_unknown")(await committing));
    await assert.rejects(staged.finish(), code("tenant_unknown"));
    await staged.abort();
    await store.maintain();
    assert.equal(await leftovers(), 0);
    assert.equal(store.hasTenant(2), false);
  });

  for (const verdict of ["before", "after"] as const) {
    it(`commits all of it or nothing, whichever batch the disk refuses ${verdict} it was applied, once there is room again`, async function () {
      this.timeout(120_000);
      const count = limits.importChunkTuplesMax + 500;
      const list = placed(Array.from({ length: count }, (_, i) => viewer((i * 11) % count)));
      for (let nth = 0, failed = true; failed; nth++) {
        await store.close();
        await rm(folder, { recursive: true, force: true });
        faults.decide = () => "pass";
        store = await open();
        let batches = 0;
        faults.reason = "ENOSPC";
        let full = false;
        faults.decide = (call) => {
          if (call === "batch" && batches++ === nth) {
            full = true;
            return verdict;
          }
          return full && (call === "batch" || call === "open") ? "before" : "pass";
        };
        const answer = await load(list, { id: "load" }).catch((error: unknown) => error);
        failed = full;
        if (failed) assert(answer instanceof UsherError && ["outcome_unknown", "store_unavailable"].includes(answer.code), String(answer));
        faults.decide = () => "pass";
        await store.commit(touchWrite([])).catch(() => undefined);
        await store.commit(touchWrite([]));
        const outcome = await store.importOutcome(1, "loader", "load");
        if (outcome === undefined) await store.maintain();
        assert.equal((await everything()).length, outcome === undefined ? 0 : count, `batch ${nth}`);
        if (outcome !== undefined) assert.deepEqual([outcome.tuples, outcome.changed, outcome.chunks], [count, count, 2]);
        assert.equal(await leftovers(), outcome === undefined ? 0 : 1, `batch ${nth}`);
      }
    });
  }

  it("is the same after reopening", async () => {
    await load(placed(Array.from({ length: 50 }, (_, i) => viewer(i))));
    const before = await everything();
    await store.close();
    store = await open();
    assert.deepEqual(await everything(), before);
  });
});

function sameTuple(a: Tuple | undefined, b: Tuple): boolean {
  return a !== undefined && a.expiresAt === b.expiresAt && JSON.stringify(a.condition) === JSON.stringify(b.condition);
}
