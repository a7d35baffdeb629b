import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { quote } from "../../model/object.js";
import { tupleIdentity } from "../../model/tuple.js";
import type { StoreObserver } from "../observer.js";
import type { Write, WriteOutcome } from "../store.js";
import type { Group } from "./group.js";
import type { RawBatch } from "./raw.js";
import type { Answer, Staging } from "./staging.js";

export type Apply = (batch: RawBatch) => Promise<void>;

/** Writes a group's batch and publishes it. @throws `outcome_unknown` */
export type CommitGroup = (group: Group) => Promise<void>;

type Task = (apply: Apply, commit: CommitGroup) => Promise<void>;

/** What the pipeline drives. */
export interface PipelinePort {
  /** A new group over what is published. */
  staging(): Staging;
  /** Into LevelDB, synced. */
  apply(batch: RawBatch): Promise<void>;
  /** The group's batch is durable: take the snapshot, publish, tell the listeners. If it throws, revival finds what it left. */
  publish(group: Group): void;
  /** Replaces the handle after a failed batch. @throws `store_unavailable`: later perhaps; `store_corrupt`: never */
  revive(): Promise<void>;
  /** A batch has been rejected: revival will be tried. */
  failed(): void;
  readonly observer: StoreObserver;
}

interface QueuedWrite {
  readonly write: Write;
  readonly resolve: (outcome: WriteOutcome) => void;
  readonly reject: (error: Error) => void;
}

interface QueuedTask {
  readonly task: Task;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * The one way into the store (SEMANTICS 1 to 3). Writes wait in a queue; from its front a group is
 * taken, staged write by write, and written as one synced batch; only when that has resolved does the
 * next group begin. On completion, in this order: the LevelDB snapshot is taken, the head published,
 * the listeners called, the writers answered. Maintenance waits in the same queue and has batches of its own.
 *
 * Invariants:
 * - At most one batch is in flight. Batches issued without waiting would commit out of order.
 * - An answer that rests on a staged write waits until that is durable. One that rests on the published
 *   state alone is given at once.
 * - The first rejected batch ends the handle. Whether it was applied is not known: its writers hear
 *   `outcome_unknown`. Those that waited behind it hear `store_unavailable`: nothing of theirs was sent.
 *   Nothing is written until `revive` has opened the store anew and read where it stands.
 */
export class CommitPipeline {
  #port: PipelinePort;
  #queue: (QueuedWrite | QueuedTask)[] = [];
  #draining: Promise<void> | undefined;
  #failed = false;
  #closed = false;

  constructor(port: PipelinePort) {
    this.#port = port;
  }

  /** Writes and tasks that wait. */
  get queued(): number {
    return this.#queue.length;
  }

  commit(write: Write): Promise<WriteOutcome> {
    return new Promise((resolve, reject) => {
      checkIdentities(write);
      this.#enqueue({ write, resolve, reject });
    });
  }

  /** Runs a task between two groups; it must apply a batch at most, or commit a group of its own. */
  between(task: Task): Promise<void> {
    return new Promise((resolve, reject) => this.#enqueue({ task, resolve, reject }));
  }

  /** What is in flight completes and is answered, what waits is refused. Resolves to whether the handle is sound. */
  async close(): Promise<boolean> {
    this.#closed = true;
    this.#refuseQueued(closedError());
    await this.#draining;
    return !this.#failed;
  }

  #enqueue(entry: QueuedWrite | QueuedTask): void {
    if (this.#closed) throw closedError();
    if (this.#queue.length >= limits.writesQueuedMax) {
      throw new UsherError("overloaded", `${limits.writesQueuedMax} writes are waiting: retry later, and more slowly`);
    }
    this.#queue.push(entry);
    this.#draining ??= this.#drain();
  }

  async #drain(): Promise<void> {
    // The writers of one turn of the loop share a group: the first does not go ahead alone.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      if (this.#failed && !(await this.#revive())) break;
      const group = this.#takeGroup();
      if (group.length > 0) await this.#commitGroup(group).catch((error: unknown) => refuse(group, error));
      else await this.#runTask();
    }
    // In the same turn in which the queue was seen empty, or who comes in between would wait for nobody.
    this.#draining = undefined;
  }

  async #revive(): Promise<boolean> {
    try {
      await this.#port.revive();
      this.#failed = false;
      return true;
    } catch (error) {
      this.#refuseQueued(error instanceof UsherError ? error : unavailable(error));
      return false;
    }
  }

  /** The writes at the front of the queue, as many as fit one group; none if a task is next. */
  #takeGroup(): QueuedWrite[] {
    const group: QueuedWrite[] = [];
    let operations = 0;
    for (const entry of this.#queue) {
      if ("task" in entry || group.length >= limits.groupWritesMax) break;
      operations += entry.write.operations.length + (entry.write.erase?.limit ?? 0);
      if (group.length > 0 && operations > limits.groupOperationsMax) break;
      group.push(entry);
    }
    this.#queue.splice(0, group.length);
    return group;
  }

  /** Where it throws before the batch is sent (a read failed, a bug asserted), nothing of the group was or will be. */
  async #commitGroup(group: readonly QueuedWrite[]): Promise<void> {
    const start = performance.now();
    const staging = this.#port.staging();
    const waiting: [QueuedWrite, Answer][] = [];
    await staging.prefetch(group.map(({ write }) => write));
    for (const entry of group) {
      const answer = await staging.stage(entry.write);
      if (staging.batch.length === 0) give(entry, answer);
      else waiting.push([entry, answer]);
    }
    if (waiting.length === 0) return;
    staging.finish();
    try {
      await this.#port.apply(staging.batch);
      this.#port.publish(staging);
    } catch (error) {
      this.#fail(error);
      refuse(waiting.map(([entry]) => entry), outcomeUnknown(error));
      return;
    }
    this.#port.observer.onGroup({ commits: staging.commits.length, rows: staging.batch.length, seconds: (performance.now() - start) / 1_000 });
    for (const [entry, answer] of waiting) give(entry, answer);
  }

  async #runTask(): Promise<void> {
    const entry = this.#queue.shift();
    if (entry === undefined || !("task" in entry)) return;
    try {
      await entry.task((batch) => this.#apply(batch), (group) => this.#commitPrepared(group));
      entry.resolve();
    } catch (error) {
      entry.reject(asError(error));
    }
  }

  async #commitPrepared(group: Group): Promise<void> {
    const start = performance.now();
    try {
      await this.#port.apply(group.batch);
      this.#port.publish(group);
    } catch (error) {
      this.#fail(error);
      throw outcomeUnknown(error);
    }
    this.#port.observer.onGroup({ commits: group.commits.length, rows: group.batch.length, seconds: (performance.now() - start) / 1_000 });
  }

  async #apply(batch: RawBatch): Promise<void> {
    try {
      await this.#port.apply(batch);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.#refuseQueued(unavailable(error));
    this.#port.failed();
  }

  #refuseQueued(error: UsherError): void {
    const refused = this.#queue;
    this.#queue = [];
    refuse(refused, error);
  }
}

/** One that has been answered already stays so. */
function refuse(entries: readonly (QueuedWrite | QueuedTask)[], error: unknown): void {
  for (const entry of entries) entry.reject(asError(error));
}

function give({ resolve, reject }: QueuedWrite, answer: Answer): void {
  if ("outcome" in answer) resolve(answer.outcome);
  else reject(answer.error);
}

/** One identity twice in a write would make the outcome hang on the order of operations. */
function checkIdentities({ operations }: Write): void {
  if (operations.length < 2) return;
  const seen = new Set<string>();
  for (const { tuple } of operations) {
    const identity = tupleIdentity(tuple);
    if (seen.has(identity)) {
      throw new UsherError("duplicate_operation", `two operations of the write are on ${quote(identity)}: keep one`, { details: { tuple: identity } });
    }
    seen.add(identity);
  }
}

export function closedError(): UsherError {
  return new UsherError("closed", "the store is closed");
}

function outcomeUnknown(cause: unknown): UsherError {
  return new UsherError("outcome_unknown", "the disk failed while the write was on its way: read whether it took effect, or retry it with its request id", { cause });
}

function unavailable(cause: unknown): UsherError {
  return new UsherError("store_unavailable", "the disk failed; nothing of this write was stored: retry it later", { cause });
}
