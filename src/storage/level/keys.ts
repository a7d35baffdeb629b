import type { Instant } from "../../base/clock.js";
import type { TupleShape } from "../../model/schema/schema.js";
import type { Revision, TenantId } from "../../model/zookie.js";
import type { TupleKey } from "../store.js";

/**
 * Keys, ordered by bytes. The first byte is the keyspace, then the tenant as 4 bytes, most significant
 * first; names and ids hold no control characters, so 0x00 separates them and a shorter field sorts
 * first. Revisions and instants are 8 bytes, most significant first. By example, for tenant 1:
 *
 *     document:1#viewer@user:ana, standing since revision 7, and document:1#viewer@team:sre#member
 *     10 00000001 document 00 1 00 viewer 00 team 00 member 00 sre        the head, by object
 *     10 00000001 document 00 1 00 viewer 00 user 00        00 ana        (an empty subject relation)
 *     11 00000001 user 00 ana 00  00 document 00 viewer 00 1              the head, by subject
 *     12 00000001 document 00 … 00 ana 00 0000000000000007                a version that ended, by object
 *     13 00000001 user 00 ana 00 … 00 1 00 0000000000000007               the same, by subject
 *
 * The subject's relation stands before its id, so that the usersets of one `type#relation`, and all
 * plain subjects of one type, are one range. By subject the object's id stands last, so that what one
 * subject has by one relation of one type is one range.
 *
 *     20 0000000000000008                                                 the log: revision 8
 *     21 00000001 0000000000000008                                        tenant 1 has revision 8
 *     22 0000018bcfe56800 0000000000000008                                revision 8 is of that instant
 *     30 00000001 0000000000000002                                        the schema written by revision 2
 *     40 00000001 document 00 viewer 00 user 00  00 - 00  00 -            how many tuples of the shape
 *     50 00000001 <sha-256>                                               a request id's outcome
 *     51 0000018bcfe56800 00000001 <sha-256>                              the same, by age
 *     60 00000001 00000003 00000000 00000012                              import 3 of tenant 1: run 0, block 18
 *     61 00000001 00000003                                                how far import 3 is, or what it came to
 *     01 head                                                             of the store itself, by name
 */
const space = {
  meta: 0x01,
  headByObject: 0x10,
  headBySubject: 0x11,
  pastByObject: 0x12,
  pastBySubject: 0x13,
  log: 0x20,
  logByTenant: 0x21,
  logByTime: 0x22,
  schema: 0x30,
  counter: 0x40,
  request: 0x50,
  requestByAge: 0x51,
  staged: 0x60,
  import: 0x61,
} as const;

/** Both orders in which tuples stand. */
export type Side = "object" | "subject";

const headSpace = { object: space.headByObject, subject: space.headBySubject } as const;
const pastSpace = { object: space.pastByObject, subject: space.pastBySubject } as const;

/** 0x00 and a revision, which follow the identity in the key of a version that ended. */
const pastSuffixBytes = 9;

/** The fields of a tuple's identity in the order of a side; every key of a tuple, and every prefix, is made of them. */
export function identityFields(side: Side, key: TupleKey): string[] {
  const { object, relation, subject } = key;
  return side === "object"
    ? [object.type, object.id, relation, subject.type, subject.relation, subject.id]
    : [subject.type, subject.id, subject.relation, object.type, relation, object.id];
}

/** Which fields of the order by object make that by subject. */
export const fieldsBySubject = [3, 5, 4, 0, 2, 1] as const;

export function headKey(side: Side, tenant: TenantId, key: TupleKey): Buffer {
  return textKey(headSpace[side], tenant, identityFields(side, key).join("\0"));
}

/** The same from the fields themselves, each a character a byte of its UTF-8, as staged tuples have them. */
export function headKeyOfBytes(side: Side, tenant: TenantId, text: string): Buffer {
  const key = Buffer.allocUnsafe(headPrefixBytes + text.length);
  key.write(text, writeHeadPrefix(key, 0, side, tenant), "latin1");
  return key;
}

/** The keyspace and the tenant, which a head key begins with. */
export const headPrefixBytes = 5;

/** Gives where the identity begins. */
export function writeHeadPrefix(bytes: Buffer, at: number, side: Side, tenant: TenantId): number {
  bytes[at] = headSpace[side];
  return bytes.writeUInt32BE(tenant, at + 1);
}

export function pastKey(side: Side, tenant: TenantId, key: TupleKey, since: Revision): Buffer {
  const text = identityFields(side, key).join("\0");
  const bytes = textKey(pastSpace[side], tenant, text, pastSuffixBytes);
  bytes[bytes.length - pastSuffixBytes] = 0;
  writeUint64(bytes, since, bytes.length - 8);
  return bytes;
}

/** Where the identity ends in a key of a version that ended, and since when that version stood. */
export function splitPastKey(key: Buffer): { identityEnd: number; since: Revision } {
  return { identityEnd: key.length - pastSuffixBytes, since: readUint64(key, key.length - 8) };
}

/** Of a head key, or of a past key cut at `identityEnd`. */
export function parseIdentity(side: Side, key: Buffer, end: number): TupleKey {
  const [a = "", b = "", c = "", d = "", e = "", f = ""] = key.toString("utf8", 5, end).split("\0");
  return side === "object"
    ? { object: { type: a, id: b }, relation: c, subject: { type: d, relation: e, id: f } }
    : { object: { type: d, id: f }, relation: e, subject: { type: a, id: b, relation: c } };
}

export interface KeyRange {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

/** All head keys of a side whose fields begin with the text: `document\0` is all documents, `document\0a` those with an id that begins with `a`. */
export function headRange(side: Side, tenant: TenantId, prefix: string): KeyRange {
  return prefixRange(textKey(headSpace[side], tenant, prefix));
}

export function pastRange(side: Side, tenant: TenantId, prefix: string): KeyRange {
  return prefixRange(textKey(pastSpace[side], tenant, prefix));
}

export function metaKey(name: string): Buffer {
  return Buffer.from(`${String.fromCharCode(space.meta)}${name}`, "utf8");
}

export function metaRange(prefix: string): KeyRange {
  return prefixRange(metaKey(prefix));
}

export function metaName(key: Buffer): string {
  return key.toString("utf8", 1);
}

export function logKey(revision: Revision): Buffer {
  return numbersKey(space.log, revision);
}

export function parseLogKey(key: Buffer): Revision {
  return readUint64(key, 1);
}

export function tenantLogKey(tenant: TenantId, revision: Revision): Buffer {
  return tenantNumberKey(space.logByTenant, tenant, revision);
}

export function parseTenantLogKey(key: Buffer): Revision {
  return readUint64(key, 5);
}

export function timeLogKey(instant: Instant, revision: Revision): Buffer {
  return numbersKey(space.logByTime, instant, revision);
}

export function parseTimeLogKey(key: Buffer): { instant: Instant; revision: Revision } {
  return { instant: readUint64(key, 1), revision: readUint64(key, 9) };
}

export function schemaKey(tenant: TenantId, revision: Revision): Buffer {
  return tenantNumberKey(space.schema, tenant, revision);
}

export const allSchemas: KeyRange = prefixRange(Buffer.from([space.schema]));

export function parseSchemaKey(key: Buffer): { tenant: TenantId; revision: Revision } {
  return { tenant: key.readUInt32BE(1), revision: readUint64(key, 5) };
}

export function counterKey(tenant: TenantId, shape: TupleShape): Buffer {
  return textKey(space.counter, tenant, shapeText(shape));
}

export const allCounters: KeyRange = prefixRange(Buffer.from([space.counter]));

export function shapeText(shape: TupleShape): string {
  const flag = (set: boolean) => (set ? "+" : "-");
  return [
    shape.objectType, shape.relation, shape.subjectType, shape.subjectRelation,
    flag(shape.wildcard), shape.condition, flag(shape.expiring),
  ].join("\0");
}

export function parseCounterKey(key: Buffer): { tenant: TenantId; shape: TupleShape } {
  const [objectType = "", relation = "", subjectType = "", subjectRelation = "", wildcard, condition = "", expiring] =
    key.toString("utf8", 5).split("\0");
  return {
    tenant: key.readUInt32BE(1),
    shape: { objectType, relation, subjectType, subjectRelation, wildcard: wildcard === "+", condition, expiring: expiring === "+" },
  };
}

/** `digest`: SHA-256 over principal and request id, since either may hold any character. */
export function requestKey(tenant: TenantId, digest: Buffer): Buffer {
  const key = Buffer.allocUnsafe(5 + digest.length);
  key[0] = space.request;
  key.writeUInt32BE(tenant, 1);
  digest.copy(key, 5);
  return key;
}

/** The row that leads from a request's age to its `requestKey`, which it holds from its tenant on. */
export function requestAgeKey(instant: Instant, request: Buffer): Buffer {
  return Buffer.concat([numbersKey(space.requestByAge, instant), request.subarray(1)]);
}

export function parseRequestAgeKey(key: Buffer): { instant: Instant; request: Buffer } {
  return { instant: readUint64(key, 1), request: Buffer.concat([Buffer.from([space.request]), key.subarray(9)]) };
}

/** An import of a tenant, by its number within the store. */
export interface ImportName {
  readonly tenant: TenantId;
  readonly number: number;
}

export function stagedKey({ tenant, number }: ImportName, run: number, block: number): Buffer {
  const key = Buffer.allocUnsafe(17);
  key[0] = space.staged;
  [tenant, number, run, block].forEach((field, i) => key.writeUInt32BE(field, 1 + 4 * i));
  return key;
}

export function stagedRange({ tenant, number }: ImportName): KeyRange {
  return prefixRange(stagedKey({ tenant, number }, 0, 0).subarray(0, 9));
}

export const allStaged: KeyRange = prefixRange(Buffer.from([space.staged]));

export function importKey({ tenant, number }: ImportName): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = space.import;
  key.writeUInt32BE(tenant, 1);
  key.writeUInt32BE(number, 5);
  return key;
}

export const allImports: KeyRange = prefixRange(Buffer.from([space.import]));

/** Of a staged key or an import's. */
export function parseImportName(key: Buffer): ImportName {
  return { tenant: key.readUInt32BE(1), number: key.readUInt32BE(5) };
}

export type Keyspace = keyof typeof space;

const spaceNames = new Map<number, Keyspace>(Object.entries(space).map(([name, byte]) => [byte, name as Keyspace]));

/** Undefined: a key of no keyspace. */
export function keyspaceOf(key: Buffer): Keyspace | undefined {
  return spaceNames.get(key[0] ?? 0);
}

export function keyspaceRange(name: Keyspace): KeyRange {
  return prefixRange(Buffer.from([space[name]]));
}

/** Every row of a store. */
export const allRows: KeyRange = { gte: Buffer.from([0]), lt: Buffer.from([0xff]) };

/** Outcomes of request ids by age, from an instant on. */
export function requestAgesFrom(instant: Instant): KeyRange {
  return { gte: numbersKey(space.requestByAge, instant), lt: keyspaceRange("requestByAge").lt };
}

/** Of a key in a keyspace that begins with the tenant. */
export function keyTenant(key: Buffer): TenantId {
  return key.readUInt32BE(1);
}

/** Every range of keys that are of one tenant alone. What is by revision or by age, of all tenants, is not among them. */
export function tenantRanges(tenant: TenantId): KeyRange[] {
  const spaces = [
    space.headByObject, space.headBySubject, space.pastByObject, space.pastBySubject, space.logByTenant, space.schema, space.counter, space.request,
    space.staged, space.import,
  ];
  return spaces.map((each) => prefixRange(textKey(each, tenant, "")));
}

/** The keys that begin with these bytes: up to the prefix with its last byte raised by one, carried. */
function prefixRange(prefix: Buffer): KeyRange {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i--) {
    const byte = end[i] ?? 0;
    end[i] = (byte + 1) & 0xff;
    if (byte !== 0xff) break;
  }
  return { gte: prefix, lt: end };
}

function textKey(keyspace: number, tenant: TenantId, text: string, spare = 0): Buffer {
  const key = Buffer.allocUnsafe(5 + Buffer.byteLength(text) + spare);
  key[0] = keyspace;
  key.writeUInt32BE(tenant, 1);
  key.write(text, 5, "utf8");
  return key;
}

function tenantNumberKey(keyspace: number, tenant: TenantId, number: number): Buffer {
  const key = Buffer.allocUnsafe(13);
  key[0] = keyspace;
  key.writeUInt32BE(tenant, 1);
  writeUint64(key, number, 5);
  return key;
}

function numbersKey(keyspace: number, ...numbers: number[]): Buffer {
  const key = Buffer.allocUnsafe(1 + 8 * numbers.length);
  key[0] = keyspace;
  numbers.forEach((number, i) => writeUint64(key, number, 1 + 8 * i));
  return key;
}

/** Safe integers alone: the top 11 bits are zero. */
function writeUint64(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), offset);
  bytes.writeUInt32BE(value % 0x1_0000_0000, offset + 4);
}

function readUint64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32BE(offset) * 0x1_0000_0000 + bytes.readUInt32BE(offset + 4);
}
