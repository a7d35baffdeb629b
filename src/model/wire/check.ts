import { isErrorCode, UsherError } from "../../base/errors.js";
import { checkName, quote } from "../object.js";
import type { BatchCheckItem, BatchCheckRequest, BatchCheckResponse, BatchCheckResult, CheckRequest } from "../service.js";
import { readConsistency, writeConsistency, type ConsistencyMessage } from "./consistency.js";
import { readDecision, writeDecision, type DecisionMessage } from "./decision.js";
import { readEach, unlessEmpty } from "./field.js";
import { readObject, readSubject, readTuple, writeTuple, type ObjectMessage, type SubjectMessage, type TupleMessage } from "./references.js";
import { contextFromStruct, contextToStruct, type StructMessage } from "./struct.js";

interface ItemMessage {
  readonly object?: ObjectMessage | null;
  readonly permission: string;
  readonly subject?: SubjectMessage | null;
  readonly context?: StructMessage | null;
  readonly contextualTuples?: readonly TupleMessage[] | undefined;
  readonly explain?: boolean | undefined;
}

export interface CheckRequestMessage extends ItemMessage {
  readonly consistency?: ConsistencyMessage | null | undefined;
}

export interface BatchCheckRequestMessage {
  readonly items: readonly ItemMessage[];
  readonly consistency?: ConsistencyMessage | null | undefined;
}

export interface BatchCheckResponseMessage {
  readonly zookie: string;
  readonly results: readonly ResultMessage[];
}

interface ResultMessage {
  readonly decision?: DecisionMessage | null;
  readonly error?: { readonly code: string; readonly message: string } | null;
}

export function writeCheckRequest(request: CheckRequest): CheckRequestMessage {
  return { ...writeItem(request), consistency: writeConsistency(request.consistency) };
}

export function readCheckRequest(message: CheckRequestMessage): CheckRequest {
  const consistency = readConsistency(message.consistency);
  return consistency === undefined ? readItem(message) : { ...readItem(message), consistency };
}

export function writeBatchCheckRequest(request: BatchCheckRequest): BatchCheckRequestMessage {
  return { items: request.items.map(writeItem), consistency: writeConsistency(request.consistency) };
}

export function readBatchCheckRequest(message: BatchCheckRequestMessage): BatchCheckRequest {
  const consistency = readConsistency(message.consistency);
  return { items: readEach(message.items, "items", readItem), ...(consistency && { consistency }) };
}

export function writeBatchCheckResponse(response: BatchCheckResponse): BatchCheckResponseMessage {
  return { zookie: response.zookie, results: response.results.map(writeResult) };
}

/** A response with one entry and nothing else. */
export function writeBatchCheckEntry(result: BatchCheckResult): Pick<BatchCheckResponseMessage, "results"> {
  return { results: [writeResult(result)] };
}

export function readBatchCheckResponse(message: BatchCheckResponseMessage): BatchCheckResponse {
  return { zookie: message.zookie, results: readEach(message.results, "results", readResult) };
}

function writeItem(item: BatchCheckItem): ItemMessage {
  return {
    object: item.object,
    permission: item.permission,
    subject: item.subject,
    ...(item.context && { context: contextToStruct(item.context, "context") }),
    contextualTuples: item.contextualTuples && unlessEmpty(item.contextualTuples.map(writeTuple)),
    explain: item.explain || undefined,
  };
}

function readItem(message: ItemMessage): BatchCheckItem {
  const item = {
    object: readObject(message.object, "object"),
    permission: checkName(message.permission, "permission"),
    subject: readSubject(message.subject, "subject"),
  };
  if (!message.context && !message.contextualTuples?.length && message.explain !== true) return item;
  return {
    ...item,
    ...(message.context && { context: contextFromStruct(message.context, "context") }),
    ...(message.contextualTuples?.length && { contextualTuples: readEach(message.contextualTuples, "contextual_tuples", readTuple) }),
    ...(message.explain === true && { explain: true }),
  };
}

function writeResult(result: BatchCheckResult): ResultMessage {
  return "decision" in result ? { decision: writeDecision(result.decision) } : { error: result.error };
}

/** An entry with neither a decision nor an error, or with both, cannot be told apart and is refused. */
function readResult(message: ResultMessage): BatchCheckResult {
  if (message.decision && !message.error) return { decision: readDecision(message.decision) };
  if (!message.error || message.decision) throw new UsherError("invalid_request", "a result has neither a decision nor an error, or both");
  const { code, message: text } = message.error;
  if (!isErrorCode(code)) throw new UsherError("invalid_request", `error code ${quote(code)} is unknown`);
  return { error: { code, message: text } };
}
