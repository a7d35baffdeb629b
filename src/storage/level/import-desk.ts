import { abortError, throwIfAborted } from "../../base/abort.js";
import { capDelay, type Clock } from "../../base/clock.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { quote } from "../../model/object.js";
import type { TenantId } from "../../model/zookie.js";
import type { Import, ImportOptions, ImportOutcome } from "../store.js";
import type { Pin } from "./handle.js";
import { baseAfter, buildChunk, type Chunk, publishedBase } from "./import-chunk.js";
import { Merge, type LoadBlock, type Taken } from "./import-merge.js";
import { deleteImport, type ImportRecord } from "./import-record.js";
import { ImportSession } from "./import-session.js";
import { Standing } from "./import-standing.js";
import { type ImportName, stagedKey, stagedRange } from "./keys.js";
import type { Apply, CommitGroup } from "./pipeline.js";
import type { RawOperation } from "./raw.js";
import { unseal } from "./seal.js";
import { corrupt, stagedImports, type State } from "./state.js";

/** What imports work on. */
export interface ImportPort {
  readonly clock: Clock;
  readonly horizonMs: number;
  readonly state: State;
  /** Runs a task between two groups of commits, with a pin of what is published then. */
  between(task: (apply: Apply, pin: Pin, commit: CommitGroup) => Promise<void>): Promise<void>;
  /** Through the gate of reads. */
  read<Result>(doing: string, task: (pin: Pin) => Promise<Result>): Promise<Result>;
  /** Something that ran by itself failed; it is tried again where that can help. */
  report(error: unknown): void;
}

/** How many blocks are deleted in a step: their values are read on the way, so it is few. */
const blocksPerStep = 256;

/**
 * The imports of a store: those that are being staged, those that are being committed, and what was left of those that never
 * came to that. Committing one goes on by itself, after a failure of the disk and after a restart too, until it is done.
 */
export class ImportDesk {
  readonly #port: ImportPort;
  /** Being staged: what they have written is nobody's but theirs. */
  readonly #live = new Map<number, ImportOptions>();
  /** Being committed. */
  readonly #attempts = new Map<number, Promise<ImportOutcome>>();
  #next: number;
  #collecting: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(port: ImportPort) {
    this.#port = port;
    this.#next = port.state.imports.next;
  }

  /** Goes on with what a failure has cut short, and collects what it has left; what fails again is tried again. */
  start(): void {
    if (this.#stopped) return;
    for (const { number, pending } of this.#port.state.imports.all()) {
      if (pending !== undefined) this.#attempt(number).catch(() => undefined);
    }
    this.collect().catch((error: unknown) => this.#later(error));
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
  }

  /** @throws `tenant_unknown`, `overloaded`, `request_id_reused` */
  begin(options: ImportOptions): Import {
    const { tenant, principal, id } = options;
    if (!this.#port.state.tenants.has(tenant)) throw new UsherError("tenant_unknown", "the tenant was deleted while the import was on its way");
    if (this.#live.size >= limits.importsUnderWayMax) {
      throw new UsherError("overloaded", `${limits.importsUnderWayMax} imports are under way, as many as may be: retry when one has ended`);
    }
    if (id !== undefined && [...this.#live.values()].some((live) => live.tenant === tenant && live.principal === principal && live.id === id)) {
      throw new UsherError("request_id_reused", `import ${quote(id)} is under way: give each import an id of its own, or retry when it has ended`);
    }
    const name = { tenant, number: this.#next++ };
    this.#live.set(name.number, options);
    return new ImportSession(name, options, {
      state: () => this.#port.state,
      between: (task) => this.#port.between(task),
      read: (doing, task) => this.#port.read(doing, task),
      blocksOf: (of) => this.#blocksOf(of),
      commit: (number, signal) => orAborted(this.#attempt(number), signal),
      recorded: (number) => void this.#live.delete(number),
      leave: (number) => this.#leave(number),
    });
  }

  /** @throws what committing it throws, the signal's reason */
  async outcome(tenant: TenantId, principal: string, id: string, signal?: AbortSignal): Promise<ImportOutcome | undefined> {
    throwIfAborted(signal);
    const record = this.#port.state.imports.named(tenant, principal, id);
    if (record === undefined) return undefined;
    if (record.pending !== undefined) return orAborted(this.#attempt(record.number), signal);
    return record.head.instant + this.#port.horizonMs >= this.#port.clock.now() ? outcomeOf(record) : undefined;
  }

  /** Deletes what imports have staged that will not be committed, and the records of those that were long ago. */
  collect(): Promise<void> {
    this.#collecting ??= this.#collect().finally(() => (this.#collecting = undefined));
    return this.#collecting;
  }

  async #leave(number: number): Promise<void> {
    this.#live.delete(number);
    // One that is under way may have passed by what is to go now.
    await this.#collecting?.catch(() => undefined);
    await this.collect().catch((error: unknown) => this.#later(error));
  }

  #later(error: unknown): void {
    if (!(error instanceof UsherError && error.code === "outcome_unknown")) this.#port.report(error);
    clearTimeout(this.#retry);
    if (!this.#stopped) this.#retry = setTimeout(() => this.start(), capDelay(limits.recoveryDelayMsMax)).unref();
  }

  async #collect(): Promise<void> {
    for (const name of await this.#port.read("import", (pin) => stagedImports(pin.handle.raw, pin.snapshot))) {
      for (let more = !this.#isKept(name); more; ) {
        await this.#port.between(async (apply, pin) => {
          const keys = this.#isKept(name) ? [] : await someKeys(pin, name);
          more = keys.length > 0;
          if (more) await apply(keys.map((key): RawOperation => ({ type: "del", key })));
        });
      }
    }
    const outdated = this.#port.state.imports.outdated(this.#port.clock.now() - this.#port.horizonMs);
    if (outdated.length === 0) return;
    await this.#port.between(async (apply) => {
      await apply(outdated.map(deleteImport));
      for (const { number } of outdated) this.#port.state.imports.delete(number);
    });
  }

  #isKept({ number }: ImportName): boolean {
    return this.#live.has(number) || this.#port.state.imports.get(number)?.pending !== undefined;
  }

  /** Commits the import to its end; while it is being done, that. Where the disk fails, it is tried again later. */
  #attempt(number: number): Promise<ImportOutcome> {
    const running = this.#attempts.get(number);
    if (running !== undefined) return running;
    const attempt = this.#commitAll(number).finally(() => this.#attempts.delete(number));
    this.#attempts.set(number, attempt);
    attempt.catch((error: unknown) => {
      const code = error instanceof UsherError ? error.code : undefined;
      if (code === "outcome_unknown" || code === "store_unavailable") this.#later(error);
      else if (code !== "closed" && code !== "tenant_unknown") this.#port.report(error);
    });
    return attempt;
  }

  async #commitAll(number: number): Promise<ImportOutcome> {
    // Being next in the queue, this lets a store that has failed be revived, which reads how far the import is.
    await this.#port.between(async () => undefined);
    let record = this.#port.state.imports.get(number);
    if (record === undefined) throw new UsherError("outcome_unknown", "the disk failed while the import was being committed: read whether it took effect");
    if (record.pending === undefined) return outcomeOf(record);
    const merge = new Merge(record.pending.runs, this.#blocksOf(record), record.pending.after);
    const take = () => quietly(merge.take(limits.importChunkTuplesMax, limits.importChunkBytesMax));
    let ahead: Promise<Chunk | undefined> = Promise.resolve(undefined);
    for (let next = take(); ; ) {
      const taken = await next;
      if (taken !== undefined) next = take();
      const built = await ahead;
      const following = taken === undefined ? undefined : next;
      const committed = await this.#commitChunk(record, taken, built, following);
      record = committed.record;
      ahead = committed.ahead;
      if (taken === undefined) return outcomeOf(record);
    }
  }

  /**
   * Commits the chunk as it was built ahead, if nobody else has committed since, else as it is built now. While LevelDB writes it,
   * the one that follows is built ahead, which nearly halves the time that an import takes by itself.
   */
  async #commitChunk(
    record: ImportRecord,
    taken: Taken | undefined,
    built: Chunk | undefined,
    following: Promise<Taken | undefined> | undefined,
  ): Promise<{ record: ImportRecord; ahead: Promise<Chunk | undefined> }> {
    let after = record;
    let ahead: Promise<Chunk | undefined> = Promise.resolve(undefined);
    await this.#port.between(async (_apply, pin, commit) => {
      const { state } = this.#port;
      const { tenant, number } = record;
      if (!state.tenants.has(tenant)) {
        state.imports.delete(number);
        throw new UsherError("tenant_unknown", "the tenant was deleted while the import was being committed");
      }
      const alone = built === undefined || built.base.head.hash === state.head.hash;
      const chunk = built !== undefined && alone ? built : await buildChunk(record, taken, new Standing(pin, tenant, state), publishedBase(state), this.#port);
      const committing = commit(chunk.group);
      // Where others commit in between, what is built ahead is in vain.
      if (alone && following !== undefined) ahead = this.#buildAhead(chunk, following, pin.hold());
      await committing;
      after = chunk.record;
      if (after.pending === undefined && after.id === undefined) state.imports.delete(after.number);
      else state.imports.set(after);
    });
    return { record: after, ahead };
  }

  async #buildAhead(chunk: Chunk, following: Promise<Taken | undefined>, pin: Pin): Promise<Chunk | undefined> {
    const standing = new Standing(pin, chunk.record.tenant, this.#port.state);
    try {
      return await buildChunk(chunk.record, await following, standing, baseAfter(chunk), this.#port);
    } catch {
      // Whatever it is, it is met again, and told, where the chunk is built in its turn.
      return undefined;
    } finally {
      pin.release();
    }
  }

  #blocksOf(name: ImportName): LoadBlock {
    return (run, block) => {
      const key = stagedKey(name, run, block);
      return this.#port.read("import", async (pin) => {
        const [value] = await pin.handle.raw.getMany([key], pin.snapshot);
        if (value === undefined) throw corrupt(`block ${block} of run ${run} of import ${name.number} is missing`);
        return unseal(key, value);
      });
    };
  }
}

/** The same promise; its failure is no failure of the process where what comes before it fails first. */
function quietly<Result>(work: Promise<Result>): Promise<Result> {
  work.catch(() => undefined);
  return work;
}

async function someKeys(pin: Pin, name: ImportName): Promise<Buffer[]> {
  const iterator = pin.handle.raw.iterate({ ...stagedRange(name), snapshot: pin.snapshot });
  const keys: Buffer[] = [];
  try {
    while (keys.length < blocksPerStep) {
      const entries = await iterator.next(blocksPerStep - keys.length);
      if (entries.length === 0) break;
      keys.push(...entries.map(([key]) => key));
    }
    return keys;
  } finally {
    await iterator.close();
  }
}

function outcomeOf({ head, tuples, changed, chunks, skipped, problems }: ImportRecord): ImportOutcome {
  return { ...head, tuples, changed, chunks, skipped, problems };
}

/** The result, unless the signal aborts before: then the caller waits no longer, though the work goes on. */
function orAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortError(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
