import { assert } from "../../base/assert.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { quote } from "../../model/object.js";
import type { Answer } from "../answer.js";
import { evaluate, evaluateAtHead, type Ground, type HeadGround, type Question } from "../evaluate.js";

/** What a check says of somebody or something that is not denied. */
export interface Verdict {
  readonly allowed: boolean;
  /** Where it is not allowed: the context fields on which that depends. */
  readonly missingFields: readonly string[];
}

/**
 * What Check answers to each question, in their order, undefined where it is denied: the answers are those of the one walker, so
 * that a lookup cannot come to another. Questions that together read more than one evaluation may are asked in smaller parts.
 */
export async function answersOf(questions: readonly Question[], ground: Ground | HeadGround, signal?: AbortSignal): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let at = 0; at < questions.length; at += limits.lookupBatchMax) {
    answers.push(...(await inParts(questions.slice(at, at + limits.lookupBatchMax), ground, signal)));
  }
  return answers;
}

/** From memory where the snapshot is head, before and after; a commit that came between makes no difference but this one. */
async function ask(questions: readonly Question[], ground: Ground | HeadGround, signal: AbortSignal | undefined): Promise<Answer[]> {
  const { revision } = ground.snapshot;
  if ("cache" in ground && ground.cache.revision === revision) {
    const evaluation = await evaluateAtHead(questions, ground, signal);
    if (evaluation.revision === revision && evaluation.now === ground.now) return [...evaluation.answers];
  }
  return evaluate(questions, ground, signal);
}

async function inParts(questions: readonly Question[], ground: Ground | HeadGround, signal: AbortSignal | undefined): Promise<Answer[]> {
  const answers = await ask(questions, ground, signal);
  const open = answers.flatMap((answer, i) => (answer.error?.code === "evaluation_too_large" ? [i] : []));
  if (questions.length === 1 || open.length === 0) return answers;
  const half = Math.ceil(open.length / 2);
  for (const part of open.length === 1 ? [open] : [open.slice(0, half), open.slice(half)]) {
    const again = await inParts(part.flatMap((i) => questions[i] ?? []), ground, signal);
    part.forEach((i, at) => (answers[i] = again[at] ?? (answers[i] as Answer)));
  }
  return answers;
}

/**
 * Undefined: denied. What cannot be decided is neither left out, as if it were denied, nor shown as if it were not: it ends the lookup.
 * @param what is asked about, for the message: `document:1`
 * @throws the error of an undecided answer
 */
export function verdictOf(answer: Answer | undefined, what: string): Verdict | undefined {
  assert(answer !== undefined && answer.value !== "pending", "a question that was asked has an answer");
  if (answer.value === "denied") return undefined;
  if (answer.value !== "undecided") return { allowed: answer.value === "allowed", missingFields: answer.missing };
  const { code, message } = answer.error ?? { code: "internal" as const, message: "undecided" };
  throw new UsherError(code, `the lookup comes to ${quote(what)}, which cannot be decided: ${message}`, { details: { undecided: what }, cause: answer.error });
}
