import { UsherError } from "../../base/errors.js";
import { Proofs } from "../tree/proofs.js";
import { TileEdge, type TileReader } from "../tree/tiles.js";
import { groupRecords, hashOf, type StoredRecord } from "./block.js";
import { decodeHead, formatNewest, type Head } from "./head.js";
import { groupKey, headKey, tileKey } from "./keys.js";
import type { TreeState } from "./protocol.js";
import type { RawLog, RawSnapshot } from "./raw.js";
import { entryOf, Records } from "./records.js";
import { Run } from "./run.js";
import { damaged, unseal } from "./seal.js";
import { eachTerm } from "./terms.js";

/** What is in memory of an open log. */
export interface Standing {
  readonly head: Head;
  readonly edge: TileEdge;
  /** What the index has not yet got on disk. */
  readonly run: Run;
}

/**
 * Reads where the log stands, and holds it against itself: the newest records against the tiles, and those against the root.
 * @param indexed records from here on are not in the index on disk
 * @throws `store_corrupt`, `store_format_newer`
 */
export async function readStanding(raw: RawLog, indexed: number): Promise<Standing> {
  const head = await readHead(raw);
  if (raw.get(groupKey(Math.ceil(head.size / groupRecords))) !== undefined) throw damaged(`there is something behind its ${head.size} records`);
  if (indexed > head.size) throw damaged(`its index has ${indexed} records, and the log ${head.size}`);
  const read = tileReader(raw);
  const newest = head.size - (head.size % groupRecords);
  const run = new Run(Math.max(indexed, head.kept));
  const leaves: Buffer[] = [];
  for (let start = run.from - (run.from % groupRecords); start < head.size; start += groupRecords) {
    const records = await checkedGroup(raw, read, start, Math.min(groupRecords, head.size - start), start < newest);
    records.forEach((record, i) => {
      if (start + i >= run.from) addToRun(run, record);
    });
    if (start === newest) leaves.push(...records.map(hashOf));
  }
  if (leaves.length === 0 && newest < head.size) leaves.push(...(await checkedGroup(raw, read, newest, head.size - newest, false)).map(hashOf));
  const edge = await TileEdge.restore(head.size, Buffer.concat(leaves), requiring(read));
  if (edge.root().toString("hex") !== head.root) throw damaged(`its newest records are not those of its root of ${head.size}`);
  return { head, edge, run };
}

async function readHead(raw: RawLog): Promise<Head> {
  const value = raw.get(headKey);
  if (value !== undefined) {
    const head = decodeHead(unseal(headKey, value));
    if (head.format <= formatNewest) return head;
    throw new UsherError("store_format_newer", `the decision log has format ${String(head.format)}, and this version knows ${formatNewest}: use the version that wrote it`);
  }
  if (!(await raw.isEmpty())) throw damaged("the row that says where it stands is missing");
  const root = new TileEdge().root().toString("hex");
  return { format: 1, size: 0, root, sequence: 0, kept: 0, bytes: 0, redacted: 0, high: 0, late: 0, oneIn: 1 };
}

async function checkedGroup(raw: RawLog, read: TileReader, start: number, count: number, full: boolean): Promise<StoredRecord[]> {
  const records = new Records(raw).all(start / groupRecords, count);
  if (!full) return records;
  const tile = await read(0, start / groupRecords);
  const hashes = Buffer.concat(records.map(hashOf));
  if (tile === undefined || !hashes.equals(tile)) throw damaged(`records from ${start} on are not those that its tree has`);
  return records;
}

export function addToRun(run: Run, record: StoredRecord): void {
  run.next();
  if ("payload" in record) eachTerm(entryOf(record.payload), (high, low) => run.add(high, low));
}

/** A checkpoint without its records is damage, and no reason to begin anew. @throws `store_corrupt` */
export async function checkCheckpoint({ size }: Head, read: TileReader, checkpoint: TreeState): Promise<void> {
  if (checkpoint.size > size) throw damaged(`it has ${size} records, and its last checkpoint says that there were ${checkpoint.size}`);
  const root = await new Proofs(read).root(checkpoint.size);
  // Undefined: retention has dropped what that root was made of.
  if (root !== undefined && root.toString("hex") !== checkpoint.root) throw damaged(`its records are not those of its last checkpoint, of ${checkpoint.size} records`);
}

export function tileReader(raw: RawLog, snapshot?: RawSnapshot): TileReader {
  return async (level, tile) => {
    const key = tileKey(level, tile);
    const value = raw.get(key, snapshot);
    return value === undefined ? undefined : unseal(key, value);
  };
}

function requiring(read: TileReader): TileReader {
  return async (level, tile) => {
    const hashes = await read(level, tile);
    if (hashes === undefined) throw damaged(`tile ${tile} of level ${level} is missing`);
    return hashes;
  };
}
