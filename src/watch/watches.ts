import { onAbort, throwIfAborted } from "../base/abort.js";
import { capDelay } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { WatchEvent, WatchTuplesRequest } from "../model/service.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { Commit, Store } from "../storage/store.js";
import { RecentCommits } from "./recent.js";
import { TupleStream } from "./tuple-stream.js";

/** Wakes a waiting watcher, and tells it up to which revision its tenant has had no commit since it began to wait. */
type Wake = (idleThrough: Revision) => void;

/**
 * The tuple change streams of one store. A watcher is a position in the log: it reads on when its
 * consumer asks, so a slow one costs nothing but that. While there are watchers, one listener on the
 * store keeps the newest commits at hand and wakes those who wait.
 */
export class Watches {
  readonly #store: Store;
  /** While anybody watches. */
  #recent: RecentCommits | undefined;
  #unsubscribe: (() => void) | undefined;
  #watchers = 0;
  /** Those that do not wait for a commit: they read, or their consumers have not asked for more. */
  readonly #reading = new Set<TupleStream>();
  readonly #waiting = new Map<TenantId, Set<Wake>>();
  #closed = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * A tenant's commits after a position that is fixed now: each exactly once, in order. It ends with
   * an error alone, or when its consumer returns.
   * @throws on iteration: `invalid_request`, `invalid_filter`, `zookie_expired` (details `earliest`: a zookie to start
   * from), the other zookie codes, `tenant_unknown` once it is deleted, `cancelled` or the signal's reason, `closed`
   */
  watch(tenant: TenantId, request: WatchTuplesRequest, signal?: AbortSignal): AsyncIterable<WatchEvent> {
    const now = this.#store.head.revision;
    return this.#run(tenant, request, now, signal);
  }

  /** How many watch, and by how many revisions the slowest is behind head. One that waits for a commit is not behind. */
  status(): { watchers: number; watchLag: number } {
    const { revision } = this.#store.head;
    let watchLag = 0;
    for (const { position } of this.#reading) watchLag = Math.max(watchLag, revision - position);
    return { watchers: this.#watchers, watchLag };
  }

  /** Lets the watchers of a tenant see that it has been deleted: they end with `tenant_unknown`. */
  wake(tenant: TenantId): void {
    for (const wake of this.#waiting.get(tenant) ?? []) wake(0);
  }

  /** Ends every watcher with `closed`. */
  close(): void {
    this.#closed = true;
    for (const waiting of this.#waiting.values()) for (const wake of waiting) wake(0);
  }

  async *#run(tenant: TenantId, request: WatchTuplesRequest, now: Revision, signal: AbortSignal | undefined): AsyncGenerator<WatchEvent, void> {
    this.#enter();
    let stream: TupleStream | undefined;
    try {
      stream = new TupleStream(this.#store, tenant, request, now);
      for (;;) {
        this.#reading.add(stream);
        this.#requireOpen(tenant, signal);
        const page = await stream.read((after) => this.#page(tenant, after));
        for (const event of stream.events(page)) {
          this.#requireOpen(tenant, signal);
          yield event;
        }
        this.#requireOpen(tenant, signal);
        if (this.#newest() <= stream.position) {
          this.#reading.delete(stream);
          stream.skip(await this.#wait(tenant, stream.checkpointInMs(), signal));
        }
      }
    } finally {
      if (stream !== undefined) this.#reading.delete(stream);
      this.#leave();
    }
  }

  async #page(tenant: TenantId, after: Revision): Promise<{ commits: Commit[]; through: Revision }> {
    return this.#recent?.page(tenant, after, limits.watchPageCommitsMax) ?? this.#store.log(tenant, after, limits.watchPageCommitsMax);
  }

  #newest(): Revision {
    return this.#recent?.newest ?? 0;
  }

  /**
   * Until the tenant has a commit, a checkpoint is due, the signal aborts or the watches are closed. Gives
   * the revision up to which the tenant had none: a position that stood still while other tenants
   * committed would fall behind the horizon.
   */
  #wait(tenant: TenantId, ms: number | undefined, signal: AbortSignal | undefined): Promise<Revision> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(tenant) ?? new Set();
      this.#waiting.set(tenant, waiting);
      const timer = ms === undefined ? undefined : setTimeout(() => wake(this.#newest()), capDelay(ms)).unref();
      const wake = (idleThrough: Revision) => {
        clearTimeout(timer);
        waiting.delete(wake);
        forget();
        resolve(idleThrough);
      };
      waiting.add(wake);
      const forget = onAbort(signal, () => wake(0));
    });
  }

  #requireOpen(tenant: TenantId, signal: AbortSignal | undefined): void {
    throwIfAborted(signal);
    if (!this.#store.hasTenant(tenant)) throw new UsherError("tenant_unknown", "the tenant of the watch was deleted: name another");
    if (this.#closed) throw new UsherError("closed", "the database is closed: resume after the last zookie when it is open again");
  }

  #enter(): void {
    if (this.#watchers++ > 0) return;
    const recent = new RecentCommits(this.#store.head.revision);
    this.#recent = recent;
    this.#unsubscribe = this.#store.onCommit((commit) => {
      recent.add(commit);
      for (const wake of this.#waiting.get(commit.tenant) ?? []) wake(commit.revision - 1);
    });
  }

  #leave(): void {
    if (--this.#watchers > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#recent = undefined;
    this.#waiting.clear();
  }
}
