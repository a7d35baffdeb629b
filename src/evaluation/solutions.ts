import { assert } from "../base/assert.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Tuple } from "../model/tuple.js";
import { conditional, denied, isUnknown, sameAnswer, undecided, type Answer } from "./answer.js";
import type { Ground } from "./cache/leaf.js";
import type { Outcome, Result, Standing } from "./cache/result.js";
import { SubjectView } from "./cache/subject-view.js";
import { PrivateMemo, type Memo, type Weight } from "./memo.js";

/** A subproblem that took fewer reads than this is not kept: it is walked again as fast as it is looked up, and there are very many. */
const stepsMin = 16;

/** A result that rests on the approximation of a frame that is still being walked. */
interface Provisional {
  readonly key: string;
  readonly answer: Answer;
  readonly height: number;
  /** Of an undecided one: the frames that it referred to through an exclusion. */
  readonly crossed: ReadonlySet<number>;
  /** The lowest frame that it rests on. */
  low: number;
}

/** What a subproblem has come to so far, with the lowest frame that this rests on, and how deep it went. */
interface Approximation {
  readonly answer: Answer;
  readonly low: number;
  readonly height: number;
}

/** A subproblem being walked. */
interface Frame {
  readonly index: number;
  readonly exclusions: number;
  approximation: Approximation;
  used: boolean;
}

const nothingYet: Approximation = { answer: denied, low: Infinity, height: 0 };

const nothing: ReadonlySet<number> = new Set();
const none: readonly string[] = [];
const noFields: ReadonlySet<string> = new Set();

/** What a component, or a subproblem alone, rests on: whoever in it is asked, all of it was read. */
type Rests = Pick<Outcome, "footprint" | "fields">;

/**
 * The sub-results of walks with one subject and one context, and the rule for cycles.
 *
 * Subproblems that refer to each other form a strongly connected component; it is found as it is walked
 * (Tarjan, "Depth-first search and linear graph algorithms", 1972) and solved together: a reference to a
 * subproblem that is being walked is given its approximation, at first `denied`, and whoever was referred to
 * is walked again until it comes to rest. Approximations only rise, so this is the least fixed point. Until the
 * component's first subproblem rests, the others' results are provisional: they serve within this iteration
 * alone, and are dropped when a frame that they rest on starts anew.
 *
 * What makes an unknown one unknown (names, or an error) does not only rise: a branch that was unknown may come to be
 * allowed. So the component is iterated first with unknowns that say nothing more, and once it rests, if its answer is
 * unknown, once more for the reasons.
 *
 * A reference that passes the right side of an exclusion would not rise but turn: it is undecided. `exclusions`
 * counts the right sides between the root and here; a reference crosses one exactly if the count differs. What is
 * undecided because it crossed to a frame need not be so once that frame is done, and is dropped with it; after
 * `limits.cycleRetriesMax` such drops the undecided is left as it is, since cycles through many exclusions have very many ways round.
 *
 * Invariant: when the stack of frames is empty, nothing is provisional.
 */
export class Solutions {
  readonly #at: Standing;
  readonly #memo: Memo;
  /** By the tuple itself: reads give the same one each time. */
  #conditions: Map<Tuple, Answer> | undefined;
  readonly #frames = new Map<string, Frame>();
  #provisional: Map<string, Provisional> | undefined;
  /** Slots of `#provisional` in the order in which they were added, so that a frame can drop its own. */
  readonly #trail: string[] = [];
  /** Where an iteration that is started anew may begin: what it had reached. */
  #seeds: Map<string, Approximation> | undefined;
  readonly #seedTrail: { slot: string; crossed: ReadonlySet<number> }[] = [];
  readonly #depthMax: number;
  /** The component in hand has come to rest and is iterated for the reasons of its unknowns. */
  #reasons = false;
  #retries = 0;
  /** Of the subproblem in hand so far: the lowest frame it referred to, those it crossed an exclusion to, the greatest depth. */
  #low = Infinity;
  #crossed: ReadonlySet<number> = nothing;
  #deepest = 0;
  /**
   * What the subproblem in hand rests on, and before it, from the bottom up, those that wait for it: each from its own start, so that who joins the one that
   * asked for him need not be copied. Places from the count on are free.
   */
  readonly #grounds: Ground[] = [];
  #groundsCount = 0;
  #groundsStart = 0;
  /** Of the same the subjects of which all tuples are in memory: one, or two with a wildcard, however many keys were probed. */
  readonly #subjects: Ground[] = [];
  #subjectsStart = 0;
  /** How much was read and used for the subproblem in hand, and the context fields that conditions read. */
  #steps = 0;
  #fields: ReadonlySet<string> = noFields;
  /** The last answer to a question itself, and not to a part of one, was in memory: whoever wants to know sets it back before. */
  remembered = false;
  #kept = 0;
  #keepsAll = false;

  /**
   * @param at where its walks stand; whoever moves it, moves it between walks
   * @param memo where results are looked for and kept
   */
  constructor(depthMax: number, at: Standing = { revision: 0, now: 0 }, memo: Memo = new PrivateMemo(depthMax)) {
    this.#depthMax = depthMax;
    this.#at = at;
    this.#memo = memo;
  }

  /** How many results have been kept since it forgot them: a walk that was cut short has made progress if this grew. */
  get size(): number {
    return this.#kept + (this.#conditions?.size ?? 0);
  }

  /** What was kept for the request alone is gone, and what is kept for others may be. */
  forget(): void {
    this.#memo.forget();
    this.#kept = 0;
  }

  /** Adds what was read to what the subproblem in hand rests on. */
  note(ground: Ground): void {
    this.#grounds[this.#groundsCount++] = ground;
    this.#steps++;
  }

  /** The same of a subject all of whose tuples are in memory. */
  noteSubject(ground: Ground): void {
    if (!this.#subjects.includes(ground, this.#subjectsStart)) this.#subjects.push(ground);
    this.#steps++;
  }

  /** What has been read and used since the last call, of walks that have come to an answer; some of it several times. */
  takeFootprint(): Ground[] {
    const footprint = this.#footprint(0, 0, false);
    this.#forgetGrounds(0, 0);
    this.#steps = 0;
    this.#fields = noFields;
    return footprint;
  }

  get keepsAll(): boolean {
    return this.#keepsAll;
  }

  /** The walk was interrupted, and will be walked again from the top: from now on everything that was found out is kept for that. */
  keepAll(): void {
    this.#keepsAll = true;
  }

  /**
   * What the tuple's condition comes to, evaluated once: it may cost more than all else. A `pending` one was not evaluated.
   * @param fields of the request's context, those that it may read
   */
  condition(tuple: Tuple, fields: ReadonlySet<string>, evaluate: () => Answer): Answer {
    if (fields.size > 0) this.#fields = union(this.#fields, fields);
    const known = this.#conditions?.get(tuple);
    if (known !== undefined && this.#at.now < known.until) return known;
    const answer = evaluate();
    if (answer.value !== "pending") (this.#conditions ??= new Map()).set(tuple, answer);
    return answer;
  }

  /**
   * The answer of subproblem `key`, from memory or by `evaluate`, which may call `solve` again.
   * @param depth usersets and arrows between the root and here
   */
  solve(key: string, depth: number, exclusions: number, evaluate: () => Answer): Answer {
    const known = this.#known(key, depth);
    if (known !== undefined) return known;
    const frame = this.#frames.size === 0 ? undefined : this.#frames.get(key);
    if (frame !== undefined) return this.#refer(frame, exclusions);
    // No type begins with a digit, so that a slot with a count is no other key.
    const slot = exclusions === 0 ? key : `${exclusions} ${key}`;
    const provisional = this.#trail.length === 0 ? undefined : this.#provisional?.get(slot);
    if (provisional !== undefined) {
      this.#low = Math.min(this.#low, provisional.low);
      this.#crossed = union(this.#crossed, provisional.crossed);
      this.#deepest = Math.max(this.#deepest, depth + provisional.height);
      return provisional.answer;
    }
    return this.descend(depth) ?? this.#enter(key, slot, depth, exclusions, evaluate);
  }

  /** Goes as deep with the subproblem in hand. The answer where that is too deep. */
  descend(depth: number): Answer | undefined {
    this.#deepest = Math.max(this.#deepest, depth);
    if (depth <= this.#depthMax) return undefined;
    return undecided(new UsherError("depth_exceeded", `evaluation goes deeper than ${this.#depthMax} usersets and arrows`));
  }

  /** What lies too deep to be evaluated from here. Less deep it may be decided, as with the depth bound. */
  cut(error: UsherError): Answer {
    this.#deepest = Math.max(this.#deepest, this.#depthMax + 1);
    return undecided(error);
  }

  #known(key: string, depth: number): Answer | undefined {
    const result = this.#memo.find(key, this.#at, depth);
    if (result === undefined) return undefined;
    const { answer, height, fields } = result;
    this.#deepest = Math.max(this.#deepest, depth + height);
    if (depth === 0 && this.#frames.size === 0) this.remembered = true;
    this.#restOn(result);
    if (fields !== undefined) this.#fields = union(this.#fields, new Set(fields.names));
    return onTheGroundsOf(result, answer);
  }

  #refer(frame: Frame, exclusions: number): Answer {
    this.#low = Math.min(this.#low, frame.index);
    if (frame.exclusions < exclusions) {
      this.#crossed = union(this.#crossed, new Set([frame.index]));
      return undecided(new UsherError("cycle_through_exclusion", "a permission depends on its own absence through the right side of an exclusion"));
    }
    frame.used = true;
    return frame.approximation.answer;
  }

  #enter(key: string, slot: string, depth: number, exclusions: number, evaluate: () => Answer): Answer {
    const frame: Frame = { index: this.#frames.size, exclusions, approximation: this.#seeds?.get(slot) ?? nothingYet, used: false };
    const trailStart = this.#trail.length;
    const seedsStart = this.#seedTrail.length;
    const outerLow = this.#low;
    const outerCrossed = this.#crossed;
    const outerDeepest = this.#deepest;
    const outerGroundsStart = this.#groundsStart;
    const outerSubjectsStart = this.#subjectsStart;
    const outerSteps = this.#steps;
    const outerFields = this.#fields;
    const groundsStart = (this.#groundsStart = this.#groundsCount);
    const subjectsStart = (this.#subjectsStart = this.#subjects.length);
    this.#steps = 0;
    this.#fields = noFields;
    this.#frames.set(key, frame);
    let answer: Answer | undefined;
    let reasoned = this.#reasons;
    let steps: number;
    let fields: ReadonlySet<string>;
    try {
      answer = this.#iterate(frame, slot, depth, trailStart, evaluate);
      if (isUnknown(answer) && !this.#isSettled(answer) && !reasoned && frame.used && this.#low >= frame.index) {
        this.#reasons = reasoned = true;
        this.#dropProvisional(trailStart);
        answer = this.#iterate(frame, slot, depth, trailStart, evaluate);
        this.#reasons = false;
      }
    } finally {
      this.#frames.delete(key);
      steps = this.#steps;
      fields = this.#fields;
      this.#groundsStart = outerGroundsStart;
      this.#subjectsStart = outerSubjectsStart;
      this.#steps = outerSteps;
      this.#fields = outerFields;
      // Of what is pending, or failed, what it rests on is not passed on.
      if (answer === undefined || answer.value === "pending") this.#forgetGrounds(groundsStart, subjectsStart);
    }
    const low = this.#low;
    const height = this.#deepest - depth;
    const crossed = answer.value === "undecided" ? without(this.#crossed, frame.index) : nothing;
    this.#low = outerLow;
    this.#crossed = union(outerCrossed, crossed);
    this.#deepest = Math.max(outerDeepest, depth + height);
    // So nobody may begin with what a pending one had reached.
    this.#dropSeeds(seedsStart, frame, low >= frame.index || answer.value === "pending");

    if (answer.value === "pending") {
      this.#dropProvisional(trailStart);
      if (low < frame.index) this.#low = Math.min(this.#low, low);
    } else if (low >= frame.index) {
      const alone = this.#trail.length === trailStart;
      const cheap = alone && steps < stepsMin && this.#frames.size > 0;
      if (cheap && !this.#keepsAll) {
        this.#join(subjectsStart, steps, fields);
        return answer;
      }
      const cut = answer.value === "undecided" && depth + height > this.#depthMax;
      const footprint = this.#footprint(groundsStart, subjectsStart, !alone);
      this.#forgetGrounds(groundsStart, subjectsStart);
      const rests = { footprint, fields: this.#memo.fieldsOf(fields) };
      this.#settle(trailStart, reasoned, rests);
      const kept = this.#keep(key, answer, height, cut ? depth : -1, rests, { grounds: footprint.length, cheap });
      this.#restOn(kept);
      this.#fields = union(this.#fields, fields);
      return onTheGroundsOf(kept, answer);
    } else {
      // What it rests on, its component does: by way of whoever asked for it, which is in the component too.
      this.#join(subjectsStart, steps, fields);
      this.#rest(trailStart, frame, low);
      (this.#provisional ??= new Map()).set(slot, { key, answer, height, crossed, low });
      this.#trail.push(slot);
      this.#low = Math.min(this.#low, low);
    }
    return answer;
  }

  /** What was noted since. @param repeats something was iterated, which reads the same again and again: it is said once */
  #footprint(groundsStart: number, subjectsStart: number, repeats: boolean): Ground[] {
    const grounds = this.#grounds.slice(groundsStart, this.#groundsCount);
    if (this.#subjects.length > subjectsStart) grounds.unshift(...this.#subjects.slice(subjectsStart));
    return repeats ? [...new Set(grounds)] : grounds;
  }

  #forgetGrounds(groundsStart: number, subjectsStart: number): void {
    this.#groundsCount = groundsStart;
    this.#subjects.length = subjectsStart;
  }

  /** What was noted for a subproblem that is not kept is what the one in hand rests on, who had asked for it. */
  #join(subjectsStart: number, steps: number, fields: ReadonlySet<string>): void {
    if (this.#subjects.length > subjectsStart) for (const subject of this.#subjects.splice(subjectsStart)) this.#restOnGround(subject);
    this.#fields = union(this.#fields, fields);
    // One that read nothing is a step as well: of such there may be as many ways as two to the length of a schema.
    this.#steps += Math.max(1, steps);
  }

  /** A result that was too cheap to keep for others is not what others rest on either, but what it rests on itself. */
  #restOn(result: Result): void {
    const { footprint } = result;
    if (footprint.length >= stepsMin) this.#grounds[this.#groundsCount++] = result;
    else for (const ground of footprint) this.#restOnGround(ground);
    this.#steps += Math.min(footprint.length, stepsMin);
  }

  #restOnGround(ground: Ground): void {
    if (!(ground instanceof SubjectView)) this.#grounds[this.#groundsCount++] = ground;
    else if (!this.#subjects.includes(ground, this.#subjectsStart)) this.#subjects.push(ground);
  }

  /**
   * Walks the frame until what others were told of it is what it came to. Where the last round was told that by the frame itself, it rests on what the
   * rounds before rested on: on a lower frame, though it may not have been asked any more.
   */
  #iterate(frame: Frame, slot: string, depth: number, trail: number, evaluate: () => Answer): Answer {
    for (let round = 0; ; round++) {
      assert(round < 10_000, "an iteration over a finite rising order comes to rest");
      this.#low = Infinity;
      this.#crossed = nothing;
      this.#deepest = depth;
      frame.used = false;
      const answer = evaluate();
      if (frame.used) {
        this.#low = Math.min(this.#low, frame.approximation.low);
        this.#deepest = Math.max(this.#deepest, depth + frame.approximation.height);
      }
      const told = isUnknown(answer) && !this.#reasons ? conditional([], answer.until) : answer;
      if (answer.value === "pending" || !frame.used || sameAnswer(told, frame.approximation.answer)) return answer;
      if (this.#isSettled(answer)) {
        this.#dropUnsettled(trail);
        return answer;
      }
      frame.approximation = { answer: told, low: this.#low, height: this.#deepest - depth };
      (this.#seeds ??= new Map()).set(slot, frame.approximation);
      this.#seedTrail.push({ slot, crossed: isUnknown(told) ? this.#crossed : nothing });
      this.#dropProvisional(trail);
    }
  }

  /**
   * Whether what the frame in hand came to, told that it is `denied`, is what it comes to: it is undecided by a bound or an error
   * alone, and so neither denied, nor ever allowed on the strength of itself. Without this, some hundred mutually nested groups,
   * which reach the depth bound along every way, would be iterated at each level for as long as one cares to wait.
   */
  #isSettled(answer: Answer): boolean {
    return answer.value === "undecided" && this.#crossed.size === 0;
  }

  #keep(key: string, answer: Answer, height: number, cutAt: number, { footprint, fields }: Rests, weight: Weight): Result {
    this.#kept++;
    return this.#memo.keep(key, { answer, height, cutAt, footprint, fields }, this.#at, weight);
  }

  /**
   * The component is solved: what was provisional is final, save the unknown whose reasons were not gone into, and the
   * undecided, which may be decided when asked for by itself.
   */
  #settle(from: number, reasoned: boolean, rests: Rests): void {
    for (const slot of this.#cutTrail(from)) {
      const provisional = this.#provisional?.get(slot);
      this.#provisional?.delete(slot);
      if (provisional === undefined || provisional.answer.value === "undecided" || (isUnknown(provisional.answer) && !reasoned)) continue;
      this.#keep(provisional.key, provisional.answer, provisional.height, -1, rests, { grounds: 0, cheap: false });
    }
  }

  /** The frame is done but rests on a lower one, and so does all that rested on it. */
  #rest(from: number, frame: Frame, low: number): void {
    for (let i = from; i < this.#trail.length; i++) {
      const slot = this.#trail[i] ?? "";
      const provisional = this.#provisional?.get(slot);
      if (provisional === undefined) continue;
      provisional.low = Math.min(provisional.low, low);
      if (provisional.crossed.has(frame.index) && ++this.#retries <= limits.cycleRetriesMax) this.#provisional?.delete(slot);
    }
  }

  /** What was concluded from a frame's being `denied` when it is undecided; the allowed and the undecided are so all the same. */
  #dropUnsettled(from: number): void {
    for (const slot of this.#cutTrail(from)) {
      const provisional = this.#provisional?.get(slot);
      if (provisional === undefined) continue;
      const { value } = provisional.answer;
      if (value === "allowed" || (value === "undecided" && provisional.crossed.size === 0)) this.#trail.push(slot);
      else this.#provisional?.delete(slot);
    }
  }

  #dropProvisional(from: number): void {
    for (const slot of this.#cutTrail(from)) this.#provisional?.delete(slot);
  }

  /** What is provisional since then; mostly nothing is. */
  #cutTrail(from: number): readonly string[] {
    return this.#trail.length === from ? none : this.#trail.splice(from);
  }

  /** A seed outlives a frame unless it crossed to it, and never outlives the component. */
  #dropSeeds(from: number, frame: Frame, all: boolean): void {
    for (let i = this.#seedTrail.length - 1; i >= from; i--) {
      const seed = this.#seedTrail[i];
      if (seed === undefined || (!all && !seed.crossed.has(frame.index))) continue;
      this.#seeds?.delete(seed.slot);
      this.#seedTrail.splice(i, 1);
    }
  }
}

function union<Item>(a: ReadonlySet<Item>, b: ReadonlySet<Item>): ReadonlySet<Item> {
  if (b.size === 0 || a === b) return a;
  return a.size === 0 ? b : new Set([...a, ...b]);
}

/**
 * What is built on a result that is kept for others is not looked at again when the result comes to the same answer by other tuples; so it names the
 * result rather than the tuples.
 */
function onTheGroundsOf(result: Result, answer: Answer): Answer {
  if (answer.grounds === undefined || result.footprint.length < stepsMin) return answer;
  return { ...answer, grounds: result };
}

function without(set: ReadonlySet<number>, index: number): ReadonlySet<number> {
  return set.has(index) ? new Set([...set].filter((other) => other !== index)) : set;
}
