import { hash } from "node:crypto";

import { Unpackr } from "msgpackr";

import type { Context } from "../../model/context.js";
import type { Metadata } from "../../model/service.js";
import type { Tuple } from "../../model/tuple.js";
import type { Revision } from "../../model/zookie.js";
import type { Commit, StoredChange } from "../store.js";
import { logKey } from "./keys.js";
import { MessagePackWriter } from "./message-pack.js";
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

const unpackr = new Unpackr({ useRecords: false });

/** The log's row for a commit, and the hash that the next one carries. */
export interface EncodedRecord {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly hash: Buffer;
}

/** What a record without changes takes, about. */
const bytesBesideChanges = 256;

/** A record while it is written, change by change. */
export class RecordWriter {
  readonly #revision: Revision;
  readonly #out: MessagePackWriter;
  /** The list of changes. */
  readonly #list: number;
  #changes = 0;

  /** @param bytes about how many the changes will take */
  constructor({ revision, instant, tenant, principal, metadata, schema }: Omit<Commit, "changes">, previous: Buffer, bytes: number) {
    this.#revision = revision;
    const out = (this.#out = new MessagePackWriter(bytesBesideChanges + bytes));
    out.list(7);
    out.binary(previous);
    out.number(instant);
    out.number(tenant);
    out.text(principal);
    out.text(JSON.stringify(metadata));
    if (schema === undefined) out.null();
    else out.text(schema);
    this.#list = out.list(0);
  }

  add({ kind, tuple, replaced }: StoredChange): void {
    const { object, relation, subject, condition, expiresAt } = tuple;
    const out = this.#out;
    out.number(kind === "write" ? 1 : 0);
    out.text(object.type);
    out.text(object.id);
    out.text(relation);
    out.text(subject.type);
    out.text(subject.id);
    out.text(subject.relation);
    out.number(replaced ?? 0);
    if (condition === undefined) {
      out.null();
      out.null();
    } else {
      out.text(condition.name);
      out.text(JSON.stringify(condition.context));
    }
    if (expiresAt === undefined) out.null();
    else out.number(expiresAt);
    this.#changes++;
  }

  /** A plain tuple that is new, by the fields of its identity in the order by object, each a character a byte of its UTF-8. */
  addPlain([type = "", id = "", relation = "", subjectType = "", subjectRelation = "", subjectId = ""]: readonly string[]): void {
    const out = this.#out;
    out.number(1);
    out.textOfBytes(type);
    out.textOfBytes(id);
    out.textOfBytes(relation);
    out.textOfBytes(subjectType);
    out.textOfBytes(subjectId);
    out.textOfBytes(subjectRelation);
    out.number(0);
    out.null();
    out.null();
    out.null();
    this.#changes++;
  }

  finish(): EncodedRecord {
    this.#out.setLength(this.#list, this.#changes * fieldsPerChange);
    const body = this.#out.finish();
    const key = logKey(this.#revision);
    return { key, value: seal(key, body), hash: hashOf(body) };
  }
}

/** What a change takes, about. */
const bytesPerChange = 80;

export function encodeRecord(commit: Commit, previous: Buffer): EncodedRecord {
  const writer = new RecordWriter(commit, previous, commit.changes.length * bytesPerChange);
  for (const change of commit.changes) writer.add(change);
  return writer.finish();
}

/** @throws `store_corrupt` */
export function decodeRecord(revision: Revision, key: Buffer, value: Buffer): CommitRecord {
  const body = unseal(key, value);
  const [previous, instant, tenant, principal, metadata, schema, changes] = unpackr.unpack(body) as Fields;
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
  return hash("sha256", body, "buffer");
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
