import { assert } from "../../base/assert.js";
import { limits } from "../../base/limits.js";
import { damaged } from "./seal.js";
import type { Term } from "./terms.js";

/** Where a chunk begins: no posting in it lies below. */
export interface ChunkStart {
  readonly high: number;
  readonly low: number;
  readonly place: number;
}

const headerBytes = 8;
const countMax = 0xffff;
/** A header, and a varint of 32 bits. */
const postingBytesMax = headerBytes + 5;

/**
 * Writes postings, which come by term and then by place, as chunks of at most `limits.auditChunkBytesMax`. A chunk is lists: the term, how many, the
 * first place, then by how much each is above the one before, as LEB128. Term 0x1234_5678_9abc at places 2, 3 and 300:
 *
 *     12 34 56 78 9a bc | 00 03 | 02 | 01 | a9 02
 */
export class ChunkWriter {
  readonly #bytes = Buffer.allocUnsafe(limits.auditChunkBytesMax);
  readonly #emit: (start: ChunkStart, bytes: Buffer) => void;
  #length = 0;
  #start: ChunkStart | undefined;
  /** Of the list that is being written. */
  #list = 0;
  #count = 0;
  #high = -1;
  #low = -1;
  #place = -1;

  /** @param emit takes a view, which is written over afterwards */
  constructor(emit: (start: ChunkStart, bytes: Buffer) => void) {
    this.#emit = emit;
  }

  add(high: number, low: number, place: number): void {
    const same = high === this.#high && low === this.#low;
    if (same && place === this.#place) return;
    assert(same ? place > this.#place : high > this.#high || (high === this.#high && low > this.#low), "postings come in their order");
    if (this.#length + postingBytesMax > this.#bytes.length) this.finish();
    if (same && this.#start !== undefined && this.#count < countMax) this.#varint(place - this.#place);
    else this.#begin(high, low, place);
    this.#count++;
    this.#place = place;
  }

  /** What there is becomes the last chunk. */
  finish(): void {
    if (this.#start === undefined) return;
    this.#endList();
    this.#emit(this.#start, this.#bytes.subarray(0, this.#length));
    this.#start = undefined;
    this.#length = 0;
  }

  #begin(high: number, low: number, place: number): void {
    if (this.#start === undefined) this.#start = { high, low, place };
    else this.#endList();
    this.#list = this.#length;
    this.#count = 0;
    this.#high = high;
    this.#low = low;
    this.#bytes.writeUInt32BE(high, this.#length);
    this.#bytes.writeUInt16BE(low, this.#length + 4);
    this.#length += headerBytes;
    this.#varint(place);
  }

  #endList(): void {
    this.#bytes.writeUInt16BE(this.#count, this.#list + 6);
  }

  #varint(value: number): void {
    let left = value;
    while (left >= 0x80) {
      this.#bytes[this.#length++] = (left & 0x7f) | 0x80;
      left >>>= 7;
    }
    this.#bytes[this.#length++] = left;
  }
}

/** Reads a chunk, posting by posting. */
export class ChunkReader {
  high = 0;
  low = 0;
  place = 0;
  readonly #bytes: Buffer;
  #at = 0;
  #left = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Moves on to the next posting; false: there is none. */
  next(): boolean {
    if (this.#left > 0) {
      this.place += this.#varint();
    } else {
      if (this.#at === this.#bytes.length) return false;
      this.#list();
    }
    this.#left--;
    return true;
  }

  #list(): void {
    if (this.#at + headerBytes >= this.#bytes.length) throw damaged("a chunk of its index is cut");
    this.high = this.#bytes.readUInt32BE(this.#at);
    this.low = this.#bytes.readUInt16BE(this.#at + 4);
    this.#left = this.#bytes.readUInt16BE(this.#at + 6);
    this.#at += headerBytes;
    this.place = this.#varint();
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw damaged("a chunk of its index is cut");
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }
}

/** Places of the term in the chunk, ascending. */
export function findInChunk(bytes: Buffer, term: Term): number[] {
  const reader = new ChunkReader(bytes);
  const places: number[] = [];
  while (reader.next()) {
    if (reader.high === term.high && reader.low === term.low) places.push(reader.place);
    else if (reader.high > term.high || (reader.high === term.high && reader.low > term.low)) break;
  }
  return places;
}

/** The chunk without some records; undefined: nothing is left of it. */
export function withoutPlaces(bytes: Buffer, places: ReadonlySet<number>): Buffer | undefined {
  const left: Buffer[] = [];
  const writer = new ChunkWriter((_, chunk) => void left.push(Buffer.from(chunk)));
  const reader = new ChunkReader(bytes);
  while (reader.next()) if (!places.has(reader.place)) writer.add(reader.high, reader.low, reader.place);
  writer.finish();
  assert(left.length <= 1, "a chunk does not grow when something is taken from it");
  return left[0];
}
