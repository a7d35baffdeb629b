import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { abortError, throwIfAborted } from "../../../base/abort.js";
import { UsherError } from "../../../base/errors.js";
import type { Revision } from "../../../model/zookie.js";
import { makeCheckpoint } from "../checkpoint.js";
import { asStoreError } from "../failure.js";
import { levelFolder } from "../marker.js";
import { closedError } from "../pipeline.js";
import { BackupThread } from "./backup-thread.js";

/** What backups are made of. */
export interface BackupPort {
  /** Runs a task between two groups of commits. */
  between(task: () => Promise<void>): Promise<void>;
}

const checkpointPrefix = "backup-";

/** Of a folder inside the store's that is nobody's once the process has died. */
export function checkpointName(): string {
  return `${checkpointPrefix}${randomBytes(4).toString("hex")}`;
}

/** What a process that died has left. The store must be open, so that it is nobody else's. */
export async function removeCheckpoints(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(checkpointPrefix)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/**
 * Makes backups while the store is open. Between two commits, while no batch is in flight, a checkpoint is made; a thread of
 * its own opens that, reads it and hands over the bytes. So the store's own LevelDB, its snapshots and its event loop have no
 * part in it, but for passing the bytes on; a backup that is not taken, or a disk that fails, holds up nothing else.
 */
export class Backups {
  readonly #folder: string;
  readonly #port: BackupPort;
  #running: AbortController | undefined;
  #thread: BackupThread | undefined;
  #stopped = false;

  constructor(folder: string, port: BackupPort) {
    this.#folder = folder;
    this.#port = port;
  }

  /** @throws on iteration: `overloaded`, `closed`, `cancelled`, `store_unavailable`, and what the thread has met */
  async *run(since: Revision | undefined, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void> {
    throwIfAborted(signal);
    if (this.#stopped) throw closedError();
    if (this.#running) throw new UsherError("overloaded", "a backup is being made, and there is one at a time: retry when it has ended");
    const running = new AbortController();
    this.#running = running;
    const onAbort = () => running.abort(signal && abortError(signal));
    signal?.addEventListener("abort", onAbort, { once: true });
    const checkpoint = join(this.#folder, checkpointName());
    try {
      await makeCheckpoint(levelFolder(this.#folder), checkpoint, (task) => this.#port.between(task));
      running.signal.throwIfAborted();
      yield* this.#pieces(new BackupThread({ checkpoint, ...(since === undefined ? {} : { since }) }, running.signal));
    } catch (error) {
      throw asStoreError(error, "back up the store");
    } finally {
      signal?.removeEventListener("abort", onAbort);
      await rm(checkpoint, { recursive: true, force: true });
      this.#running = undefined;
    }
  }

  async *#pieces(thread: BackupThread): AsyncGenerator<Uint8Array, void> {
    this.#thread = thread;
    try {
      for (let piece = await thread.next(); piece !== undefined; piece = await thread.next()) yield piece;
    } finally {
      await thread.stop();
      this.#thread = undefined;
    }
  }

  /** The one that runs ends with `closed`. What a consumer who went away has left, the next opening removes. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#running?.abort(closedError());
    await this.#thread?.stop();
  }
}
