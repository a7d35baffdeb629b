import { groupRecords } from "./block.js";
import type { Head } from "./head.js";
import { blockKey, groupKey, tileKey } from "./keys.js";
import type { RetainOrder } from "./protocol.js";
import type { RawLog } from "./raw.js";
import type { Records } from "./records.js";

/** How many groups one pass goes through; the next goes on. */
const groupsMax = 4_096;

export interface Boundary {
  readonly below: number;
  readonly reason: "age" | "size";
}

/** Whole groups alone go, and never the newest: what proves the others stays. */
export function boundaryOf(records: Records, { size, kept, bytes }: Head, { now, ageMs = Number.POSITIVE_INFINITY, bytes: bytesMax = Number.POSITIVE_INFINITY }: RetainOrder): Boundary {
  const newest = Math.floor(size / groupRecords);
  let group = kept / groupRecords;
  const behind = Math.min(newest, group + groupsMax);
  while (group < behind && records.group(group).highest < now - ageMs) group++;
  const byAge = group;
  // What is kept begins where the bytes before a group are all but so many.
  while (group < behind && bytes - records.group(group).bytesBefore > bytesMax) group++;
  return { below: group * groupRecords, reason: group > byAge ? "size" : "age" };
}

/** The tree keeps its upper tiles, from which the rest is proven. */
export async function deleteBelow(raw: RawLog, below: number): Promise<void> {
  const group = below / groupRecords;
  const ranges = [
    [blockKey(0), blockKey(below)],
    [groupKey(0), groupKey(group)],
    [tileKey(0, 0), tileKey(0, group)],
  ] as const;
  for (const [start, end] of ranges) {
    await raw.clear(start, end);
    await raw.compact(start, end);
  }
}
