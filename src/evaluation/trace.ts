import type { Explanation } from "../model/service.js";
import type { ObjectRef } from "../model/object.js";
import type { Tuple } from "../model/tuple.js";
import { limits } from "../base/limits.js";
import type { Answer } from "./answer.js";

/**
 * One step of a walk as it ran. Steps are shared: a sub-result that several branches used is one node
 * with several parents, and `explain` unfolds it once.
 */
export interface Trace {
  readonly kind: Explanation["kind"];
  readonly object?: ObjectRef;
  readonly member?: string;
  readonly tuple?: Tuple;
  readonly note?: string;
  readonly answers: readonly Answer[];
}

/** The tree of an answer that was walked with traces. Shared steps after the first, and steps over the bound, are leaves of kind `memo`. */
export function explain(root: Answer): Explanation {
  const shown = new Set<Trace>();
  const unfold = (answer: Answer): Explanation => {
    const trace = answer.trace ?? { kind: "nil", answers: [] };
    const { answers, ...step } = trace;
    const seen = shown.has(trace) && answers.length > 0;
    const full = shown.size >= limits.explainNodesMax;
    shown.add(trace);
    return {
      ...step,
      ...(seen || full ? { kind: "memo" as const, note: seen ? "shown above" : "left out: the explanation is too large" } : {}),
      ...(!seen && step.note === undefined && answer.error !== undefined && answers.length === 0 ? { note: answer.error.message } : {}),
      answer: answer.value === "pending" ? "undecided" : answer.value,
      ...(answer.missing.length > 0 ? { missingFields: answer.missing } : {}),
      children: seen || full ? [] : answers.map(unfold),
    };
  };
  return unfold(root);
}
