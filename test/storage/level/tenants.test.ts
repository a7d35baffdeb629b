import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { UsherError, type ErrorCode } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { tenantRanges } from "../../../src/storage/level/keys.js";
import { levelFolder } from "../../../src/storage/level/marker.js";
import { openClassicLevel } from "../../../src/storage/level/raw.js";
import type { LevelStore } from "../../../src/storage/level/level-store.js";
import { type LevelStoreOptions, openLevelStore } from "../../../src/storage/level/store.js";
import { Faults } from "../faults.js";
import { assertConsistent, listAll, touchWrite } from "./checks.js";

const has = (code: ErrorCode, words = /./) => (error: unknown) => {
  assert.ok(error instanceof UsherError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, words);
  return true;
};

const child = fileURLToPath(new URL("./tenant-child.js", import.meta.url));
const kills = Number(process.env["TEST_TENANT_KILLS"] ?? 12);

describe("the tenants of a LevelDB store", () => {
  let folder: string;
  const stores: LevelStore[] = [];

  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "usher-tenants-"))));
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    await rm(folder, { recursive: true });
  });

  async function open(options: LevelStoreOptions = {}): Promise<LevelStore> {
    const store = await openLevelStore(folder, { maintenanceMs: Number.POSITIVE_INFINITY, ...options });
    stores.push(store);
    return store;
  }

  /** Whatever is left of a tenant, read below the store once that is closed. */
  async function rowsOf(id: number): Promise<number> {
    const raw = await openClassicLevel(levelFolder(folder), { create: false });
    const snapshot = raw.snapshot();
    let rows = 0;
    for (const range of tenantRanges(id)) {
      const iterator = raw.iterate({ ...range, snapshot });
      for (let page = await iterator.next(1_000); page.length > 0; page = await iterator.next(1_000)) rows += page.length;
      await iterator.close();
    }
    await snapshot.close();
    await raw.close();
    return rows;
  }

  it("are made, listed, bounded and ended, and all of it outlives the process", async () => {
    let store = await open();
    const made = await store.createTenant("acme", { tuples: 10 });
    assert.deepEqual({ name: made.name, quotas: made.quotas, tuples: made.tuples }, { name: "acme", quotas: { tuples: 10 }, tuples: 0 });
    await store.createTenant("b.c-d_e", {});
    await store.setTenantQuotas("default", { requestsPerSecond: 5 });
    await store.commit(touchWrite(["user:ana"], { tenant: store.tenant("acme") }));
    await store.deleteTenant("b.c-d_e");
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(
        store.listTenants().map(({ name, quotas, tuples }) => ({ name, quotas, tuples })),
        [{ name: "acme", quotas: { tuples: 10 }, tuples: 1 }, { name: "default", quotas: { requestsPerSecond: 5 }, tuples: 0 }],
      );
      assert.deepEqual(store.quotasOf("acme"), { tuples: 10 });
      assert.equal(store.quotasOf("b.c-d_e"), undefined);
      await stores.pop()?.close();
      store = await open();
    }
  });

  it("are refused under a name that stands, or that is none, and with a quota that is none", async () => {
    const store = await open();
    await assert.rejects(store.createTenant("default", {}), has("tenant_exists", /`default`/));
    for (const name of ["", "*", ".", "a b", "a/b", "ä", "a\n", "-a", "a".repeat(limits.tenantBytesMax + 1)]) await assert.rejects(store.createTenant(name, {}), has("invalid_name"), name);
    for (const quotas of [{ tuples: -1 }, { tuples: 1.5 }, { tuples: limits.quotaTuplesMax + 1 }, { requestsPerSecond: 0 }, { requestsPerSecond: Number.NaN }]) {
      await assert.rejects(store.createTenant("a", quotas), has("invalid_request"));
      await assert.rejects(store.setTenantQuotas("default", quotas), has("invalid_request"));
    }
    await assert.rejects(store.deleteTenant("nobody"), has("tenant_unknown"));
    await assert.rejects(store.setTenantQuotas("nobody", {}), has("tenant_unknown"));
    const twice = await Promise.allSettled([store.createTenant("twin", {}), store.createTenant("twin", {})]);
    assert.deepEqual(twice.map(({ status }) => status), ["fulfilled", "rejected"]);
    await store.createTenant("a".repeat(limits.tenantBytesMax), {});
  });

  it("are never given a number again, not even the last one after a restart", async () => {
    const seen = new Set<number>();
    for (let round = 0; round < 3; round++) {
      const store = await open();
      for (const name of ["default", "x", "x"]) {
        await store.deleteTenant(name).catch(has("tenant_unknown"));
        await store.createTenant(name, {});
        const id = store.tenant(name);
        assert.ok(!seen.has(id) && id !== 1, `number ${id} is new`);
        seen.add(id);
      }
      await store.deleteTenant("x");
      await store.maintain();
      await stores.pop()?.close();
    }
  });

  it("take no write from the moment of their end, whatever was on its way", async () => {
    const store = await open();
    await store.createTenant("acme", {});
    const id = store.tenant("acme");
    const before = Array.from({ length: 20 }, (_, i) => store.commit(touchWrite([`user:${i}`], { tenant: id })).then(() => "done"));
    const end = store.deleteTenant("acme");
    const after = Array.from({ length: 20 }, (_, i) => store.commit(touchWrite([`user:x${i}`], { tenant: id })).then(() => "done", has("tenant_unknown")));
    await end;
    assert.deepEqual(new Set(await Promise.all(before)), new Set(["done"]), "those before it in the queue were committed");
    assert.deepEqual(new Set(await Promise.all(after)), new Set([true]));
    assert.equal(store.hasTenant(id), false);
    assert.throws(() => store.tenant("acme"), has("tenant_unknown"));
    await store.maintain();
    await stores.pop()?.close();
    assert.equal(await rowsOf(id), 0);
  });

  it("leave no row, and the others theirs", async () => {
    const store = await open();
    await store.createTenant("acme", {});
    const id = store.tenant("acme");
    for (let i = 0; i < 6; i++) {
      const subjects = Array.from({ length: 1_000 }, (_, j) => `user:${i}-${j}`);
      await store.commit(touchWrite(subjects, { tenant: id, requestId: String(i), requestHash: "h" }));
    }
    await store.commit(touchWrite([], { tenant: id, schema: { text: "definition user {}", admits: () => true } }));
    await store.commit(touchWrite(["user:ana", "user:bo"]));
    await store.deleteTenant("acme");
    await store.createTenant("acme", {});
    const again = store.tenant("acme");
    await store.commit(touchWrite(["user:new"], { tenant: again }));
    await store.maintain();
    const snapshot = store.snapshot();
    assert.equal((await assertConsistent(store, snapshot, 1)).length, 2);
    assert.equal((await assertConsistent(store, snapshot, again)).length, 1);
    assert.equal(await snapshot.schema(again), undefined);
    snapshot.release();
    await stores.pop()?.close();
    assert.equal(await rowsOf(id), 0);
    assert.equal((await open()).listTenants().find(({ name }) => name === "acme")?.tuples, 1);
  });

  it("are held to their tuples by the store, group by group, and may always shrink", async () => {
    const store = await open();
    await store.createTenant("acme", { tuples: 3 });
    const tenant = store.tenant("acme");
    const write = (...subjects: string[]) => store.commit(touchWrite(subjects, { tenant })).then(() => "done", has("quota_exceeded", /quota of 3/));
    assert.deepEqual(await Promise.all([write("user:a", "user:b"), write("user:c", "user:d"), write("user:c"), write("user:e"), write("user:a")]), ["done", true, "done", true, "done"]);
    await store.setTenantQuotas("acme", { tuples: 1 });
    const erase = (id: string) => store.commit(touchWrite([], { tenant, erase: { filters: [{ subjectType: "user", subjectId: id }], limit: 10 } }));
    await erase("a");
    await assert.rejects(store.commit(touchWrite(["user:z"], { tenant })), has("quota_exceeded"));
    await erase("b");
    await erase("c");
    await store.commit(touchWrite(["user:z"], { tenant }));
    await assert.rejects(store.commit(touchWrite(["user:y"], { tenant, validateOnly: true })), has("quota_exceeded"));
    await store.commit(touchWrite(["user:1", "user:2", "user:3", "user:4"]));
  });

  for (const verdict of ["before", "after"] as const) {
    it(`say that an outcome is unknown where the disk failed ${verdict} it was written, and then what it is`, async () => {
      const faults = new Faults();
      const store = await open({ openRaw: faults.wrap(openClassicLevel) });
      await store.createTenant("acme", {});
      for (const change of [() => store.createTenant("new", {}), () => store.setTenantQuotas("acme", { tuples: 7 }), () => store.deleteTenant("acme")]) {
        faults.decide = (call) => (call === "batch" ? verdict : "pass");
        await assert.rejects(change(), has("outcome_unknown"));
        faults.decide = () => "pass";
        await store.commit(touchWrite([])).catch(() => undefined);
      }
      await store.commit(touchWrite(["user:ana"]));
      assert.deepEqual(store.listTenants().map(({ name, quotas }) => ({ name, quotas })), verdict === "after"
        ? [{ name: "default", quotas: {} }, { name: "new", quotas: {} }]
        : [{ name: "acme", quotas: {} }, { name: "default", quotas: {} }]);
      await store.maintain();
    });
  }

  it("are purged to the end, whichever step of it a disk refuses", async () => {
    for (let nth = 0; nth < 6; nth++) {
      const faults = new Faults();
      const store = await open({ openRaw: faults.wrap(openClassicLevel) });
      await store.createTenant(`t${nth}`, {});
      const id = store.tenant(`t${nth}`);
      await store.commit(touchWrite(Array.from({ length: 500 }, (_, i) => `user:${i}`), { tenant: id }));
      await store.deleteTenant(`t${nth}`);
      let seen = 0;
      faults.decide = (call) => (call === "batch" && seen++ === nth ? "before" : "pass");
      await store.maintain().catch(() => undefined);
      faults.decide = () => "pass";
      await store.commit(touchWrite([`user:${nth}`])).catch(() => undefined);
      await store.commit(touchWrite([`user:${nth}`]));
      await store.maintain();
      await stores.pop()?.close();
      assert.equal(await rowsOf(id), 0);
    }
  });

  it("are purged to the end by whoever opens the store after a kill", async function () {
    this.timeout(240_000);
    for (let i = 0; i < kills; i++) {
      const running = spawn(process.execPath, [child, folder], { stdio: ["ignore", "pipe", "inherit"] });
      const ended = new Promise((resolve) => running.on("close", resolve));
      let said = "";
      await new Promise<void>((resolve) => running.stdout.on("data", (text: Buffer) => /deleting (\d+)/.test((said += text.toString())) && resolve()));
      await delay(Math.random() * 40);
      running.kill("SIGKILL");
      await ended;
      const id = Number(/deleting (\d+)/.exec(said)?.[1]);
      const store = await open();
      const standing = store.hasTenant(id);
      if (said.includes("deleted")) assert.equal(standing, false, "an acknowledged end outlives the kill");
      if (standing) {
        const snapshot = store.snapshot();
        assert.equal((await listAll(snapshot, id, {})).length, 5_000, "what was not ended is whole");
        snapshot.release();
        await store.deleteTenant("doomed");
      }
      await store.maintain();
      const snapshot = store.snapshot();
      assert.equal((await assertConsistent(store, snapshot, 1)).length, 1);
      snapshot.release();
      await stores.pop()?.close();
      assert.equal(await rowsOf(id), 0, "nothing of it is left");
    }
  });
});
