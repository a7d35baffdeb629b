import { setImmediate } from "node:timers/promises";
import { throwIfAborted } from "../base/abort.js";
import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { emptyContext, type Context } from "../model/context.js";
import type { ObjectRef } from "../model/object.js";
import type { Schema } from "../model/schema/schema.js";
import { formatSubject, type SubjectRef } from "../model/subject.js";
import type { Tuple } from "../model/tuple.js";
import type { TenantId } from "../model/zookie.js";
import type { Snapshot } from "../storage/store.js";
import { undecided, type Answer } from "./answer.js";
import type { EvaluationObserver } from "./observer.js";
import { OverlaidReads, PinnedReads } from "./reads.js";
import { Solutions } from "./solutions.js";
import { Walk } from "./walk.js";

/** What an evaluation is a function of, beside the question. */
export interface Ground {
  readonly schema: Schema;
  readonly snapshot: Snapshot;
  readonly tenant: TenantId;
  readonly now: Instant;
  /** Told once an evaluation has ended with answers. */
  readonly observer?: EvaluationObserver;
}

export interface Question {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
  readonly context?: Context;
  readonly contextualTuples?: readonly Tuple[];
  readonly explain?: boolean;
}

/**
 * The answers to questions about one snapshot, in their order; none is `pending`. Questions of one subject
 * and one context share what they find out; all share what they read. Each pass walks every open question as far as
 * memory goes, then one round of batches loads what they wanted together.
 *
 * @param timer milliseconds of a monotonic clock, by which a long walk yields
 * @throws `cancelled`, `deadline_exceeded`, and what the snapshot throws
 */
export async function evaluate(questions: readonly Question[], ground: Ground, signal?: AbortSignal, timer: () => number = () => performance.now()): Promise<Answer[]> {
  const reads = new PinnedReads(ground.snapshot, ground.tenant);
  const slice = new Slice(timer);
  const groups = new Map<string, Solutions>();
  const walks = questions.map((question) => walkOf(question, ground, reads, slice, groups));
  const answers = new Array<Answer | undefined>(questions.length);
  let open = questions.map((question, index) => ({ question, index }));
  for (let passes = 1; ; passes++) {
    throwIfAborted(signal);
    slice.begin();
    open = open.filter(({ question, index }) => {
      const answer = walks[index]?.walk.run(question.object, question.permission);
      if (answer?.value !== "pending") answers[index] = answer;
      return answers[index] === undefined;
    });
    if (open.length === 0) {
      ground.observer?.onEvaluation({ passes, reads: reads.size });
      return answers as Answer[];
    }
    if (reads.size > limits.readsPerEvaluationMax) {
      const error = new UsherError("evaluation_too_large", `the evaluation reads more than ${limits.readsPerEvaluationMax} keys and lists`);
      return answers.map((answer) => answer ?? undecided(error));
    }
    if (reads.wanting) await reads.load(signal);
    else await slice.yield(walks.reduce((known, { solutions }) => known + solutions.size, 0));
  }
}

function walkOf(question: Question, ground: Ground, reads: PinnedReads, slice: Slice, groups: Map<string, Solutions>): { walk: Walk; solutions: Solutions } {
  const { subject, context = emptyContext, contextualTuples = [], explain = false } = question;
  const fresh = () => new Solutions(ground.schema.dialect.depthMax);
  let solutions: Solutions;
  if (contextualTuples.length > 0) {
    solutions = fresh();
  } else {
    const group = `${explain ? "explain " : ""}${formatSubject(subject)} ${context === emptyContext ? "" : JSON.stringify(context)}`;
    solutions = groups.get(group) ?? fresh();
    groups.set(group, solutions);
  }
  const walk = new Walk({
    schema: ground.schema,
    reads: contextualTuples.length > 0 ? new OverlaidReads(reads, contextualTuples) : reads,
    subject,
    context,
    now: ground.now,
    solutions,
    explain,
    paused: (long) => (long ? slice.overNow : slice.over),
  });
  return { walk, solutions };
}

/**
 * Keeps a long walk from holding the event loop: after `limits.walkSliceMs` of work it is unwound, and goes on from what it
 * knows, through which it must walk again.
 */
class Slice {
  #ms: number = limits.walkSliceMs;
  #start = 0;
  /** Unknown until something is asked that memory does not answer. */
  #end: number | undefined;
  #asked = 0;
  #over = false;
  #known = -1;
  readonly #timer: () => number;

  constructor(timer: () => number) {
    this.#timer = timer;
  }

  begin(): void {
    this.#start = this.#timer();
    this.#end = undefined;
    this.#over = false;
  }

  /** Looks at the clock once in 32 times: it costs about as much as a step. */
  get over(): boolean {
    if (this.#end === undefined || ++this.#asked % 32 === 0) return this.overNow;
    return this.#over;
  }

  /**
   * The first question of a pass is where the known ends and work begins. As long as the known took to walk again, work may
   * take too: else a relation of 50,000 targets, once half is known, would go on by 32 targets a pass.
   */
  get overNow(): boolean {
    if (this.#over) return true;
    const now = this.#timer();
    this.#end ??= now + Math.max(this.#ms, now - this.#start);
    this.#over = now > this.#end;
    return this.#over;
  }

  /** Lets others run. A component is solved as a whole, so a slice in which nothing was settled is followed by one twice as long. */
  async yield(known: number): Promise<void> {
    this.#ms = known > this.#known ? limits.walkSliceMs : this.#ms * 2;
    this.#known = known;
    await setImmediate();
  }
}
