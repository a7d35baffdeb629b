import { createHash } from "node:crypto";

import { Packr } from "msgpackr";

import type { Context } from "../../model/context.js";
import type { Metadata } from "../../model/service.js";
import type { Tuple } from "../../model/tuple.js";
import type { Revision } from "../../model/zookie.js";
import type { Commit, StoredChange } from "../store.js";
import { logKey } from "./keys.js";
import { seal, unseal } from "./seal.js";

/** A commit as it stands in the log, with the hash of the record before it, and its own. */
export interface CommitRecord {
  readonly commit: Commit;
  /** SHA-256 of the predecessor's body; 32 zero bytes for revision 1. */
  readonly previous: Buffer;
  readonly hash: Buffer;
}

export const noHash = Buffer.alloc(32);

/**
 * The body, an array in MessagePack, so that names cost nothing. Metadata and contexts are JSON text,
 * which keeps field names and strings that MessagePack bends.
 *
 *     [previous, instant, tenant, principal, metadata, schema or null,
 *       [kind: 1 write 0 delete, object type, id, relation, subject type, id, relation, replaced or 0,
 *         condition or null, its context or null, expiresAt or null] …, flat]
 */
type Fields = [Buffer, number, number, string, string, string | null, (string | number | null)[]];

const fieldsPerChange = 11;

const packr = new Packr({ useRecords: false });

/** The log's row for the commit, and the hash that the next one carries. */
export function encodeRecord(commit: Commit, previous: Buffer): { key: Buffer; value: Buffer; hash: Buffer } {
  const key = logKey(commit.revision);
  const fields: Fields = [
    previous,
    commit.instant,
    commit.tenant,
    commit.principal,
    JSON.stringify(commit.metadata),
    commit.schema ?? null,
    encodeChanges(commit.changes),
  ];
  const body = packr.pack(fields);
  return { key, value: seal(key, body), hash: hashOf(body) };
}

/** @throws `store_corrupt` */
export function decodeRecord(revision: Revision, key: Buffer, value: Buffer): CommitRecord {
  const body = unseal(key, value);
  const [previous, instant, tenant, principal, metadata, schema, changes] = packr.unpack(body) as Fields;
  const commit: Commit = {
    revision,
    instant,
    tenant,
    principal,
    metadata: JSON.parse(metadata) as Metadata,
    changes: decodeChanges(changes),
    ...(schema === null ? {} : { schema }),
  };
  return { commit, previous, hash: hashOf(body) };
}

function hashOf(body: Uint8Array): Buffer {
  return createHash("sha256").update(body).digest();
}

/** One list, filled in place: a commit may hold ten thousand. */
function encodeChanges(changes: readonly StoredChange[]): (string | number | null)[] {
  const flat = new Array<string | number | null>(changes.length * fieldsPerChange);
  let at = 0;
  for (const { kind, tuple, replaced } of changes) {
    const { object, relation, subject, condition, expiresAt } = tuple;
    flat[at++] = kind === "write" ? 1 : 0;
    flat[at++] = object.type;
    flat[at++] = object.id;
    flat[at++] = relation;
    flat[at++] = subject.type;
    flat[at++] = subject.id;
    flat[at++] = subject.relation;
    flat[at++] = replaced ?? 0;
    flat[at++] = condition?.name ?? null;
    flat[at++] = condition === undefined ? null : JSON.stringify(condition.context);
    flat[at++] = expiresAt ?? null;
  }
  return flat;
}

function decodeChanges(flat: readonly (string | number | null)[]): StoredChange[] {
  const changes: StoredChange[] = [];
  for (let at = 0; at < flat.length; at += fieldsPerChange) changes.push(decodeChange(flat.slice(at, at + fieldsPerChange)));
  return changes;
}

function decodeChange(fields: (string | number | null)[]): StoredChange {
  const [kind, type, id, relation, subjectType, subjectId, subjectRelation, replaced, name, context, expiresAt] = fields as [
    number, string, string, string, string, string, string, number, string | null, string | null, number | null,
  ];
  const tuple: Tuple = {
    object: { type, id },
    relation,
    subject: { type: subjectType, id: subjectId, relation: subjectRelation },
    ...(name === null || context === null ? {} : { condition: { name, context: JSON.parse(context) as Context } }),
    ...(expiresAt === null ? {} : { expiresAt }),
  };
  return { kind: kind === 1 ? "write" : "delete", tuple, ...(replaced === 0 ? {} : { replaced }) };
}
