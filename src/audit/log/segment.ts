import { type ChunkStart, findInChunk } from "./chunk.js";
import { chunkKey, fenceKey } from "./keys.js";
import type { RawBatch, RawLog, RawSnapshot } from "./raw.js";
import { damaged, seal, unseal } from "./seal.js";
import type { Term } from "./terms.js";

/** Sorted postings of a run of records, in chunks. It never changes, but for what redaction takes out of it. */
export interface Segment {
  /** Never given twice. */
  readonly id: number;
  /** 0: it was a run; else how often it has been merged. */
  readonly level: number;
  readonly from: number;
  readonly to: number;
  readonly chunks: number;
}

const startBytes = 10;

/** Where each chunk begins, one after another: the term's 6 bytes and the place's 4. */
export class Fence {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  static encode(starts: readonly ChunkStart[]): Buffer {
    const bytes = Buffer.allocUnsafe(startBytes * starts.length);
    starts.forEach(({ high, low, place }, i) => {
      bytes.writeUInt32BE(high, startBytes * i);
      bytes.writeUInt16BE(low, startBytes * i + 4);
      bytes.writeUInt32BE(place, startBytes * i + 6);
    });
    return bytes;
  }

  get chunks(): number {
    return this.#bytes.length / startBytes;
  }

  /** The last chunk that begins at the place of the term or before; -1: none does. */
  find(term: Term, place: number): number {
    let [first, end] = [0, this.chunks];
    while (first < end) {
      const middle = (first + end) >>> 1;
      if (this.#compare(middle, term, place) <= 0) first = middle + 1;
      else end = middle;
    }
    return first - 1;
  }

  /** How the chunk's first term stands to this one: negative, before it. */
  compareTerm(chunk: number, { high, low }: Term): number {
    const at = startBytes * chunk;
    return this.#bytes.readUInt32BE(at) - high || this.#bytes.readUInt16BE(at + 4) - low;
  }

  #compare(chunk: number, term: Term, place: number): number {
    return this.compareTerm(chunk, term) || this.#bytes.readUInt32BE(startBytes * chunk + 6) - place;
  }
}

/** The fences of the segments that count. They stay, since a segment's never changes. */
export class Fences {
  readonly #known = new Map<number, Fence>();
  #counting = new Set<number>();

  /** From now on these count. */
  count(segments: readonly Segment[]): void {
    this.#counting = new Set(segments.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!this.#counting.has(id)) this.#known.delete(id);
  }

  get(id: number, read: () => Fence): Fence {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const fence = read();
    if (this.#counting.has(id)) this.#known.set(id, fence);
    return fence;
  }
}

/** Reads segments at a snapshot, or as they stand. */
export class SegmentReader {
  readonly #raw: RawLog;
  readonly #fences: Fences;
  readonly #snapshot: RawSnapshot | undefined;

  constructor(raw: RawLog, fences: Fences, snapshot?: RawSnapshot) {
    this.#raw = raw;
    this.#fences = fences;
    this.#snapshot = snapshot;
  }

  fence({ id, chunks }: Segment): Fence {
    return this.#fences.get(id, () => {
      const key = fenceKey(id);
      const value = this.#raw.get(key, this.#snapshot);
      if (value === undefined) throw damaged(`the fence of segment ${id} of its index is missing`);
      const fence = new Fence(unseal(key, value));
      if (fence.chunks !== chunks) throw damaged(`segment ${id} of its index has not the chunks that it should`);
      return fence;
    });
  }

  /** Empty where redaction left nothing of it. */
  chunk(segment: number, chunk: number): Buffer {
    const key = chunkKey(segment, chunk);
    const value = this.#raw.get(key, this.#snapshot);
    if (value === undefined) throw damaged(`chunk ${chunk} of segment ${segment} of its index is missing`);
    return unseal(key, value);
  }
}

export function putChunk(batch: RawBatch, segment: number, chunk: number, bytes: Uint8Array): void {
  const key = chunkKey(segment, chunk);
  batch.put(key, seal(key, bytes));
}

export function putFence(batch: RawBatch, segment: number, starts: readonly ChunkStart[]): void {
  const key = fenceKey(segment);
  batch.put(key, seal(key, Fence.encode(starts)));
}

/** Places of records, which are asked for in one direction. */
export interface Postings {
  /** The nearest place at this one or beyond it, in the direction; undefined: there is none. */
  seek(place: number): number | undefined;
  /** How many there are, where that is cheap to know, else `Infinity`. */
  readonly count: number;
}

export class PlacesInMemory implements Postings {
  readonly #places: readonly number[];
  readonly #descending: boolean;

  constructor(places: readonly number[], descending: boolean) {
    this.#places = places;
    this.#descending = descending;
  }

  get count(): number {
    return this.#places.length;
  }

  seek(place: number): number | undefined {
    return nearest(this.#places, place, this.#descending);
  }
}

/** A term's postings in a segment. */
export class PlacesInSegment implements Postings {
  readonly #reader: SegmentReader;
  readonly #segment: Segment;
  readonly #fence: Fence;
  readonly #term: Term;
  readonly #descending: boolean;
  #chunk = -1;
  #places: readonly number[] = [];

  constructor(reader: SegmentReader, segment: Segment, term: Term, descending: boolean) {
    this.#reader = reader;
    this.#segment = segment;
    this.#fence = reader.fence(segment);
    this.#term = term;
    this.#descending = descending;
  }

  get count(): number {
    const first = Math.max(0, this.#fence.find(this.#term, -1));
    const last = this.#fence.find(this.#term, Number.POSITIVE_INFINITY);
    if (last < 0) return 0;
    return last - first > 1 ? Number.POSITIVE_INFINITY : this.#read(first).length + (last > first ? this.#read(last).length : 0);
  }

  seek(place: number): number | undefined {
    const step = this.#descending ? -1 : 1;
    for (let chunk = this.#fence.find(this.#term, place); ; chunk += step) {
      if (chunk >= this.#segment.chunks || (chunk < 0 && this.#descending)) return undefined;
      if (chunk < 0) continue;
      const order = this.#fence.compareTerm(chunk, this.#term);
      if (order > 0) return undefined;
      const found = nearest(this.#read(chunk), place, this.#descending);
      if (found !== undefined) return found;
      // Those before it end at a term that is lower.
      if (order < 0 && this.#descending) return undefined;
    }
  }

  #read(chunk: number): readonly number[] {
    if (chunk !== this.#chunk) {
      this.#places = findInChunk(this.#reader.chunk(this.#segment.id, chunk), this.#term);
      this.#chunk = chunk;
    }
    return this.#places;
  }
}

/** What one of several has. */
export class AnyOf implements Postings {
  readonly #lists: readonly Postings[];
  readonly #descending: boolean;

  constructor(lists: readonly Postings[], descending: boolean) {
    this.#lists = lists;
    this.#descending = descending;
  }

  get count(): number {
    return this.#lists.reduce((sum, { count }) => sum + count, 0);
  }

  seek(place: number): number | undefined {
    const found = this.#lists.map((list) => list.seek(place)).filter((each) => each !== undefined);
    if (found.length === 0) return undefined;
    return this.#descending ? Math.max(...found) : Math.min(...found);
  }
}

/** In an ascending list the nearest value at this one or beyond it, in the direction. */
function nearest(places: readonly number[], place: number, descending: boolean): number | undefined {
  let [first, end] = [0, places.length];
  while (first < end) {
    const middle = (first + end) >>> 1;
    if (descending ? places[middle]! <= place : places[middle]! < place) first = middle + 1;
    else end = middle;
  }
  return places[descending ? first - 1 : first];
}
