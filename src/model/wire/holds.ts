import { isErrorCode } from "../../base/errors.js";
import type { HoldingStream, HoldsFilter, ListHoldsRequest, ListHoldsResponse, Reached, StandingDecision } from "../holds.js";
import { compact, readEach, required, uint32, within } from "./field.js";
import { heldAnswers } from "./live.js";
import { readObject, readSubject, type ObjectMessage, type SubjectMessage } from "./references.js";
import { contextFromStruct, contextToStruct, type StructMessage } from "./struct.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";

export interface ListHoldsRequestMessage {
  readonly tenant?: string | null | undefined;
  readonly decisions?: FilterMessage | null | undefined;
}

interface FilterMessage {
  readonly stream?: string | null | undefined;
  readonly object?: ObjectMessage | null | undefined;
  readonly permission?: string | null | undefined;
  readonly subject?: SubjectMessage | null | undefined;
}

export interface ListHoldsResponseMessage {
  readonly instant?: TimestampMessage | null;
  readonly streams: readonly StreamMessage[];
  readonly decisions: readonly DecisionMessage[];
}

interface StreamMessage {
  readonly stream: string;
  readonly tenant: string;
  readonly principal: string;
  readonly peer?: string | null | undefined;
  readonly openedAt?: TimestampMessage | null;
  readonly connected: boolean;
  readonly leaseMs: number;
  readonly trustsForMs: number;
  readonly holds: number;
  readonly due: number;
  readonly untold: number;
  readonly unacknowledged: number;
  readonly sent?: ReachedMessage | null | undefined;
  readonly acknowledged?: ReachedMessage | null | undefined;
}

interface ReachedMessage {
  readonly zookie: string;
  readonly instant?: TimestampMessage | null;
}

interface DecisionMessage {
  readonly tenant: string;
  readonly object?: ObjectMessage | null;
  readonly permission: string;
  readonly subject?: SubjectMessage | null;
  readonly context?: StructMessage | null | undefined;
  readonly answer: number;
  readonly error?: string | null | undefined;
  readonly due: boolean;
  readonly holds: number;
  readonly honoured: number;
}

export function writeListHoldsRequest({ tenant, decisions }: ListHoldsRequest): ListHoldsRequestMessage {
  return { tenant, decisions };
}

/** @throws `invalid_request`, `invalid_name`, `invalid_id` */
export function readListHoldsRequest({ tenant, decisions }: ListHoldsRequestMessage): ListHoldsRequest {
  return compact<ListHoldsRequest>({ tenant, decisions: decisions && within("decisions", () => readFilter(decisions)) });
}

export function writeListHoldsResponse({ instant, streams, decisions }: ListHoldsResponse): ListHoldsResponseMessage {
  return { instant: instantToTimestamp(instant), streams: streams.map(writeStream), decisions: decisions.map(writeDecision) };
}

export function readListHoldsResponse({ instant, streams, decisions }: ListHoldsResponseMessage): ListHoldsResponse {
  return { instant: readInstant(instant, "instant"), streams: readEach(streams, "streams", readStream), decisions: readEach(decisions, "decisions", readDecision) };
}

function readFilter({ stream, object, permission, subject }: FilterMessage): HoldsFilter {
  return compact<HoldsFilter>({ stream, object: object && readObject(object, "object"), permission, subject: subject && readSubject(subject, "subject") });
}

function writeStream({ openedAt, sent, acknowledged, trustsForMs, ...stream }: HoldingStream): StreamMessage {
  return { ...stream, openedAt: instantToTimestamp(openedAt), trustsForMs: uint32(trustsForMs, "trusts_for_ms"), sent: sent && writeReached(sent), acknowledged: acknowledged && writeReached(acknowledged) };
}

function readStream({ openedAt, sent, acknowledged, ...stream }: StreamMessage): HoldingStream {
  return compact<HoldingStream>({
    ...stream,
    openedAt: readInstant(openedAt, "opened_at"),
    sent: sent && within("sent", () => readReached(sent)),
    acknowledged: acknowledged && within("acknowledged", () => readReached(acknowledged)),
  });
}

function writeReached({ zookie, instant }: Reached): ReachedMessage {
  return { zookie, instant: instantToTimestamp(instant) };
}

function readReached({ zookie, instant }: ReachedMessage): Reached {
  return { zookie, instant: readInstant(instant, "instant") };
}

function writeDecision({ answer, context, ...decision }: StandingDecision): DecisionMessage {
  return { ...decision, answer: answer === undefined ? 0 : heldAnswers.toWire(answer), ...(context && { context: contextToStruct(context, "context") }) };
}

function readDecision({ object, subject, context, answer, error, ...decision }: DecisionMessage): StandingDecision {
  return compact<StandingDecision>({
    ...decision,
    object: readObject(object, "object"),
    subject: readSubject(subject, "subject"),
    context: context && contextFromStruct(context, "context"),
    answer: answer === 0 ? undefined : heldAnswers.fromWire(answer, "answer"),
    // A code that this side does not know yet says that there was an error all the same.
    error: error === null || error === undefined ? undefined : isErrorCode(error) ? error : "internal",
  });
}

function readInstant(instant: TimestampMessage | null | undefined, field: string) {
  return timestampToInstant(required(instant, field), field);
}
