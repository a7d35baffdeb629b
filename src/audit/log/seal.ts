import { crc32 } from "node:zlib";

import { UsherError } from "../../base/errors.js";

const checksumBytes = 4;

/**
 * Every value begins with the CRC-32 of its key and its body: LevelDB's binding does not verify the checksums of what it reads.
 *
 *     value of key K with body B:  crc32(K B), 4 bytes | B
 */
export function seal(key: Buffer, body: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(checksumBytes + body.length);
  value.writeUInt32BE(crc32(body, crc32(key)), 0);
  value.set(body, checksumBytes);
  return value;
}

/** The body, a view of the value. @throws `store_corrupt` */
export function unseal(key: Buffer, value: Buffer): Buffer {
  const body = value.subarray(checksumBytes);
  if (value.length >= checksumBytes && value.readUInt32BE(0) === crc32(body, crc32(key))) return body;
  throw damaged(`its row ${key.toString("hex")} does not match its checksum`);
}

export function damaged(what: string): UsherError {
  return new UsherError("store_corrupt", `the decision log is damaged: ${what}: keep the folder as evidence, and restore it from a copy, or begin another`);
}
