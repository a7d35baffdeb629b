import { throwIfAborted } from "../../base/abort.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { matches, type TupleFilter } from "../../model/filter.js";
import { isExpired, tupleIdentity, type StoredTuple, type Tuple } from "../../model/tuple.js";
import type { TupleKey } from "../../storage/store.js";
import type { Ground } from "../evaluate.js";

/**
 * What an enumeration reads: whole lists, one after the other, so that it does not fill the queue of reads that checks wait in.
 * Contextual tuples are laid over, expired ones left out. What it comes by is counted, and bounded.
 */
export class Lists {
  readonly #ground: Ground;
  readonly #contextual: ReadonlyMap<string, Tuple>;
  readonly #signal: AbortSignal | undefined;
  readonly #stepsMax: number;
  #count = 0;

  constructor(ground: Ground, contextual: readonly Tuple[], signal: AbortSignal | undefined, stepsMax: number = limits.lookupStepsMax) {
    this.#stepsMax = stepsMax;
    this.#ground = ground;
    this.#contextual = new Map(contextual.map((tuple) => [tupleIdentity(tuple), tuple]));
    this.#signal = signal;
  }

  /**
   * Shows each tuple that matches and stands, a page of the store at a time, so that others run between two pages.
   * @param keep is shown each page as it is stored, expired tuples too, in the store's order
   * @throws `evaluation_too_large`, `cancelled`, `deadline_exceeded`, and what the snapshot throws
   */
  async forEach(filter: TupleFilter, visit: (tuple: Tuple) => void, keep?: (tuples: readonly StoredTuple[]) => void): Promise<void> {
    let after: TupleKey | undefined;
    do {
      throwIfAborted(this.#signal);
      const page = await this.#ground.snapshot.list(this.#ground.tenant, { filter, limit: limits.pageTuplesMax, ...(after === undefined ? {} : { after }) }, this.#signal);
      this.count(page.tuples.length);
      keep?.(page.tuples);
      this.#standing(page.tuples).forEach(visit);
      after = page.next;
    } while (after !== undefined);
    this.#contextualOf(filter).forEach(visit);
  }

  /** The same of a list that was kept. */
  forEachOf(stored: readonly StoredTuple[], filter: TupleFilter, visit: (tuple: Tuple) => void): void {
    this.#standing(stored).forEach(visit);
    this.#contextualOf(filter).forEach(visit);
  }

  /** How much it has come by. */
  get size(): number {
    return this.#count;
  }

  /** @throws `evaluation_too_large` */
  count(more: number): void {
    this.#count += more;
    if (this.#count > this.#stepsMax) throw tooManySteps(this.#stepsMax);
  }

  /** What has neither expired nor a contextual tuple in its place. */
  #standing(stored: readonly StoredTuple[]): readonly StoredTuple[] {
    return stored.filter((tuple) => !isExpired(tuple, this.#ground.now) && (this.#contextual.size === 0 || !this.#contextual.has(tupleIdentity(tuple))));
  }

  #contextualOf(filter: TupleFilter): Tuple[] {
    return [...this.#contextual.values()].filter((tuple) => matches(filter, tuple) && !isExpired(tuple, this.#ground.now));
  }
}

export function tooManySteps(max: number): UsherError {
  return new UsherError("evaluation_too_large", `the lookup comes by more than ${max} tuples, usersets and objects (\`${max === limits.lookupStepsMax ? "lookupStepsMax" : "liveLookupStepsMax"}\`): ask about something narrower`);
}
