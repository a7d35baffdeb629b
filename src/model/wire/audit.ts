import {
  auditKinds, type AuditFilter, type AuditKind, type AuditRecord, type QueryDecisionsRequest, type QueryDecisionsResponse, type RecordedAnswer, type TailDecisionsRequest, type TailEvent,
} from "../audit.js";
import { formatObject } from "../object.js";
import { formatSubject } from "../subject.js";
import { parseObject, parseSubject } from "../tuple-text.js";
import { WireEnum } from "./enum.js";
import { compact, readEach, required, uint32, within } from "./field.js";
import { readLargeNumber, readOptionalLargeNumber, writeLargeNumber, type LargeNumberMessage } from "./large-number.js";
import { kindOf } from "./live.js";
import { readObject, readSubject, type ObjectMessage, type SubjectMessage } from "./references.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";

interface FilterMessage {
  readonly kinds?: readonly number[] | undefined;
  readonly object?: ObjectMessage | null | undefined;
  readonly permission?: string | null | undefined;
  readonly subject?: SubjectMessage | null | undefined;
  readonly principal?: string | null | undefined;
  readonly actor?: string | null | undefined;
  readonly session?: string | null | undefined;
  readonly request?: string | null | undefined;
  readonly answer?: number | undefined;
  readonly zookie?: string | null | undefined;
  readonly from?: TimestampMessage | null | undefined;
  readonly to?: TimestampMessage | null | undefined;
}

export interface RecordMessage {
  readonly index: LargeNumberMessage;
  readonly hash: string;
  readonly salt?: string | null | undefined;
  readonly payload?: string | null | undefined;
}

export interface QueryDecisionsRequestMessage {
  readonly filter?: FilterMessage | null | undefined;
  readonly pageSize?: number | null | undefined;
  readonly cursor?: string | null | undefined;
  readonly oldestFirst?: boolean | undefined;
}

export interface QueryDecisionsResponseMessage {
  readonly records: readonly RecordMessage[];
  readonly cursor?: string | null | undefined;
}

export interface TailDecisionsRequestMessage {
  readonly filter?: FilterMessage | null | undefined;
  readonly fromIndex?: LargeNumberMessage | null | undefined;
  readonly follow?: boolean | undefined;
}

export interface TailDecisionsResponseMessage {
  readonly records?: { readonly records: readonly RecordMessage[] } | null;
  readonly checkpoint?: string | null;
}

const wireKinds = new WireEnum<AuditKind>("usher.v1.AuditKind", auditKinds);
export const recordedAnswers = new WireEnum<RecordedAnswer>("usher.v1.RecordedAnswer", ["allowed", "denied", "conditional", "undecided"]);

/** The enums of the decision log, for whoever compares them with the proto files. */
export const auditEnums = [wireKinds, recordedAnswers] as const;

export function writeQueryDecisionsRequest({ filter, pageSize, cursor, oldestFirst }: QueryDecisionsRequest): QueryDecisionsRequestMessage {
  return { filter: writeFilter(filter), pageSize: pageSize === undefined ? undefined : uint32(pageSize, "page_size"), cursor, oldestFirst: oldestFirst || undefined };
}

/** @throws `invalid_request`, `invalid_name`, `invalid_id` */
export function readQueryDecisionsRequest({ filter, pageSize, cursor, oldestFirst }: QueryDecisionsRequestMessage): QueryDecisionsRequest {
  return compact<QueryDecisionsRequest>({ filter: readFilter(filter), pageSize, cursor, oldestFirst: oldestFirst || undefined });
}

export function writeQueryDecisionsResponse({ records, cursor }: QueryDecisionsResponse): QueryDecisionsResponseMessage {
  return { records: records.map(writeRecord), cursor };
}

export function readQueryDecisionsResponse({ records, cursor }: QueryDecisionsResponseMessage): QueryDecisionsResponse {
  return compact<QueryDecisionsResponse>({ records: readEach(records, "records", readRecord), cursor });
}

export function writeTailDecisionsRequest({ filter, fromIndex, follow }: TailDecisionsRequest): TailDecisionsRequestMessage {
  return { filter: writeFilter(filter), fromIndex: fromIndex === undefined ? undefined : writeLargeNumber(fromIndex, "from_index"), follow: follow || undefined };
}

/** @throws as `readQueryDecisionsRequest` */
export function readTailDecisionsRequest(message: TailDecisionsRequestMessage): TailDecisionsRequest {
  return compact<TailDecisionsRequest>({
    filter: readFilter(message.filter),
    fromIndex: readOptionalLargeNumber(message, "fromIndex", "from_index"),
    follow: message.follow || undefined,
  });
}

export function writeTailEvent(event: TailEvent): TailDecisionsResponseMessage {
  return event.kind === "records" ? { records: { records: event.records.map(writeRecord) } } : { checkpoint: event.checkpoint };
}

export function readTailEvent(message: TailDecisionsResponseMessage): TailEvent {
  // As it was sent: a scalar of a oneof that was not sent has a default.
  const kind = kindOf({ ...message }, ["records", "checkpoint"], "an event of the decision log");
  if (kind === "checkpoint") return { kind, checkpoint: message.checkpoint ?? "" };
  return { kind, records: readEach(required(message.records, kind).records, "records", readRecord) };
}

export function writeRecord(record: AuditRecord): RecordMessage {
  return { ...record, index: writeLargeNumber(record.index, "index") };
}

export function readRecord({ index, hash, salt, payload }: RecordMessage): AuditRecord {
  return compact<AuditRecord>({ index: readLargeNumber(index, "index"), hash, salt, payload });
}

function writeFilter({ kinds, object, subject, answer, from, to, ...texts }: AuditFilter): FilterMessage {
  return {
    ...texts,
    kinds: kinds?.map((kind) => wireKinds.toWire(kind)),
    ...(object !== undefined && { object: within("filter.object", () => parseObject(object)) }),
    ...(subject !== undefined && { subject: within("filter.subject", () => parseSubject(subject)) }),
    ...(answer !== undefined && { answer: recordedAnswers.toWire(answer) }),
    ...(from !== undefined && { from: instantToTimestamp(from) }),
    ...(to !== undefined && { to: instantToTimestamp(to) }),
  };
}

function readFilter(message: FilterMessage | null | undefined): AuditFilter {
  if (message === null || message === undefined) return {};
  const { kinds = [], object, subject, answer, from, to, permission, principal, actor, session, request, zookie } = message;
  return within("filter", () =>
    compact<AuditFilter>({
      kinds: kinds.length === 0 ? undefined : kinds.map((kind) => wireKinds.fromWire(kind, "kinds")),
      object: object && formatObject(readObject(object, "object")),
      permission,
      subject: subject && formatSubject(readSubject(subject, "subject")),
      principal,
      actor,
      session,
      request,
      answer: answer ? recordedAnswers.fromWire(answer, "answer") : undefined,
      zookie,
      from: from && timestampToInstant(from, "from"),
      to: to && timestampToInstant(to, "to"),
    }),
  );
}
