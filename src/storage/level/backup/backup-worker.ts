import { parentPort, workerData } from "node:worker_threads";

import { asError, UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import { asStoreError } from "../failure.js";
import { openClassicLevel } from "../raw.js";
import type { BackupOrder, BackupReport, BackupSignal } from "./backup-thread.js";
import { writeBackup } from "./write-backup.js";

/** The thread of `Backups`: reads a checkpoint and hands over the bytes of its backup, never far ahead of who takes them. */
class Thread {
  readonly #port = parentPort;
  #ahead = 0;
  #stopped = false;
  #resume: (() => void) | undefined;

  constructor() {
    this.#port?.on("message", (signal: BackupSignal) => {
      if (signal === "taken") this.#ahead--;
      else this.#stopped = true;
      this.#resume?.();
    });
  }

  async run({ checkpoint, since }: BackupOrder): Promise<void> {
    try {
      const raw = await openClassicLevel(checkpoint, { create: false });
      try {
        await this.#send(writeBackup(raw, since));
      } finally {
        await raw.close();
      }
      this.#say({ kind: "end" });
    } catch (thrown) {
      const error = asStoreError(thrown, "back up the store");
      const code = error instanceof UsherError ? error.code : "internal";
      this.#say({ kind: "failed", code, message: asError(error).message });
    } finally {
      this.#port?.close();
    }
  }

  async #send(pieces: AsyncIterable<Buffer>): Promise<void> {
    for await (const piece of pieces) {
      if (this.#stopped) return;
      this.#ahead++;
      // A copy, of its own memory, can be moved; the piece may be a view of something larger.
      const bytes = new Uint8Array(piece);
      this.#say({ kind: "bytes", bytes }, bytes.buffer);
      while (this.#ahead >= limits.backupFramesAheadMax && !this.#stopped) await new Promise<void>((resolve) => (this.#resume = resolve));
    }
  }

  #say(report: BackupReport, ...moved: ArrayBuffer[]): void {
    this.#port?.postMessage(report, moved);
  }
}

await new Thread().run(workerData as BackupOrder);
