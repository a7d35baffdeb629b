import type { Decision, Explanation } from "../service.js";
import { WireEnum } from "./enum.js";
import { required, unlessEmpty } from "./field.js";
import { readObject, readTuple, writeTuple, type ObjectMessage, type TupleMessage } from "./references.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";
import { flatten, unflatten } from "./tree.js";

/** `usher.v1.Decision`, and `usher.v1.CheckResponse`, which has the same fields under the same numbers. */
export interface DecisionMessage {
  readonly allowed: boolean;
  readonly missingFields?: readonly string[] | undefined;
  readonly zookie: string;
  readonly instant?: TimestampMessage | null;
  readonly validForMs?: number | null;
  readonly explanation?: ExplanationMessage | null;
}

export interface ExplanationMessage {
  readonly steps: readonly StepMessage[];
}

interface StepMessage {
  readonly kind: number;
  readonly answer: number;
  readonly object?: ObjectMessage | null;
  readonly member?: string | null;
  readonly tuple?: TupleMessage | null;
  readonly note?: string | null;
  readonly missingFields?: readonly string[] | undefined;
  readonly children: readonly number[];
}

export const explanationKinds = new WireEnum("usher.v1.ExplanationKind", [
  "permission", "relation", "union", "intersection", "exclusion", "arrow", "tuple", "self", "nil", "identity", "cycle", "memo",
]);

export const explanationAnswers = new WireEnum("usher.v1.ExplanationAnswer", ["allowed", "denied", "conditional", "undecided"]);

/** The longest that the field holds, 49 days. An answer that is valid longer is said to be valid so long, which is true as well. */
const validForMsMax = 0xffff_ffff;

export function writeDecision(decision: Decision): DecisionMessage {
  return {
    allowed: decision.allowed,
    missingFields: unlessEmpty(decision.missingFields),
    zookie: decision.zookie,
    instant: instantToTimestamp(decision.instant),
    ...(decision.validForMs !== undefined && { validForMs: writeValidForMs(decision.validForMs) }),
    ...(decision.explanation && { explanation: writeExplanation(decision.explanation) }),
  };
}

export function readDecision(message: DecisionMessage): Decision {
  return {
    allowed: message.allowed === true,
    missingFields: message.missingFields ?? [],
    zookie: message.zookie,
    instant: timestampToInstant(required(message.instant, "instant"), "instant"),
    ...(typeof message.validForMs === "number" && { validForMs: message.validForMs }),
    ...(message.explanation && { explanation: readExplanation(message.explanation) }),
  };
}

/** Whole milliseconds, rather too few than too many. */
export function writeValidForMs(validForMs: number): number {
  return Math.max(0, Math.min(validForMsMax, Math.floor(validForMs)));
}

export function writeExplanation(explanation: Explanation): ExplanationMessage {
  return { steps: flatten(explanation, writeStep) };
}

/** @throws `invalid_request` */
export function readExplanation(message: ExplanationMessage): Explanation {
  return unflatten(message.steps, "explanation.steps", readStep);
}

function writeStep(step: Explanation, add: (child: Explanation) => number): StepMessage {
  return {
    kind: explanationKinds.toWire(step.kind),
    answer: explanationAnswers.toWire(step.answer),
    ...(step.object && { object: step.object }),
    ...(step.member !== undefined && { member: step.member }),
    ...(step.tuple && { tuple: writeTuple(step.tuple) }),
    ...(step.note !== undefined && { note: step.note }),
    missingFields: unlessEmpty(step.missingFields ?? []),
    children: step.children.map(add),
  };
}

function readStep(message: StepMessage, take: (position: number) => Explanation): Explanation {
  return {
    kind: explanationKinds.fromWire(message.kind),
    answer: explanationAnswers.fromWire(message.answer),
    ...(message.object && { object: readObject(message.object, "object") }),
    ...(typeof message.member === "string" && { member: message.member }),
    ...(message.tuple && { tuple: readTuple(message.tuple) }),
    ...(typeof message.note === "string" && { note: message.note }),
    ...(message.missingFields?.length && { missingFields: message.missingFields }),
    children: message.children.map(take),
  };
}
