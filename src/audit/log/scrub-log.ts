import { access } from "node:fs/promises";
import { join } from "node:path";

import { UsherError } from "../../base/errors.js";
import { scrubBeforeOpening } from "../../storage/level/scrub.js";

/**
 * Verifies LevelDB's tables, the newest first and so many bytes of them, before LevelDB is opened on them: on some that are damaged it ends the process.
 * @throws `store_corrupt`, and what the file system throws
 */
export async function scrubLog(level: string, bytesMax: number): Promise<void> {
  const begun = await access(join(level, "CURRENT")).then(
    () => true,
    () => false,
  );
  // That there is no log is for LevelDB to say.
  if (!begun) return;
  try {
    await scrubBeforeOpening(level, bytesMax);
  } catch (error) {
    if (!(error instanceof UsherError) || error.code !== "store_corrupt") throw error;
    throw new UsherError("store_corrupt", `the decision log is damaged: ${error.message}: keep the folder as evidence, and restore it from a copy, or begin another`, { cause: error });
  }
}
