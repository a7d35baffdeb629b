import { Worker } from "node:worker_threads";

import { capDelay } from "../../base/clock.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { TableFile } from "./scrub.js";

export interface ScrubOrder {
  readonly folder: string;
  /** Absent: all that the folder has by then. */
  readonly tables?: readonly TableFile[];
}

export interface ScrubReport {
  /** What was found wrong. */
  readonly damage?: string;
}

/**
 * Verifies tables while the store is open, in a thread of its own: first those that opening had no
 * time for, then all of them once every `limits.scrubMs`. A table that is gone has been compacted
 * into others. One that is damaged ends the store: an answer from it could be a wrong one.
 */
export class Scrubber {
  #folder: string;
  #onDamage: (error: UsherError) => void;
  #onSound: () => void;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param onSound a run has ended and found nothing */
  constructor(folder: string, onDamage: (error: UsherError) => void, onSound: () => void) {
    this.#folder = folder;
    this.#onDamage = onDamage;
    this.#onSound = onSound;
  }

  start(tables: readonly TableFile[]): void {
    if (tables.length > 0) this.#run({ folder: this.#folder, tables });
    this.#wait();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#worker?.terminate();
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#run({ folder: this.#folder });
      this.#wait();
    }, capDelay(limits.scrubMs)).unref();
  }

  #run(order: ScrubOrder): void {
    if (this.#worker) return;
    const worker = new Worker(new URL("./scrub-worker.js", import.meta.url), { workerData: order });
    this.#worker = worker;
    worker.unref();
    worker.on("message", ({ damage }: ScrubReport) => {
      if (damage === undefined) this.#onSound();
      else this.#onDamage(new UsherError("store_corrupt", damage));
    });
    // Whatever ended the thread, the next run begins anew.
    worker.on("error", () => undefined);
    worker.on("exit", () => (this.#worker = undefined));
  }
}
