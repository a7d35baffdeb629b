import { endianness } from "node:os";

import { assert } from "../../base/assert.js";
import type { Term } from "./terms.js";

/** Which half of a 64-bit word in memory is the lower one. */
const low = endianness() === "LE" ? 0 : 1;
const high = 1 - low;

const localsMax = 65_536;

/**
 * Postings of the newest records, in the order in which they came: a word each, the term's 48 bits above the record's place in the run. A query looks
 * through all of them, which is half a millisecond; sorted, they become a segment.
 *
 *     term 0x1234_5678_9abc of the run's third record:  0x12345678_9abc_0002
 */
export class Run {
  /** The index of the first record. */
  readonly from: number;
  #to: number;
  #count = 0;
  #words = new BigUint64Array(4_096);
  #halves = new Uint32Array(this.#words.buffer);

  constructor(from: number) {
    this.from = from;
    this.#to = from;
  }

  /** Behind the last record. */
  get to(): number {
    return this.#to;
  }

  get records(): number {
    return this.#to - this.from;
  }

  /** The record that comes next; its terms follow. */
  next(): void {
    this.#to++;
    assert(this.records <= localsMax, "a run has no more records than 16 bits count");
  }

  add(termHigh: number, termLow: number): void {
    if (this.#count === this.#words.length) this.#grow();
    this.#halves[2 * this.#count + low] = ((termLow << 16) | (this.#to - this.from - 1)) >>> 0;
    this.#halves[2 * this.#count + high] = termHigh;
    this.#count++;
  }

  /** Places of records that have one of the terms, ascending. */
  find(terms: readonly Term[]): number[] {
    const found = new Set<number>();
    for (const term of terms) {
      for (let at = 0; at < this.#count; at++) {
        const half = this.#halves[2 * at + low]!;
        if (this.#halves[2 * at + high] === term.high && half >>> 16 === term.low) found.add(half & 0xffff);
      }
    }
    return [...found].sort((a, b) => a - b);
  }

  /** Forgets what these records have. */
  remove(places: ReadonlySet<number>): void {
    let kept = 0;
    for (let at = 0; at < this.#count; at++) {
      if (!places.has(this.#halves[2 * at + low]! & 0xffff)) this.#words[kept++] = this.#words[at]!;
    }
    this.#words.fill(0n, kept, this.#count);
    this.#count = kept;
  }

  /** All postings as they stand, by term, then place. */
  sorted(): SortedPostings {
    return new SortedPostings(new Uint32Array(this.#words.slice(0, this.#count).sort().buffer));
  }

  #grow(): void {
    const larger = new BigUint64Array(2 * this.#words.length);
    larger.set(this.#words);
    this.#words = larger;
    this.#halves = new Uint32Array(larger.buffer);
  }
}

export class SortedPostings {
  readonly #halves: Uint32Array;

  constructor(halves: Uint32Array) {
    this.#halves = halves;
  }

  get count(): number {
    return this.#halves.length / 2;
  }

  /** Those from the start, inclusive, to the end, exclusive. */
  forEach(start: number, end: number, visit: (high: number, low: number, place: number) => void): void {
    for (let at = 2 * start; at < 2 * Math.min(end, this.count); at += 2) visit(this.#halves[at + high]!, this.#halves[at + low]! >>> 16, this.#halves[at + low]! & 0xffff);
  }
}
