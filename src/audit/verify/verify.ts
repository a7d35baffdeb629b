import { readFile, stat } from "node:fs/promises";

import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { type Checkpoint, parseCheckpoint } from "../checkpoint.js";
import { isPublicKey, parsePublicKey } from "../signing-key.js";
import type { AuditVerification, VerifyOptions } from "./verification.js";
import { verifyExport } from "./verify-export.js";
import { verifyFolder } from "./verify-folder.js";

/**
 * Verifies a log without a server: the folder that it is in, or a file that `usher audit export` wrote.
 * @throws `invalid_file`, `store_in_use`, `not_a_store`, `store_corrupt`, `store_format_newer`, `invalid_request`
 */
export async function verifyLog(path: string, options: VerifyOptions = {}): Promise<AuditVerification> {
  if (options.key !== undefined) parsePublicKey(options.key);
  const stats = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return stats.isDirectory() ? verifyFolder(path, options) : verifyExport(path, options);
}

/** @throws `invalid_file`, `invalid_request` for what is no checkpoint */
export async function readCheckpoint(file: string): Promise<Checkpoint> {
  return parseCheckpoint(await readSmall(file));
}

/** A public key: itself, or the file in which it is. @throws `invalid_file`, `invalid_request` for what is none */
export async function readPublicKey(keyOrFile: string): Promise<string> {
  const text = isPublicKey(keyOrFile) ? keyOrFile : (await readSmall(keyOrFile)).trim();
  parsePublicKey(text);
  return text;
}

async function readSmall(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > limits.checkpointBytesMax) throw new Error(`it has ${size} bytes, and ${limits.checkpointBytesMax} are read`);
    return await readFile(file, "utf8");
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): UsherError {
  return new UsherError("invalid_file", `\`${file}\` cannot be read: ${asError(cause).message}`, { details: { file }, cause });
}
