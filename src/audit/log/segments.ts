import { breathe } from "./breath.js";
import { ChunkReader, type ChunkStart, ChunkWriter, withoutPlaces } from "./chunk.js";
import { chunkKey, fenceKey, indexKey } from "./keys.js";
import type { RawBatch, RawLog, RawSnapshot } from "./raw.js";
import type { Run } from "./run.js";
import { seal, unseal } from "./seal.js";
import { Fences, putChunk, putFence, type Segment, SegmentReader } from "./segment.js";
import type { Term } from "./terms.js";

export interface IndexShape {
  /** A run of so many records becomes a segment. */
  readonly runRecords: number;
  /** So many segments of one level become one of the next. */
  readonly fanIn: number;
  /** Those of this level stay as they are. */
  readonly levelMax: number;
}

interface Catalogue {
  /** The number of the next segment. */
  readonly next: number;
  readonly segments: readonly Segment[];
  /** Those that count no more, of which rows may be left. */
  readonly dropped: readonly number[];
}

/** Postings that are written or merged before something else may have its turn: a fraction of a millisecond. */
const postingsTogether = 4_096;

/** Chunks that are written together. */
const chunksTogether = 16;

/**
 * The segments of the index, oldest first: without gap from the first record that is kept, or before it, up to where the runs in memory begin. They
 * are merged as a log-structured tree's are, so that a query visits few: of ten million records at most thirty.
 *
 *     4,096 records a run → 8 of them a segment of 32,768 → 262,144 → 2,097,152
 *
 * A catalogue row names those that count. One that was replaced goes once nobody begins to read it any more, which is after the catalogue in memory has
 * changed: the disk's has changed a moment before. What a crash leaves of such, or of one that was being written, goes after the next opening.
 */
export class Segments {
  readonly #raw: RawLog;
  readonly #shape: IndexShape;
  readonly #fences = new Fences();
  #catalogue: Catalogue = { next: 0, segments: [], dropped: [] };
  #stopped = false;

  /** @throws `store_corrupt` */
  constructor(raw: RawLog, shape: IndexShape) {
    this.#raw = raw;
    this.#shape = shape;
    const value = raw.get(indexKey);
    if (value !== undefined) this.#catalogue = JSON.parse(unseal(indexKey, value).toString()) as Catalogue;
    this.#fences.count(this.list);
  }

  get list(): readonly Segment[] {
    return this.#catalogue.segments;
  }

  /** Records from here on are in none. */
  get to(): number {
    return this.list.at(-1)?.to ?? 0;
  }

  reader(snapshot?: RawSnapshot): SegmentReader {
    return new SegmentReader(this.#raw, this.#fences, snapshot);
  }

  /** Deletes what was left of segments that do not count, when the log was closed or the process ended. */
  async clear(): Promise<void> {
    await this.#clearDropped();
    const { next } = this.#catalogue;
    const begun = [chunkKey(next, 0), Buffer.of(chunkKey(0, 0)[0]! + 1)] as const;
    if (await this.#raw.isEmpty(...begun)) return;
    await this.#raw.clear(...begun);
    await this.#raw.compact(...begun);
  }

  /** @param onWritten in the same turn in which the segment begins to count */
  async write(run: Run, onWritten: () => void): Promise<void> {
    const writer = new SegmentWriter(this.#raw, this.#catalogue.next);
    const postings = run.sorted();
    for (let at = 0; at < postings.count; at += postingsTogether) {
      await breathe();
      postings.forEach(at, at + postingsTogether, (high, low, place) => writer.add(high, low, place));
    }
    await this.#replace([], await writer.finish(0, run.from, run.to), onWritten);
  }

  /** Merges what is to be merged, a slice at a time. @param kept records below are left out */
  async merge(kept: () => number): Promise<void> {
    for (let due = this.#due(); due !== undefined; due = this.#due()) await this.#mergeInto(due, due[0]!.level + 1, kept());
  }

  /** A merge that is under way ends, and is begun again after the next opening. */
  stop(): void {
    this.#stopped = true;
  }

  /** Deletes what lies below as a whole; and rewrites a segment that does by half. */
  async retain(kept: number): Promise<void> {
    await this.#replace(this.list.filter(({ to }) => to <= kept));
    const cut = this.list[0];
    if (cut !== undefined && kept - cut.from >= (cut.to - cut.from) / 2) await this.#mergeInto([cut], cut.level, kept);
  }

  /** Takes records out: their terms are where to look. */
  remove(batch: RawBatch, records: ReadonlyMap<number, readonly Term[]>): void {
    const reader = this.reader();
    for (const segment of this.list) {
      const places = new Set<number>();
      const chunks = new Set<number>();
      const fence = reader.fence(segment);
      for (const [index, terms] of records) {
        if (index < segment.from || index >= segment.to) continue;
        places.add(index - segment.from);
        for (const term of terms) chunks.add(Math.max(0, fence.find(term, index - segment.from)));
      }
      for (const chunk of chunks) {
        const left = withoutPlaces(reader.chunk(segment.id, chunk), places);
        putChunk(batch, segment.id, chunk, left ?? Buffer.alloc(0));
      }
    }
  }

  #due(): readonly Segment[] | undefined {
    if (this.#stopped) return undefined;
    const { fanIn, levelMax } = this.#shape;
    for (let level = 0; level < levelMax; level++) {
      const same = this.list.filter((segment) => segment.level === level);
      if (same.length >= fanIn) return same.slice(0, fanIn);
    }
    return undefined;
  }

  async #mergeInto(merged: readonly Segment[], level: number, kept: number): Promise<void> {
    const from = Math.max(merged[0]!.from, Math.min(kept, merged.at(-1)!.to));
    const writer = new SegmentWriter(this.#raw, this.#catalogue.next);
    const sources = merged.map((segment) => new Source(segment, this.reader()));
    let live = sources.filter((source) => source.next());
    let postings = 0;
    while (live.length > 0) {
      const least = leastOf(live);
      const { high, low } = least;
      do {
        if (least.index >= from) writer.add(high, low, least.index - from);
        if (++postings % postingsTogether !== 0) continue;
        await writer.flush();
        await breathe();
        if (this.#stopped) return;
      } while (least.next() && least.high === high && least.low === low);
      if (least.ended) live = live.filter((source) => source !== least);
    }
    await this.#replace(merged, await writer.finish(level, from, merged.at(-1)!.to));
  }

  async #replace(old: readonly Segment[], made?: { readonly segment: Segment; readonly batch: RawBatch }, onWritten?: () => void): Promise<void> {
    if (old.length === 0 && made === undefined) return;
    const batch = made?.batch ?? this.#raw.batch();
    const left = this.list.filter((segment) => !old.includes(segment));
    const segments = [...left, ...(made === undefined ? [] : [made.segment])].sort((a, b) => a.from - b.from);
    const next = made === undefined ? this.#catalogue.next : made.segment.id + 1;
    const catalogue = { next, segments, dropped: [...this.#catalogue.dropped, ...old.map(({ id }) => id)] };
    batch.put(indexKey, seal(indexKey, Buffer.from(JSON.stringify(catalogue))));
    await batch.write();
    this.#catalogue = catalogue;
    this.#fences.count(segments);
    onWritten?.();
    await this.#clearDropped();
  }

  /** The disk's catalogue names them until the next one is written: they are not there to be deleted again then. */
  async #clearDropped(): Promise<void> {
    for (const id of this.#catalogue.dropped) {
      await this.#raw.clear(fenceKey(id), fenceKey(id + 1));
      await this.#raw.clear(chunkKey(id, 0), chunkKey(id + 1, 0));
      // What is deleted is next to each other: this reads it, and writes hardly anything.
      await this.#raw.compact(chunkKey(id, 0), chunkKey(id + 1, 0));
    }
    this.#catalogue = { ...this.#catalogue, dropped: [] };
  }
}

/** The postings of a segment in their order. */
class Source {
  readonly #segment: Segment;
  readonly #reader: SegmentReader;
  #chunk = 0;
  #postings: ChunkReader | undefined;

  constructor(segment: Segment, reader: SegmentReader) {
    this.#segment = segment;
    this.#reader = reader;
  }

  get high(): number {
    return this.#postings!.high;
  }

  get low(): number {
    return this.#postings!.low;
  }

  /** Of the record. */
  get index(): number {
    return this.#segment.from + this.#postings!.place;
  }

  get ended(): boolean {
    return this.#postings === undefined;
  }

  next(): boolean {
    for (;;) {
      if (this.#postings?.next()) return true;
      if (this.#chunk === this.#segment.chunks) {
        this.#postings = undefined;
        return false;
      }
      this.#postings = new ChunkReader(this.#reader.chunk(this.#segment.id, this.#chunk++));
    }
  }
}

/** Of the lowest term; of equal ones the older, whose records come first. */
function leastOf(sources: readonly Source[]): Source {
  let least = sources[0]!;
  for (const source of sources) {
    if (source.high < least.high || (source.high === least.high && source.low < least.low)) least = source;
  }
  return least;
}

class SegmentWriter {
  readonly #raw: RawLog;
  readonly #id: number;
  readonly #starts: ChunkStart[] = [];
  readonly #chunks: ChunkWriter;
  #batch: RawBatch;
  #unwritten = 0;

  constructor(raw: RawLog, id: number) {
    this.#raw = raw;
    this.#id = id;
    this.#batch = raw.batch();
    this.#chunks = new ChunkWriter((start, bytes) => {
      putChunk(this.#batch, id, this.#starts.length, bytes);
      this.#starts.push(start);
      this.#unwritten++;
    });
  }

  add(high: number, low: number, place: number): void {
    this.#chunks.add(high, low, place);
  }

  /** Writes chunks, once they are some. */
  async flush(): Promise<void> {
    if (this.#unwritten < chunksTogether) return;
    const batch = this.#batch;
    this.#batch = this.#raw.batch();
    this.#unwritten = 0;
    await batch.write();
  }

  /** The batch has what is still to be written. */
  async finish(level: number, from: number, to: number): Promise<{ readonly segment: Segment; readonly batch: RawBatch }> {
    this.#chunks.finish();
    await this.flush();
    putFence(this.#batch, this.#id, this.#starts);
    return { segment: { id: this.#id, level, from, to, chunks: this.#starts.length }, batch: this.#batch };
  }
}
