import type { Budget } from "./budget.js";

/** What takes memory, estimated in bytes, its key not counted. */
export interface Weighed {
  readonly bytes: number;
}

/**
 * A map that forgets with the epochs of the budget: an entry stays for the epoch in which it was last asked for and the one
 * after. It notices that an epoch has ended when it is next used, or told; who holds many of them need not visit each.
 */
export class Generations<Value extends Weighed> {
  readonly #budget: Budget;
  #epoch: number;
  #young = new Map<string, Value>();
  #old: Map<string, Value> | undefined;

  constructor(budget: Budget) {
    this.#budget = budget;
    this.#epoch = budget.epoch;
  }

  /** The entry, which is in use again and takes its bytes in this epoch too. */
  get(key: string): Value | undefined {
    this.turn();
    const young = this.#young.get(key);
    if (young !== undefined || this.#old === undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** The entry, which is not kept for that. */
  peek(key: string): Value | undefined {
    this.turn();
    return this.#young.get(key) ?? this.#old?.get(key);
  }

  set(key: string, value: Value): void {
    this.turn();
    this.#young.set(key, value);
    this.#budget.charge(value.bytes + 2 * key.length);
  }

  /** Forgets what the epochs that have ended since leave behind. */
  turn(): void {
    const { epoch } = this.#budget;
    if (this.#epoch === epoch) return;
    this.#old = this.#epoch === epoch - 1 ? this.#young : undefined;
    this.#young = new Map();
    this.#epoch = epoch;
  }
}
