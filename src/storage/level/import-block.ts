import type { Context } from "../../model/context.js";
import type { TupleShape } from "../../model/schema/schema.js";
import { wildcardId } from "../../model/subject.js";
import type { Tuple } from "../../model/tuple.js";
import type { PlacedTuple, TupleKey } from "../store.js";
import { identityFields } from "./keys.js";

/**
 * A tuple on its way through staging. `order` is its identity in the order of the index by object, a
 * character a byte of its UTF-8, so that JavaScript's order of texts is the order of keys. By example,
 * `document:1#viewer@user:ana`, whose expiration is an instant, from line 7 of a file:
 *
 *     { order: "document\0001\0viewer\0user\0\0ana", position: 7, rest: '{"e":1800000000000}' }
 */
export interface StagedTuple {
  readonly order: string;
  readonly position: number;
  /** Its condition and expiration as JSON; empty where it has neither. */
  readonly rest: string;
}

/** What a staged tuple has beyond its identity: `n` and `c` the condition's name and context, `e` the expiration. */
interface Rest {
  readonly n?: string;
  readonly c?: Context;
  readonly e?: number;
}

// eslint-disable-next-line no-control-regex
const ascii = /^[\x00-\x7f]*$/;

/** The text as one character a byte of its UTF-8. */
function bytesText(text: string): string {
  return ascii.test(text) ? text : Buffer.from(text).toString("latin1");
}

/** Takes back `bytesText`. */
function textOfBytes(bytes: string): string {
  return ascii.test(bytes) ? bytes : Buffer.from(bytes, "latin1").toString();
}

export function stageTuple({ tuple, position }: PlacedTuple): StagedTuple {
  const { condition, expiresAt } = tuple;
  const plain = condition === undefined && expiresAt === undefined;
  const rest: Rest = { ...(condition && { n: condition.name, c: condition.context }), ...(expiresAt !== undefined && { e: expiresAt }) };
  return { order: bytesText(identityFields("object", tuple).join("\0")), position, rest: plain ? "" : JSON.stringify(rest) };
}

/** The parts of an order, each a character a byte still. Where they equal those of the tuple `before` they are the same texts: neighbours share most. */
export function fieldsOf(order: string, before: readonly string[] = []): readonly string[] {
  const type = order.indexOf("\0");
  const id = order.indexOf("\0", type + 1);
  const relation = order.indexOf("\0", id + 1);
  const subjectType = order.indexOf("\0", relation + 1);
  const subjectRelation = order.indexOf("\0", subjectType + 1);
  return [
    shared(order.slice(0, type), before[0]),
    shared(order.slice(type + 1, id), before[1]),
    shared(order.slice(id + 1, relation), before[2]),
    shared(order.slice(relation + 1, subjectType), before[3]),
    shared(order.slice(subjectType + 1, subjectRelation), before[4]),
    shared(order.slice(subjectRelation + 1), before[5]),
  ];
}

function shared(text: string, known: string | undefined): string {
  return text === known ? known : text;
}

/** The shape of a tuple that has neither condition nor expiration. */
export function plainShapeOf([objectType = "", , relation = "", subjectType = "", subjectRelation = "", subjectId = ""]: readonly string[]): TupleShape {
  return { objectType, relation, subjectType, subjectRelation, wildcard: subjectId === wildcardId, condition: "", expiring: false };
}

export function identityOf(fields: readonly string[]): TupleKey {
  const [type = "", id = "", relation = "", subjectType = "", subjectRelation = "", subjectId = ""] = fields;
  return { object: { type, id: textOfBytes(id) }, relation, subject: { type: subjectType, id: textOfBytes(subjectId), relation: subjectRelation } };
}

export function tupleOf({ rest }: StagedTuple, fields: readonly string[]): Tuple {
  const { object, relation, subject } = identityOf(fields);
  if (rest === "") return { object, relation, subject };
  const { n, c, e } = JSON.parse(rest) as Rest;
  return { object, relation, subject, ...(n !== undefined && { condition: { name: n, context: c ?? {} } }), ...(e !== undefined && { expiresAt: e }) };
}

/** By identity, and of one identity the first in its source. */
export function before(a: StagedTuple, b: StagedTuple): boolean {
  return a.order < b.order || (a.order === b.order && a.position < b.position);
}

export function stagedBytes({ order, rest }: StagedTuple): number {
  return order.length + rest.length + overheadBytes;
}

/** Two lengths and a position, as they are written, and a little. */
const overheadBytes = 12;

/**
 * The tuples one after the other; lengths are 2 and 4 bytes, the position 4:
 *
 *     001f | document 00 1 00 viewer 00 user 00 00 ana | 00000007 | 00000013 | {"e":1800000000000}
 */
export function encodeBlock(tuples: readonly StagedTuple[]): Buffer {
  const bytes = Buffer.allocUnsafe(tuples.reduce((sum, { order, rest }) => sum + 10 + order.length + Buffer.byteLength(rest), 0));
  let at = 0;
  for (const { order, position, rest } of tuples) {
    at = bytes.writeUInt16BE(order.length, at);
    at += bytes.write(order, at, "latin1");
    at = bytes.writeUInt32BE(position, at);
    const length = rest === "" ? 0 : bytes.write(rest, at + 4, "utf8");
    at = bytes.writeUInt32BE(length, at) + length;
  }
  return bytes;
}

/** Reads a block from its front, a tuple at a time: a merge has a block of each run in memory, and tuples by the ten thousand would fill it. */
export class BlockReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Undefined at the end. */
  next(): StagedTuple | undefined {
    const bytes = this.#bytes;
    if (this.#at >= bytes.length) return undefined;
    const start = this.#at + 2;
    const orderEnd = start + bytes.readUInt16BE(this.#at);
    const restStart = orderEnd + 8;
    this.#at = restStart + bytes.readUInt32BE(orderEnd + 4);
    return {
      order: bytes.toString("latin1", start, orderEnd),
      position: bytes.readUInt32BE(orderEnd),
      rest: restStart === this.#at ? "" : bytes.toString("utf8", restStart, this.#at),
    };
  }
}
