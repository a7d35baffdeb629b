import { crc32 } from "node:zlib";
import { UsherError } from "../base/errors.js";
import { quote } from "./object.js";

/** One commit of a store, counted from 1; 0 is the empty store. A safe integer. */
export type Revision = number;

/** A tenant's number within its store; never given twice. */
export type TenantId = number;

/** What a zookie says. The token is opaque to clients; servers and the command line read it. */
export interface ZookieParts {
  /** The store's identity, 8 hex digits. */
  readonly store: string;
  /** The timeline, 8 hex digits; a restore begins a new one. */
  readonly timeline: string;
  readonly tenant: TenantId;
  readonly revision: Revision;
}

const version = 1;

/**
 * A URL-safe string. By example, store `0a1b2c3d`, timeline `00000001`, tenant 1, revision 300:
 *
 *     01 | 0a 1b 2c 3d | 00 00 00 01 | 01 | ac 02 | f2 5e 00 1b
 *     version  store      timeline     tenant  revision, both as LEB128;  crc32 of all before
 *
 * The checksum catches a mistyped or cut token: a wrong character, being at most 6 bits in a row, always.
 * It is no signature, since a zookie grants nothing.
 */
export function encodeZookie(parts: ZookieParts): string {
  const body = Buffer.from([
    version,
    ...Buffer.from(parts.store, "hex"),
    ...Buffer.from(parts.timeline, "hex"),
    ...leb128(parts.tenant),
    ...leb128(parts.revision),
  ]);
  return Buffer.concat([body, checksum(body)]).toString("base64url");
}

/** @throws `invalid_zookie` */
export function decodeZookie(token: string): ZookieParts {
  const bytes = Buffer.from(typeof token === "string" ? token : "", "base64url");
  if (bytes.length >= bytesMin && bytes.length <= bytesMax && bytes[0] === version) {
    const parts = readParts(bytes);
    // There is one way to write a zookie, so whatever else was sent differs from it, in its checksum at least.
    if (Number.isSafeInteger(parts.tenant) && Number.isSafeInteger(parts.revision) && encodeZookie(parts) === token) return parts;
  }
  throw new UsherError("invalid_zookie", `zookie ${quote(token)} is not one: pass a zookie as an answer gave it`);
}

/** With a tenant and a revision of one byte each, and of the eight that a safe integer takes at most. */
const bytesMin = 15;
const bytesMax = 29;

function readParts(bytes: Buffer): ZookieParts {
  const [tenant, afterTenant] = readLeb128(bytes, 9);
  const [revision] = readLeb128(bytes, afterTenant);
  return { store: bytes.toString("hex", 1, 5), timeline: bytes.toString("hex", 5, 9), tenant, revision };
}

function checksum(body: Uint8Array): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return sum;
}

function leb128(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  bytes.push(value);
  return bytes;
}

function readLeb128(bytes: Uint8Array, offset: number): [value: number, next: number] {
  let value = 0;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = bytes[offset++] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, offset];
  }
}
