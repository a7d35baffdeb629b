import { crc32 as zlibCrc32 } from "node:zlib";

import { UsherError } from "../../base/errors.js";
import { crc32 } from "./crc.js";

/** Which every value begins with. */
export const checksumBytes = 4;

/** Longer rows are summed by zlib: a call of that costs as much as about so many bytes here. */
const shortBytes = 256;

/**
 * Every value begins with the CRC-32 of its key and its body: LevelDB's binding does not verify the
 * checksums of blocks that it reads, so without this a flipped bit would be another tuple.
 *
 *     value of key K with body B:  crc32(K B), 4 bytes | B
 */
export function seal(key: Buffer, body: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(checksumBytes + body.length);
  value.writeUInt32BE(sumOf(key, body), 0);
  value.set(body, checksumBytes);
  return value;
}

/** The body, a view of the value. @throws `store_corrupt` */
export function unseal(key: Buffer, value: Buffer): Buffer {
  const body = value.subarray(checksumBytes);
  if (value.length >= checksumBytes && value.readUInt32BE(0) === sumOf(key, body)) return body;
  throw new UsherError(
    "store_corrupt",
    `row ${key.toString("hex").slice(0, 80)} of the store does not match its checksum: restore the store from a backup`,
  );
}

function sumOf(key: Buffer, body: Uint8Array): number {
  if (key.length + body.length > shortBytes) return zlibCrc32(body, zlibCrc32(key));
  return crc32(body, 0, body.length, crc32(key, 0, key.length));
}

/** The value of a row that says everything with its key. */
const nothing = Buffer.alloc(0);

export function sealEmpty(key: Buffer): Buffer {
  return seal(key, nothing);
}

export function sealJson(key: Buffer, value: unknown): Buffer {
  return seal(key, Buffer.from(JSON.stringify(value)));
}

/** What `sealJson` wrote: the checksum vouches for its form. @throws `store_corrupt` */
export function unsealJson(key: Buffer, value: Buffer): unknown {
  return JSON.parse(unseal(key, value).toString()) as unknown;
}
