import { assert } from "../../base/assert.js";
import type { AuditEntry, AuditRecord } from "../../model/audit.js";
import { groupRecords, hashOf, readBlock, type StoredRecord } from "./block.js";
import { decodeGroup, type Group } from "./group.js";
import { blockKey, groupKey } from "./keys.js";
import type { RawLog, RawSnapshot } from "./raw.js";
import { damaged, unseal } from "./seal.js";

/** The records of a log at a snapshot of it. What was read last is at hand, since neighbours are asked for together. */
export class Records {
  readonly #raw: RawLog;
  readonly #snapshot: RawSnapshot | undefined;
  #group: { readonly number: number; readonly group: Group } | undefined;
  #block: { readonly first: number; readonly records: readonly StoredRecord[] } | undefined;

  constructor(raw: RawLog, snapshot?: RawSnapshot) {
    this.#raw = raw;
    this.#snapshot = snapshot;
  }

  /** @throws `store_corrupt` where it is not there */
  at(index: number): StoredRecord {
    const { first, records } = this.blockOf(index);
    const record = records[index - first];
    if (record === undefined) throw damaged(`record ${index} is missing`);
    return record;
  }

  blockOf(index: number): { readonly first: number; readonly records: readonly StoredRecord[] } {
    if (this.#block !== undefined && index >= this.#block.first && index < this.#block.first + this.#block.records.length) return this.#block;
    const number = Math.floor(index / groupRecords);
    const start = number * groupRecords;
    const offset = this.group(number).firsts.findLast((each) => each <= index - start);
    if (offset === undefined) throw damaged(`record ${index} is missing`);
    const first = start + offset;
    const key = blockKey(first);
    const value = this.#raw.get(key, this.#snapshot);
    if (value === undefined) throw damaged(`the block of record ${first} is missing`);
    return (this.#block = { first, records: readBlock(unseal(key, value)) });
  }

  group(number: number): Group {
    if (this.#group?.number === number) return this.#group.group;
    const key = groupKey(number);
    const value = this.#raw.get(key, this.#snapshot);
    if (value === undefined) throw damaged(`the group of record ${number * groupRecords} is missing`);
    const group = decodeGroup(unseal(key, value));
    this.#group = { number, group };
    return group;
  }

  /** The records of a group, of which there must be so many. */
  all(number: number, count: number): StoredRecord[] {
    const records: StoredRecord[] = [];
    while (records.length < count) records.push(...this.blockOf(number * groupRecords + records.length).records);
    if (records.length !== count) throw damaged(`records from ${number * groupRecords} on are more than the ${count} that there should be`);
    return records;
  }
}

export function entryOf(payload: Buffer): AuditEntry {
  return JSON.parse(payload.toString()) as AuditEntry;
}

export function shownRecord(index: number, record: StoredRecord): AuditRecord {
  assert(index >= 0, "an index is not negative");
  const hash = hashOf(record).toString("hex");
  return "payload" in record ? { index, hash, salt: record.salt.toString("hex"), payload: record.payload.toString() } : { index, hash };
}
