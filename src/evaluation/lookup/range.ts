import type { TupleFilter } from "../../model/filter.js";
import type { Tuple } from "../../model/tuple.js";

/** A list of tuples that an enumeration of candidates follows. */
export interface Range {
  readonly filter: TupleFilter;
  /** Takes one of its tuples; again, or one that stands no more, makes no difference but that more are candidates. */
  readonly visit: (tuple: Tuple) => void;
}

/**
 * An enumeration of candidates, without its reads: it says which lists it follows, and takes their tuples, in whatever order they come. So it
 * goes on when a tuple is written later: what is visited is only ever added to.
 */
export interface Enumeration<Followed extends Range = Range> {
  /** All that were come by so far. */
  readonly ids: ReadonlySet<string>;
  /** Whether the ids that are not among them may be allowed as well. */
  readonly wildcard: boolean;
  /** Whether there is something to follow. */
  readonly waiting: boolean;
  /** The ranges of the next that was come by, all of which are to be visited; undefined: nothing waits. */
  next(): readonly Followed[] | undefined;
}

/** What an enumeration tells. */
export interface EnumerationListener {
  /** It has come by so many more members. It may throw, where nothing goes on with the enumeration then. */
  count(more: number): void;
  /** An id that is a candidate, once each. */
  found?(id: string): void;
}
