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
 *     01 | 0a 1b 2c 3d | 00 00 00 01 | 01 | ac 02 | crc32 of these, low 2 bytes
 *     version  store      timeline     tenant  revision, both as LEB128
 *
 * The checksum catches a mistyped or cut token; it is no signature, since a zookie grants nothing.
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
  const bytes = Buffer.from(token, "base64url");
  const body = bytes.subarray(0, -2);
  if (bytes.length < 13 || bytes.length > 32 || bytes[0] !== version || bytes.toString("base64url") !== token || !checksum(body).equals(bytes.subarray(-2))) {
    throw new UsherError("invalid_zookie", `zookie ${quote(token)} is not one: pass a zookie as an answer gave it`);
  }
  const [tenant, afterTenant] = readLeb128(body, 9);
  const [revision] = readLeb128(body, afterTenant);
  return { store: body.toString("hex", 1, 5), timeline: body.toString("hex", 5, 9), tenant, revision };
}

function checksum(body: Uint8Array): Buffer {
  const sum = crc32(body);
  return Buffer.from([(sum >>> 8) & 0xff, sum & 0xff]);
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
