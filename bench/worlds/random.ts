/** Numbers that look random and are the same for the same seed, on every machine: mulberry32, by Tommy Ettinger. */
export class Random {
  #state: number;

  /** @param seed a whole number, 32 bits of which count */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** At least 0, below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from 0, below `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** One of a list that is not empty. */
  pick<Item>(list: readonly Item[]): Item {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new RangeError("there is nothing to pick from");
    return item;
  }

  /** So many different whole numbers from 0, below `bound`, in no order. */
  some(count: number, bound: number): Set<number> {
    if (count > bound) throw new RangeError(`there are no ${count} different numbers below ${bound}`);
    const picked = new Set<number>();
    while (picked.size < count) picked.add(this.below(bound));
    return picked;
  }
}
