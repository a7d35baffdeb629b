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
import { told } from "./grounds.js";
import type { EvaluationObserver } from "./observer.js";
import { exactText } from "./memo.js";
import { OverlaidReads } from "./overlaid-reads.js";
import { PinnedSource } from "./pinned-source.js";
import { endsOf, type Reach } from "./reach.js";
import { subjectKey, type Reads } from "./reads.js";
import { Slice, type Turns } from "./slice.js";
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
  /** Answers come with the grounds that they had then, unfolded. */
  readonly tellsGrounds?: boolean;
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
  const answers = await new Passes(questions, ground, new PinnedSource(ground), { timer }).run(signal);
  if (answers === undefined) throw new UsherError("internal", "a snapshot was given up");
  return answers;
}

/**
 * The same at head, from memory where it is there: at one revision that was head when the answers were complete. Where commits
 * keep overtaking the evaluation, or the budget is too small for what it reads, it is at the ground's snapshot.
 */
export async function evaluateAtHead(questions: readonly Question[], ground: HeadGround, signal?: AbortSignal, timer?: () => number): Promise<Evaluation> {
  const source = new CachedSource(ground);
  const answers = await new Passes(questions, ground, source, { timer }).run(signal);
  if (answers !== undefined) return { answers, revision: source.revision, now: source.at.now };
  ground.cache.counts.pinned++;
  return { answers: await evaluate(questions, ground, signal, timer), revision: ground.snapshot.revision, now: ground.now };
}

/** An answer with the keys that it rests on, as a `Reach` gave them, and as of which commit it was come to. */
export interface ReachedAnswer {
  readonly answer: Answer;
  readonly keys: readonly Key[];
  /** It may end at `until` since a tuple expires then. */
  readonly expires: boolean;
  readonly revision: Revision;
}

/**
 * The same, for answers that will be kept true: every key that is read is noted in `reach` first. An answer stands until one of its keys is changed
 * after its `revision`, the schema is another one, or its `until` has come; who keeps it sees to that, so that each answer may be of another commit.
 *
 * @param turns by whom it lets others run
 */
export async function evaluateReached(questions: readonly Question[], ground: HeadGround, reach: Reach, turns?: Turns): Promise<ReachedAnswer[]> {
  const passes = new Passes(questions, ground, new CachedSource(ground, reach), { reached: true, turns });
  if ((await passes.run(undefined)) !== undefined) return passes.reached();
  ground.cache.counts.pinned++;
  const pinned = new Passes(questions, ground, new PinnedSource(ground, reach), { reached: true, turns });
  if ((await pinned.run(undefined)) === undefined) throw new UsherError("internal", "a snapshot was given up");
  return pinned.reached();
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

interface PassesOptions {
  readonly timer?: (() => number) | undefined;
  readonly turns?: Turns | undefined;
  /** What each answer rests on is kept; it may be of another commit than the others. */
  readonly reached?: boolean;
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
  readonly #reached: boolean;

  constructor(questions: readonly Question[], ground: Ground, source: Source, { timer = () => performance.now(), turns, reached = false }: PassesOptions) {
    this.#source = source;
    this.#ground = ground;
    this.#slice = new Slice(timer, turns);
    const groups = new Map<string, { solutions: Solutions; reads: Reads }>();
    this.#questions = questions.map((question) => this.#open(question, groups));
    this.#reached = reached;
  }

  /** Once it has run: the answers, with what each rests on. */
  reached(): ReachedAnswer[] {
    return this.#questions.map(({ answer: settled, footprint, revision }) => {
      const answer = settled as Answer;
      const { keys, expiries } = endsOf(footprint);
      return { answer, keys, expires: expiries.includes(answer.until), revision };
    });
  }

  /** Undefined: the source cannot be gone on with. */
  async run(signal: AbortSignal | undefined): Promise<Answer[] | undefined> {
    const source = this.#source;
    let open = this.#questions;
    for (let passes = 1, restarts = 0; ; passes++) {
      throwIfAborted(signal);
      if (!source.begin()) return undefined;
      this.#slice.begin();
      // What the slice leaves no time for is not begun: it would be cut short at once.
      const cut: Open[] = [];
      open = open.filter((one) => this.#slice.ended || (!this.#walk(one) && cut.push(one) > 0));
      if (open.length === 0) {
        // What was answered as of earlier commits, or until an instant that has come, is asked again: of most of it the footprint has not been touched.
        open = this.#questions.filter((one) => !this.#stands(one));
        if (open.length === 0) {
          this.#slice.end();
          this.#ground.observer?.onEvaluation({ passes, reads: source.loaded });
          return this.#questions.map(({ answer }) => answer as Answer);
        }
        if (++restarts > limits.walkRestartsMax) return undefined;
        continue;
      }
      if (source.loaded > limits.readsPerEvaluationMax) {
        const error = new UsherError("evaluation_too_large", `the evaluation reads more than ${limits.readsPerEvaluationMax} keys and lists`);
        this.#slice.end();
        for (const one of this.#questions) if (one.answer === undefined || !this.#stands(one)) this.#settle(one, undecided(error));
        return this.#questions.map(({ answer }) => answer as Answer);
      }
      for (const { solutions } of cut) solutions.keepAll();
      if (source.wanting) {
        this.#slice.end();
        await source.load(signal);
      } else await this.#slice.yield(this.#questions.reduce((known, { solutions }) => known + solutions.size, 0));
    }
  }

  /** True once it is answered. */
  #walk(one: Open): boolean {
    if (this.#reached) one.solutions.takeFootprint();
    one.solutions.remembered = false;
    const answer = one.walk.run(one.question.object, one.question.permission);
    if (answer.value === "pending") return false;
    if (this.#reached) one.footprint = one.solutions.takeFootprint();
    this.#settle(one, this.#ground.tellsGrounds === true ? told(answer, one.solutions.remembered) : answer);
    return true;
  }

  #settle(one: Open, answer: Answer): void {
    const { revision, now } = this.#source.at;
    one.answer = answer;
    one.revision = revision;
    one.now = now;
  }

  /** Whether it was answered as things stand in this pass; of what is kept true whoever keeps it looks. */
  #stands({ answer, revision, now }: Open): boolean {
    const { at } = this.#source;
    return answer !== undefined && (this.#reached || (revision === at.revision && (now === at.now || at.now < answer.until)));
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
