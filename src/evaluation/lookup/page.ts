import { limits } from "../../base/limits.js";
import type { Answer } from "../answer.js";
import { verdictOf, type Verdict } from "./verdicts.js";

/** How many there are. */
export interface Count {
  readonly allowed: number;
  readonly conditional: number;
}

/** What part of a lookup is wanted. */
export interface PageOptions {
  /** Goes on behind this id. */
  readonly after?: string;
  readonly size: number;
  /** No results, their number alone, which the size does not bound. */
  readonly countOnly: boolean;
}

export interface Page<Result> {
  readonly results: readonly Result[];
  /** Of the results, or with `countOnly` of those that would have been. */
  readonly count: Count;
  /** Where the next page goes on; absent on the last. */
  readonly after?: string;
}

/** Candidates in order, as many as one page judges, and whether there are more behind them. */
export interface Candidates {
  readonly first: readonly string[];
  readonly more: boolean;
}

/** A page in the making: results until it is full, in number or in bytes, or all candidates have been judged that one page may. */
export class PageBuilder<Result> {
  readonly #options: PageOptions;
  readonly #results: Result[] = [];
  #allowed = 0;
  #conditional = 0;
  #bytes = 0;

  constructor(options: PageOptions) {
    this.#options = options;
  }

  /** How many more results it takes. */
  get room(): number {
    if (this.#options.countOnly) return Number.POSITIVE_INFINITY;
    return this.#bytes >= limits.pageBytesMax ? 0 : this.#options.size - this.#results.length;
  }

  /** @param bytes about how many it takes in a message */
  add(verdict: Verdict, bytes: number, result: () => Result): void {
    if (verdict.allowed) this.#allowed++;
    else this.#conditional++;
    if (this.#options.countOnly) return;
    this.#results.push(result());
    this.#bytes += verdict.missingFields.reduce((sum, name) => sum + name.length, bytes);
  }

  /**
   * Judges candidates in their order until the page is full.
   * @param ask the answers to some of them, in their order
   * @param nameOf names one in an error
   * @param before where the page goes on if it has no room for the first of them
   * @throws the error of a candidate that cannot be decided, once the page comes to it
   */
  async fill(
    { first: ids, more }: Candidates,
    ask: (ids: readonly string[]) => Promise<readonly (Answer | undefined)[]>,
    nameOf: (id: string) => string,
    resultOf: (id: string, verdict: Verdict) => Result,
    before?: string,
  ): Promise<Page<Result>> {
    let judged = 0;
    while (judged < ids.length && this.room > 0) {
      const batch = ids.slice(judged, judged + Math.min(limits.lookupBatchMax, Math.max(this.room, limits.lookupBatchMin)));
      const answers = await ask(batch);
      for (const [at, id] of batch.entries()) {
        if (this.room <= 0) break;
        judged++;
        const verdict = verdictOf(answers[at], nameOf(id));
        if (verdict !== undefined) this.add(verdict, Buffer.byteLength(id), () => resultOf(id, verdict));
      }
    }
    const after = more || judged < ids.length ? (ids[judged - 1] ?? before) : undefined;
    return { results: this.#results, count: { allowed: this.#allowed, conditional: this.#conditional }, ...(after === undefined ? {} : { after }) };
  }
}
