import type { Context } from "../model/context.js";
import { Result, type FieldsRead, type Outcome, type Standing } from "./cache/result.js";
import type { CacheCounts } from "./cache/relation-cache.js";
import type { SubjectView } from "./cache/subject-view.js";

export interface Weight {
  /** How much of its footprint is its own, and not shared with a result that was kept with it. */
  readonly grounds: number;
  /** It is walked again as fast as it is looked up, and is wanted by the request alone, which is walked again from the top. */
  readonly cheap: boolean;
}

/** Where the results of walks with one subject and one context are kept, by object and member. */
export interface Memo {
  /** A result that holds there, and serves a walk that has come as deep. */
  find(key: string, at: Standing, depth: number): Result | undefined;
  /** The outcome as a result, which takes the place of one that does not hold any more. */
  keep(key: string, outcome: Outcome, at: Standing, weight: Weight): Result;
  fieldsOf(names: ReadonlySet<string>): FieldsRead | undefined;
  /** Forgets what is of this request alone. */
  forget(): void;
}

/** Of one request. */
export class PrivateMemo implements Memo {
  #results: Map<string, Result> | undefined;
  readonly #depthMax: number;

  constructor(depthMax: number) {
    this.#depthMax = depthMax;
  }

  find(key: string, at: Standing, depth: number): Result | undefined {
    const result = this.#results?.get(key);
    return result?.serves(depth, this.#depthMax) === true && result.holds(at) ? result : undefined;
  }

  keep(key: string, outcome: Outcome, at: Standing): Result {
    const result = new Result(outcome, at);
    (this.#results ??= new Map()).set(key, result);
    return result;
  }

  forget(): void {
    this.#results?.clear();
  }

  /** There is one context. */
  fieldsOf(): undefined {
    return undefined;
  }
}

/**
 * The memo that requests share. An undecided outcome is an error and serves its own request alone; what depends on context
 * fields serves those whose context has the same in them, or like it has nothing.
 */
export class SharedMemo implements Memo {
  readonly #private: PrivateMemo;
  readonly #context: Context;
  readonly #depthMax: number;
  readonly #counts: CacheCounts;
  readonly #texts = new Map<string, string>();
  #view: SubjectView | undefined;

  constructor(context: Context, depthMax: number, counts: CacheCounts) {
    this.#private = new PrivateMemo(depthMax);
    this.#context = context;
    this.#depthMax = depthMax;
    this.#counts = counts;
  }

  /** Before each pass: a view may have been forgotten. */
  begin(view: SubjectView): void {
    this.#view = view;
  }

  forget(): void {
    this.#private.forget();
  }

  /** What is shared may be too high to be met so deep; what was cut there is undecided, and so this request's own. */
  find(key: string, at: Standing, depth: number): Result | undefined {
    const shared = this.#view?.result(key, this.#fits);
    const result = shared?.serves(depth, this.#depthMax) === true && shared.holds(at) ? shared : this.#private.find(key, at, depth);
    if (result === undefined) this.#counts.memoMisses++;
    else this.#counts.memoHits++;
    return result;
  }

  keep(key: string, outcome: Outcome, at: Standing, { grounds, cheap }: Weight): Result {
    if (cheap || outcome.answer.value === "undecided") return this.#private.keep(key, outcome, at);
    const known = this.#view?.result(key, this.#fits);
    if (known !== undefined) {
      known.renew(outcome, at);
      return known;
    }
    const result = new Result(outcome, at);
    this.#view?.keep(key, result, grounds);
    return result;
  }

  fieldsOf(names: ReadonlySet<string>): FieldsRead | undefined {
    if (names.size === 0) return undefined;
    const sorted = [...names].sort();
    return { names: sorted, values: sorted.map((name) => this.#text(name)) };
  }

  readonly #fits = ({ names, values }: FieldsRead): boolean => names.every((name, i) => values[i] === this.#text(name));

  /** What the context has in the field: nothing, or JSON, which is never empty. */
  #text(name: string): string {
    let text = this.#texts.get(name);
    if (text === undefined) {
      text = Object.hasOwn(this.#context, name) ? exactText(this.#context[name]) : "";
      this.#texts.set(name, text);
    }
    return text;
  }
}

/** JSON in which minus zero, by which a condition may divide, is not zero: a text that is not well-formed, as none of a context is. */
export function exactText(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (Object.is(part, -0) ? "\ud800" : part));
}
