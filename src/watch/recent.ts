import { limits } from "../base/limits.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { Commit } from "../storage/store.js";

/**
 * The newest commits in memory, so that a thousand watchers that keep up do not each read and decode
 * the log. It holds every commit of every tenant after `floor`; what was before must be read from the
 * store. Bounded by commits and by changes, whichever is reached first.
 */
export class RecentCommits {
  #commits: Commit[] = [];
  #changes = 0;
  #floor: Revision;
  #newest: Revision;

  /** @param head of the store, at the moment from which every commit is added */
  constructor(head: Revision) {
    this.#floor = head;
    this.#newest = head;
  }

  /** The newest revision that was added. */
  get newest(): Revision {
    return this.#newest;
  }

  add(commit: Commit): void {
    this.#commits.push(commit);
    this.#changes += commit.changes.length;
    this.#newest = commit.revision;
    while (this.#commits.length > limits.watchRecentCommitsMax || this.#changes > limits.watchRecentChangesMax) {
      const dropped = this.#commits.shift() as Commit;
      this.#changes -= dropped.changes.length;
      this.#floor = dropped.revision;
    }
  }

  /** As `Store.log`; undefined where not all of it is here. */
  page(tenant: TenantId, after: Revision, limit: number): { commits: Commit[]; through: Revision } | undefined {
    if (after < this.#floor) return undefined;
    const commits: Commit[] = [];
    for (let index = this.#firstAfter(after); index < this.#commits.length; index++) {
      const commit = this.#commits[index] as Commit;
      if (commit.tenant !== tenant) continue;
      commits.push(commit);
      if (commits.length === limit) return { commits, through: commit.revision };
    }
    return { commits, through: this.#newest };
  }

  /** By bisection: revisions rise along the list. */
  #firstAfter(revision: Revision): number {
    let low = 0;
    let high = this.#commits.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#commits[middle] as Commit).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
