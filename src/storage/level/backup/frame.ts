import { crc32 } from "node:zlib";

import { limits } from "../../../base/limits.js";
import { Damaged, FileReader } from "../file-reader.js";

/**
 * A backup file is its magic and frames. Each frame says what it is and how long, and has a checksum of its own, so that a file
 * that was cut or altered is known as soon as it is read there; the last one has a digest over all that is before it. By example:
 *
 *     75736865 72206261 636b7570 0a    "usher backup\n"
 *     01 | 00000172 | crc32 | {"version":1,"kind":"full","store":"0a1b2c3d",…}      the header, JSON
 *     02 | 0003fff1 | crc32 | 14 2a key value, 15 2a key value, …                  rows, in the order of their keys
 *     …
 *     03 | 00000070 | crc32 | {"rows":4711,"sha256":"9f…"}                         the trailer; nothing follows it
 *
 * The kind is one byte, the length four, most significant first, as is the CRC-32, which is over kind, length and content. A row
 * is the lengths of its key and its value, in LEB128, and both.
 */
export const magic = Buffer.from("usher backup\n");

export const frameKind = { header: 1, rows: 2, trailer: 3 } as const;

export const frameHeadBytes = 9;

export interface FrameHead {
  readonly kind: number;
  readonly length: number;
  readonly sum: number;
}

export type Row = readonly [key: Buffer, value: Buffer];

export function encodeFrame(kind: number, content: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(frameHeadBytes + content.length);
  frame[0] = kind;
  frame.writeUInt32BE(content.length, 1);
  frame.writeUInt32BE(sumOf(frame.subarray(0, 5), content), 5);
  content.copy(frame, frameHeadBytes);
  return frame;
}

export function encodeJsonFrame(kind: number, value: unknown): Buffer {
  return encodeFrame(kind, Buffer.from(JSON.stringify(value)));
}

/** @throws `Damaged` */
export function readFrameHead(bytes: Buffer): FrameHead {
  const head = { kind: bytes.readUInt8(0), length: bytes.readUInt32BE(1), sum: bytes.readUInt32BE(5) };
  if (head.length > limits.backupFrameBytesMax) throw new Damaged("a frame of it is longer than frames are");
  return head;
}

/** @throws `Damaged` */
export function checkFrame(head: Buffer, content: Buffer): void {
  if (head.readUInt32BE(5) !== sumOf(head.subarray(0, 5), content)) throw new Damaged("a frame of it does not match its checksum");
}

function sumOf(kindAndLength: Buffer, content: Buffer): number {
  return crc32(content, crc32(kindAndLength));
}

/** Collects rows into frames of about `limits.backupPieceBytesMax`. */
export class RowFrames {
  #parts: Buffer[] = [];
  #bytes = 0;
  rows = 0;

  /** A frame, where the rows so far have filled one. */
  add([key, value]: Row): Buffer | undefined {
    const lengths = Buffer.from([...leb128(key.length), ...leb128(value.length)]);
    this.#parts.push(lengths, key, value);
    this.#bytes += lengths.length + key.length + value.length;
    this.rows++;
    return this.#bytes >= limits.backupPieceBytesMax ? this.flush() : undefined;
  }

  flush(): Buffer | undefined {
    if (this.#bytes === 0) return undefined;
    const frame = encodeFrame(frameKind.rows, Buffer.concat(this.#parts, this.#bytes));
    this.#parts = [];
    this.#bytes = 0;
    return frame;
  }
}

/** @throws `Damaged` */
export function decodeRows(content: Buffer): Row[] {
  const reader = new FileReader(content);
  const rows: Row[] = [];
  while (reader.at < reader.end) {
    const keyBytes = reader.number();
    const valueBytes = reader.number();
    rows.push([reader.take(keyBytes), reader.take(valueBytes)]);
  }
  return rows;
}

function leb128(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 0x80)) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest % 0x80) | 0x80);
  }
}
