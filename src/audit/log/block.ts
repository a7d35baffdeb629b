import { hash } from "node:crypto";

import { limits } from "../../base/limits.js";
import { hashBytes } from "../tree/merkle.js";
import { damaged } from "./seal.js";

/** Records of one group stand in blocks of their own, and share a tile of level 0 and a row that says where the blocks begin. */
export const groupRecords = 256;

export const saltBytes = 16;

const lengthBytes = 4;
const keptTag = 0;
const redactedTag = 2;

/** A record as it is stored. Views of the block. */
export type StoredRecord =
  | { readonly salt: Buffer; readonly payload: Buffer; readonly leaf: Buffer }
  | { readonly hash: Buffer };

/**
 * Puts records together to a block. Each is its length and what follows; one that is kept is exactly what its hash is of, the first byte included. By
 * example `{}` with the salt 01…01, and one that was redacted:
 *
 *     00 00 00 13 | 00 | 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 | 7b 7d        SHA-256 of all behind the length
 *     00 00 00 21 | 02 | 32 bytes of the hash
 */
export class BlockBuilder {
  #bytes = Buffer.allocUnsafe(4 * limits.auditBlockBytesMax);
  #length = 0;
  #records = 0;

  get records(): number {
    return this.#records;
  }

  /** No record more belongs into it. */
  get isFull(): boolean {
    return this.#length >= limits.auditBlockBytesMax;
  }

  /** Returns the hash of the record. */
  add(salt: Uint8Array, payload: Uint8Array): Buffer {
    const start = this.#length + lengthBytes;
    this.#reserve(lengthBytes + 1 + saltBytes + payload.length);
    const bytes = this.#bytes;
    bytes[start] = keptTag;
    bytes.set(salt, start + 1);
    bytes.set(payload, start + 1 + saltBytes);
    const end = start + 1 + saltBytes + payload.length;
    bytes.writeUInt32BE(end - start, this.#length);
    this.#length = end;
    this.#records++;
    return hash("sha256", bytes.subarray(start, end), "buffer");
  }

  /** As it stands in another block. */
  copy(record: StoredRecord): void {
    if ("leaf" in record) this.#put(record.leaf);
    else this.redact(record.hash);
  }

  redact(leafHash: Uint8Array): void {
    this.#put(Buffer.concat([Buffer.of(redactedTag), leafHash]));
  }

  /** A view, until something is added after `clear`. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    this.#records = 0;
  }

  #put(content: Uint8Array): void {
    this.#reserve(lengthBytes + content.length);
    this.#bytes.writeUInt32BE(content.length, this.#length);
    this.#bytes.set(content, this.#length + lengthBytes);
    this.#length += lengthBytes + content.length;
    this.#records++;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * needed);
    larger.set(this.view());
    this.#bytes = larger;
  }
}

/** @throws `store_corrupt` for what is no block */
export function readBlock(bytes: Buffer): StoredRecord[] {
  const records: StoredRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at + lengthBytes;
    const end = start > bytes.length ? Number.NaN : start + bytes.readUInt32BE(at);
    if (!(end <= bytes.length)) throw damaged("a block is cut");
    records.push(readRecord(bytes.subarray(start, end)));
    at = end;
  }
  return records;
}

function readRecord(leaf: Buffer): StoredRecord {
  if (leaf[0] === keptTag && leaf.length >= 1 + saltBytes) return { salt: leaf.subarray(1, 1 + saltBytes), payload: leaf.subarray(1 + saltBytes), leaf };
  if (leaf[0] === redactedTag && leaf.length === 1 + hashBytes) return { hash: leaf.subarray(1) };
  throw damaged("a block holds what is no record");
}

export function hashOf(record: StoredRecord): Buffer {
  return "hash" in record ? record.hash : hash("sha256", record.leaf, "buffer");
}
