import { readFile } from "node:fs/promises";

import { UsherError } from "../../../../src/base/errors.js";
import { writeWholeFile } from "../../../../src/base/whole-file.js";
import { fsck } from "../../../../src/storage/level/fsck/fsck.js";
import type { Store } from "../../../../src/storage/store.js";

/** Writes a backup of an open store; resolves to its path. */
export async function backUp(store: Store, path: string, since?: number): Promise<string> {
  await writeWholeFile(path, store.backup(since));
  return path;
}

export async function bytesOf(path: string): Promise<Buffer> {
  return readFile(path);
}

/** The code of what an action throws; what has none is a bug, and ends the test. */
export async function codeOf(action: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (error instanceof UsherError) return error.code;
    throw error;
  }
}

/** What a check of a closed store finds, by word. */
export async function findingsOf(folder: string, repair = false): Promise<Record<string, number>> {
  const { findings } = await fsck(folder, { repair });
  return Object.fromEntries(findings.map(({ word, count }) => [word, count]));
}
