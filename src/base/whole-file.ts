import { constants } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

import { asError, UsherError } from "./errors.js";

/**
 * Writes a file that stands under its name only once it is whole and on the disk; what stood there before is replaced by it.
 * Resolves to how many bytes it has.
 * @throws `invalid_file` where it cannot be written, and what the chunks throw; then no file is left
 */
export async function writeWholeFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const making = `${path}.${process.pid}.tmp`;
  const file = await open(making, "w", 0o600).catch((error: unknown) => {
    throw unwritable(path, error);
  });
  try {
    const bytes = await fill(file, path, chunks);
    await rename(making, path).catch((error: unknown) => {
      throw unwritable(path, error);
    });
    await syncFolder(dirname(path));
    return bytes;
  } catch (error) {
    await rm(making, { force: true });
    throw error;
  }
}

async function fill(file: FileHandle, path: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      await file.writeFile(chunk).catch((error: unknown) => {
        throw unwritable(path, error);
      });
      bytes += chunk.length;
    }
    await file.sync().catch((error: unknown) => {
      throw unwritable(path, error);
    });
    return bytes;
  } finally {
    await file.close();
  }
}

/** So that a new name in the folder is on the disk too. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function unwritable(path: string, error: unknown): UsherError {
  return new UsherError("invalid_file", `file \`${path}\` cannot be written: ${asError(error).message}`, { details: { file: path }, cause: error });
}
