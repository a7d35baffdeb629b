import { asError, UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Ground } from "../evaluation/evaluate.js";
import { wildcardId } from "../model/subject.js";
import { Following } from "./following.js";
import type { LiveLookup } from "./live-lookup.js";
import type { LivePort } from "./port.js";

/** How the sweep goes on: in a bounded part of the time, and until it is stopped. */
export interface SweepPace {
  readonly signal: AbortSignal;
  /** Rests for what was done. */
  pause(tookMs: number): Promise<void>;
}

/**
 * Enumerates the candidates of held lookups anew from the store, so that nobody whom the following of tuples has missed stays missed: of him silence
 * says that he is denied, or beside a wildcard that he is allowed.
 *
 * What is looked at is settled, so that it had followed every commit up to the snapshot that is taken in the same tick, and held whoever it led to. What comes
 * later only adds, until a schema, a bound or a failure has it begun anew, which is seen by its being another enumeration then. So whoever is found from that snapshot and
 * is not held was missed, however long the looking took and whatever it has become due for since. The other way round nothing is wrong: a candidate whose tuples were deleted
 * stays one, and is decided by himself.
 *
 * It runs on the event loop, in the slices in which lookups are followed (`Following.next`): each reads page by page, so that others run, as theirs do, and is rested for. One that has as
 * many candidates as may be takes no longer at once than one of few; the snapshot is held for as long as all of it takes.
 */
export class LookupSweep {
  readonly #port: LivePort;
  readonly #pace: SweepPace;
  readonly #found: (lookup: LiveLookup, omitted: string) => void;
  /** By lookup, the last pass that has looked at it, or the one before it was first there: who has waited longest is next. */
  readonly #since = new WeakMap<LiveLookup, number>();
  #passes = 0;

  /** @param found told of a lookup that leaves out a candidate, and of one whom it does, `*`: of all who are not named; it has the lookup begun anew */
  constructor(port: LivePort, pace: SweepPace, found: (lookup: LiveLookup, omitted: string) => void) {
    this.#port = port;
    this.#pace = pace;
    this.#found = found;
  }

  /** For `limits.sweepMs`, and the lookup that is under way then: decisions wait for it. The next pass begins with the others. */
  async pass(lookups: readonly LiveLookup[]): Promise<void> {
    const begun = this.#port.monotonicMs();
    const before = this.#passes++;
    const waited = lookups.map((lookup) => ({ lookup, since: this.#since.get(lookup) ?? before }));
    for (const { lookup, since } of waited) this.#since.set(lookup, since);
    for (const { lookup } of waited.sort((a, b) => a.since - b.since)) {
      if (this.#pace.signal.aborted || this.#port.monotonicMs() - begun > limits.sweepMs) return;
      this.#since.set(lookup, this.#passes);
      await this.#look(lookup);
    }
  }

  /** At one that is settled: of another nothing can be said before the next pass. */
  async #look(lookup: LiveLookup): Promise<void> {
    const { following, due, stream } = lookup;
    if (due || following === undefined) return;
    const { store } = this.#port;
    try {
      const snapshot = store.snapshot();
      try {
        const { schema } = await this.#port.schemaAt(snapshot, stream.tenant);
        this.#port.validate(lookup.askedAbout("any"), schema);
        await this.#compare(lookup, following, { schema, snapshot, tenant: stream.tenant, now: Math.max(store.clock.now(), snapshot.instant) });
      } finally {
        snapshot.release();
      }
    } catch (error) {
      // The store does not answer, or it is too much: the next pass looks again.
      if (!(error instanceof UsherError)) this.#port.report(asError(error));
    }
  }

  async #compare(lookup: LiveLookup, following: Following, ground: Ground): Promise<void> {
    const anew = new Following(lookup.what, ground.schema);
    const isComparable = () => lookup.following === following && !this.#pace.signal.aborted;
    do {
      const start = this.#port.monotonicMs();
      await anew.read(anew.next(), ground, isComparable);
      const omitted = isComparable() ? omissionOf(lookup, following, anew) : undefined;
      if (omitted !== undefined) this.#found(lookup, omitted);
      await this.#pace.pause(this.#port.monotonicMs() - start);
    } while (anew.enumeration.waiting && !anew.isTooLarge && isComparable());
  }
}

/** Of what was found anew since the last look, the first that is not held. */
function omissionOf(lookup: LiveLookup, following: Following, anew: Following): string | undefined {
  const { enumeration } = following;
  if (anew.enumeration.wildcard && !(enumeration.wildcard && lookup.wildcard !== undefined)) return wildcardId;
  return anew.fresh.splice(0).find((id) => !enumeration.ids.has(id) || !lookup.members.has(id));
}
