import type { Decision } from "../service.js";

/**
 * The bytes of decisions. Those that say no more than yes or no, at one snapshot and one instant, have the same: checks come by the thousand in a
 * millisecond, so the last two are kept. They are shared, and nobody may write to them.
 */
export class PlainDecisions {
  readonly #encode: (decision: Decision) => Buffer;
  #zookie = "";
  #instant = Number.NaN;
  #allowed: Buffer | undefined;
  #denied: Buffer | undefined;

  constructor(encode: (decision: Decision) => Buffer) {
    this.#encode = encode;
  }

  bytesOf(decision: Decision): Buffer {
    const { allowed, missingFields, zookie, instant, validForMs, explanation } = decision;
    if (missingFields.length > 0 || validForMs !== undefined || explanation !== undefined) return this.#encode(decision);
    if (zookie !== this.#zookie || instant !== this.#instant) {
      this.#zookie = zookie;
      this.#instant = instant;
      this.#allowed = this.#denied = undefined;
    }
    if (allowed) return (this.#allowed ??= this.#encode(decision));
    return (this.#denied ??= this.#encode(decision));
  }
}
