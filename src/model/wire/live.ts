import { isErrorCode, UsherError, type ErrorCode } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { Cause, Flip, HeldLookup, HeldState, Hold, HoldUse, LiveRequest, LiveResponse, LookupHold, MemberState, RefusedHold } from "../live.js";
import type { Metadata } from "../service.js";
import { readExplanation, writeExplanation, writeValidForMs, type ExplanationMessage } from "./decision.js";
import { WireEnum } from "./enum.js";
import { compact, readEach, required, uint32, unlessEmpty, within } from "./field.js";
import type { ObjectMessage, SubjectMessage } from "./references.js";
import { contextFromStruct, contextToStruct, type StructMessage } from "./struct.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";
import { readMetadata } from "./tuples.js";

export interface LiveRequestMessage {
  readonly open?: { readonly leaseMs?: number | null | undefined; readonly resumeStream?: string | null | undefined } | null;
  readonly hold?: { readonly holds: readonly HoldMessage[] } | null;
  readonly release?: { readonly ids: readonly number[] } | null;
  readonly uses?: { readonly uses: readonly { readonly id: number; readonly count: number; readonly member?: string | null | undefined }[] } | null;
  readonly setContext?: { readonly name: string; readonly context?: StructMessage | null } | null;
  readonly ping?: { readonly nonce: string } | null;
  readonly acknowledge?: { readonly zookie: string } | null;
  readonly lookup?: { readonly lookups: readonly LookupMessage[] } | null;
}

interface LookupMessage {
  readonly id: number;
  readonly objects?: { readonly type: string; readonly permission: string; readonly subject?: SubjectMessage | null } | null;
  readonly subjects?: { readonly object?: ObjectMessage | null; readonly permission: string; readonly subjectType: string; readonly subjectRelation?: string | null | undefined } | null;
  readonly context?: StructMessage | null;
  readonly contextName?: string | null | undefined;
}

interface HoldMessage {
  readonly id: number;
  readonly object?: ObjectMessage | null;
  readonly permission: string;
  readonly subject?: SubjectMessage | null;
  readonly context?: StructMessage | null;
  readonly contextName?: string | null | undefined;
  readonly explain?: boolean | undefined;
  readonly last?: number | undefined;
}

export interface LiveResponseMessage {
  readonly opened?: { readonly stream: string; readonly leaseMs: number } | null;
  readonly states?: (AnsweredMessage & { readonly states: readonly StateMessage[] }) | null;
  readonly flips?: FlipsMessage | null;
  readonly refused?: { readonly refused: readonly RefusedMessage[] } | null;
  readonly checkpoint?: (AnsweredMessage & { readonly nonce?: string | null | undefined; readonly leaseMs?: number | null | undefined }) | null;
  readonly draining?: { readonly reconnectAfterMs: number } | null;
  readonly members?: MembersMessage | null;
}

interface AnsweredMessage {
  readonly zookie: string;
  readonly instant?: TimestampMessage | null;
}

interface StateMessage {
  readonly allowed: boolean;
  readonly id: number;
  readonly missingFields?: readonly string[] | undefined;
  readonly validForMs?: number | null | undefined;
  readonly error?: { readonly code: string; readonly message: string } | null;
  readonly explanation?: ExplanationMessage | null;
}

interface FlipsMessage extends AnsweredMessage {
  readonly flips: readonly FlipMessage[];
  readonly causes: readonly CauseMessage[];
}

interface MembersMessage extends AnsweredMessage {
  readonly members: readonly MemberMessage[];
  readonly causes: readonly CauseMessage[];
}

interface MemberMessage {
  readonly id: number;
  readonly member: string;
  readonly allowed: boolean;
  readonly missingFields?: readonly string[] | undefined;
  readonly validForMs?: number | null | undefined;
  readonly excluded?: boolean | undefined;
  /** A position in the message's causes. */
  readonly cause?: number | null | undefined;
}

interface FlipMessage {
  readonly state?: StateMessage | null;
  /** A position in the message's causes. */
  readonly cause: number;
}

interface CauseMessage {
  readonly kind: number;
  readonly zookie?: string | null | undefined;
  readonly metadata?: Metadata | undefined;
}

interface RefusedMessage {
  readonly id: number;
  readonly code: string;
  readonly message: string;
}

export const heldAnswers = new WireEnum("usher.v1.HeldAnswer", ["allowed", "denied", "conditional"]);
export const causeKinds = new WireEnum("usher.v1.CauseKind", ["tuple", "schema", "context", "time", "sweep", "resume", "expiry", "condition"]);

const requestKinds = ["open", "hold", "lookup", "release", "uses", "setContext", "ping", "acknowledge"] as const;
const responseKinds = ["opened", "states", "flips", "members", "refused", "checkpoint", "draining"] as const;
const lookupKinds = ["objects", "subjects"] as const;

export function writeLiveRequest(request: LiveRequest): LiveRequestMessage {
  switch (request.kind) {
    case "open":
      return { open: { leaseMs: request.leaseMs === undefined ? undefined : uint32(request.leaseMs, "lease_ms"), resumeStream: request.resumeStream } };
    case "hold":
      return { hold: { holds: readEach(bounded(request.holds, "holds"), "holds", writeHold) } };
    case "lookup":
      return { lookup: { lookups: readEach(bounded(request.lookups, "lookups", limits.lookupsPerStreamMax), "lookups", writeLookup) } };
    case "release":
      return { release: { ids: bounded(request.ids, "ids").map((id) => uint32(id, "ids")) } };
    case "setContext":
      return { setContext: { name: request.name, context: contextToStruct(request.context, "context") } };
    case "uses":
      return { uses: { uses: bounded(request.uses, "uses").map(({ id, count, member }) => ({ id: uint32(id, "id"), count: uint32(count, "count"), member })) } };
    case "ping":
      return { ping: { nonce: request.nonce } };
    case "acknowledge":
      return { acknowledge: { zookie: request.zookie } };
  }
}

/** @throws `invalid_request` for a message of no kind, of an unknown one, or of two; `request_too_large`, `invalid_context` */
export function readLiveRequest(message: LiveRequestMessage): LiveRequest {
  switch (kindOf(message, requestKinds, "a live request")) {
    case "open":
      return compact<LiveRequest & { kind: "open" }>({ kind: "open", leaseMs: message.open?.leaseMs, resumeStream: message.open?.resumeStream });
    case "hold":
      return { kind: "hold", holds: readEach(bounded(message.hold?.holds ?? [], "holds"), "holds", readHold) };
    case "lookup":
      return { kind: "lookup", lookups: readEach(bounded(message.lookup?.lookups ?? [], "lookups", limits.lookupsPerStreamMax), "lookups", readLookup) };
    case "release":
      return { kind: "release", ids: [...bounded(message.release?.ids ?? [], "ids")] };
    case "setContext":
      return { kind: "setContext", name: message.setContext?.name ?? "", context: contextFromStruct(required(message.setContext?.context, "context"), "context") };
    case "uses":
      return { kind: "uses", uses: bounded(message.uses?.uses ?? [], "uses").map(({ id, count, member }) => compact<HoldUse>({ id, count, member: member ?? undefined })) };
    case "ping":
      return { kind: "ping", nonce: message.ping?.nonce ?? "" };
    case "acknowledge":
      return { kind: "acknowledge", zookie: message.acknowledge?.zookie ?? "" };
  }
}

export function writeLiveResponse(response: LiveResponse): LiveResponseMessage {
  switch (response.kind) {
    case "opened":
      return { opened: { stream: response.stream, leaseMs: uint32(response.leaseMs, "lease_ms") } };
    case "states":
      return { states: { zookie: response.zookie, instant: instantToTimestamp(response.instant), states: response.states.map(writeState) } };
    case "flips":
      return { flips: writeFlips(response) };
    case "members":
      return { members: writeMembers(response) };
    case "refused":
      return { refused: { refused: response.refused } };
    case "checkpoint": {
      const { zookie, instant, nonce, leaseMs } = response;
      return { checkpoint: { zookie, instant: instantToTimestamp(instant), nonce, leaseMs: leaseMs === undefined ? undefined : uint32(leaseMs, "lease_ms") } };
    }
    case "draining":
      return { draining: { reconnectAfterMs: uint32(response.reconnectAfterMs, "reconnect_after_ms") } };
  }
}

/**
 * What cannot be told is refused, and the stream with it: a flip that was passed over would leave what it ends.
 * @throws `invalid_request`
 */
export function readLiveResponse(message: LiveResponseMessage): LiveResponse {
  const kind = kindOf(message, responseKinds, "a live response");
  switch (kind) {
    case "opened": {
      const { stream, leaseMs } = required(message.opened, kind);
      return { kind, stream, leaseMs };
    }
    case "states": {
      const { zookie, instant, states } = required(message.states, kind);
      return { kind, zookie, instant: readInstant(instant), states: readEach(states, "states", readState) };
    }
    case "flips": {
      const { zookie, instant, flips, causes: sent } = required(message.flips, kind);
      const causes = readEach(sent, "causes", readCause);
      return { kind, zookie, instant: readInstant(instant), flips: readEach(flips, "flips", (flip) => readFlip(flip, causes)) };
    }
    case "members": {
      const { zookie, instant, members, causes: sent } = required(message.members, kind);
      const causes = readEach(sent, "causes", readCause);
      return { kind, zookie, instant: readInstant(instant), members: readEach(members, "members", (member) => readMember(member, causes)) };
    }
    case "refused":
      return { kind, refused: required(message.refused, kind).refused.map(readRefused) };
    case "checkpoint": {
      const { zookie, instant, nonce, leaseMs } = required(message.checkpoint, kind);
      return compact<LiveResponse & { kind: "checkpoint" }>({ kind, zookie, instant: readInstant(instant), nonce, leaseMs });
    }
    case "draining":
      return { kind, reconnectAfterMs: required(message.draining, kind).reconnectAfterMs };
  }
}

/** A decoder that meets two keeps both; which was meant, nobody could say. */
export function kindOf<Kind extends string>(message: { readonly [K in Kind]?: unknown }, kinds: readonly Kind[], what: string): Kind {
  const [kind, other] = kinds.filter((each) => message[each] !== null && message[each] !== undefined);
  if (kind !== undefined && other === undefined) return kind;
  throw new UsherError("invalid_request", `${what} is of ${kind === undefined ? "no kind that is known" : "two kinds"}: give one of \`${kinds.join("`, `")}\``);
}

function bounded<T>(list: readonly T[], field: string, max: number = limits.holdsPerMessageMax): readonly T[] {
  if (list.length <= max) return list;
  throw new UsherError("request_too_large", `field \`${field}\` has ${list.length} entries, more than ${max}: send the rest in another message`, { details: { field } });
}

function writeHold(hold: Hold): HoldMessage {
  return {
    id: uint32(hold.id, "id"),
    object: hold.object,
    permission: hold.permission,
    subject: hold.subject,
    ...(hold.context && { context: contextToStruct(hold.context, "context") }),
    contextName: hold.contextName,
    explain: hold.explain || undefined,
    ...(hold.last !== undefined && { last: heldAnswers.toWire(hold.last) }),
  };
}

/**
 * What it names is checked where it is taken, embedded and over the wire alike: one hold that is wrong is refused by itself there,
 * where an error would end the stream with all the others.
 */
function readHold(message: HoldMessage): Hold {
  const { type = "", id = "" } = message.object ?? {};
  const { type: subjectType = "", id: subjectId = "", relation = "" } = message.subject ?? {};
  const hold = { id: message.id, object: { type, id }, permission: message.permission, subject: { type: subjectType, id: subjectId, relation } };
  return {
    ...hold,
    ...(message.context && { context: contextFromStruct(message.context, "context") }),
    ...(typeof message.contextName === "string" && { contextName: message.contextName }),
    ...(message.explain === true && { explain: true }),
    ...(message.last && { last: heldAnswers.fromWire(message.last, "last") }),
  };
}

function writeLookup({ id, what, context, contextName }: LookupHold): LookupMessage {
  return {
    id: uint32(id, "id"),
    ...(what.kind === "objects" ? { objects: what } : { subjects: what }),
    ...(context && { context: contextToStruct(context, "context") }),
    contextName,
  };
}

/** As `readHold`: what it names is checked where it is taken. */
function readLookup(message: LookupMessage): LookupHold {
  return {
    id: message.id,
    what: readWhat(message),
    ...(message.context && { context: contextFromStruct(message.context, "context") }),
    ...(typeof message.contextName === "string" && { contextName: message.contextName }),
  };
}

function readWhat(message: LookupMessage): HeldLookup {
  const kind = kindOf(message, lookupKinds, "a lookup");
  if (kind === "objects") {
    const { type, permission, subject } = required(message.objects, kind);
    return { kind, type, permission, subject: { type: subject?.type ?? "", id: subject?.id ?? "", relation: subject?.relation ?? "" } };
  }
  const { object, permission, subjectType, subjectRelation } = required(message.subjects, kind);
  return { kind, object: { type: object?.type ?? "", id: object?.id ?? "" }, permission, subjectType, ...(subjectRelation ? { subjectRelation } : {}) };
}

function writeState(state: HeldState): StateMessage {
  return {
    allowed: state.allowed,
    id: state.id,
    missingFields: unlessEmpty(state.missingFields),
    ...(state.validForMs !== undefined && { validForMs: writeValidForMs(state.validForMs) }),
    ...(state.error && { error: state.error }),
    ...(state.explanation && { explanation: writeExplanation(state.explanation) }),
  };
}

function readState(message: StateMessage): HeldState {
  const { allowed, id, missingFields = [], validForMs, error, explanation } = message;
  if (allowed && error) throw new UsherError("invalid_request", `the state of hold \`${id}\` is allowed and has an error`);
  return {
    id,
    allowed: allowed === true,
    missingFields,
    ...(typeof validForMs === "number" && { validForMs }),
    ...(error && { error: { code: readCode(error.code), message: error.message } }),
    ...(explanation && { explanation: readExplanation(explanation) }),
  };
}

/** A cause is sent once for all that it ended: its metadata may have 16 KiB, and a message a thousand flips. */
class Causes {
  readonly #causes: Cause[] = [];
  readonly #places = new Map<string, number>();

  get messages(): CauseMessage[] {
    return this.#causes.map(writeCause);
  }

  placeOf(cause: Cause): number {
    const key = `${cause.kind} ${cause.zookie ?? ""}`;
    const known = this.#places.get(key);
    if (known !== undefined && this.#causes[known]?.metadata === cause.metadata) return known;
    this.#places.set(key, this.#causes.length);
    return this.#causes.push(cause) - 1;
  }
}

function writeFlips({ zookie, instant, flips }: LiveResponse & { readonly kind: "flips" }): FlipsMessage {
  const causes = new Causes();
  const written = flips.map((flip) => ({ state: writeState(flip), cause: causes.placeOf(flip.cause) }));
  return { zookie, instant: instantToTimestamp(instant), flips: written, causes: causes.messages };
}

function writeMembers({ zookie, instant, members }: LiveResponse & { readonly kind: "members" }): MembersMessage {
  const causes = new Causes();
  const written = members.map((member): MemberMessage => ({
    id: member.id,
    member: member.member,
    allowed: member.allowed,
    missingFields: unlessEmpty(member.missingFields),
    ...(member.validForMs !== undefined && { validForMs: writeValidForMs(member.validForMs) }),
    excluded: member.excluded || undefined,
    ...(member.cause && { cause: causes.placeOf(member.cause) }),
  }));
  return { zookie, instant: instantToTimestamp(instant), members: written, causes: causes.messages };
}

function readMember(message: MemberMessage, causes: readonly Cause[]): MemberState {
  const { id, member, allowed, missingFields = [], validForMs, excluded, cause } = message;
  if (excluded === true && (allowed || missingFields.length > 0)) throw new UsherError("invalid_request", `the member \`${member}\` of lookup \`${id}\` is excluded and is not denied`);
  return {
    id,
    member,
    allowed: allowed === true,
    missingFields,
    ...(typeof validForMs === "number" && { validForMs }),
    ...(excluded === true && { excluded }),
    ...(typeof cause === "number" && { cause: required(causes[cause], "cause") }),
  };
}

function writeCause({ kind, zookie, metadata }: Cause): CauseMessage {
  return { kind: causeKinds.toWire(kind), zookie, metadata };
}

function readCause({ kind, zookie, metadata }: CauseMessage): Cause {
  return compact<Cause>({ kind: causeKinds.fromWire(kind), zookie, metadata: readMetadata(metadata) });
}

function readFlip(message: FlipMessage, causes: readonly Cause[]): Flip {
  const state = within("state", () => readState(required(message.state, "state")));
  return { ...state, cause: required(causes[message.cause], "cause") };
}

function readRefused({ id, code, message }: RefusedMessage): RefusedHold {
  return { id, code: readCode(code), message };
}

/** What has an error denies, whatever its code; one that this side does not know yet must not end the stream, its message says the rest. */
function readCode(code: string): ErrorCode {
  return isErrorCode(code) ? code : "internal";
}

function readInstant(instant: TimestampMessage | null | undefined): number {
  return timestampToInstant(required(instant, "instant"), "instant");
}
