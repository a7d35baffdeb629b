import { BlockBuilder, groupRecords, hashOf } from "./block.js";
import { blockKey, chunkKey } from "./keys.js";
import type { RawBatch, RawLog } from "./raw.js";
import { entryOf, type Records } from "./records.js";
import type { Run } from "./run.js";
import { seal } from "./seal.js";
import type { Segment } from "./segment.js";
import type { Segments } from "./segments.js";
import { eachTerm, type Term } from "./terms.js";

interface Erasure {
  readonly batch: RawBatch;
  readonly records: Records;
  /** Ascending, none of them redacted before. */
  readonly indexes: readonly number[];
  readonly segments: Segments;
  readonly runs: readonly Run[];
}

/** Puts into the batch what leaves of each record its hash, and takes its postings from the index. */
export function eraseRecords({ batch, records, indexes, segments, runs }: Erasure): void {
  const terms = new Map<number, Term[]>();
  const blocks = new Map<number, Set<number>>();
  for (const index of indexes) {
    const { first } = records.blockOf(index);
    blocks.set(first, (blocks.get(first) ?? new Set()).add(index));
    const record = records.at(index);
    const own: Term[] = [];
    if ("payload" in record) eachTerm(entryOf(record.payload), (high, low) => void own.push({ high, low }));
    terms.set(index, own);
  }
  for (const [first, redacted] of blocks) putWithout(batch, records, first, redacted);
  segments.remove(batch, terms);
  for (const run of runs) run.remove(new Set(indexes.filter((index) => index >= run.from && index < run.to).map((index) => index - run.from)));
}

function putWithout(batch: RawBatch, records: Records, first: number, redacted: ReadonlySet<number>): void {
  const block = new BlockBuilder();
  records.blockOf(first).records.forEach((record, i) => {
    if (redacted.has(first + i)) block.redact(hashOf(record));
    else block.copy(record);
  });
  const key = blockKey(first);
  batch.put(key, seal(key, block.view()));
}

/**
 * Has LevelDB rewrite what held the records, since it otherwise keeps what was replaced, in its log and in tables, until a compaction comes along by
 * itself. A search that is under way reads on at its snapshot; what it sees may stay until the next compaction.
 */
export async function compactRedacted(raw: RawLog, indexes: readonly number[], segments: readonly Segment[]): Promise<void> {
  await raw.compact(blockKey(Math.max(0, indexes[0]! - groupRecords)), blockKey(indexes.at(-1)! + 1));
  for (const { id, from, to } of segments) {
    if (indexes.some((index) => index >= from && index < to)) await raw.compact(chunkKey(id, 0), chunkKey(id + 1, 0));
  }
}
