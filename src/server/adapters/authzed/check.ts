import { UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import { checkName } from "../../../model/object.js";
import type { BatchCheckItem, BatchCheckResult, Call, CheckRequest, Consistency, Decision } from "../../../model/service.js";
import { isWildcard } from "../../../model/subject.js";
import { readEach } from "../../../model/wire/field.js";
import { PlainDecisions } from "../../../model/wire/plain-decisions.js";
import type { StatusMessage } from "../../../model/wire/status.js";
import { contextFromStruct, type StructMessage } from "../../../model/wire/struct.js";
import { instantToTimestamp, type TimestampMessage } from "../../../model/wire/timestamp.js";
import { permissionships, type PartialCaveatMessage } from "./answers.js";
import { readConsistency, type ConsistencyMessage, type Reads, type TokenMessage } from "./consistency.js";
import { RequestReader, ResponseWriter } from "./converters.js";
import { toStatusMessage } from "./failures.js";
import { reasoned } from "./reasons.js";
import { readAsked, readObject, readSubject, wildcardAsked, type ObjectMessage, type SubjectMessage } from "./references.js";
import { traceOf, type DebugMessage } from "./trace.js";

interface ItemMessage {
  readonly resource?: ObjectMessage | null;
  readonly permission: string;
  readonly subject?: SubjectMessage | null;
  readonly context?: StructMessage | null;
}

interface CheckRequestMessage extends ItemMessage {
  readonly consistency?: ConsistencyMessage | null;
  readonly withTracing: boolean;
}

interface AnswerMessage {
  readonly permissionship: number;
  readonly partialCaveatInfo?: PartialCaveatMessage;
  readonly debugTrace?: DebugMessage;
}

interface CheckResponseMessage extends AnswerMessage {
  readonly checkedAt: TokenMessage;
  readonly optionalExpiresAt?: TimestampMessage;
}

interface BulkRequestMessage {
  readonly consistency?: ConsistencyMessage | null;
  readonly items: readonly ItemMessage[];
  readonly withTracing: boolean;
}

interface BulkResponseMessage {
  readonly checkedAt: TokenMessage;
  readonly pairs: readonly { readonly request: ItemMessage; readonly item?: AnswerMessage; readonly error?: StatusMessage }[];
}

/** Many checks, with what was sent, since each answer repeats its question. */
export interface BulkRequest {
  readonly consistency: Consistency | undefined;
  readonly items: readonly BatchCheckItem[];
  readonly sent: readonly ItemMessage[];
}

export interface BulkResponse {
  readonly zookie: string;
  readonly pairs: readonly { readonly sent: ItemMessage; readonly result: BulkResult }[];
}

export type BulkResult = Answered | { readonly error: UsherError };

/** A decision, and where it was asked for how it came about. */
export interface Answered {
  readonly decision: Decision;
  readonly debug?: DebugMessage | undefined;
}

export const checkRequest = new RequestReader<CheckRequest, CheckRequestMessage>("CheckPermissionRequest", (message) => {
  const item = readItem(message, readAsked);
  const consistency = readConsistency(message.consistency);
  if (consistency === undefined && !message.withTracing) return item;
  return { ...item, ...(consistency && { consistency }), ...(message.withTracing && { explain: true }) };
});

export const bulkRequest = new RequestReader<BulkRequest, BulkRequestMessage>("CheckBulkPermissionsRequest", ({ consistency, items, withTracing }) => {
  if (items.length > limits.batchItemsMax) {
    throw reasoned("request_too_large", "ERROR_REASON_UNSPECIFIED", `the request has ${items.length} checks: at most ${limits.batchItemsMax} are taken at once`, {
      check_count: String(items.length),
      maximum_checks_allowed: String(limits.batchItemsMax),
    });
  }
  const read = readEach(items, "items", (message) => readItem(message, (asked) => readSubject(asked, "subject")));
  return { consistency: readConsistency(consistency), items: withTracing ? read.map((item) => ({ ...item, explain: true })) : read, sent: items };
});

class CheckResponseWriter {
  readonly #messages = new ResponseWriter<Answered, CheckResponseMessage>("CheckPermissionResponse", ({ decision, debug }) => ({
    checkedAt: { token: decision.zookie },
    ...writeAnswer(decision, debug),
    ...(decision.validForMs !== undefined && { optionalExpiresAt: instantToTimestamp(decision.instant + Math.floor(decision.validForMs)) }),
  }));
  readonly #plain = new PlainDecisions((decision) => this.#messages.encode({ decision }));

  encode(answered: Answered): Buffer {
    return answered.debug === undefined ? this.#plain.bytesOf(answered.decision) : this.#messages.encode(answered);
  }
}

export const checkResponse = new CheckResponseWriter();

export const bulkResponse = new ResponseWriter<BulkResponse, BulkResponseMessage>("CheckBulkPermissionsResponse", ({ zookie, pairs }) => ({
  checkedAt: { token: zookie },
  pairs: pairs.map(({ sent, result }) => ({
    request: sent,
    ...("error" in result ? { error: toStatusMessage(result.error) } : { item: writeAnswer(result.decision, result.debug) }),
  })),
}));

export async function checkPermission(reads: Reads, request: CheckRequest, call: Call): Promise<Answered> {
  const decision = await reads.check(request, call);
  return decision.explanation === undefined ? { decision } : { decision, debug: await traceOf(reads, request, decision, call) };
}

/** Somebody who is everybody is refused for himself, and the others are answered. */
export async function checkBulkPermissions(reads: Reads, { consistency, items, sent }: BulkRequest, call: Call): Promise<BulkResponse> {
  if (items.length === 0) return { zookie: (await reads.readTuples({ filter: {}, pageSize: 1, ...(consistency && { consistency }) }, call)).zookie, pairs: [] };
  const [wildcard] = items.filter(({ subject }) => isWildcard(subject));
  const asked = items.filter(({ subject }) => !isWildcard(subject));
  if (wildcard !== undefined && asked.length === 0) throw wildcardAsked(wildcard.subject);
  const { zookie, results } = await reads.batchCheck({ items: asked, ...(consistency && { consistency }) }, call);
  const answers = results.values();
  const pairs: { sent: ItemMessage; result: BulkResult }[] = [];
  for (const [at, item] of items.entries()) {
    const result = isWildcard(item.subject) ? { error: wildcardAsked(item.subject) } : await resultOf(reads, item, answers.next().value, call);
    pairs.push({ sent: sent[at] as ItemMessage, result });
  }
  return { zookie, pairs };
}

async function resultOf(reads: Reads, item: BatchCheckItem, result: BatchCheckResult | undefined, call: Call): Promise<BulkResult> {
  if (result === undefined) return { error: new UsherError("internal", "the check was not answered") };
  if ("error" in result) return { error: new UsherError(result.error.code, result.error.message) };
  const { decision } = result;
  return decision.explanation === undefined ? { decision } : { decision, debug: await traceOf(reads, item, decision, call) };
}

function readItem(message: ItemMessage, who: (message: SubjectMessage | null | undefined) => CheckRequest["subject"]): BatchCheckItem {
  const item = { object: readObject(message.resource, "resource"), permission: checkName(message.permission, "permission"), subject: who(message.subject) };
  return message.context ? { ...item, context: contextFromStruct(message.context, "context") } : item;
}

function writeAnswer(decision: Decision, debug: DebugMessage | undefined): AnswerMessage {
  const { allowed, missingFields } = decision;
  const answer = allowed ? "allowed" : missingFields.length > 0 ? "conditional" : "denied";
  return {
    permissionship: permissionships[answer],
    ...(answer === "conditional" && { partialCaveatInfo: { missingRequiredContext: missingFields } }),
    ...(debug && { debugTrace: debug }),
  };
}
