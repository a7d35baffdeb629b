import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { restoreStore } from "../../../../src/storage/level/backup/restore.js";
import { openClassicLevel } from "../../../../src/storage/level/raw.js";
import { openLevelStore } from "../../../../src/storage/level/store.js";
import type { LevelStore } from "../../../../src/storage/level/level-store.js";
import { inFolder } from "../../../support/folder.js";
import { Faults } from "../../faults.js";
import { listAll, touchWrite } from "../checks.js";
import { backUp, codeOf, findingsOf } from "./files.js";

const forever = { horizonMs: Number.POSITIVE_INFINITY, maintenanceMs: Number.POSITIVE_INFINITY };

/** Consumes a backup. */
async function drain(store: LevelStore, signal?: AbortSignal): Promise<number> {
  let bytes = 0;
  for await (const piece of store.backup(undefined, signal)) bytes += piece.length;
  return bytes;
}

describe("backups of an open store", function () {
  this.timeout(120_000);

  it("taken one after the other while writers and readers go on, each restores to all that was acknowledged before it began", () =>
    inFolder(async (root) => {
      const store = await openLevelStore(join(root, "store"), { ...forever, maintenanceMs: 20, horizonMs: 300 });
      const acknowledged: { user: string; revision: number }[] = [];
      let running = true;
      const writer = async (name: string) => {
        for (let i = 0; running; i++) {
          const users = Array.from({ length: 20 }, (_, j) => `user:${name}${i}x${j}`);
          const { revision } = await store.commit(touchWrite(users));
          acknowledged.push({ user: `${name}${i}x19`, revision });
        }
      };
      const reader = async () => {
        while (running) {
          const snapshot = store.snapshot();
          await snapshot.list(1, { filter: { objectType: "doc" }, limit: 100 });
          snapshot.release();
        }
      };
      const load = Promise.all([writer("a"), writer("b"), writer("c"), reader()]);
      for (let round = 0; round < 3; round++) {
        const before = acknowledged.length;
        const file = await backUp(store, join(root, `backup${round}`));
        const folder = join(root, `restored${round}`);
        const { head } = await restoreStore(folder, [file]);
        assert.deepEqual(await findingsOf(folder), {});
        const restored = await openLevelStore(folder, forever);
        const users = new Set((await listAll(restored.snapshot(), 1, {})).map(({ subject }) => subject.id));
        for (const { user, revision } of acknowledged.slice(0, before)) assert(users.has(user) && revision <= head.revision, `${user} of ${revision}`);
        for (const { user, revision } of acknowledged) assert.equal(users.has(user), revision <= head.revision, `${user} of ${revision}`);
        await restored.close();
      }
      running = false;
      await load;
      await store.close();
      assert.deepEqual((await readdir(join(root, "store"))).sort(), ["STORE", "level"]);
      assert.deepEqual(await findingsOf(join(root, "store")), {});
    }));

  it("are one at a time, end when they are cancelled, and leave nothing", () =>
    inFolder(async (root) => {
      const store = await openLevelStore(root, forever);
      for (let i = 0; i < 20; i++) await store.commit(touchWrite(Array.from({ length: 900 }, (_, j) => `user:${"x".repeat(500)}${i}x${j}`)));
      const abort = new AbortController();
      const first = store.backup(undefined, abort.signal)[Symbol.asyncIterator]();
      await first.next();
      assert.equal(await codeOf(() => drain(store)), "overloaded");
      abort.abort();
      assert.equal(await codeOf(async () => { for (;;) if ((await first.next()).done) return; }), "cancelled");
      assert.equal(await codeOf(() => drain(store, abort.signal)), "cancelled");
      // A consumer who leaves.
      for await (const piece of store.backup()) { assert(piece.length > 0); break; }
      assert((await drain(store)) > 10_000_000);
      assert.deepEqual((await readdir(root)).sort(), ["STORE", "level"]);
      await store.close();
      assert.equal(await codeOf(() => drain(store)), "closed");
    }));

  it("refuse what the log does not reach back to, and what is ahead", () =>
    inFolder(async (root) => {
      const store = await openLevelStore(root, { maintenanceMs: Number.POSITIVE_INFINITY, horizonMs: 0 });
      for (let i = 0; i < 5; i++) await store.commit(touchWrite([`user:${i}`]));
      await new Promise((resolve) => setTimeout(resolve, 5));
      await store.maintain();
      assert(store.horizon.revision > 2);
      assert.equal(await codeOf(async () => store.backup(1)), "zookie_expired");
      assert.equal(await codeOf(async () => store.backup(6)), "zookie_ahead");
      await store.close();
    }));

  it("end with `closed` when the store is closed under them", () =>
    inFolder(async (root) => {
      const store = await openLevelStore(root, forever);
      for (let i = 0; i < 20; i++) await store.commit(touchWrite(Array.from({ length: 900 }, (_, j) => `user:${"x".repeat(500)}${i}x${j}`)));
      const pieces = store.backup()[Symbol.asyncIterator]();
      await pieces.next();
      await store.close();
      assert.equal(await codeOf(async () => { for (;;) if ((await pieces.next()).done) return; }), "closed");
      assert.deepEqual((await readdir(root)).sort(), ["STORE", "level"]);
    }));

  it("go on while the store's own disk fails and is revived", () =>
    inFolder(async (root) => {
      const faults = new Faults();
      const store = await openLevelStore(join(root, "store"), { ...forever, openRaw: faults.wrap(openClassicLevel) });
      for (let i = 0; i < 20; i++) await store.commit(touchWrite(Array.from({ length: 900 }, (_, j) => `user:${"x".repeat(500)}${i}x${j}`)));
      const pieces: Uint8Array[] = [];
      let failed = false;
      for await (const piece of store.backup()) {
        pieces.push(piece);
        if (failed) continue;
        failed = true;
        faults.decide = (call) => (call === "batch" ? "before" : "pass");
        assert.equal(await codeOf(() => store.commit(touchWrite(["user:failing"]))), "outcome_unknown");
        faults.decide = () => "pass";
        await store.commit(touchWrite(["user:after"]));
      }
      await writeFile(join(root, "file"), Buffer.concat(pieces));
      const { head } = await restoreStore(join(root, "restored"), [join(root, "file")]);
      assert.equal(head.revision, 20);
      await store.close();
    }));

  it("leave nothing behind that the next opening does not remove", () =>
    inFolder(async (root) => {
      await (await openLevelStore(root, forever)).close();
      await mkdir(join(root, "backup-0a1b2c3d"));
      await writeFile(join(root, "backup-0a1b2c3d", "000012.log"), "");
      assert.deepEqual(await findingsOf(root), { file_leftover: 1 });
      await (await openLevelStore(root, forever)).close();
      assert.deepEqual((await readdir(root)).sort(), ["STORE", "level"]);
    }));
});
