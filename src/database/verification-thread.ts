import { rm } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { abortError } from "../base/abort.js";
import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Verification, VerifiedAnswers } from "../decisions/port.js";
import type { Question } from "../evaluation/evaluate.js";
import type { TenantId } from "../model/zookie.js";

export interface VerificationOrder {
  /** A LevelDB folder of the thread's own. */
  readonly checkpoint: string;
}

/** Questions for the thread; or it is to end. */
export type VerificationRequest = { readonly kind: "ask"; readonly tenant: TenantId; readonly questions: readonly Question[]; readonly now: Instant } | { readonly kind: "end" };

/** To each `ask`, in their order. */
export type VerificationReport = { readonly kind: "answers"; readonly answers: VerifiedAnswers } | { readonly kind: "failed"; readonly message: string };

interface Waiting {
  readonly resolve: (answers: VerifiedAnswers) => void;
  readonly reject: (error: Error) => void;
}

/** Where the files of a checkpoint come from. */
export interface CheckpointSource {
  /** A folder that is the caller's, to be removed. @throws what keeps it from being made */
  checkpoint(): Promise<string>;
}

/**
 * The thread that answers from a checkpoint, as its owner has it. What ends it otherwise than it was told to (a crash, a disk that cannot be read) rejects what waits for it, and
 * whatever is asked then.
 */
export class VerificationThread implements Verification {
  readonly #worker: Worker;
  readonly #checkpoint: string;
  readonly #waiting: Waiting[] = [];
  readonly #gone: Promise<void>;
  #died: Error | undefined;

  private constructor(checkpoint: string) {
    this.#checkpoint = checkpoint;
    this.#worker = new Worker(new URL("./verification-worker.js", import.meta.url), { workerData: { checkpoint } satisfies VerificationOrder });
    this.#worker.unref();
    this.#worker.on("message", (report: VerificationReport) => {
      const waiting = this.#waiting.shift();
      if (report.kind === "answers") waiting?.resolve(report.answers);
      else waiting?.reject(new UsherError("internal", `the thread of the sweep: ${report.message}`));
    });
    this.#worker.on("error", (error) => (this.#died = error instanceof Error ? error : new Error(String(error))));
    this.#gone = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#died ??= new UsherError("closed", "the thread of the sweep has ended");
        for (const { reject } of this.#waiting.splice(0)) reject(this.#died);
        // What cannot be removed now is at the next opening.
        void rm(this.#checkpoint, { recursive: true, force: true }).then(resolve, () => resolve());
      });
    });
  }

  /** @throws the signal's reason where it is aborted meanwhile, what keeps the checkpoint from being made */
  static async begin(store: CheckpointSource, signal?: AbortSignal): Promise<VerificationThread> {
    const checkpoint = await store.checkpoint();
    if (signal?.aborted !== true) return new VerificationThread(checkpoint);
    await rm(checkpoint, { recursive: true, force: true });
    throw abortError(signal);
  }

  answer(tenant: TenantId, questions: readonly Question[], now: Instant): Promise<VerifiedAnswers> {
    return new Promise((resolve, reject) => {
      if (this.#died !== undefined) return reject(this.#died);
      this.#tell({ kind: "ask", tenant, questions, now });
      this.#waiting.push({ resolve, reject });
    });
  }

  /** One that does not end in time is stopped: nothing waits for it without end. */
  async end(): Promise<void> {
    // From here on somebody waits for it.
    this.#worker.ref();
    this.#tell({ kind: "end" });
    const timer = setTimeout(() => void this.#worker.terminate(), limits.sweepEndMs);
    await this.#gone.finally(() => clearTimeout(timer));
  }

  /** @throws where a question cannot be copied */
  #tell(request: VerificationRequest): void {
    this.#worker.postMessage(request);
  }
}
