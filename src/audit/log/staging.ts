import { randomFillSync } from "node:crypto";

import type { Instant } from "../../base/clock.js";
import type { AuditEntry } from "../../model/audit.js";
import type { Tile, TileEdge } from "../tree/tiles.js";
import { BlockBuilder, groupRecords, saltBytes } from "./block.js";
import { decodeGroup, encodeGroup, type Group } from "./group.js";
import { encodeHead, type Head } from "./head.js";
import { blockKey, groupKey, headKey, tileKey } from "./keys.js";
import type { RawBatch, RawLog } from "./raw.js";
import type { Run } from "./run.js";
import { seal, unseal } from "./seal.js";
import { eachTerm } from "./terms.js";

/** The records of one batch, as they become rows. What they make of the head is published only once the batch is on the disk. */
export class Staging {
  readonly batch: RawBatch;
  readonly #edge: TileEdge;
  readonly #run: Run;
  readonly #block: BlockBuilder;
  readonly #salts: Buffer;
  /** The last state of each: those above level 0 grow several times in a large batch. */
  readonly #tiles = new Map<string, Tile>();
  #head: Writable<Head>;
  #size: number;
  #bytes: number;
  #high: Instant;
  #late: number;
  #group: Writable<Group>;
  #last: AuditEntry | undefined;
  #salted = 0;

  constructor(raw: RawLog, head: Head, parts: { readonly edge: TileEdge; readonly run: Run; readonly block: BlockBuilder }, count: number) {
    this.batch = raw.batch();
    this.#edge = parts.edge;
    this.#run = parts.run;
    this.#block = parts.block;
    this.#block.clear();
    this.#salts = randomFillSync(Buffer.allocUnsafe(count * saltBytes));
    this.#head = { ...head };
    this.#size = head.size;
    this.#bytes = head.bytes;
    this.#high = head.high;
    this.#late = head.late;
    this.#group = head.size % groupRecords === 0 ? this.#newGroup() : readGroup(raw, Math.floor(head.size / groupRecords));
  }

  add(payload: Buffer, ownSalt?: Uint8Array): void {
    const salt = ownSalt ?? this.#salts.subarray(this.#salted, (this.#salted += saltBytes));
    if (this.#block.records === 0) (this.#group.firsts as number[]).push(this.#size % groupRecords);
    for (const tile of this.#edge.append(this.#block.add(salt, payload))) this.#tiles.set(`${tile.level}/${tile.index}`, tile);
    this.#size++;
    const entry = JSON.parse(payload.toString()) as AuditEntry;
    this.#run.next();
    eachTerm(entry, (high, low) => this.#run.add(high, low));
    this.#note(entry);
    if (this.#block.isFull || this.#size % groupRecords === 0) this.#endBlock();
    if (this.#size % groupRecords === 0) this.#endGroup();
  }

  /** Puts in what every batch ends with, and returns the head that it makes. */
  finish(sequence: number, more: Partial<Head> = {}): Head {
    if (this.#block.records > 0) this.#endBlock();
    if (this.#size % groupRecords !== 0) this.#putGroup(Math.floor(this.#size / groupRecords));
    for (const { level, index, hashes } of this.#tiles.values()) {
      const key = tileKey(level, index);
      this.batch.put(key, seal(key, hashes));
    }
    const counted = { size: this.#size, bytes: this.#bytes, high: this.#high, late: this.#late, root: this.#edge.root().toString("hex") };
    const last = this.#last && { last: { kind: this.#last.kind, at: this.#last.at } };
    const head = { ...this.#head, ...counted, ...last, ...more, sequence };
    this.batch.put(headKey, seal(headKey, encodeHead(head)));
    return head;
  }

  #note(entry: AuditEntry): void {
    this.#noteInstant(entry.at);
    this.#last = entry;
    if (entry.kind === "key") this.#head.key = entry.key;
    if (entry.kind === "sampling") this.#head.oneIn = entry.oneIn;
  }

  /** What is no instant must not stand in the way of searching by those that are. */
  #noteInstant(at: Instant): void {
    if (!Number.isFinite(at)) return;
    this.#late = Math.max(this.#late, this.#high - at);
    this.#high = Math.max(this.#high, at);
    const group = this.#group;
    group.lowest = Math.min(group.lowest, at);
    group.highest = Math.max(group.highest, at);
    group.high = this.#high;
  }

  #endBlock(): void {
    const bytes = this.#block.view();
    const key = blockKey(this.#size - this.#block.records);
    this.batch.put(key, seal(key, bytes));
    this.#bytes += bytes.length;
    this.#block.clear();
  }

  #endGroup(): void {
    this.#putGroup(this.#size / groupRecords - 1);
    this.#group = this.#newGroup();
  }

  #putGroup(number: number): void {
    const key = groupKey(number);
    this.batch.put(key, seal(key, encodeGroup(this.#group)));
  }

  #newGroup(): Group {
    return { lowest: Number.POSITIVE_INFINITY, highest: Number.NEGATIVE_INFINITY, high: this.#high, bytesBefore: this.#bytes, firsts: [] };
  }
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

function readGroup(raw: RawLog, number: number): Group {
  const key = groupKey(number);
  return decodeGroup(unseal(key, raw.get(key) ?? Buffer.alloc(0)));
}
