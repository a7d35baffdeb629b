import type { Revision, TenantId } from "../../model/zookie.js";
import type { Commit, Store } from "../../storage/store.js";
import { Budget } from "./budget.js";
import { TenantCache } from "./tenant-cache.js";

/** What the cache does, for figures. Counts are since the start. */
export interface CacheStatus {
  readonly bytesMax: number;
  /** Estimated. */
  readonly bytes: number;
  /** How often the half that was not in use was forgotten. */
  readonly turns: number;
  /** Subproblems whose result was at hand, and those that were walked. */
  readonly memoHits: number;
  readonly memoMisses: number;
  /** Keys and lists that memory answered, and those that were loaded. */
  readonly readHits: number;
  readonly readMisses: number;
  /** Loads thrown away since a commit overtook them. */
  readonly fillsDiscarded: number;
  /** Evaluations that were finished on a snapshot of the store, commits or a small budget having got in their way. */
  readonly pinned: number;
}

export type CacheCounts = { -readonly [Name in Exclude<keyof CacheStatus, "bytesMax" | "bytes" | "turns">]: number };

/** What the cache needs of a store. */
export type CommitSource = Pick<Store, "head" | "onCommit">;

/**
 * The relation cache: of each tenant what was asked for, exactly at head. It is the first to be told of a commit, before
 * watchers and the writer (SEMANTICS 2), so that whoever hears of a revision is answered from it.
 */
export class RelationCache {
  readonly budget: Budget;
  readonly counts: CacheCounts = { memoHits: 0, memoMisses: 0, readHits: 0, readMisses: 0, fillsDiscarded: 0, pinned: 0 };
  readonly #store: CommitSource;
  readonly #tenants = new Map<TenantId, TenantCache>();
  readonly #schemaAt = new Map<TenantId, Revision>();
  readonly #stop: () => void;

  constructor(store: CommitSource, budgetBytes?: number) {
    this.#store = store;
    this.budget = new Budget(budgetBytes);
    this.#stop = store.onCommit((commit) => this.#apply(commit));
  }

  /** Head: what every tenant's cache is at. */
  get revision(): Revision {
    return this.#store.head.revision;
  }

  /** Begins with nothing in memory. */
  tenant(tenant: TenantId): TenantCache {
    const known = this.#tenants.get(tenant);
    if (known !== undefined) return known;
    const cache = new TenantCache(this.budget, this.#store.head);
    this.#tenants.set(tenant, cache);
    return cache;
  }

  /** Before a pass: ends the epoch of the budget if it is full, and then for every tenant, so that one nobody asks any more keeps nothing. */
  turn(): void {
    const { turns } = this.budget;
    this.budget.turn();
    if (this.budget.turns !== turns) for (const tenant of this.#tenants.values()) tenant.turn();
  }

  /** The last commit since the cache began that wrote a schema; 0: none. */
  schemaAt(tenant: TenantId): Revision {
    return this.#schemaAt.get(tenant) ?? 0;
  }

  /** Something that was held of the tenant is not as it stands: all of it is loaded anew. */
  distrust(tenant: TenantId): void {
    this.#tenants.delete(tenant);
  }

  /** A tenant that was deleted; its number is not given again. */
  forget(tenant: TenantId): void {
    this.#schemaAt.delete(tenant);
    this.#tenants.delete(tenant);
  }

  get status(): CacheStatus {
    const { bytesMax, bytes, turns } = this.budget;
    return { bytesMax, bytes, turns, ...this.counts };
  }

  stop(): void {
    this.#stop();
  }

  /** What could not be applied is not known any more: better to load everything anew than to believe what is past. */
  #apply(commit: Commit): void {
    if (commit.schema !== undefined) this.#schemaAt.set(commit.tenant, commit.revision);
    const cache = this.#tenants.get(commit.tenant);
    try {
      cache?.apply(commit);
    } catch (error) {
      this.#tenants.delete(commit.tenant);
      throw error;
    }
  }
}
