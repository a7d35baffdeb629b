import { throwIfAborted } from "../base/abort.js";
import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { emptyContext, type Context } from "../model/context.js";
import type { ObjectRef } from "../model/object.js";
import type { Schema } from "../model/schema/schema.js";
import type { SubjectRef } from "../model/subject.js";
import type { Tuple } from "../model/tuple.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { Snapshot } from "../storage/store.js";
import { undecided, type Answer } from "./answer.js";
import type { Ground as Key } from "./cache/leaf.js";
import type { RelationCache } from "./cache/relation-cache.js";
import type { Known } from "./climb.js";
import { CachedSource } from "./cached-source.js";
import type { EvaluationObserver } from "./observer.js";
import { exactText } from "./memo.js";
import { OverlaidReads } from "./overlaid-reads.js";
import { PinnedSource } from "./pinned-source.js";
import { keysOf, type Reach } from "./reach.js";
import { subjectKey, type Reads } from "./reads.js";
import { Slice } from "./slice.js";
import type { Solutions } from "./solutions.js";
import type { Source } from "./source.js";
import { Walk } from "./walk.js";

/** What an evaluation is a function of, beside the question. */
export interface Ground {
  readonly schema: Schema;
  readonly snapshot: Snapshot;
  readonly tenant: TenantId;
  readonly now: Instant;
  /** Told once an evaluation has ended with answers. */
  readonly observer?: EvaluationObserver;
  /** What of the snapshot is at hand, and can be climbed from the subject's side. */
  readonly known?: Known;
}

/** The ground of an evaluation at head: its snapshot was the newest when the caller arrived. */
export interface HeadGround extends Ground {
  readonly cache: RelationCache;
  /** The commit that wrote the schema. */
  readonly schemaRevision: Revision;
  /** The newest snapshot; released by whoever took it. */
  readonly newest: () => Snapshot;
}

export interface Question {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
  readonly context?: Context;
  readonly contextualTuples?: readonly Tuple[];
  readonly explain?: boolean;
}

/** Answers in the order of their questions, none of them `pending`, and where they hold. */
export interface Evaluation {
  readonly answers: readonly Answer[];
  readonly revision: Revision;
  readonly now: Instant;
}

/**
 * The answers to questions about one snapshot, in their order; none is `pending`.
 *
 * @param timer milliseconds of a monotonic clock, by which a long walk yields
 * @throws `cancelled`, `deadline_exceeded`, and what the snapshot throws
 */
export async function evaluate(questions: readonly Question[], ground: Ground, signal?: AbortSignal, timer?: () => number): Promise<Answer[]> {
  const answers = await new Passes(questions, ground, new PinnedSource(ground), timer).run(signal);
  if (answers === undefined) throw new UsherError("internal", "a snapshot was given up");
  return answers;
}

/**
 * The same at head, from memory where it is there: at one revision that was head when the answers were complete. Where commits
 * keep overtaking the evaluation, or the budget is too small for what it reads, it is at the ground's snapshot.
 */
export async function evaluateAtHead(questions: readonly Question[], ground: HeadGround, signal?: AbortSignal, timer?: () => number): Promise<Evaluation> {
  const source = new CachedSource(ground);
  const answers = await new Passes(questions, ground, source, timer).run(signal);
  if (answers !== undefined) return { answers, revision: source.revision, now: source.at.now };
  ground.cache.counts.pinned++;
  return { answers: await evaluate(questions, ground, signal, timer), revision: ground.snapshot.revision, now: ground.now };
}

/** An evaluation with the keys that each of its answers rests on, as a `Reach` gave them. */
export interface ReachedEvaluation extends Evaluation {
  readonly keys: readonly (readonly Key[])[];
}

/**
 * The same, for answers that will be kept true: every key that is read is noted in `reach` first. An answer stands until one of its keys is changed
 * after `revision`, the schema is another one, or its `until` has come.
 */
export async function evaluateReached(questions: readonly Question[], ground: HeadGround, reach: Reach, signal?: AbortSignal, timer?: () => number): Promise<ReachedEvaluation> {
  const source = new CachedSource(ground, reach);
  const passes = new Passes(questions, ground, source, timer, true);
  const answers = await passes.run(signal);
  if (answers !== undefined) return { answers, keys: passes.keys(), revision: source.at.revision, now: source.at.now };
  ground.cache.counts.pinned++;
  const pinned = new Passes(questions, ground, new PinnedSource(ground, reach), timer, true);
  const answersThere = await pinned.run(signal);
  if (answersThere === undefined) throw new UsherError("internal", "a snapshot was given up");
  return { answers: answersThere, keys: pinned.keys(), revision: ground.snapshot.revision, now: ground.now };
}

interface Open {
  readonly question: Question;
  readonly walk: Walk;
  readonly solutions: Solutions;
  answer: Answer | undefined;
  /** As of which commit, and when. */
  revision: Revision;
  now: Instant;
  footprint: readonly Key[];
}

/**
 * Questions of one subject and one context share what they find out; all share what they read. Each pass walks every open
 * question as far as memory goes, then one round of batches loads what they wanted together.
 */
class Passes {
  readonly #source: Source;
  readonly #ground: Ground;
  readonly #slice: Slice;
  readonly #questions: Open[];
  readonly #keepsFootprints: boolean;

  constructor(questions: readonly Question[], ground: Ground, source: Source, timer: () => number = () => performance.now(), keepsFootprints = false) {
    this.#source = source;
    this.#ground = ground;
    this.#slice = new Slice(timer);
    const groups = new Map<string, { solutions: Solutions; reads: Reads }>();
    this.#questions = questions.map((question) => this.#open(question, groups));
    this.#keepsFootprints = keepsFootprints;
  }

  /** Of each question, what its answer rests on. */
  keys(): Key[][] {
    return this.#questions.map(({ footprint }) => keysOf(footprint));
  }

  /** Undefined: the source cannot be gone on with. */
  async run(signal: AbortSignal | undefined): Promise<Answer[] | undefined> {
    const source = this.#source;
    let open = this.#questions;
    for (let passes = 1, restarts = 0; ; passes++) {
      throwIfAborted(signal);
      if (!source.begin()) return undefined;
      this.#slice.begin();
      open = open.filter((one) => !this.#walk(one));
      if (open.length === 0) {
        // What was answered as of earlier commits, or until an instant that has come, is asked again: of most of it the footprint has not been touched.
        open = this.#questions.filter((one) => !this.#stands(one));
        if (open.length === 0) {
          this.#ground.observer?.onEvaluation({ passes, reads: source.loaded });
          return this.#questions.map(({ answer }) => answer as Answer);
        }
        if (++restarts > limits.walkRestartsMax) return undefined;
        continue;
      }
      if (source.loaded > limits.readsPerEvaluationMax) {
        const error = new UsherError("evaluation_too_large", `the evaluation reads more than ${limits.readsPerEvaluationMax} keys and lists`);
        return this.#questions.map((one) => (one.answer !== undefined && this.#stands(one) ? one.answer : undecided(error)));
      }
      for (const { solutions } of open) solutions.keepAll();
      if (source.wanting) await source.load(signal);
      else await this.#slice.yield(this.#questions.reduce((known, { solutions }) => known + solutions.size, 0));
    }
  }

  /** True once it is answered. */
  #walk(one: Open): boolean {
    if (this.#keepsFootprints) one.solutions.takeFootprint();
    const answer = one.walk.run(one.question.object, one.question.permission);
    if (answer.value === "pending") return false;
    if (this.#keepsFootprints) one.footprint = one.solutions.takeFootprint();
    one.answer = answer;
    one.revision = this.#source.at.revision;
    one.now = this.#source.at.now;
    return true;
  }

  /** Whether it was answered as things stand in this pass. */
  #stands({ answer, revision, now }: Open): boolean {
    const { at } = this.#source;
    return answer !== undefined && revision === at.revision && (now === at.now || at.now < answer.until);
  }

  #open(question: Question, groups: Map<string, { solutions: Solutions; reads: Reads }>): Open {
    const { subject, context = emptyContext, contextualTuples = [], explain = false } = question;
    const source = this.#source;
    let group: { solutions: Solutions; reads: Reads };
    if (contextualTuples.length > 0) {
      group = source.group(subject, context, false);
      group = { ...group, reads: new OverlaidReads(group.reads, contextualTuples) };
    } else {
      const name = `${explain ? "explain " : ""}${subjectKey(subject)} ${context === emptyContext ? "" : exactText(context)}`;
      group = groups.get(name) ?? source.group(subject, context, !explain);
      groups.set(name, group);
    }
    const paused = (long: boolean) => (long ? this.#slice.overNow : this.#slice.over);
    const walk = new Walk({ schema: this.#ground.schema, subject, context, at: source.at, ...group, explain, paused });
    return { question, walk, solutions: group.solutions, answer: undefined, revision: -1, now: -1, footprint: [] };
  }
}
