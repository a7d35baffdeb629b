import type { Instant } from "../base/clock.js";
import { emptyContext } from "../model/context.js";
import type { Revision } from "../model/zookie.js";
import type { Answer } from "./answer.js";
import { CachedSource } from "./cached-source.js";
import { told } from "./grounds.js";
import type { HeadGround, Question } from "./evaluate.js";
import { Slice } from "./slice.js";
import { Walk } from "./walk.js";

/** An answer, never `pending`, and where it holds. */
export interface AnswerFromMemory {
  readonly answer: Answer;
  readonly revision: Revision;
  readonly now: Instant;
}

/**
 * The answer at head to one question, in one pass and in one go, where memory holds all that it reads: most checks are such. Undefined:
 * something has to be loaded, or the walk takes longer than a slice; then `evaluateAtHead` answers it, and begins with what was found out
 * here. So it does where the question brings tuples of its own or asks for an explanation, and shares nothing with others.
 *
 * @param timer milliseconds of a monotonic clock
 */
export function evaluateFromMemory(question: Question, ground: HeadGround, timer: () => number = monotonicMs): AnswerFromMemory | undefined {
  const { object, permission, subject, context = emptyContext, contextualTuples = [], explain = false } = question;
  if (explain || contextualTuples.length > 0) return undefined;
  const source = new CachedSource(ground);
  const group = source.group(subject, context, true);
  if (!source.begin()) return undefined;
  const slice = new Slice(timer);
  slice.begin();
  const paused = (long: boolean) => (long ? slice.overNow : slice.over);
  const found = new Walk({ schema: ground.schema, subject, context, at: source.at, ...group, explain, paused }).run(object, permission);
  if (found.value === "pending") return undefined;
  ground.observer?.onEvaluation({ passes: 1, reads: 0 });
  const answer = ground.tellsGrounds === true ? told(found, group.solutions.remembered) : found;
  return { answer, revision: source.revision, now: source.at.now };
}

function monotonicMs(): number {
  return performance.now();
}
