import { join } from "node:path";

import { checkpointsFileName, readCheckpointsFile } from "../checkpoints-file.js";
import { groupRecords, type StoredRecord } from "../log/block.js";
import type { Head } from "../log/head.js";
import { type FoundBlock, LogReading } from "../log/open-for-reading.js";
import { equalHashes, hashBytes } from "../tree/merkle.js";
import { tileHashes } from "../tree/tiles.js";
import { type AuditVerification, Verification, type VerifyOptions } from "./verification.js";

/**
 * Holds the folder of a log that nobody has open against itself: records against the tiles, tiles against the records, all of it against each
 * checkpoint that was ever signed. LevelDB writes a little when it opens a folder: of evidence, verify a copy.
 * @throws `store_in_use`, `not_a_store`, `store_corrupt`, `store_format_newer`
 */
export async function verifyFolder(folder: string, options: VerifyOptions = {}): Promise<AuditVerification> {
  const reading = await LogReading.open(folder);
  const checkpoints = readCheckpointsFile(join(folder, checkpointsFileName));
  try {
    return await new FolderVerification(reading, new Verification(checkpoints, options)).run();
  } finally {
    await checkpoints.return(undefined);
    await reading.close();
  }
}

class FolderVerification {
  readonly #reading: LogReading;
  readonly #verification: Verification;
  readonly #tiles: StoredTiles;
  /** That the head says; where that cannot be read, as many as there are. */
  #size = Number.POSITIVE_INFINITY;
  /** The group that is being read, and where its blocks begin; undefined: one of them is not there. */
  #group = -1;
  #firsts: number[] | undefined;

  constructor(reading: LogReading, verification: Verification) {
    this.#reading = reading;
    this.#verification = verification;
    this.#tiles = new StoredTiles(reading, verification);
  }

  async run(): Promise<AuditVerification> {
    const verification = this.#verification;
    const { findings } = verification;
    await verification.begin();
    const head = this.#reading.head();
    if (head === "damaged") findings.add("changed", "the row that says where the log stands is not as it was written");
    else if (head !== undefined) await this.#begin(head);
    for await (const blocks of this.#reading.blocks()) for (const block of blocks) await this.#block(block);
    if (head === undefined && verification.size > 0) findings.add("missing", "the row that says where the log stands is not there");
    if (verification.size < this.#size && this.#size !== Infinity) verification.missing(this.#size - verification.size, `records ${verification.size} to ${this.#size - 1} are not there`);
    for await (const { key, missing } of this.#reading.wrongRows()) findings.add(missing ? "missing" : "changed", `row ${key} is ${missing ? "not there" : "not as it was written"}`);
    const known = typeof head === "object" ? head : undefined;
    const result = await verification.conclude(known?.key);
    if (known === undefined || result.findingsCount > 0 || result.root === known.root) return result;
    findings.add("changed", `the ${known.size} records are not those of the root that the log itself has: something behind the last checkpoint was changed`);
    return { ...result, findings: findings.list, findingsCount: findings.count };
  }

  /** What has expired is known by the upper tiles. */
  async #begin({ size, kept }: Head): Promise<void> {
    this.#size = size;
    for (let entry = 0; entry < kept / tileHashes; entry++) {
      const hash = this.#tiles.entry(1, entry);
      if (hash === undefined) return this.#verification.missing(kept - this.#verification.size, `the hashes of records ${entry * tileHashes} to ${kept - 1}, which have expired, are not there`);
      this.#tiles.check(this.#verification.expire(8, hash), 8);
      if (this.#verification.isDue) await this.#verification.compare();
    }
  }

  async #block({ first, records, damaged }: FoundBlock): Promise<void> {
    const verification = this.#verification;
    const { findings, size } = verification;
    if (!(first >= size)) return findings.add("changed", `a block begins at record ${first}, which another one has`, first);
    if (first > size) verification.missing(first - size, `records ${size} to ${first - 1} are not there`);
    this.#beginBlock(first, first === size);
    if (damaged) findings.add("changed", `the block of record ${first} is not as it was written`, first);
    if (records === undefined) return this.#unreadable(first);
    for (const record of records) {
      if (verification.size >= this.#size) return findings.add("changed", `there is something behind the ${this.#size} records that the log has`);
      this.#tiles.check(verification.record(this.#found(record)), 0);
      if (verification.size % groupRecords === 0) this.#endGroup();
      if (verification.isDue) await verification.compare();
    }
  }

  #beginBlock(first: number, follows: boolean): void {
    const group = Math.floor(first / groupRecords);
    if (group !== this.#group) this.#firsts = follows || first % groupRecords === 0 ? [] : undefined;
    else if (!follows) this.#firsts = undefined;
    this.#group = group;
    this.#firsts?.push(first % groupRecords);
  }

  /** Its records are as many as are not in the next one. */
  #unreadable(first: number): void {
    const group = this.#reading.group(Math.floor(first / groupRecords));
    const start = first - (first % groupRecords);
    const next = typeof group === "object" ? group.firsts.find((each) => start + each > first) : undefined;
    this.#verification.lose(Math.min(this.#size, next === undefined ? start + groupRecords : start + next) - first);
  }

  #found(record: StoredRecord): { salt?: Buffer; payload?: Buffer; expected?: Buffer } {
    const index = this.#verification.size;
    const isWhole = index < this.#size - (this.#size % groupRecords) && this.#size !== Infinity;
    const expected = isWhole ? this.#tiles.entry(0, index) : undefined;
    if ("payload" in record) return { salt: record.salt, payload: record.payload, ...(expected === undefined ? {} : { expected }) };
    if (expected !== undefined && !equalHashes(expected, record.hash)) this.#verification.findings.add("changed", `record ${index}, which was redacted, is not of its hash any more`, index);
    return { expected: expected ?? record.hash };
  }

  #endGroup(): void {
    const number = this.#verification.size / groupRecords - 1;
    const group = this.#reading.group(number);
    const firsts = this.#firsts;
    // One that is damaged is told with the other rows.
    if (group === "damaged" || firsts === undefined) return;
    if (group === undefined) this.#verification.findings.add("missing", `the row of group ${number} is not there`, number * groupRecords);
    else if (group.firsts.join() !== firsts.join()) this.#verification.findings.add("changed", `the row of group ${number} does not say where its blocks begin`, number * groupRecords);
  }
}

/** The tiles as they are stored. Each is complained of once. */
class StoredTiles {
  readonly #reading: LogReading;
  readonly #verification: Verification;
  /** Of each level the one read last. */
  readonly #last: { tile: number; hashes: Buffer | undefined; bad: boolean }[] = [];

  constructor(reading: LogReading, verification: Verification) {
    this.#reading = reading;
    this.#verification = verification;
  }

  /** Undefined: it is not there, which is a finding. */
  entry(level: number, number: number): Buffer | undefined {
    const tile = Math.floor(number / tileHashes);
    const last = this.#read(level, tile);
    const at = (number % tileHashes) * hashBytes;
    const hash = last.hashes?.subarray(at, at + hashBytes);
    if (hash?.length === hashBytes) return hash;
    if (!last.bad) this.#verification.findings.add(last.hashes === undefined ? "missing" : "changed", `tile ${tile} of level ${level} has not all of its hashes`, tile * tileHashes ** (level + 1));
    last.bad = true;
    return undefined;
  }

  /** Holds the roots of subtrees that have become full, of this height and following, against the upper tiles. */
  check(full: readonly Buffer[], height: number): void {
    for (let level = 1; level * 8 - height < full.length; level++) {
      const root = full[level * 8 - height];
      const number = this.#verification.size / tileHashes ** level - 1;
      const last = this.#read(level, Math.floor(number / tileHashes));
      const entry = root === undefined ? undefined : this.entry(level, number);
      if (root === undefined || entry === undefined || last.bad || equalHashes(entry, root)) continue;
      this.#verification.findings.add("changed", `tile ${last.tile} of level ${level} is not of the hashes below it`, number * tileHashes ** level);
      last.bad = true;
    }
  }

  #read(level: number, tile: number): { tile: number; hashes: Buffer | undefined; bad: boolean } {
    const last = this.#last[level];
    if (last?.tile === tile) return last;
    const found = this.#reading.tile(level, tile);
    // One that is damaged is told with the other rows.
    return (this.#last[level] = { tile, hashes: found === "damaged" ? undefined : found, bad: found === "damaged" });
  }
}
