import { Worker } from "node:worker_threads";

import { type ErrorCode, UsherError } from "../../../base/errors.js";
import type { Revision } from "../../../model/zookie.js";

export interface BackupOrder {
  /** A LevelDB folder of the thread's own. */
  readonly checkpoint: string;
  readonly since?: Revision;
}

export type BackupReport =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "end" }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

/** What the thread is told: one piece has been taken; or to stop. */
export type BackupSignal = "taken" | "stop";

/** The thread that makes one backup, as its owner has it. It holds as many pieces as the thread may be ahead, and no more. */
export class BackupThread {
  readonly #worker: Worker;
  readonly #signal: AbortSignal;
  readonly #reports: BackupReport[] = [];
  readonly #exited: Promise<void>;
  #wake: () => void = () => undefined;
  /** What ended the thread before it said so. */
  #died: Error | undefined;

  constructor(order: BackupOrder, signal: AbortSignal) {
    this.#signal = signal;
    this.#worker = new Worker(new URL("./backup-worker.js", import.meta.url), { workerData: order });
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#died ??= new Error("the thread of the backup ended");
        this.#wake();
        resolve();
      });
    });
    this.#worker.on("error", (error) => (this.#died = error));
    this.#worker.on("message", (report: BackupReport) => {
      this.#reports.push(report);
      this.#wake();
    });
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The next piece; undefined: that was the last. @throws the signal's reason, what the thread has met */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      this.#signal.throwIfAborted();
      const report = this.#reports.shift();
      if (report?.kind === "bytes") {
        this.#tell("taken");
        return report.bytes;
      }
      if (report?.kind === "end") return undefined;
      if (report?.kind === "failed") throw new UsherError(report.code, report.message);
      if (this.#died) throw this.#died;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Resolves when the thread has closed what it had open and has ended. */
  async stop(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#tell("stop");
    await this.#exited;
  }

  readonly #onAbort = () => {
    this.#tell("stop");
    this.#wake();
  };

  #tell(signal: BackupSignal): void {
    this.#worker.postMessage(signal);
  }
}
