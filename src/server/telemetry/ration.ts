/** Lets so many a second pass, and counts the others, so that whoever can make a server say something cannot fill a disk with it. */
export class Ration {
  readonly #perSecondMax: number;
  readonly #monotonicMs: () => number;
  #second = Number.NEGATIVE_INFINITY;
  #count = 0;
  #withheld = 0;

  constructor(perSecondMax: number, monotonicMs: () => number) {
    this.#perSecondMax = perSecondMax;
    this.#monotonicMs = monotonicMs;
  }

  /** Undefined: not this one; else how many were withheld since the last that passed. */
  take(): number | undefined {
    const second = Math.floor(this.#monotonicMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#count = 0;
    }
    if (++this.#count > this.#perSecondMax) {
      this.#withheld++;
      return undefined;
    }
    const withheld = this.#withheld;
    this.#withheld = 0;
    return withheld;
  }
}
