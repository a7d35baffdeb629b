import { asError, UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type {
  AuditEntry, AuditFilter, AuditRecord, FindLossResponse, GetCheckpointRequest, GetCheckpointResponse, ProveDecisionRequest, ProveDecisionResponse, QueryDecisionsRequest, ReplayOutcome, TailDecisionsRequest,
} from "../model/audit.js";
import { formatObject } from "../model/object.js";
import type { AuditService, Call } from "../model/service.js";
import { formatSubject } from "../model/subject.js";
import { pages } from "./lookups.js";
import { toObject, toSubject, type ObjectLike, type SubjectLike } from "./references.js";

/** Which records are meant: those that match all that it says. */
export interface DecisionFilter extends Omit<AuditFilter, "object" | "subject"> {
  readonly object?: ObjectLike;
  readonly subject?: SubjectLike;
}

interface Cancellable {
  readonly signal?: AbortSignal;
}

export interface QueryOptions extends DecisionFilter, Pick<QueryDecisionsRequest, "pageSize" | "oldestFirst">, Cancellable {}

export interface TailOptions extends DecisionFilter, Pick<TailDecisionsRequest, "fromIndex" | "follow">, Cancellable {}

/** A record with what it says. */
export interface LoggedRecord extends AuditRecord {
  /** Absent where the record was redacted. */
  readonly entry?: AuditEntry;
  readonly redacted: boolean;
}

export interface LoggedPage {
  readonly records: readonly LoggedRecord[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

/** `checkpoint`: every matching record below its size has been told. */
export type LogEvent = { readonly kind: "record"; readonly record: LoggedRecord } | { readonly kind: "checkpoint"; readonly checkpoint: string };

/**
 * The decision log, for who may read it: a server takes the role `audit`. It is of the client's tenant; where that names none and the key is of all, of all. Proofs
 * are handed over as they come: `usher audit prove` and `usher audit verify` check them.
 * @throws `audit_off`, `audit_unavailable`, each method
 */
export class DecisionLog {
  readonly #service: AuditService;
  readonly #call: (signal: AbortSignal | undefined) => Call;

  constructor(service: AuditService, call: (signal: AbortSignal | undefined) => Call) {
    this.#service = service;
    this.#call = call;
  }

  /** The records that match, the newest first, read page by page as they are consumed: `query({ subject: "user:ana", answer: "denied" })`. */
  async *query(options: QueryOptions = {}): AsyncGenerator<LoggedRecord, void> {
    for await (const { records } of pages((further) => this.queryPage({ ...options, ...further }))) yield* records;
  }

  /** One page; its cursor gives the next one, of the same request and to the same caller, for a day. @throws `invalid_cursor`, `cursor_expired` */
  async queryPage({ signal, pageSize, oldestFirst, cursor, ...filter }: QueryOptions & { readonly cursor?: string } = {}): Promise<LoggedPage> {
    const request = { filter: toFilter(filter), ...(pageSize !== undefined && { pageSize }), ...(oldestFirst && { oldestFirst }), ...(cursor !== undefined && { cursor }) };
    const { records, ...further } = await this.#service.queryDecisions(request, this.#call(signal));
    return { ...further, records: records.map(logged) };
  }

  /**
   * The log in its order, from an index or from now on, as far as it goes, or with `follow` as it grows; leaving the loop ends it.
   * @throws `record_unknown` where it is to begin behind the end
   */
  async *tail({ signal, fromIndex, follow, ...filter }: TailOptions = {}): AsyncGenerator<LogEvent, void> {
    const request = { filter: toFilter(filter), ...(fromIndex !== undefined && { fromIndex }), ...(follow && { follow }) };
    for await (const event of this.#service.tailDecisions(request, this.#call(signal))) {
      if (event.kind === "checkpoint") yield event;
      else for (const record of event.records) yield { kind: "record", record: logged(record) };
    }
  }

  /** What the log holds, in one signed line; with `fromSize` the proof that it goes on from there. @throws `record_unknown` */
  async checkpoint({ signal, ...request }: GetCheckpointRequest & Cancellable = {}): Promise<GetCheckpointResponse> {
    return this.#service.getCheckpoint(request, this.#call(signal));
  }

  /** That a record is in the log; with `size` in the tree of a checkpoint that one has. @throws `record_unknown` */
  async prove(index: number, { signal, ...options }: Omit<ProveDecisionRequest, "index"> & Cancellable = {}): Promise<ProveDecisionResponse> {
    return this.#service.proveDecision({ index, ...options }, this.#call(signal));
  }

  /** Recorded decisions evaluated again, as of then, in the order of the indexes. @throws `record_unknown` */
  async *replay(indexes: readonly number[], { signal }: Cancellable = {}): AsyncGenerator<ReplayOutcome, void> {
    for (const part of parts(indexes, limits.replayPerCallMax)) yield* (await this.#service.replayDecisions({ indexes: part }, this.#call(signal))).outcomes;
  }

  /**
   * Erases what records say, for good; that they were there can still be proven. Resolves to how many had not been erased before. Of
   * more than `limits.redactPerCallMax` some may be erased where it rejects: call again. @throws `record_unknown`, `invalid_request`
   */
  async redact(indexes: readonly number[], reason: string, { signal }: Cancellable = {}): Promise<number> {
    let redacted = 0;
    for (const part of parts(indexes, limits.redactPerCallMax)) redacted += (await this.#service.redactDecisions({ indexes: part, reason }, this.#call(signal))).redacted;
    return redacted;
  }

  /** When, and by which commit, a subject lost a permission, as far as decisions were recorded. */
  async findLoss(object: ObjectLike, permission: string, subject: SubjectLike, { signal }: Cancellable = {}): Promise<FindLossResponse> {
    return this.#service.findLoss({ object: toObject(object), permission, subject: toSubject(subject) }, this.#call(signal));
  }
}

/** @throws `internal` where what was recorded cannot be read */
export function logged(record: AuditRecord): LoggedRecord {
  if (record.payload === undefined) return { ...record, redacted: true };
  try {
    return { ...record, entry: JSON.parse(record.payload) as AuditEntry, redacted: false };
  } catch (thrown) {
    throw new UsherError("internal", `record ${record.index} of the decision log cannot be read: ${asError(thrown).message}`, { cause: thrown });
  }
}

function toFilter({ object, subject, ...filter }: DecisionFilter): AuditFilter {
  return { ...filter, ...(object && { object: formatObject(toObject(object)) }), ...(subject && { subject: formatSubject(toSubject(subject)) }) };
}

function* parts(indexes: readonly number[], size: number): Generator<readonly number[]> {
  for (let at = 0; at < indexes.length; at += size) yield indexes.slice(at, at + size);
}
