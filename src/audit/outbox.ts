import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Payload } from "./payload.js";
import { Texts } from "./texts.js";

export interface OutboxOptions {
  /** Grants wait until they are on the disk; else only while too much is not. */
  readonly blocking: boolean;
  /** Writes a batch; resolves once it is on the disk. */
  write(batch: Batch): Promise<void>;
  /** After a batch failed: opens what it is written to again. Resolves to the sequence of the last batch that has arrived. */
  reopen(): Promise<number>;
  report(error: Error): void;
  /** Default: those of `limits`. */
  readonly retryMs?: { readonly min: number; readonly max: number };
}

export interface Batch {
  /** One above the one before. */
  readonly sequence: number;
  readonly payloads: Texts;
  /** By place, of those that bring theirs. */
  readonly salts: Map<number, Uint8Array>;
}

/** A batch with who waits for it. */
interface Gathering extends Batch {
  durable?: Outcome;
}

/**
 * What has been recorded and is not yet on the disk: batches, in order, of which one is under way. While that is, the next ones gather. What fails is
 * sent again until it arrives, once and no more; nothing is dropped, however long that takes. Grants are what is held back meanwhile.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #gathering: Gathering;
  /** Full ones, oldest first; the first may be under way. */
  readonly #full: Gathering[] = [];
  #sending: Promise<void> | undefined;
  /** Resolves once the backlog is below its bound. */
  #drained: Outcome | undefined;
  #backlog = 0;
  #spare: Texts | undefined;
  #failure: UsherError | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  #retry: (() => void) | undefined;
  #closing = false;
  batches = 0;
  failures = 0;
  refused = 0;

  /** @param sequence of the last batch that has arrived */
  constructor(sequence: number, options: OutboxOptions) {
    this.#options = options;
    this.#gathering = this.#newBatch(sequence + 1);
  }

  /** What is handed over and not yet on the disk. */
  get backlogBytes(): number {
    return this.#backlog;
  }

  /** As much waits as may. */
  get isFull(): boolean {
    return this.#backlog >= limits.auditBacklogBytesMax;
  }

  /** Why it is not getting on. */
  get failure(): UsherError | undefined {
    return this.#failure;
  }

  /** As `Recorder.record` says. */
  put({ text, salt }: Payload, grants: boolean): Promise<void> | undefined {
    if (grants && this.#failure !== undefined && (this.#options.blocking || this.isFull)) return this.#refuse(this.#failure);
    const batch = this.#gathering;
    if (salt !== undefined) batch.salts.set(batch.payloads.count, salt);
    this.#backlog += batch.payloads.add(text);
    const waits = grants ? this.#whatToWaitFor(batch) : undefined;
    if (batch.payloads.count >= limits.auditBatchRecordsMax || batch.payloads.byteLength >= limits.auditBatchBytesMax) this.#turnOver();
    else if (batch.payloads.count === 1) this.#flushLater();
    return waits;
  }

  /** Resolves once all that was put before is on the disk. @throws `audit_unavailable` */
  flush(): Promise<void> {
    const last = this.#gathering.payloads.count > 0 ? this.#gathering : this.#full.at(-1);
    if (last === undefined) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    last.durable ??= newOutcome();
    if (last === this.#gathering) this.#turnOver();
    return last.durable.promise;
  }

  /** Sends the rest; where that fails tries once more, and gives up. @throws `audit_unavailable`: something is lost */
  async close(): Promise<void> {
    this.#closing = true;
    this.#turnOver();
    this.#retry?.();
    await this.#sending;
    clearTimeout(this.#flushTimer);
    clearImmediate(this.#soon);
    if (this.#backlog > 0) throw this.#failure ?? unavailable(undefined);
  }

  #whatToWaitFor(batch: Gathering): Promise<void> | undefined {
    if (this.#options.blocking) {
      this.#soon ??= setImmediate(() => {
        this.#soon = undefined;
        if (this.#sending === undefined) this.#turnOver();
      });
      return (batch.durable ??= newOutcome()).promise;
    }
    return this.isFull ? (this.#drained ??= newOutcome()).promise : undefined;
  }

  #refuse(error: UsherError): Promise<void> {
    this.refused++;
    return Promise.reject(error);
  }

  #flushLater(): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      this.#turnOver();
    }, limits.auditFlushMs).unref();
  }

  /** What has gathered goes. */
  #turnOver(): void {
    const batch = this.#gathering;
    if (batch.payloads.count > 0) {
      this.#full.push(batch);
      this.#gathering = this.#newBatch(batch.sequence + 1);
    }
    if (this.#full.length > 0) this.#sending ??= this.#send();
  }

  async #send(): Promise<void> {
    for (let batch = this.#full[0]; batch !== undefined; batch = this.#next()) {
      if (!(await this.#deliver(batch))) break;
      this.#full.shift();
      this.batches++;
      this.#backlog -= batch.payloads.byteLength;
      this.#recycle(batch);
      batch.durable?.resolve();
      if (!this.isFull) this.#settleDrained();
    }
    this.#sending = undefined;
  }

  /** Of those that wait; what gathers waits for the timer, but where somebody waits for it. */
  #next(): Gathering | undefined {
    if (this.#full.length === 0 && this.#gathering.durable !== undefined) {
      this.#full.push(this.#gathering);
      this.#gathering = this.#newBatch(this.#gathering.sequence + 1);
    }
    return this.#full[0];
  }

  /** Returns false where it gave up. */
  async #deliver(batch: Batch): Promise<boolean> {
    try {
      await this.#options.write(batch);
      return true;
    } catch (error) {
      this.#fail(error);
    }
    const { min, max } = this.#options.retryMs ?? { min: limits.recoveryDelayMsMin, max: limits.recoveryDelayMsMax };
    for (let delay = min; ; delay = Math.min(2 * delay, max)) {
      const last = this.#closing;
      if (!last) await this.#pause(delay);
      if (await this.#tryAgain(batch)) return true;
      if (last) return false;
    }
  }

  async #tryAgain(batch: Batch): Promise<boolean> {
    try {
      // It may have arrived, and only the word of that not.
      if ((await this.#options.reopen()) < batch.sequence) await this.#options.write(batch);
      this.#failure = undefined;
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #newBatch(sequence: number): Gathering {
    const payloads = this.#spare ?? new Texts(limits.auditBatchRecordsMax);
    this.#spare = undefined;
    return { sequence, payloads, salts: new Map() };
  }

  /** The memory of one that has arrived serves the next; that of an unusually large one goes. */
  #recycle({ payloads }: Gathering): void {
    if (payloads.byteLength > 2 * limits.auditBatchBytesMax) return;
    payloads.clear();
    this.#spare = payloads;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#retry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Who waits is refused. Their entries stay, since they may be on the disk already. */
  #fail(thrown: unknown): void {
    this.failures++;
    const error = unavailable(thrown);
    if (this.#failure?.message !== error.message) this.#options.report(error);
    this.#failure = error;
    for (const batch of [...this.#full, this.#gathering]) {
      batch.durable?.reject(error);
      delete batch.durable;
    }
    if (this.isFull) this.#settleDrained(error);
  }

  #settleDrained(error?: UsherError): void {
    const drained = this.#drained;
    this.#drained = undefined;
    if (error === undefined) drained?.resolve();
    else drained?.reject(error);
  }
}

interface Outcome {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function newOutcome(): Outcome {
  let settle: Pick<Outcome, "resolve" | "reject"> | undefined;
  const promise = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  // Whoever was given it hears of it; that nobody was is no error.
  promise.catch(() => undefined);
  return { promise, ...settle! };
}


function unavailable(cause: unknown): UsherError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new UsherError("audit_unavailable", `the decision log cannot be written${why}: see to its disk; it goes on by itself`, { cause });
}
