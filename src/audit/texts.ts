import { assert } from "../base/assert.js";

const bytesMin = 65_536;

/** Texts one after another as they are sent to another thread. */
export interface PackedTexts {
  /** UTF-8, without anything in between. */
  readonly bytes: Uint8Array;
  /** Where each ends, in bytes. */
  readonly ends: Uint32Array;
}

/**
 * Puts texts together as UTF-8. What waits for the disk is so outside of the heap: the garbage collector, which would copy each text twice while it waits, has
 * nothing to do with it, and a thread that it is sent to makes no strings of it.
 */
export class Texts {
  #bytes = Buffer.allocUnsafeSlow(bytesMin);
  readonly #ends: Uint32Array;
  #count = 0;

  constructor(countMax: number) {
    this.#ends = new Uint32Array(countMax);
  }

  get count(): number {
    return this.#count;
  }

  /** Of all of them. */
  get byteLength(): number {
    return this.#count === 0 ? 0 : this.#ends[this.#count - 1]!;
  }

  /** Returns how many bytes it has. */
  add(text: string): number {
    assert(this.#count < this.#ends.length, "there is room for another text");
    const start = this.byteLength;
    // Three bytes a UTF-16 unit are the most that UTF-8 takes.
    this.#reserve(start, 3 * text.length);
    const length = this.#bytes.write(text, start);
    this.#ends[this.#count++] = start + length;
    return length;
  }

  /** A copy of what there is, that owns its memory: a view would be sent with all that lies around it. */
  pack(): PackedTexts {
    return { bytes: Uint8Array.prototype.slice.call(this.#bytes, 0, this.byteLength), ends: this.#ends.slice(0, this.#count) };
  }

  clear(): void {
    this.#count = 0;
  }

  #reserve(used: number, more: number): void {
    if (used + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, used + more));
    larger.set(this.#bytes.subarray(0, used));
    this.#bytes = larger;
  }
}

/** In their order, as views. */
export function eachText({ bytes, ends }: PackedTexts, take: (text: Buffer, place: number) => void): void {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = 0;
  ends.forEach((end, place) => {
    take(all.subarray(start, end), place);
    start = end;
  });
}
