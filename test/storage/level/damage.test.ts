import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

import fc from "fast-check";

import { UsherError } from "../../../src/base/errors.js";
import { LevelStore } from "../../../src/storage/level/level-store.js";
import { FileReader } from "../../../src/storage/level/file-reader.js";
import { findTables } from "../../../src/storage/level/scrub.js";
import { openLevelStore } from "../../../src/storage/level/store.js";
import { writes } from "../arbitraries.js";
import { ManualTime } from "../conformance.js";
import { cutTail, flipBit, removeFile, storeFiles } from "../faults.js";
import { ModelStore } from "../model-store.js";
import { listAll, logOf, touchWrite } from "./checks.js";
import { withTwoTenants } from "../two-tenants.js";

const named = new Set(["store_corrupt", "store_unavailable", "not_a_store"]);
const commits = 400;
const flips = Number(process.env["TEST_FLIPS"] ?? 300);

describe("a damaged LevelDB store", function () {
  this.timeout(240_000);
  let root: string;
  let whole: string;
  let time: ManualTime;
  let model: ModelStore;

  const open = (folder: string) => openLevelStore(folder, { time, horizonMs: Number.POSITIVE_INFINITY, maintenanceMs: Number.POSITIVE_INFINITY });

  /** A store with several tables and a log, closed as it should be. */
  before(async () => {
    root = mkdtempSync(join(tmpdir(), "usher-damage-"));
    whole = join(root, "whole");
    time = new ManualTime();
    let store = await withTwoTenants(await open(whole));
    model = new ModelStore(store.head, Number.POSITIVE_INFINITY);
    for (const [i, write] of fc.sample(writes, { numRuns: commits, seed: 1 }).entries()) {
      time.ms += 7;
      const { requestId: _, ...plain } = write;
      await store.commit(plain).catch(() => undefined);
      model.write(plain, time.ms);
      if (i % 100 !== 50) continue;
      await store.close();
      store = await open(whole);
    }
    await store.close();
  });

  after(() => rmSync(root, { recursive: true, force: true }));

  /** Either it opens and answers everything right, or it says with a code that it is damaged. Resolves to that code. */
  async function openDamaged(damage: (folder: string) => void, what: string): Promise<string> {
    const folder = mkdtempSync(join(root, "damaged-"));
    cpSync(whole, folder, { recursive: true });
    damage(folder);
    let store: LevelStore | undefined;
    try {
      store = await open(folder);
      await assertAnswersRight(store, what);
      return "right";
    } catch (error) {
      if (!(error instanceof UsherError)) throw error;
      assert(named.has(error.code), `${what}: ${error.code}: ${error.message}`);
      return error.code;
    } finally {
      await store?.close();
      rmSync(folder, { recursive: true });
    }
  }

  async function assertAnswersRight(store: LevelStore, what: string): Promise<void> {
    assert.deepEqual(store.head, model.head, what);
    for (const revision of [model.head.revision, Math.floor(model.head.revision / 2)]) {
      const snapshot = store.snapshot(revision);
      try {
        for (const tenant of [1, 2]) {
          const tuples = model.list(tenant, revision, {});
          assert.deepEqual(await snapshot.probe(tenant, tuples), tuples, what);
          assert.deepEqual(await listAll(snapshot, tenant, {}), tuples, what);
          for (const subjectType of ["user", "users"]) {
            assert.deepEqual(await listAll(snapshot, tenant, { subjectType }), model.list(tenant, revision, { subjectType }), what);
          }
          assert.deepEqual(await snapshot.schema(tenant), model.schemaAt(tenant, revision), what);
          assert.deepEqual(await logOf(store, tenant), model.commits.filter((commit) => commit.tenant === tenant), what);
        }
      } finally {
        snapshot.release();
      }
    }
  }

  it("is whole to begin with, and has tables", async () => {
    assert.equal(await openDamaged(() => undefined, "nothing"), "right");
    assert(storeFiles(whole).some((file) => file.endsWith(".ldb")));
  });

  it("answers right or says that it is damaged, whichever bit is flipped", async () => {
    const files = storeFiles(whole).filter((file) => statSync(file).size > 0);
    const bits = fc.sample(fc.nat(), { numRuns: flips, seed: Date.now() & 0xffff });
    for (const [i, bit] of bits.entries()) {
      const name = relative(whole, files[i % files.length] ?? "");
      await openDamaged((folder) => flipBit(join(folder, name), bit), `bit ${bit} of ${name}`);
    }
  });

  it("says so when a flipped bit in a table would have made a tuple absent", async () => {
    const [table] = await findTables(join(whole, "level"));
    assert(table);
    for (let bit = 0; bit < 8 * table.bytes - 400; bit += 1_999) {
      assert.equal(await openDamaged((folder) => flipBit(join(folder, relative(whole, table.path)), bit), `bit ${bit}`), "store_corrupt");
    }
  });

  for (const count of [1, 64, 5_000]) {
    it(`answers right or says that it is damaged, whichever file has lost its last ${count} bytes`, async () => {
      for (const file of storeFiles(whole)) {
        const name = relative(whole, file);
        await openDamaged((folder) => cutTail(join(folder, name), count), `${name} cut by ${count}`);
      }
    });
  }

  it("says so when a file is missing", async () => {
    const tables = (await findTables(join(whole, "level"))).map(({ path }) => path);
    for (const file of storeFiles(whole)) {
      // What a compaction has replaced may still lie there, and is not missed.
      if (file.endsWith(".ldb") && !tables.includes(file)) continue;
      const name = relative(whole, file);
      assert.equal(await openDamaged((folder) => removeFile(join(folder, name)), `${name} removed`), "store_corrupt", name);
    }
  });

  it("ends, and says so, when a table turns out to be damaged that opening had no time to verify", async () => {
    const folder = mkdtempSync(join(root, "late-"));
    cpSync(whole, folder, { recursive: true });
    const [table] = await findTables(join(folder, "level"));
    assert(table);
    flipBit(table.path, 8 * filterEnd(table.path) - 1);
    const store = await openLevelStore(folder, { time, scrubBytes: 0 });
    const held = store.snapshot();
    while ((await store.commit(touchWrite([])).catch((error: UsherError) => error.code)) !== "store_corrupt") await new Promise((resolve) => setTimeout(resolve, 5));
    await assert.rejects(held.list(1, { filter: {}, limit: 1 }), (error) => error instanceof UsherError && error.code === "store_corrupt");
    await store.close();
  });
});

/** Where a table's filter block ends, with its checksum, which LevelDB's binding never reads: where the next block begins. */
function filterEnd(path: string): number {
  const bytes = readFileSync(path);
  return new FileReader(bytes, bytes.length - 48).number();
}

/**
 * A log whose end is missing cannot be told from one whose end was never written, but by what stands outside
 * of it: after a kill the marker is older than the newest commits, and a cut takes those without a trace.
 */
describe("a LevelDB store that was killed, its newest log cut", function () {
  this.timeout(60_000);

  it("is at an earlier commit, whole up to there, or says that it is damaged", async () => {
    const root = mkdtempSync(join(tmpdir(), "usher-cut-"));
    try {
      const folder = join(root, "store");
      const store = await openLevelStore(folder);
      const model = new ModelStore(store.head, Number.POSITIVE_INFINITY);
      for (let i = 0; i < 50; i++) {
        const write = touchWrite([`user:u${i}`]);
        const { instant } = await store.commit(write);
        model.write(write, instant);
      }
      const log = storeFiles(folder).find((file) => file.endsWith(".log")) ?? "";
      for (let cut = 0; cut < 4_000; cut += 97) {
        const copy = mkdtempSync(join(root, "copy-"));
        cpSync(folder, copy, { recursive: true });
        cutTail(join(copy, relative(folder, log)), cut);
        await assertPrefix(copy, model);
      }
      await store.close();
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  async function assertPrefix(folder: string, model: ModelStore): Promise<void> {
    const store = await openLevelStore(folder).catch((error: unknown) => error);
    if (!(store instanceof LevelStore)) {
      assert(store instanceof UsherError && store.code === "store_corrupt");
      return;
    }
    const snapshot = store.snapshot();
    try {
      assert.deepEqual(await listAll(snapshot, 1, {}), model.list(1, store.head.revision, {}));
      assert.deepEqual(await logOf(store, 1), model.commits.slice(0, store.head.revision));
    } finally {
      snapshot.release();
      await store.close();
    }
  }
});
