import { throwIfAborted } from "../base/abort.js";
import { limits } from "../base/limits.js";
import type { BackupRequest, BackupResponse, Call } from "../model/service.js";
import { resolveStoreZookie } from "../storage/resolve-zookie.js";
import type { Core } from "./core.js";

/** In pieces that a message can carry, whatever the size of those that the store gives. */
export async function* backup({ store }: Core, { since }: BackupRequest, call: Call): AsyncGenerator<BackupResponse, void> {
  throwIfAborted(call.signal);
  const after = since === undefined ? undefined : resolveStoreZookie(store, since);
  for await (const bytes of store.backup(after, call.signal)) {
    for (let at = 0; at < bytes.length; at += limits.backupPieceBytesMax) yield { bytes: bytes.subarray(at, at + limits.backupPieceBytesMax) };
  }
}
