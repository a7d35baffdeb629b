import { limits } from "../../base/limits.js";

/** Maps of more entries than this are not to be had; far below it the budget has long run out. */
const entriesMax = 4_000_000;

/**
 * What the caches of all tenants may hold together, and the turn by which they forget: what is added is charged to the
 * present epoch; once half the budget is charged the epoch ends, and with the next one ends what was not used since. So
 * at most the budget is held, the half that is in use stays, and nothing is kept in order of use.
 */
export class Budget {
  readonly bytesMax: number;
  #epoch = 1;
  #bytes = 0;
  #entries = 0;
  #before = 0;
  #turns = 0;

  /** @param bytesMax estimated: what a leaf or a result takes is counted by its kind and its texts */
  constructor(bytesMax: number = limits.memoryBudgetBytesDefault) {
    this.bytesMax = bytesMax;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** How many epochs have ended. */
  get turns(): number {
    return this.#turns;
  }

  /** What is held, estimated: of this epoch, and of the one before. */
  get bytes(): number {
    return this.#bytes + this.#before;
  }

  charge(bytes: number): void {
    this.#bytes += bytes;
    this.#entries++;
  }

  /** Ends the epoch if it is full. Never called while a walk runs: what a walk has read must be there until its end. */
  turn(): void {
    if (this.#bytes * 2 <= this.bytesMax && this.#entries <= entriesMax) return;
    this.#epoch++;
    this.#turns++;
    this.#before = this.#bytes;
    this.#bytes = 0;
    this.#entries = 0;
  }
}
