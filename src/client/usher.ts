import { writeWholeFile } from "../base/whole-file.js";
import type {
  BackupRequest, BackupResponse, BatchCheckItem, BatchCheckResponse, Call, CheckRequest, Consistency, Decision, DeleteTuplesRequest, DeleteTuplesResponse, DiffSchemaRequest, DiffSchemaResponse,
  ExpandRequest, ExpandResponse, ExportTuplesRequest, ExportTuplesResponse, ImportTuplesOptions, ImportTuplesResponse, LookupCount, LookupObjectsResponse, LookupPermissionsResponse, LookupSubjectsResponse, Operation, ReadSchemaRequest, ReadSchemaResponse, ReadTuplesRequest, ReadTuplesResponse, Service,
  WatchEvent, WatchTuplesRequest, WriteSchemaRequest, WriteSchemaResponse, WriteTuplesRequest, WriteTuplesResponse,
} from "../model/service.js";
import { checkAttribution, type CallAttribution } from "../model/attribution.js";
import { DecisionLog } from "./decision-log.js";
import { Guard, type GuardOptions } from "./guard/guard.js";
import { importMessages, type ImportSource } from "./import-messages.js";
import {
  foundSubject, objectsRequest, pages, permissionsRequest, subjectsRequest, total,
  type FoundSubject, type LookupObjectsOptions, type LookupPermissionsOptions, type LookupSubjectsOptions,
} from "./lookups.js";
import type { TupleFilter } from "../model/filter.js";
import type { HoldingStream, StandingDecision } from "../model/holds.js";
import type { LiveRequest, LiveResponse } from "../model/live.js";
import type { ObjectRef } from "../model/object.js";
import type { PreviewChangeRequest, PreviewChangeResponse, PreviewCheck } from "../model/preview.js";
import type { Quotas, Tenant } from "../model/tenant.js";
import type { Tuple } from "../model/tuple.js";
import { toObject, toSubject, toTuple, type ObjectLike, type SubjectLike, type TupleLike } from "./references.js";
import { Remote, type RemoteOptions } from "./remote.js";

/** Aborting it ends the call with `cancelled`. */
interface Cancellable {
  readonly signal?: AbortSignal;
}

export type WriteOptions = Omit<WriteTuplesRequest, "operations"> & Cancellable;
export type DeleteOptions = Omit<DeleteTuplesRequest, "filters"> & Cancellable;
export type ReadOptions = Omit<ReadTuplesRequest, "filter" | "cursor"> & Cancellable;
export type PageOptions = Omit<ReadTuplesRequest, "filter"> & Cancellable;
export type ImportOptions = ImportTuplesOptions & Cancellable;
export type ExportOptions = Omit<ExportTuplesRequest, "filter"> & Cancellable;
export type WatchOptions = WatchTuplesRequest & Cancellable;
export type SchemaOptions = Omit<WriteSchemaRequest, "text"> & Cancellable;
export type DiffOptions = Omit<DiffSchemaRequest, "text"> & Cancellable;
export type ExpandOptions = Omit<ExpandRequest, "object" | "permission"> & Cancellable;

/** What a check may be given beside its question; contextual tuples as text or structured. */
export interface CheckOptions extends Pick<CheckRequest, "context" | "consistency" | "explain">, Cancellable {
  readonly contextualTuples?: readonly TupleLike[];
}

/** One question of a batch. */
export interface CheckItem extends Pick<BatchCheckItem, "permission" | "context" | "explain"> {
  readonly object: ObjectLike;
  readonly subject: SubjectLike;
  readonly contextualTuples?: readonly TupleLike[];
}

/** One question of a preview. */
export type PreviewItem = Omit<CheckItem, "explain" | "contextualTuples">;

/** A write that is not made, either operations or a schema: `{ operations: [remove("team:sre#member@user:ana")] }`. */
export interface PreviewOptions extends Omit<PreviewChangeRequest, "checks">, Cancellable {
  readonly checks?: readonly PreviewItem[];
}

/** Which decisions are listed: those that match all that it says. */
export interface HeldOptions extends Cancellable {
  /** Default: of all. */
  readonly tenant?: string;
  readonly stream?: string;
  readonly object?: ObjectLike;
  readonly permission?: string;
  readonly subject?: SubjectLike;
}

/**
 * A database in a program's hands, embedded or remote. Every method rejects with a `UsherError`.
 * References are text for literals and structured for variables: `"node:" + id` would let an id of
 * `x#member` turn an object into a userset, `object("node", id)` refuses it.
 */
export class Usher {
  readonly #service: Service;
  readonly #tenant: string | undefined;
  readonly #attribution: CallAttribution;
  readonly #guards = new Set<Guard>();

  /** @param tenant default: `default` @param attribution default: nobody's */
  constructor(service: Service, tenant?: string, attribution: CallAttribution = {}) {
    this.#service = service;
    this.#tenant = tenant;
    this.#attribution = attribution;
  }

  /** The same database, asked as another tenant. Closing either closes both. */
  withTenant(name: string): Usher {
    return new Usher(this.#service, name, this.#attribution);
  }

  /**
   * The same database, asked on somebody's behalf, and in a session of theirs: `usher.as({ actor: request.user, session: request.session })`. The decision log
   * tells it beside the key; it changes no answer. What is left out stays as it was. Closing either closes both.
   * @throws `invalid_request` for what is empty, longer than `limits.attributionBytesMax`, or has controls
   */
  as({ actor, session }: CallAttribution): Usher {
    const attribution = { ...this.#attribution, ...(actor !== undefined && { actor: checkAttribution(actor, "actor") }), ...(session !== undefined && { session: checkAttribution(session, "session") }) };
    return new Usher(this.#service, this.#tenant, attribution);
  }

  /** The decision log. */
  get audit(): DecisionLog {
    return new DecisionLog(this.#service, (signal) => this.#call(signal));
  }

  /** @throws `invalid_schema`, `schema_orphans_tuples` */
  async writeSchema(text: string, { signal, ...options }: SchemaOptions = {}): Promise<WriteSchemaResponse> {
    return this.#service.writeSchema({ text, ...options }, this.#call(signal));
  }

  /** @throws `schema_missing` before the first was written */
  async readSchema({ signal, ...request }: ReadSchemaRequest & Cancellable = {}): Promise<ReadSchemaResponse> {
    return this.#service.readSchema(request, this.#call(signal));
  }

  /** What would change in meaning if the text were written: who gains, who loses, and which tuples would be orphaned. @throws `invalid_schema` */
  async diffSchema(text: string, { signal, ...options }: DiffOptions = {}): Promise<DiffSchemaResponse> {
    return this.#service.diffSchema({ text, ...options }, this.#call(signal));
  }

  /** Applies the operations in one commit, or none: `write([touch("team:sre#member@user:ana")])`. */
  async write(operations: readonly Operation[], { signal, ...options }: WriteOptions = {}): Promise<WriteTuplesResponse> {
    return this.#service.writeTuples({ operations, ...options }, this.#call(signal));
  }

  /** Deletes what one of the filters matches, up to a limit; `more` says whether to call again. */
  async deleteMatching(filters: readonly TupleFilter[], { signal, ...options }: DeleteOptions = {}): Promise<DeleteTuplesResponse> {
    return this.#service.deleteTuples({ filters, ...options }, this.#call(signal));
  }

  /** Every tuple that matches, all of one snapshot, read page by page as they are consumed. */
  async *read(filter: TupleFilter = {}, options: ReadOptions = {}): AsyncGenerator<Tuple, void> {
    let page = await this.readPage(filter, options);
    yield* page.tuples;
    const { consistency: _pinnedByTheCursor, ...further } = options;
    while (page.cursor !== undefined) {
      page = await this.readPage(filter, { ...further, cursor: page.cursor });
      yield* page.tuples;
    }
  }

  /** One page; its cursor gives the next one. */
  async readPage(filter: TupleFilter = {}, { signal, ...options }: PageOptions = {}): Promise<ReadTuplesResponse> {
    return this.#service.readTuples({ filter, ...options }, this.#call(signal));
  }

  /**
   * Imports tuples, all or nothing, in as many commits as it takes: `importTuples(readLines(file))`. Each is touched. Its
   * source is read as fast as they are taken.
   * @throws what is wrong with a tuple, `details.position` saying with which; `duplicate_operation`, `schema_changed`
   */
  async importTuples(source: ImportSource, { signal, ...options }: ImportOptions = {}): Promise<ImportTuplesResponse> {
    return this.#service.importTuples(importMessages(source, options), this.#call(signal));
  }

  /** Every tuple that matches, all of one snapshot, as they are consumed, in batches with the zookie and a cursor to go on from. */
  exportTuples(filter: TupleFilter = {}, { signal, ...options }: ExportOptions = {}): AsyncIterable<ExportTuplesResponse> {
    return this.#service.exportTuples({ filter, ...options }, this.#call(signal));
  }

  /** The enforcement points of the server, of one tenant or of all. Takes a key with the role `admin`. */
  async *holdingStreams({ tenant, signal }: Pick<HeldOptions, "tenant" | "signal"> = {}): AsyncGenerator<HoldingStream, void> {
    for await (const { streams } of this.#service.listHolds(tenant === undefined ? {} : { tenant }, this.#call(signal))) yield* streams;
  }

  /** What they hold, with the answers: `heldDecisions({ object: "node:n1" })`. Takes a key with the role `admin`. */
  async *heldDecisions({ tenant, object, subject, signal, ...filter }: HeldOptions = {}): AsyncGenerator<StandingDecision, void> {
    const decisions = { ...filter, ...(object && { object: toObject(object) }), ...(subject && { subject: toSubject(subject) }) };
    for await (const page of this.#service.listHolds({ ...(tenant === undefined ? {} : { tenant }), decisions }, this.#call(signal))) yield* page.decisions;
  }

  /**
   * What a write would give and take, of the permissions that are held and of a list of checks; nothing is written.
   * @throws what the write would be refused with
   */
  async preview({ checks, signal, ...change }: PreviewOptions): Promise<PreviewChangeResponse> {
    return this.#service.previewChange({ ...change, ...(checks && { checks: checks.map(toPreviewCheck) }) }, this.#call(signal));
  }

  /** The whole decision: allowed, denied or conditional, and at which snapshot. */
  async check(object: ObjectLike, permission: string, subject: SubjectLike, { signal, ...options }: CheckOptions = {}): Promise<Decision> {
    const { consistency, ...item } = options;
    const request: CheckRequest = { ...toItem({ object, permission, subject, ...item }), ...(consistency && { consistency }) };
    return this.#service.check(request, this.#call(signal));
  }

  /** True only where the decision is allowed: a conditional one is false. Await it: a promise is always truthy. */
  async can(object: ObjectLike, permission: string, subject: SubjectLike, options: CheckOptions = {}): Promise<boolean> {
    const decision = await this.check(object, permission, subject, options);
    return decision.allowed === true && decision.missingFields.length === 0;
  }

  /** Many checks at one snapshot; an item that could not be decided has an error in place of its decision. */
  async batchCheck(items: readonly CheckItem[], { signal, consistency }: { readonly consistency?: Consistency } & Cancellable = {}): Promise<BatchCheckResponse> {
    return this.#service.batchCheck({ items: items.map(toItem), ...(consistency && { consistency }) }, this.#call(signal));
  }

  /** The userset tree of a relation or permission. */
  async expand(object: ObjectLike, permission: string, { signal, ...options }: ExpandOptions = {}): Promise<ExpandResponse> {
    return this.#service.expand({ object: toObject(object), permission, ...options }, this.#call(signal));
  }

  /**
   * The objects of a type on which a subject is allowed a permission: exactly those on which `can` is true at the same snapshot, in
   * the order of their ids, read page by page as they are consumed. Conditional ones are left out; `lookupObjectsPage` has them.
   * @throws the error of an object that cannot be decided: `details.undecided` names it
   */
  async *lookupObjects(type: string, permission: string, subject: SubjectLike, options: LookupObjectsOptions = {}): AsyncGenerator<ObjectRef, void> {
    for await (const { results } of pages((further) => this.lookupObjectsPage(type, permission, subject, { ...options, ...further }))) {
      for (const { object, allowed } of results) if (allowed) yield object;
    }
  }

  /** One page, of those that are allowed and those that are conditional; its cursor gives the next one. */
  async lookupObjectsPage(type: string, permission: string, subject: SubjectLike, options: LookupObjectsOptions & { readonly cursor?: string } = {}): Promise<LookupObjectsResponse> {
    return this.#service.lookupObjects(objectsRequest(type, permission, subject, options), this.#call(options.signal));
  }

  async countObjects(type: string, permission: string, subject: SubjectLike, options: LookupObjectsOptions = {}): Promise<LookupCount> {
    const request = { ...objectsRequest(type, permission, subject, options), countOnly: true };
    return total(pages((further) => this.#service.lookupObjects({ ...request, ...further }, this.#call(options.signal))));
  }

  /**
   * The subjects that are allowed a permission on an object, in the order of their ids: objects of a type (`user`), or usersets
   * (`team#member`). A wildcard comes first, with whom it does not cover. Conditional ones are left out; `lookupSubjectsPage` has them.
   * @throws the error of a subject that cannot be decided: `details.undecided` names it
   */
  async *lookupSubjects(object: ObjectLike, permission: string, kind: string, options: LookupSubjectsOptions = {}): AsyncGenerator<FoundSubject, void> {
    for await (const { results } of pages((further) => this.lookupSubjectsPage(object, permission, kind, { ...options, ...further }))) {
      for (const result of results) if (result.allowed) yield foundSubject(result);
    }
  }

  /** One page, of those that are allowed and those that are conditional; its cursor gives the next one. */
  async lookupSubjectsPage(object: ObjectLike, permission: string, kind: string, options: LookupSubjectsOptions & { readonly cursor?: string } = {}): Promise<LookupSubjectsResponse> {
    return this.#service.lookupSubjects(subjectsRequest(object, permission, kind, options), this.#call(options.signal));
  }

  /** A wildcard counts as one. */
  async countSubjects(object: ObjectLike, permission: string, kind: string, options: LookupSubjectsOptions = {}): Promise<LookupCount> {
    const request = { ...subjectsRequest(object, permission, kind, options), countOnly: true };
    return total(pages((further) => this.#service.lookupSubjects({ ...request, ...further }, this.#call(options.signal))));
  }

  /** What a subject may do to an object: every permission of its type with its answer, denied ones too. */
  async lookupPermissions(object: ObjectLike, subject: SubjectLike, options: LookupPermissionsOptions = {}): Promise<LookupPermissionsResponse> {
    return this.#service.lookupPermissions(permissionsRequest(object, subject, options), this.#call(options.signal));
  }

  /**
   * Commits as they happen; leaving the loop ends it. A watch from now begins when its first event is
   * asked for: a first checkpoint (with `checkpointMs`) says from where, and `after` leaves nothing to chance.
   */
  watch({ signal, ...request }: WatchOptions = {}): AsyncIterable<WatchEvent> {
    return this.#service.watchTuples(request, this.#call(signal));
  }

  /** Makes a tenant, with no schema and no tuples. A server takes the role `admin` for it. @throws `tenant_exists`, `invalid_name` */
  async createTenant(name: string, quotas: Quotas = {}, { signal }: Cancellable = {}): Promise<Tenant> {
    return this.#service.createTenant({ name, quotas }, this.#call(signal));
  }

  /** In the order of their names. */
  async listTenants({ signal }: Cancellable = {}): Promise<readonly Tenant[]> {
    return (await this.#service.listTenants({}, this.#call(signal))).tenants;
  }

  /** Ends a tenant, its calls and its watches, and deletes all that it holds. @throws `tenant_unknown` */
  async deleteTenant(name: string, { signal }: Cancellable = {}): Promise<void> {
    await this.#service.deleteTenant({ name }, this.#call(signal));
  }

  /** Replaces a tenant's quotas as a whole. @throws `tenant_unknown` */
  async setTenantQuotas(name: string, quotas: Quotas, { signal }: Cancellable = {}): Promise<Tenant> {
    return this.#service.setTenantQuotas({ name, quotas }, this.#call(signal));
  }

  /**
   * Writes a backup of the whole database, all tenants, to a file, which stands under its name once it is whole. Calls go on meanwhile.
   * With a zookie in `since` it is an increment: what was committed after that. Resolves to how many bytes the file has.
   * @throws `invalid_file` where it cannot be written, `overloaded` while another one is made, `zookie_expired`
   */
  async backup(path: string, { signal, ...request }: BackupRequest & Cancellable = {}): Promise<number> {
    return writeWholeFile(path, bytesOf(this.#service.backup(request, this.#call(signal))));
  }

  /**
   * The stream of an enforcement point, for who writes one: `guard` is one. The protocol is on the page of `decisions/`. It begins when the first
   * response is asked for, and leaving the loop ends it.
   */
  live(requests: AsyncIterable<LiveRequest>, { signal }: Cancellable = {}): AsyncIterable<LiveResponse> {
    return this.#service.live(requests, this.#call(signal));
  }

  /**
   * An enforcement point: it holds permissions that are kept true, and takes them back when they end. A program needs one for each tenant.
   * @throws `invalid_request` for a bound out of bounds
   */
  guard(options: GuardOptions = {}): Guard {
    const guard = new Guard(this.#service, this.#call(undefined), options);
    this.#guards.add(guard);
    guard.once("closed", () => this.#guards.delete(guard));
    return guard;
  }

  /** Closes the database, or the connection, and the guards that were made of it here. */
  async close(): Promise<void> {
    for (const guard of [...this.#guards]) guard.close();
    return this.#service.close();
  }

  #call(signal: AbortSignal | undefined): Call {
    return { ...this.#attribution, ...(this.#tenant !== undefined && { tenant: this.#tenant }), ...(signal && { signal }) };
  }
}

/**
 * A server's database. It connects with the first call, so a server that cannot be reached is that
 * call's `server_unreachable`.
 * @param address `host:port`
 * @throws `invalid_configuration` for an address that is not one
 */
export async function connect(address: string, options: RemoteOptions & { readonly tenant?: string } = {}): Promise<Usher> {
  return new Usher(new Remote(address, options), options.tenant);
}

function toItem({ object, subject, contextualTuples, ...rest }: CheckItem): BatchCheckItem {
  return {
    ...rest,
    object: toObject(object),
    subject: toSubject(subject),
    ...(contextualTuples && { contextualTuples: contextualTuples.map(toTuple) }),
  };
}

function toPreviewCheck({ object, subject, ...rest }: PreviewItem): PreviewCheck {
  return { ...rest, object: toObject(object), subject: toSubject(subject) };
}

async function* bytesOf(pieces: AsyncIterable<BackupResponse>): AsyncGenerator<Uint8Array, void> {
  for await (const { bytes } of pieces) yield bytes;
}
