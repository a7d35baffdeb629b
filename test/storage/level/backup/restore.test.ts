import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { UsherError } from "../../../../src/base/errors.js";
import { decodeZookie, encodeZookie } from "../../../../src/model/zookie.js";
import { restoreStore } from "../../../../src/storage/level/backup/restore.js";
import { openClassicLevel } from "../../../../src/storage/level/raw.js";
import { openLevelStore } from "../../../../src/storage/level/store.js";
import { resolveStoreZookie, resolveZookie } from "../../../../src/storage/resolve-zookie.js";
import type { Store } from "../../../../src/storage/store.js";
import { inFolder } from "../../../support/folder.js";
import { ioError } from "../../faults.js";
import { listAll, logOf, touchWrite } from "../checks.js";
import { backUp, codeOf, findingsOf } from "./files.js";

const forever = { horizonMs: Number.POSITIVE_INFINITY, maintenanceMs: Number.POSITIVE_INFINITY };

/** A store with some commits, closed by the caller. */
async function storeOf(folder: string, users: number) {
  const store = await openLevelStore(folder, forever);
  for (let i = 0; i < users; i++) await store.commit(touchWrite([`user:u${i}`]));
  return store;
}

const zookieAt = (store: Store, revision: number, tenant = 1) => encodeZookie({ ...store.identity, tenant, revision });

describe("restoring a backup", function () {
  this.timeout(120_000);

  it("gives what was backed up, on a timeline of its own, and the increments after it", () =>
    inFolder(async (root) => {
      const store = await storeOf(join(root, "a"), 20);
      const full = await backUp(store, join(root, "full"));
      await store.commit({ ...touchWrite(["user:u3"]), operations: touchWrite(["user:u3"]).operations.map(({ tuple }) => ({ kind: "delete", tuple })) });
      await store.createTenant("late", { tuples: 7 });
      await store.commit(touchWrite(["user:z"], { tenant: 2, principal: "p", requestId: "r", requestHash: "h" }));
      const first = await backUp(store, join(root, "first"), 20);
      await store.deleteTenant("late");
      await store.commit(touchWrite(["user:last"]));
      const second = await backUp(store, join(root, "second"), 22);
      const expected = { log: await logOf(store, 1), tuples: await listAll(store.snapshot(), 1, {}) };
      await store.close();

      await restoreStore(join(root, "b"), [full, first]);
      const between = await openLevelStore(join(root, "b"), forever);
      assert.equal(between.head.revision, 22);
      assert.deepEqual(between.listTenants().find(({ name }) => name === "late")?.quotas, { tuples: 7 });
      assert.equal((await between.commit(touchWrite(["user:z"], { tenant: 2, principal: "p", requestId: "r", requestHash: "h" }))).repeated, true);
      await between.close();

      await restoreStore(join(root, "c"), [full, first, second]);
      assert.deepEqual(await findingsOf(join(root, "c")), {});
      const restored = await openLevelStore(join(root, "c"), forever);
      assert.equal(restored.identity.store, store.identity.store);
      assert.notEqual(restored.identity.timeline, store.identity.timeline);
      assert.deepEqual(restored.ancestors, [{ timeline: store.identity.timeline, fork: 23 }]);
      assert.deepEqual(await logOf(restored, 1), expected.log);
      assert.deepEqual(await listAll(restored.snapshot(), 1, {}), expected.tuples);
      await restored.maintain();
      assert.deepEqual(await listAll(restored.snapshot(), 2, {}), [], "what was purged between two backups does not come back");
      await restored.close();
      assert.deepEqual(await findingsOf(join(root, "c")), {});
    }));

  it("keeps zookies up to the fork and refuses those above it, over two restores", () =>
    inFolder(async (root) => {
      const first = await storeOf(join(root, "a"), 5);
      const file = await backUp(first, join(root, "a.usher"));
      await first.commit(touchWrite(["user:lost"]));
      await first.close();

      await restoreStore(join(root, "b"), [file]);
      const second = await storeOf(join(root, "b"), 3);
      assert.equal(second.head.revision, 5, "these stood already");
      await second.commit(touchWrite(["user:other"]));
      const again = await backUp(second, join(root, "b.usher"));
      const increment = await backUp(second, join(root, "b2.usher"), 5);
      await second.commit(touchWrite(["user:lost too"]));
      await second.close();

      await restoreStore(join(root, "c"), [again]);
      const third = await openLevelStore(join(root, "c"), forever);
      assert.deepEqual(third.ancestors, [
        { timeline: first.identity.timeline, fork: 5 },
        { timeline: second.identity.timeline, fork: 6 },
      ]);
      const resolve = (token: string) => resolveZookie(third, 1, token);
      assert.equal(resolve(zookieAt(first, 5)), 5);
      assert.equal(resolve(zookieAt(second, 6)), 6);
      assert.equal(resolve(zookieAt(third, 6)), 6);
      for (const lost of [zookieAt(first, 6), zookieAt(second, 7), encodeZookie({ ...first.identity, timeline: "ffffffff", tenant: 1, revision: 1 })]) {
        assert.throws(() => resolve(lost), (error) => error instanceof UsherError && error.code === "zookie_of_lost_timeline");
      }
      assert.throws(() => resolve(zookieAt(third, 7)), (error) => error instanceof UsherError && error.code === "zookie_ahead");
      assert.equal(resolveStoreZookie(third, zookieAt(second, 6, 0)), 6);
      assert.equal(decodeZookie(zookieAt(second, 6, 0)).tenant, 0);
      await third.close();

      // The increment was made on the second timeline, and goes on from a backup of the first.
      await restoreStore(join(root, "d"), [file, increment]);
      const fourth = await openLevelStore(join(root, "d"), forever);
      assert.equal(fourth.head.revision, 6);
      await fourth.close();
    }));

  it("refuses another store's increment, one of a lost timeline, a gap, a wrong order, two full ones", () =>
    inFolder(async (root) => {
      const store = await storeOf(join(root, "a"), 4);
      const full = await backUp(store, join(root, "full"));
      await store.commit(touchWrite(["user:x"]));
      const one = await backUp(store, join(root, "one"), 4);
      await store.commit(touchWrite(["user:y"]));
      const two = await backUp(store, join(root, "two"), 5);
      await store.close();
      const other = await storeOf(join(root, "other"), 4);
      await other.commit(touchWrite(["user:x"]));
      const foreign = await backUp(other, join(root, "foreign"), 4);
      await other.close();
      await restoreStore(join(root, "fork"), [full]);
      const fork = await openLevelStore(join(root, "fork"), forever);
      for (const user of ["p", "q"]) await fork.commit(touchWrite([`user:${user}`]));
      const forked = await backUp(fork, join(root, "forked"), 5);
      await fork.close();

      const refused = (files: string[]) => codeOf(() => restoreStore(join(root, "never"), files));
      for (const files of [[full, foreign], [full, one, forked], [full, two], [full, two, one], [full, full], [one]]) {
        assert.equal(await refused(files), "backup_mismatch", files.join(" "));
      }
      assert.equal(await refused([]), "invalid_request");
      assert.deepEqual((await readdir(root)).includes("never"), false, "nothing is written before all is verified");
      await restoreStore(join(root, "good"), [full, one, two]);
    }));

  it("refuses a folder that holds a store or anything else", () =>
    inFolder(async (root) => {
      const store = await storeOf(join(root, "a"), 2);
      const full = await backUp(store, join(root, "full"));
      await store.close();
      assert.equal(await codeOf(() => restoreStore(join(root, "a"), [full])), "store_exists");
      await mkdir(join(root, "b"));
      await restoreStore(join(root, "b"), [full]);
      await mkdir(join(root, "c"));
      await writeFile(join(root, "c", "notes.txt"), "mine");
      assert.equal(await codeOf(() => restoreStore(join(root, "c"), [full])), "not_a_store");
      assert.deepEqual(await readdir(join(root, "c")), ["notes.txt"]);
      assert.equal(await codeOf(() => restoreStore(join(root, "d"), [join(root, "missing")])), "invalid_file");
      assert.equal(await codeOf(() => restoreStore(join(root, "d"), [root])), "invalid_file");
    }));

  it("cut short, leaves a folder that does not open and says so", () =>
    inFolder(async (root) => {
      const store = await storeOf(join(root, "a"), 50);
      const full = await backUp(store, join(root, "full"));
      await store.close();
      for (let failing = 0; failing < 3; failing++) {
        const folder = join(root, `cut${failing}`);
        let batches = 0;
        const openRaw: typeof openClassicLevel = async (...args) => {
          const raw = await openClassicLevel(...args);
          return { getMany: raw.getMany.bind(raw), getSync: raw.getSync.bind(raw), iterate: raw.iterate.bind(raw), snapshot: raw.snapshot.bind(raw), close: raw.close.bind(raw), batch: async (operations, options) => (batches++ === failing ? Promise.reject(ioError("ENOSPC")) : raw.batch(operations, options)) };
        };
        const code = await codeOf(() => restoreStore(folder, [full], { openRaw }));
        if (code === undefined) break;
        assert.equal(code, "store_unavailable");
        assert.equal(await codeOf(() => openLevelStore(folder, forever)), "restore_unfinished");
        assert.equal(await codeOf(() => restoreStore(folder, [full])), "restore_unfinished");
        assert.equal(await codeOf(() => findingsOf(folder)), "restore_unfinished");
      }
    }));

  it("killed at any moment, leaves a folder that opens whole or says that it is not", () =>
    inFolder(async (root) => {
      const store = await storeOf(join(root, "a"), 0);
      for (let i = 0; i < 40; i++) await store.commit(touchWrite(Array.from({ length: 200 }, (_, j) => `user:${i}x${j}`)));
      const full = await backUp(store, join(root, "full"));
      await store.close();
      const code = `import { restoreStore } from ${JSON.stringify(new URL("../../../../src/storage/level/backup/restore.js", import.meta.url).href)}; process.stdout.write("b"); await restoreStore(process.argv[1], [process.argv[2]]);`;
      for (let run = 0; run < 8; run++) {
        const folder = join(root, `killed${run}`);
        const child = spawn(process.execPath, ["--input-type=module", "-e", code, folder, full], { stdio: ["ignore", "pipe", "inherit"] });
        child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), run * 60));
        await new Promise((resolve) => child.once("close", resolve));
        const outcome = await codeOf(async () => {
          const restored = await openLevelStore(folder, forever);
          // Killed before its first step, it has left nothing, and what opens is a new store.
          if (restored.head.revision > 0) assert.equal((await listAll(restored.snapshot(), 1, {})).length, 8_000);
          await restored.close();
        });
        assert([undefined, "restore_unfinished"].includes(outcome), outcome);
      }
    }));
});
