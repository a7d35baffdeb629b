import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { restoreStore } from "../../../../src/storage/level/backup/restore.js";
import { openLevelStore } from "../../../../src/storage/level/store.js";
import { type ConformanceOptions, type MaintainedStore, storeConformance } from "../../conformance.js";
import { backUp, codeOf, findingsOf } from "./files.js";

/** Backups of the stores in folders: a full one, and what goes on from it. */
const chains = new Map<string, { readonly files: string[]; revision: number }>();
const shelf = join(tmpdir(), `usher-backups-${process.pid}`);

/** What is in the folder is backed up, restored, checked, and opened: a store must not notice but for its timeline. */
async function openRestored(folder: string, options: ConformanceOptions): Promise<MaintainedStore> {
  const open = () => openLevelStore(folder, { ...options, maintenanceMs: Number.POSITIVE_INFINITY });
  const store = await open();
  if (store.head.revision === 0 && !store.hasTenant(2)) return store;
  await mkdir(shelf, { recursive: true });
  const files = await extend(folder, store);
  await store.close();
  assert.deepEqual(await findingsOf(folder), {});
  const restored = `${folder}-restored`;
  await restoreStore(restored, files);
  assert.deepEqual(await findingsOf(restored), {});
  await rm(folder, { recursive: true });
  await rename(restored, folder);
  return open();
}

/** An increment where there is something to go on from and the log reaches back to it, else a full backup. */
async function extend(folder: string, store: MaintainedStore): Promise<string[]> {
  const path = join(shelf, randomUUID());
  const chain = chains.get(folder);
  if (chain === undefined || (await codeOf(() => backUp(store, path, chain.revision))) !== undefined) {
    chains.set(folder, { files: [await backUp(store, path)], revision: store.head.revision });
  } else {
    chain.files.push(path);
    chain.revision = store.head.revision;
  }
  const { files } = chains.get(folder) ?? { files: [] };
  assert(files.every((file) => existsSync(file)));
  return [...files];
}

after(() => rm(shelf, { recursive: true, force: true }));

storeConformance("the LevelDB store, restored from a backup and its increments at each opening,", openRestored, 20);
