import { copyFile, link, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { syncFolder } from "../../base/whole-file.js";
import { errorCode } from "./failure.js";
import { readManifest } from "./manifest.js";

/**
 * A second LevelDB folder that holds what an open one does at one moment, at the cost of a few files: LevelDB
 * never changes a table once it is written, so its tables are linked, and only its manifest and its logs, a few
 * megabytes, are copied. The two share nothing from then on: each can be read, written and deleted alone. By example:
 *
 *     000005.ldb 000011.ldb     links to the same bytes
 *     000012.log                copied while no batch is in flight
 *     CURRENT MANIFEST-000010   copied last; every table that they name must be among the links, or it is all tried again,
 *                               since LevelDB's compactions go on meanwhile
 *
 * @param target is created; where making it fails, it is removed
 * @param hold runs its task while no batch is in flight
 * @throws `store_unavailable` where compactions overtake it again and again, and what the file system throws
 */
export async function makeCheckpoint(level: string, target: string, hold: (task: () => Promise<void>) => Promise<void>): Promise<void> {
  await mkdir(target, { recursive: true, mode: 0o700 });
  try {
    // Most tables, before writers are made to wait for the rest.
    await linkTables(level, target);
    await hold(() => copyNewest(level, target));
  } catch (error) {
    await rm(target, { recursive: true, force: true });
    throw error;
  }
}

/** The same under a name that stands only once it is whole and on the disk. */
export async function makeDurableCheckpoint(level: string, target: string): Promise<void> {
  const making = `${target}.tmp`;
  await rm(making, { recursive: true, force: true });
  await makeCheckpoint(level, making, (task) => task());
  await syncFolder(making);
  await rename(making, target);
  await syncFolder(join(target, ".."));
}

async function copyNewest(level: string, target: string): Promise<void> {
  for (let attempt = 0; attempt < limits.checkpointAttemptsMax; attempt++) {
    await copyLogs(level, target);
    const linked = await linkTables(level, target);
    if (await copyManifest(level, target, linked)) return;
  }
  throw new UsherError("store_unavailable", "the store's files change faster than they can be linked: retry when it is less busy");
}

/** Every log that stands, whole: a log that is gone by now is in a table that the manifest names. */
async function copyLogs(level: string, target: string): Promise<void> {
  const logs = (await readdir(level)).filter((name) => name.endsWith(".log"));
  for (const name of logs) await copyFile(join(level, name), join(target, name)).catch(unlessGone);
}

async function linkTables(level: string, target: string): Promise<Set<string>> {
  const linked = new Set((await readdir(target)).filter(isTable));
  for (const name of (await readdir(level)).filter(isTable)) {
    if (linked.has(name)) continue;
    const there = await link(join(level, name), join(target, name)).then(
      () => true,
      (error: unknown) => copyUnlinkable(error, join(level, name), join(target, name)),
    );
    if (there) linked.add(name);
  }
  return linked;
}

/** A file system without links costs a copy. */
async function copyUnlinkable(error: unknown, from: string, to: string): Promise<boolean> {
  if (errorCode(error) === "ENOENT") return false;
  try {
    await copyFile(from, to);
    return true;
  } catch (failure) {
    unlessGone(failure);
    return false;
  }
}

/** Whether all the tables that it names are linked. */
async function copyManifest(level: string, target: string, linked: ReadonlySet<string>): Promise<boolean> {
  const manifests = (await readdir(level)).filter((name) => name === "CURRENT" || name.startsWith("MANIFEST-"));
  for (const name of manifests) await copyFile(join(level, name), join(target, name)).catch(unlessGone);
  const tables = await readManifest(target);
  return [...tables.keys()].every((number) => linked.has(`${String(number).padStart(6, "0")}.ldb`));
}

function isTable(name: string): boolean {
  return name.endsWith(".ldb");
}

function unlessGone(error: unknown): void {
  if (errorCode(error) !== "ENOENT") throw error;
}
