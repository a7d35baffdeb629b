import type { Random } from "./random.js";

/**
 * Ranks from 0, below `count`, the rank r as often as 1 / (r + 1) ** exponent says: few things are asked about all the time, most hardly ever.
 * Rejection-inversion, after W. Hörmann and G. Derflinger, “Rejection-inversion to generate variates from monotone discrete distributions”
 * (1996): no table, so that ten million ranks cost what ten do.
 */
export class Zipf {
  readonly #count: number;
  readonly #exponent: number;
  readonly #from: number;
  readonly #to: number;
  readonly #shortcut: number;

  /** @param exponent above 0; 0.99 is that of the YCSB benchmark */
  constructor(count: number, exponent = 0.99) {
    this.#count = count;
    this.#exponent = exponent;
    this.#from = this.#integral(1.5) - 1;
    this.#to = this.#integral(count + 0.5);
    this.#shortcut = 2 - this.#inverse(this.#integral(2.5) - this.#height(2));
  }

  next(random: Random): number {
    for (;;) {
      const area = this.#to + random.next() * (this.#from - this.#to);
      const at = this.#inverse(area);
      const rank = Math.min(Math.max(Math.round(at), 1), this.#count);
      if (rank - at <= this.#shortcut || area >= this.#integral(rank + 0.5) - this.#height(rank)) return rank - 1;
    }
  }

  #height(at: number): number {
    return Math.exp(-this.#exponent * Math.log(at));
  }

  /** Of the height, up to a constant. */
  #integral(at: number): number {
    const log = Math.log(at);
    return expm1Over((1 - this.#exponent) * log) * log;
  }

  #inverse(area: number): number {
    const product = Math.max(-1, area * (1 - this.#exponent));
    return Math.exp(log1pOver(product) * area);
  }
}

/** (exp x − 1) / x, also where x is next to nothing. */
function expm1Over(x: number): number {
  return Math.abs(x) > 1e-8 ? Math.expm1(x) / x : 1 + x / 2;
}

/** log(1 + x) / x, likewise. */
function log1pOver(x: number): number {
  return Math.abs(x) > 1e-8 ? Math.log1p(x) / x : 1 - x / 2;
}
