import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { encodeZookie } from "../../../src/model/zookie.js";
import { readMarker, writeMarker } from "../../../src/storage/level/marker.js";
import { openLevelStore } from "../../../src/storage/level/store.js";
import { openClassicLevel } from "../../../src/storage/level/raw.js";
import { confirmUpgrade, goBack, keptFormats } from "../../../src/storage/level/upgrade.js";
import { resolveZookie } from "../../../src/storage/resolve-zookie.js";
import { inFolder } from "../../support/folder.js";
import { ioError } from "../faults.js";
import { codeOf, findingsOf } from "./backup/files.js";
import { listAll, touchWrite } from "./checks.js";
import { notes, secondFormat } from "./second-format.js";

const forever = { horizonMs: Number.POSITIVE_INFINITY, maintenanceMs: Number.POSITIVE_INFINITY };
const second = { ...forever, formats: secondFormat };
const tuples = 300;

async function firstFormat(folder: string): Promise<void> {
  const store = await openLevelStore(folder, forever);
  for (let i = 0; i < 6; i++) await store.commit(touchWrite(Array.from({ length: tuples / 6 }, (_, j) => `user:${i}x${j}`)));
  await store.close();
}

/** What the second format adds to each tuple. */
async function noted(folder: string): Promise<number> {
  const raw = await openClassicLevel(join(folder, "level"), { create: false });
  try {
    return await notes(raw);
  } finally {
    await raw.close();
  }
}

describe("upgrading a store to another format", function () {
  this.timeout(120_000);

  it("is asked for, done in place, and keeps a way back until it is confirmed", () =>
    inFolder(async (folder) => {
      await firstFormat(folder);
      assert.equal(await codeOf(() => openLevelStore(folder, second)), "store_format_older");
      assert.deepEqual(await keptFormats(folder), []);
      const store = await openLevelStore(folder, { ...second, upgrade: true });
      assert.equal((await listAll(store.snapshot(), 1, {})).length, tuples);
      await store.commit(touchWrite(["user:new"]));
      await store.close();
      assert.equal(await noted(folder), tuples);
      assert.equal(await codeOf(() => openLevelStore(folder, forever)), "store_format_newer", "the version before does not touch it");
      assert.deepEqual(await keptFormats(folder), [1]);
      await (await openLevelStore(folder, second)).close();
      await confirmUpgrade(folder);
      assert.deepEqual((await readdir(folder)).sort(), ["STORE", "level"]);
      assert.equal(await codeOf(() => goBack(folder, { discard: true, formats: secondFormat })), "invalid_request");
    }));

  it("goes back to what was before it: as it was, or on a timeline of its own where commits are lost", () =>
    inFolder(async (folder) => {
      await firstFormat(folder);
      const upgraded = await openLevelStore(folder, { ...second, upgrade: true });
      await upgraded.close();
      assert.deepEqual(await goBack(folder, { discard: false, formats: secondFormat }), { format: 1, revision: 6, lost: 0 });
      const back = await openLevelStore(folder, forever);
      assert.deepEqual(back.identity, upgraded.identity);
      await back.close();
      assert.equal(await noted(folder), 0);

      const again = await openLevelStore(folder, { ...second, upgrade: true });
      for (const user of ["user:a", "user:b"]) await again.commit(touchWrite([user]));
      await again.close();
      assert.equal(await codeOf(() => goBack(folder, { discard: false, formats: secondFormat })), "invalid_request");
      assert.deepEqual(await goBack(folder, { discard: true, formats: secondFormat }), { format: 1, revision: 6, lost: 2 });
      assert.deepEqual(await findingsOf(folder), {});
      const forked = await openLevelStore(folder, forever);
      assert.deepEqual(forked.ancestors, [{ timeline: again.identity.timeline, fork: 6 }]);
      const zookie = (revision: number) => encodeZookie({ ...again.identity, tenant: 1, revision });
      assert.equal(resolveZookie(forked, 1, zookie(6)), 6);
      for (const user of ["user:c", "user:d"]) await forked.commit(touchWrite([user]));
      assert.equal(await codeOf(async () => resolveZookie(forked, 1, zookie(7))), "zookie_of_lost_timeline");
      await forked.close();
    }));

  it("fails at any batch, and goes on from there; the version before does not open what is in between", () =>
    inFolder(async (root) => {
      for (let failing = 0; ; failing++) {
        const folder = join(root, String(failing));
        await firstFormat(folder);
        let batches = 0;
        const openRaw: typeof openClassicLevel = async (...args) => {
          const raw = await openClassicLevel(...args);
          return { getMany: raw.getMany.bind(raw), getSync: raw.getSync.bind(raw), iterate: raw.iterate.bind(raw), snapshot: raw.snapshot.bind(raw), close: raw.close.bind(raw), batch: async (operations, options) => (batches++ === failing ? Promise.reject(ioError("EIO")) : raw.batch(operations, options)) };
        };
        const code = await codeOf(async () => (await openLevelStore(folder, { ...second, upgrade: true, openRaw })).close());
        if (code === undefined) {
          assert(failing > 5, "the upgrade takes several batches");
          return;
        }
        assert.equal(code, "store_unavailable");
        if (failing > 0) assert.equal(await codeOf(() => openLevelStore(folder, forever)), "store_format_newer");
        const store = await openLevelStore(folder, { ...second, upgrade: failing === 0 });
        await store.close();
        assert.equal(await noted(folder), tuples);
        assert.deepEqual(await goBack(folder, { discard: false, formats: secondFormat }), { format: 1, revision: 6, lost: 0 });
        assert.deepEqual(await findingsOf(folder), {});
      }
    }));

  it("is killed at any moment, and goes on, and goes back", () =>
    inFolder(async (root) => {
      const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
      const code = `import { openLevelStore } from ${url("../../../src/storage/level/store.js")}; import { slowFormat } from ${url("./second-format.js")};
        process.stdout.write("b"); await openLevelStore(process.argv[1], { upgrade: true, formats: slowFormat });`;
      for (let run = 0; run < 6; run++) {
        const folder = join(root, String(run));
        await firstFormat(folder);
        const child = spawn(process.execPath, ["--input-type=module", "-e", code, folder], { stdio: ["ignore", "pipe", "inherit"] });
        child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), 30 + run * 40));
        await new Promise((resolve) => child.once("close", resolve));
        await (await openLevelStore(folder, { ...second, upgrade: true })).close();
        assert.equal(await noted(folder), tuples);
        assert.equal((await goBack(folder, { discard: false, formats: secondFormat })).lost, 0);
        assert.equal(await noted(folder), 0);
        assert.deepEqual(await findingsOf(folder), {});
      }
    }));

  it("cut short on its way back, goes on back", () =>
    inFolder(async (folder) => {
      await firstFormat(folder);
      await (await openLevelStore(folder, { ...second, upgrade: true })).close();
      const marker = await readMarker(folder, 2);
      assert(marker);
      await writeMarker(folder, { ...marker, restoring: true });
      await rm(join(folder, "level"), { recursive: true });
      assert.equal(await codeOf(() => openLevelStore(folder, second)), "restore_unfinished");
      await rename(join(folder, "before-format-2", "level"), join(folder, "level"));
      assert.deepEqual(await goBack(folder, { discard: false, formats: secondFormat }), { format: 1, revision: 6, lost: 0 });
      await (await openLevelStore(folder, forever)).close();
    }));
});
