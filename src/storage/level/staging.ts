import { createHash } from "node:crypto";

import { assert } from "../../base/assert.js";
import type { Clock, Instant } from "../../base/clock.js";
import { UsherError } from "../../base/errors.js";
import type { Context } from "../../model/context.js";
import { quote } from "../../model/object.js";
import type { Operation, Precondition } from "../../model/service.js";
import type { TupleShape } from "../../model/schema/schema.js";
import { isExpired, type StoredTuple, type Tuple, tupleIdentity } from "../../model/tuple.js";
import type { Revision, TenantId } from "../../model/zookie.js";
import type { Commit, Head, StoredChange, Write, WriteOutcome } from "../store.js";
import type { Pin } from "./handle.js";
import { closingRows, type Group, logRows } from "./group.js";
import { headKey, pastKey, requestAgeKey, requestKey, schemaKey, shapeText, type Side } from "./keys.js";
import type { ChainPoint } from "./meta.js";
import { Overlay } from "./overlay.js";
import type { RawOperation } from "./raw.js";
import { encodeRecord } from "./record.js";
import { encodeRow } from "./row.js";
import { seal, sealEmpty, sealJson, unsealJson } from "./seal.js";
import { tuplesOf, type SchemaInForce, type State } from "./state.js";
import { shapeOf } from "../../model/schema/shape.js";
import { sameVersion } from "./version.js";

/** What a write will be answered, once what it rests on is durable. */
export type Answer = { readonly outcome: WriteOutcome } | { readonly error: UsherError };

/** A request id's outcome as it is kept. */
interface KeptOutcome {
  readonly hash: string;
  readonly instant: Instant;
  readonly outcome: Omit<WriteOutcome, "repeated">;
}

/**
 * One group of writes on its way into one batch. Writes are staged one after the other, each against
 * the published snapshot with what the ones before it in the group have staged laid over it, as if
 * each had been committed before the next came. A write that fails leaves nothing behind.
 */
export class Staging implements Group {
  /** What the batch holds, in order: a later operation on a key stands. */
  readonly batch: RawOperation[] = [];
  readonly commits: Commit[] = [];
  readonly schemas = new Map<TenantId, SchemaInForce>();
  readonly counters = new Map<string, { readonly tenant: TenantId; readonly shape: TupleShape; count: number }>();
  /** The published head as the verified mark, once much has been committed since the last one. */
  mark: ChainPoint | undefined;
  #state: State;
  #clock: Clock;
  #horizonMs: number;
  #overlay: Overlay;
  #head: ChainPoint;
  #requests = new Map<string, KeptOutcome>();
  /** By how many tuples each tenant will have grown. */
  #added = new Map<TenantId, number>();

  constructor(pin: Pin, state: State, clock: Clock, horizonMs: number) {
    this.#state = state;
    this.#clock = clock;
    this.#horizonMs = horizonMs;
    this.#overlay = new Overlay(pin);
    this.#head = state.head;
  }

  /** The head as it will be once the batch is durable. */
  get head(): ChainPoint {
    return this.#head;
  }

  /** Reads in a few calls what the writes will ask for by key. */
  async prefetch(writes: readonly Write[]): Promise<void> {
    await this.#overlay.prefetchTuples(writes.flatMap(({ tenant, operations }) => operations.map(({ tuple }) => ({ tenant, tuple }))));
    await this.#overlay.prefetchRows(writes.flatMap((write) => requestOf(write) ?? []));
  }

  async stage(write: Write): Promise<Answer> {
    this.#overlay.begin();
    try {
      const outcome = await this.#attempt(write);
      return { outcome };
    } catch (error) {
      // A bug that asserted may have left half a write in the batch: the group must not be sent.
      if (!(error instanceof UsherError)) throw error;
      this.#overlay.undo();
      return { error };
    }
  }

  async #attempt(write: Write): Promise<WriteOutcome> {
    const instant = Math.max(this.#clock.now(), this.#head.instant);
    // The tenant may have been ended since the write was given its number: nothing of it must be left behind the purge.
    if (!this.#state.tenants.has(write.tenant)) throw new UsherError("tenant_unknown", "the tenant was deleted while the write was on its way");
    const request = requestOf(write);
    const kept = request && this.#keptOutcome(request, instant);
    if (kept) return repeated(kept, write);
    this.#checkSchemaInForce(write);
    for (const precondition of write.preconditions) await this.#checkPrecondition(write.tenant, precondition, instant);

    const revision = this.#head.revision + 1;
    const changes: StoredChange[] = [];
    for (const operation of write.operations) await this.#operate(write.tenant, operation, revision, instant, changes);
    const more = await this.#erase(write, revision, changes);
    const added = this.#checkQuota(write.tenant, changes);
    const schema = await this.#admitSchema(write, changes);

    const nothing = changes.length === 0 && schema === undefined;
    const { revision: before, instant: beforeInstant } = this.#head;
    const at: Head = nothing || write.validateOnly ? { revision: before, instant: beforeInstant } : { revision, instant };
    const outcome = { revision: at.revision, instant: at.instant, changed: changes.length + (schema === undefined ? 0 : 1), more };
    if (write.validateOnly) {
      this.#overlay.undo();
      return { ...outcome, repeated: false };
    }
    if (!nothing) this.#append(commitOf(write, at, changes, schema));
    if (added !== 0) this.#added.set(write.tenant, (this.#added.get(write.tenant) ?? 0) + added);
    if (request) this.#keep(request, { hash: write.requestHash ?? "", instant, outcome });
    return { ...outcome, repeated: false };
  }

  /** Within the horizon alone: whether an older row was collected already must make no difference. */
  #keptOutcome(request: Buffer, instant: Instant): KeptOutcome | undefined {
    const staged = this.#requests.get(request.toString("latin1"));
    if (staged) return staged;
    const value = this.#overlay.row(request);
    if (value === undefined) return undefined;
    const kept = unsealJson(request, value) as KeptOutcome;
    return kept.instant + this.#horizonMs >= instant ? kept : undefined;
  }

  #checkSchemaInForce({ tenant, expectSchema }: Write): void {
    const inForce = this.#schemaInForce(tenant)?.revision ?? 0;
    if (expectSchema === undefined || expectSchema === inForce) return;
    throw new UsherError("schema_changed", `the schema was changed by revision ${inForce} while the request was on its way: retry it`);
  }

  #schemaInForce(tenant: TenantId): SchemaInForce | undefined {
    return this.schemas.get(tenant) ?? this.#state.schemas.get(tenant);
  }

  async #checkPrecondition(tenant: TenantId, { kind, filter }: Precondition, instant: Instant): Promise<void> {
    let match: StoredTuple | undefined;
    for await (const tuple of this.#overlay.matching(tenant, filter)) {
      if (isExpired(tuple, instant)) continue;
      match = tuple;
      break;
    }
    if ((kind === "mustMatch") === (match !== undefined)) return;
    throw new UsherError(
      "precondition_failed",
      match ? `a tuple matches that must not: ${quote(tupleIdentity(match))}` : `no tuple matches ${quote(JSON.stringify(filter))}, as one must`,
      { details: { precondition: kind, filter: JSON.stringify(filter), ...(match && { tuple: tupleIdentity(match) }) } },
    );
  }

  async #operate(tenant: TenantId, { kind, tuple }: Operation, revision: Revision, instant: Instant, changes: StoredChange[]): Promise<void> {
    const standing = await this.#overlay.get(tenant, tuple);
    if (kind === "delete") {
      if (standing) this.#remove(tenant, standing, changes);
      return;
    }
    if (kind === "create" && standing && !isExpired(standing, instant)) {
      const identity = tupleIdentity(tuple);
      throw new UsherError("tuple_exists", `tuple ${quote(identity)} exists: touch it to write it either way`, { details: { tuple: identity } });
    }
    if (kind === "touch" && standing && sameVersion(standing, tuple)) return;
    this.#overlay.set(tenant, { ...plain(tuple), since: revision });
    changes.push({ kind: "write", tuple: plain(tuple), ...(standing ? { replaced: standing.since } : {}) });
  }

  #remove(tenant: TenantId, standing: StoredTuple, changes: StoredChange[]): void {
    this.#overlay.remove(tenant, standing);
    changes.push({ kind: "delete", tuple: plain(standing), replaced: standing.since });
  }

  /** What the filters match, each in the order of its plan, expired tuples too; resolves to whether more of it is left. */
  async #erase({ tenant, erase }: Write, revision: Revision, changes: StoredChange[]): Promise<boolean> {
    if (erase === undefined) return false;
    const matched = new Map<string, StoredTuple>();
    const more = await this.#match(tenant, erase, matched);
    for (const tuple of matched.values()) {
      if (tuple.since === revision) this.#takeBack(tenant, tuple, changes);
      else this.#remove(tenant, tuple, changes);
    }
    return more;
  }

  /** Where a filter reads too much, what it has found until then is erased, and the next call finds less before it. */
  async #match(tenant: TenantId, { filters, limit }: NonNullable<Write["erase"]>, matched: Map<string, StoredTuple>): Promise<boolean> {
    try {
      for (const filter of filters) {
        for await (const tuple of this.#overlay.matching(tenant, filter)) {
          const identity = tupleIdentity(tuple);
          if (matched.size >= limit && !matched.has(identity)) return true;
          matched.set(identity, tuple);
        }
      }
      return false;
    } catch (error) {
      if (matched.size > 0 && error instanceof UsherError && error.code === "request_too_large") return true;
      throw error;
    }
  }

  /** By how many tuples the tenant grows. A write that does not add may always be made, so that one above its quota can shrink. @throws `quota_exceeded` */
  #checkQuota(tenant: TenantId, changes: readonly StoredChange[]): number {
    let added = 0;
    for (const { kind, replaced } of changes) added += kind === "delete" ? -1 : replaced === undefined ? 1 : 0;
    const max = this.#state.tenants.byId(tenant)?.quotas.tuples;
    if (max === undefined || added <= 0) return added;
    const standing = tuplesOf(this.#state.counters, tenant) + this.#state.imports.room(tenant) + (this.#added.get(tenant) ?? 0);
    if (standing + added <= max) return added;
    throw new UsherError("quota_exceeded", `${standing} tuples stand, and with ${added} more the tenant has more than its quota of ${max}: delete some, or raise the quota`, {
      details: { quota: "tuples", max: String(max), tuples: String(standing) },
    });
  }

  /** Erases what the same write has just written: a commit holds one change of an identity, that from before the write to after it. */
  #takeBack(tenant: TenantId, written: StoredTuple, changes: StoredChange[]): void {
    const identity = tupleIdentity(written);
    changes.splice(changes.findIndex(({ tuple }) => tupleIdentity(tuple) === identity), 1);
    const before = this.#overlay.before(tenant, written);
    this.#overlay.remove(tenant, written);
    if (before) changes.push({ kind: "delete", tuple: plain(before), replaced: before.since });
  }

  /** The text, if it is another one than that in force. @throws `schema_orphans_tuples` */
  async #admitSchema({ tenant, schema }: Write, changes: readonly StoredChange[]): Promise<string | undefined> {
    if (schema === undefined || schema.text === this.#schemaInForce(tenant)?.text) return undefined;
    const counters = new Map(this.#state.counters.get(tenant));
    for (const { tenant: of, shape, count } of this.counters.values()) {
      if (of === tenant) counters.set(shapeText(shape), { shape, count });
    }
    for (const [text, { shape, count }] of this.#counted(tenant, changes)) counters.set(text, { shape, count });
    for (const { shape, count } of counters.values()) {
      if (count > 0 && !schema.admits(shape)) throw await this.#orphans(tenant, shape, count);
    }
    this.#state.imports.checkSchema(tenant, schema.admits);
    return schema.text;
  }

  async #orphans(tenant: TenantId, shape: TupleShape, count: number): Promise<UsherError> {
    const { objectType, relation, subjectType, subjectRelation } = shape;
    let example: string | undefined;
    for await (const tuple of this.#overlay.matching(tenant, { objectType, relation, subjectType, subjectRelation })) {
      if (shapeText(shapeOf(tuple)) !== shapeText(shape)) continue;
      example = tupleIdentity(tuple);
      break;
    }
    assert(example !== undefined, "a counter above zero has a tuple");
    return new UsherError("schema_orphans_tuples", `tuples that stand would not fit the schema, ${count} such as ${quote(example)}: delete them first`, {
      details: { tuple: example },
    });
  }

  /** The counters of the shapes that the changes touch, as they will be. */
  #counted(tenant: TenantId, changes: readonly StoredChange[]): Map<string, { shape: TupleShape; count: number }> {
    const counted = new Map<string, { shape: TupleShape; count: number }>();
    const add = (tuple: Tuple, by: number) => {
      const shape = shapeOf(tuple);
      const text = shapeText(shape);
      const count =
        counted.get(text)?.count ??
        this.counters.get(`${tenant}\0${text}`)?.count ??
        this.#state.counters.get(tenant)?.get(text)?.count ??
        0;
      counted.set(text, { shape, count: count + by });
    };
    for (const { kind, tuple, replaced } of changes) {
      if (kind === "write") add(tuple, 1);
      const ended = kind === "delete" ? tuple : replaced === undefined ? undefined : this.#overlay.before(tenant, tuple);
      if (ended) add(ended, -1);
    }
    return counted;
  }

  #append(commit: Commit): void {
    const { tenant, revision, changes, schema } = commit;
    for (const change of changes) this.#writeChange(commit, change);
    for (const [text, { shape, count }] of this.#counted(tenant, changes)) {
      assert(count >= 0, `the counter of ${JSON.stringify(shape)} falls below zero`);
      this.counters.set(`${tenant}\0${text}`, { tenant, shape, count });
    }
    if (schema !== undefined) {
      this.#put(schemaKey(tenant, revision), Buffer.from(schema));
      this.schemas.set(tenant, { text: schema, revision });
    }
    const { rows, head } = logRows(commit, encodeRecord(commit, Buffer.from(this.#head.hash, "hex")));
    this.batch.push(...rows);
    this.#head = head;
    this.commits.push(commit);
  }

  /** The head row as it stands from now on, and the version that it ends in the history; both by object and by subject. */
  #writeChange({ tenant, revision }: Commit, { kind, tuple, replaced }: StoredChange): void {
    const ended = replaced === undefined ? undefined : this.#overlay.before(tenant, tuple);
    assert(ended?.since === replaced, "a change replaces the version that stood before its write");
    for (const side of sides) {
      const key = headKey(side, tenant, tuple);
      if (kind === "delete") this.batch.push({ type: "del", key });
      else this.batch.push({ type: "put", key, value: encodeRow(key, tuple, revision) });
      if (ended === undefined) continue;
      const past = pastKey(side, tenant, tuple, ended.since);
      this.batch.push({ type: "put", key: past, value: encodeRow(past, ended, ended.since, revision) });
    }
  }

  #keep(request: Buffer, kept: KeptOutcome): void {
    this.#requests.set(request.toString("latin1"), kept);
    this.batch.push({ type: "put", key: request, value: sealJson(request, kept) });
    const age = requestAgeKey(kept.instant, request);
    this.batch.push({ type: "put", key: age, value: sealEmpty(age) });
  }

  #put(key: Buffer, body: Buffer): void {
    this.batch.push({ type: "put", key, value: seal(key, body) });
  }

  /** What stands once for the whole group, at the end of its batch. */
  finish(): void {
    const { rows, mark } = closingRows(this, this.#state);
    this.mark = mark;
    this.batch.push(...rows);
  }
}

const sides: readonly Side[] = ["object", "subject"];

/**
 * A tuple with its own fields alone, as the log and the listeners have it. A copy: what the caller does
 * to its objects later must not reach the caches that listen.
 */
function plain({ object, relation, subject, condition, expiresAt }: Tuple): Tuple {
  return {
    object: { type: object.type, id: object.id },
    relation,
    subject: { type: subject.type, id: subject.id, relation: subject.relation },
    ...(condition === undefined ? {} : { condition: { name: condition.name, context: JSON.parse(JSON.stringify(condition.context)) as Context } }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

function commitOf({ tenant, principal, metadata }: Write, { revision, instant }: Head, changes: StoredChange[], schema: string | undefined): Commit {
  return { revision, instant, tenant, principal, metadata, changes, ...(schema === undefined ? {} : { schema }) };
}

function requestOf({ tenant, principal, requestId, validateOnly }: Write): Buffer | undefined {
  if (requestId === undefined || validateOnly) return undefined;
  return requestKey(tenant, createHash("sha256").update(JSON.stringify([principal, requestId])).digest());
}

function repeated({ hash, outcome }: KeptOutcome, { requestId = "", requestHash = "" }: Write): WriteOutcome {
  if (hash === requestHash) return { ...outcome, repeated: true };
  throw new UsherError("request_id_reused", `request id ${quote(requestId)} was used for another request: give each request an id of its own`);
}
