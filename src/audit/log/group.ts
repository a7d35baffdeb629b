import { assert } from "../../base/assert.js";
import type { Instant } from "../../base/clock.js";
import { groupRecords } from "./block.js";

/**
 * What is known of 256 records without reading them. Instants may go slightly backward from record to record, since several threads and clocks make
 * them: `high` is the highest of all records up to the end of this group, so that it never falls from group to group, and can be searched by.
 */
export interface Group {
  /** The lowest and the highest instant of its records. */
  readonly lowest: Instant;
  readonly highest: Instant;
  readonly high: Instant;
  /** Of all blocks before it that the log has ever had. */
  readonly bytesBefore: number;
  /** Which of its records are the first of a block, the first of which is 0. */
  readonly firsts: readonly number[];
}

const fixedBytes = 4 * 8;

/** Four doubles, then a byte for each block. Blocks of records 0 to 99, 100 to 254 and 255: `… | 00 64 ff`. */
export function encodeGroup({ lowest, highest, high, bytesBefore, firsts }: Group): Buffer {
  assert(firsts.length <= groupRecords, "a group has no more blocks than records");
  const bytes = Buffer.allocUnsafe(fixedBytes + firsts.length);
  [lowest, highest, high, bytesBefore].forEach((value, i) => bytes.writeDoubleBE(value, 8 * i));
  bytes.set(firsts, fixedBytes);
  return bytes;
}

export function decodeGroup(bytes: Buffer): Group {
  const [lowest, highest, high, bytesBefore] = [0, 8, 16, 24].map((at) => bytes.readDoubleBE(at)) as [number, number, number, number];
  return { lowest, highest, high, bytesBefore, firsts: [...bytes.subarray(fixedBytes)] };
}
