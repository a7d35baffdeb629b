import { assert } from "../base/assert.js";
import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { checkFilter } from "../model/filter.js";
import type { WatchEvent, WatchTuplesRequest } from "../model/service.js";
import { encodeZookie, type Revision, type TenantId } from "../model/zookie.js";
import { resolveZookie } from "../storage/resolve-zookie.js";
import type { Commit, Head, Store } from "../storage/store.js";
import { commitEvents, type Interest } from "./parts.js";

interface LogPage {
  readonly commits: readonly Commit[];
  readonly through: Revision;
}

interface Page extends LogPage {
  /** The store's head before the page was read. */
  readonly head: Head;
}

/**
 * One watcher's position and what it is sent. `position` is a revision up to which every matching event
 * has been given to the consumer: it moves on only when the consumer has asked for what comes after.
 */
export class TupleStream {
  readonly #store: Store;
  readonly #tenant: TenantId;
  readonly #interest: Interest;
  readonly #checkpointMs: number | undefined;
  #position: Revision;
  /** Of the newest commit known to be at the position or before it; the position's own, unless other tenants commit meanwhile. */
  #instant: Instant;
  /** At the start a checkpoint is due at once: it tells the consumer from where the stream is complete. */
  #checkpointDue: Instant;

  /**
   * @param now where a watch from now begins
   * @throws `invalid_request`, `invalid_filter`, and the zookie codes: `zookie_expired` says where to start instead
   */
  constructor(store: Store, tenant: TenantId, request: WatchTuplesRequest, now: Revision) {
    this.#store = store;
    this.#tenant = tenant;
    this.#interest = readInterest(request);
    this.#checkpointMs = checkCheckpointMs(request.checkpointMs);
    this.#position = this.#start(request, now);
    if (this.#position < store.horizon.revision) throw this.#expired();
    this.#instant = store.horizon.instant;
    this.#checkpointDue = store.clock.now();
  }

  get position(): Revision {
    return this.#position;
  }

  /** The commits that follow the position. @throws `zookie_expired`, and what reading the log throws */
  async read(log: (after: Revision) => Promise<LogPage>): Promise<Page> {
    const { head } = this.#store;
    try {
      return { ...(await log(this.#position)), head };
    } catch (thrown) {
      throw thrown instanceof UsherError && thrown.code === "zookie_expired" ? this.#expired(thrown) : thrown;
    }
  }

  /** The tenant is known to have no commit after the position up to this revision. */
  skip(through: Revision): void {
    this.#position = Math.max(this.#position, through);
  }

  /** What the consumer is sent of a page, and a checkpoint where one is due. */
  *events(page: Page): Generator<WatchEvent> {
    for (const commit of page.commits) {
      assert(commit.revision > this.#position, "the log gives commits in order, each once");
      yield* commitEvents(commit, this.#interest, this.#zookie(commit.revision));
      this.#position = commit.revision;
      this.#instant = commit.instant;
    }
    assert(page.through >= this.#position, "a page reaches at least as far as its commits");
    this.#position = page.through;
    if (page.through >= page.head.revision) this.#instant = Math.max(this.#instant, page.head.instant);
    if (this.checkpointInMs() === 0) yield this.#checkpoint();
  }

  /** In how many milliseconds a checkpoint is due; undefined: none was asked for. */
  checkpointInMs(): number | undefined {
    return this.#checkpointMs === undefined ? undefined : Math.max(0, this.#checkpointDue - this.#store.clock.now());
  }

  #checkpoint(): WatchEvent {
    this.#checkpointDue = this.#store.clock.now() + (this.#checkpointMs ?? 0);
    return { kind: "checkpoint", zookie: this.#zookie(this.#position), instant: this.#instant };
  }

  #start(request: WatchTuplesRequest, now: Revision): Revision {
    if (request.after === undefined) return request.fromEarliest === true ? this.#store.horizon.revision : now;
    if (request.fromEarliest === true) throw new UsherError("invalid_request", "`after` and `fromEarliest` are both given: give one");
    return resolveZookie(this.#store, this.#tenant, request.after);
  }

  #zookie(revision: Revision): string {
    return encodeZookie({ ...this.#store.identity, tenant: this.#tenant, revision });
  }

  #expired(cause?: UsherError): UsherError {
    const earliest = this.#zookie(this.#store.horizon.revision);
    return new UsherError(
      "zookie_expired",
      `the commits after zookie \`${this.#zookie(this.#position)}\` are no longer kept, and some would be missed: read the tuples anew, then watch after the zookie of that read; or watch after \`${earliest}\`, the earliest`,
      { details: { earliest }, cause },
    );
  }
}

function readInterest(request: WatchTuplesRequest): Interest {
  const filters = request.filters ?? [];
  if (filters.length > limits.filtersPerRequestMax) {
    throw new UsherError("invalid_request", `\`${filters.length}\` filters are given, more than ${limits.filtersPerRequestMax}: give fewer, wider ones`);
  }
  for (const filter of filters) checkFilter(filter);
  return { filters, schemaChanges: filters.length === 0 || request.schemaChanges === true };
}

function checkCheckpointMs(ms: number | undefined): number | undefined {
  if (ms === undefined || (Number.isInteger(ms) && ms >= limits.watchCheckpointMsMin && ms <= limits.timerMsMax)) return ms;
  throw new UsherError("invalid_request", `\`checkpointMs\` is \`${ms}\`: give ${limits.watchCheckpointMsMin} to ${limits.timerMsMax} milliseconds, or none`);
}
