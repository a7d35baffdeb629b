import type { Context } from "../../model/context.js";
import type { StoredTuple, Tuple } from "../../model/tuple.js";
import type { Revision } from "../../model/zookie.js";
import type { TupleKey } from "../store.js";
import { seal, unseal } from "./seal.js";

/** What a tuple's row says beyond its key. */
export interface Row {
  readonly tuple: StoredTuple;
  /** Of a version that ended: the first revision at which it no longer stood. */
  readonly until?: Revision;
}

const hasCondition = 1;
const hasExpiration = 2;
const hasEnded = 4;

/**
 * A tuple's value. By example, `document:1#viewer@user:ana` since revision 300 is 7 bytes, and
 * with a condition and an expiration, ended at revision 301:
 *
 *     crc32 | 00 | ac 02
 *     crc32 | 07 | ac 02 | ad 02 | 42 78 bc fe 56 80 00 00 | 06 onhost | {"ips":["10.0.0.0/8"]}
 *             what follows
 *                  since   until   expiresAt, a double       name        its context, JSON to the end
 *
 * Revisions and lengths are LEB128. JSON keeps what other encodings bend: a field named `__proto__`, lone surrogates.
 */
export function encodeRow(key: Buffer, tuple: Tuple, since: Revision, until?: Revision): Buffer {
  const { condition, expiresAt } = tuple;
  const bytes = [(condition ? hasCondition : 0) | (expiresAt === undefined ? 0 : hasExpiration) | (until === undefined ? 0 : hasEnded)];
  pushNumber(bytes, since);
  if (until !== undefined) pushNumber(bytes, until);
  if (!condition && expiresAt === undefined) return seal(key, Uint8Array.from(bytes));
  const parts: Uint8Array[] = [];
  if (expiresAt !== undefined) {
    const double = Buffer.allocUnsafe(8);
    double.writeDoubleBE(expiresAt);
    parts.push(double);
  }
  if (condition) {
    const name = Buffer.from(condition.name);
    const length: number[] = [];
    pushNumber(length, name.length);
    parts.push(Uint8Array.from(length), name, Buffer.from(JSON.stringify(condition.context)));
  }
  return seal(key, Buffer.concat([Uint8Array.from(bytes), ...parts]));
}

/** @throws `store_corrupt` */
export function decodeRow(key: Buffer, value: Buffer, identity: TupleKey): Row {
  const body = new Reader(unseal(key, value));
  const flags = body.byte();
  const since = body.number();
  const { object, relation, subject } = identity;
  if (flags === 0) return { tuple: { object, relation, subject, since } };
  const until = flags & hasEnded ? body.number() : undefined;
  const expiresAt = flags & hasExpiration ? body.double() : undefined;
  const condition = flags & hasCondition ? { name: body.text(body.number()), context: JSON.parse(body.rest()) as Context } : undefined;
  const tuple: StoredTuple = {
    object,
    relation,
    subject,
    ...(condition === undefined ? {} : { condition }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    since,
  };
  return until === undefined ? { tuple } : { tuple, until };
}

/** Reads a body from its front; the checksum vouches that what is read is there. */
class Reader {
  #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  double(): number {
    this.#at += 8;
    return this.#bytes.readDoubleBE(this.#at - 8);
  }

  text(length: number): string {
    this.#at += length;
    return this.#bytes.toString("utf8", this.#at - length, this.#at);
  }

  rest(): string {
    return this.#bytes.toString("utf8", this.#at);
  }
}

function pushNumber(bytes: number[], value: number): void {
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  bytes.push(value);
}
