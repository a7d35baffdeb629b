import { limits } from "../../base/limits.js";

/** Where a lookup finds what an earlier page of it enumerated, and leaves it for the next one. */
export interface Keeper<Value> {
  take(): Value | undefined;
  /** @param weight how many tuples and ids it holds, about */
  put(value: Value, weight: number): void;
}

/**
 * What lookups have enumerated, between two of their pages. It is exact, since a key names the snapshot, the instant and all else that an
 * enumeration is a function of; and it may be forgotten at any time, since a page that finds nothing enumerates anew. Kept is what was
 * put last, up to `limits.lookupShelfWeightMax`.
 */
export class Shelf<Value> {
  readonly #kept = new Map<string, { readonly value: Value; readonly weight: number }>();
  #weight = 0;

  /** One who takes something has it alone, and puts it back. */
  keeper(key: string): Keeper<Value> {
    return {
      take: () => {
        const kept = this.#kept.get(key);
        this.#drop(key);
        return kept?.value;
      },
      put: (value, weight) => {
        this.#drop(key);
        if (weight > limits.lookupShelfWeightMax) return;
        this.#kept.set(key, { value, weight });
        this.#weight += weight;
        for (const eldest of this.#kept.keys()) {
          if (this.#weight <= limits.lookupShelfWeightMax && this.#kept.size <= limits.lookupShelfEntriesMax) return;
          this.#drop(eldest);
        }
      },
    };
  }

  #drop(key: string): void {
    this.#weight -= this.#kept.get(key)?.weight ?? 0;
    this.#kept.delete(key);
  }
}

/** Keeps nothing. */
export const nowhere: Keeper<never> = Object.freeze({ take: () => undefined, put: () => undefined });
