import { asError, UsherError } from "../base/errors.js";
import { forever, type Instant } from "../base/clock.js";
import { limits } from "../base/limits.js";
import type { Answer } from "../evaluation/answer.js";
import { evaluateReached, type HeadGround, type Question, type ReachedAnswer } from "../evaluation/evaluate.js";
import { groundsOf } from "../evaluation/grounds.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { Barrier } from "./barrier.js";
import { Deadlines } from "./deadlines.js";
import { groundAtHead, questionOf } from "./ground.js";
import { isRevocation, unmarked, type LiveDecision, type Mark, type Standing } from "./live-decision.js";
import { honoured, type LiveHold } from "./live-hold.js";
import type { LiveStream } from "./live-stream.js";
import { Pace } from "./pace.js";
import type { LivePort } from "./port.js";
import type { ReachedKey } from "./reach-index.js";
import type { TenantDecisions } from "./tenant-decisions.js";

/** What an evaluation found of one decision, as of a commit. */
interface Found {
  readonly standing: Standing;
  readonly keys: readonly ReachedKey[];
  readonly revision: Revision;
  readonly schemaRevision: Revision;
}

/**
 * Evaluates what is due: stream by stream in turn, a chunk of each, so that a commit which concerns a hundred thousand decisions of one stream
 * delays no other; of a stream first those of which something can be taken away. Few are evaluated at once; many take half of the event loop (`Pace`).
 */
export class EvaluationLoop {
  readonly deadlines: Deadlines<LiveDecision>;
  readonly #port: LivePort;
  readonly #barrier: Barrier;
  readonly #tenantOf: (tenant: TenantId) => TenantDecisions | undefined;
  readonly #ready = new Set<LiveStream>();
  readonly #pace: Pace;
  /** Under way: chunks of those that are many, and those that are few. */
  #chunks = 0;
  #fews = 0;
  #scheduled = false;
  #stopped = false;
  #walks = 0;

  constructor(port: LivePort, barrier: Barrier, tenantOf: (tenant: TenantId) => TenantDecisions | undefined) {
    this.#port = port;
    this.#barrier = barrier;
    this.#tenantOf = tenantOf;
    this.#pace = new Pace(() => port.monotonicMs());
    this.deadlines = new Deadlines(port.store.clock, (decisions) => {
      for (const decision of decisions) if (decision.holds.size > 0) this.mark(decision, { kind: decision.standing?.ends ?? "time" });
    });
  }

  /** Evaluations of live decisions since the start. */
  get walks(): number {
    return this.#walks;
  }

  /** Something may have changed the decision's answer. */
  mark(decision: LiveDecision, mark: Mark): void {
    const last = decision.marks.at(-1);
    if (last?.kind === mark.kind && last.revision === mark.revision) return;
    decision.marks = [...decision.marks, mark];
    if (mark.revision !== undefined) this.#barrier.marked(mark.revision);
    if (decision.due) return;
    decision.due = true;
    for (const { stream } of decision.holds) {
      stream.due++;
      this.queue(stream, decision);
    }
  }

  /** The stream's turn will come. */
  queue(stream: LiveStream, decision: LiveDecision): void {
    this.#enqueue(stream, decision);
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    // Once a commit has been told to all who listen, and before anything else: the end of one permission waits for nobody.
    queueMicrotask(() => this.#run());
  }

  #enqueue(stream: LiveStream, decision: LiveDecision): void {
    const value = decision.standing?.value;
    (value === "allowed" || value === "conditional" ? stream.urgent : stream.others).add(decision);
    this.#ready.add(stream);
  }

  /** Nobody holds it any more: what it was marked by has nothing to wait for. */
  abandon(decision: LiveDecision): void {
    for (const { revision } of decision.marks) if (revision !== undefined) this.#barrier.evaluated(revision, []);
    decision.marks = unmarked;
  }

  stop(): void {
    this.#stopped = true;
    this.deadlines.stop();
    this.#ready.clear();
  }

  #run(): void {
    this.#scheduled = false;
    if (this.#stopped) return;
    for (const stream of this.#ready) {
      const few = stream.urgent.size + stream.others.size <= limits.liveFewMax && this.#fews < limits.liveFewsMax;
      if (!few && this.#chunks >= limits.liveChunksMax) continue;
      this.#ready.delete(stream);
      const chunk = this.#take(stream);
      // To the end of the line.
      if (stream.urgent.size + stream.others.size > 0) this.#ready.add(stream);
      const decisions = this.#tenantOf(stream.tenant);
      if (chunk.length === 0 || decisions === undefined) continue;
      void (few ? this.#few(decisions, chunk) : this.#wave(decisions, chunk)).finally(() => {
        // Not before others have had a turn: what was overtaken must not be so for ever.
        if (this.#ready.size > 0) setImmediate(() => this.#run());
      });
    }
  }

  async #few(decisions: TenantDecisions, chunk: readonly LiveDecision[]): Promise<void> {
    this.#fews++;
    await this.#evaluate(decisions, chunk).finally(() => this.#fews--);
  }

  async #wave(decisions: TenantDecisions, chunk: readonly LiveDecision[]): Promise<void> {
    this.#chunks++;
    await this.#evaluate(decisions, chunk)
      .then(() => this.#pace.pause())
      .finally(() => this.#chunks--);
  }

  /** Decisions about one subject share what they find out, the more of them together the more; those about others only stand in each other's way. */
  #take(stream: LiveStream): LiveDecision[] {
    const chunk: LiveDecision[] = [];
    const subjects = new Set<string>();
    for (const waiting of [stream.urgent, stream.others]) {
      for (const decision of waiting) {
        if (chunk.length === limits.liveChunkAlikeMax || subjects.size === limits.liveChunkMax) return chunk;
        waiting.delete(decision);
        if (!decision.due || decision.evaluating || decision.holds.size === 0) continue;
        chunk.push(decision);
        subjects.add(decision.subjectKey);
      }
    }
    return chunk;
  }

  async #evaluate(decisions: TenantDecisions, chunk: readonly LiveDecision[]): Promise<void> {
    for (const decision of chunk) decision.evaluating = true;
    decisions.evaluating++;
    let found: readonly (Found | undefined)[] = [];
    try {
      found = await this.#find(decisions, chunk);
    } catch (error) {
      found = await this.#findEach(decisions, chunk, error);
      // The store does not answer. Nothing is complete meanwhile, so that no lease is given: what is held lapses.
      const again = chunk.filter((_, i) => found[i] === undefined);
      if (!this.#stopped && again.length > 0) setTimeout(() => this.#again(again), limits.liveRetryMs).unref();
    }
    const start = this.#port.monotonicMs();
    decisions.evaluating--;
    this.#walks += chunk.length;
    chunk.forEach((decision, i) => {
      decision.evaluating = false;
      const one = found[i];
      if (one !== undefined && decisions.isKept(decision)) this.#settle(decisions, decision, one);
    });
    if (decisions.evaluating === 0) decisions.index.prune();
    this.#pace.charge(this.#port.monotonicMs() - start);
  }

  async #find(decisions: TenantDecisions, chunk: readonly LiveDecision[]): Promise<(Found | undefined)[]> {
    const { tenant, index } = decisions;
    const snapshot = this.#port.store.snapshot();
    try {
      const version = await this.#port.schemaAt(snapshot, tenant);
      const { schema, revision: schemaRevision } = version;
      if (schemaRevision > (decisions.schema?.revision ?? -1)) decisions.schema = version;
      const questions = chunk.map(({ asked }) => questionOf(this.#port, asked, schema));
      const ground = groundAtHead(this.#port, snapshot, tenant, version);
      const valid = questions.flatMap((question) => (question instanceof UsherError ? [] : [question]));
      const reached = await evaluateReached(valid, ground, index, this.#pace);
      let i = 0;
      const found: (Found | undefined)[] = [];
      for (const question of questions) {
        if (question instanceof UsherError) found.push({ standing: failed(question), keys: [], revision: snapshot.revision, schemaRevision });
        else {
          const one = reached[i++];
          if (one === undefined) throw new UsherError("internal", "a live decision was not evaluated");
          // What was too much for all of them together need not be so for each.
          const alone = one.answer.error?.code === "evaluation_too_large" && valid.length > 1;
          found.push(alone ? await this.#findAlone(question, ground, index) : foundOf(one, ground));
        }
      }
      return found;
    } catch (error) {
      if (error instanceof UsherError && error.code === "schema_missing") return chunk.map(() => ({ standing: failed(error), keys: [], revision: snapshot.revision, schemaRevision: 0 }));
      throw error;
    } finally {
      snapshot.release();
    }
  }

  /** A chunk failed. Where it was not the store's fault, one of them is to blame: it is denied, and the others are not held up by it. */
  async #findEach(decisions: TenantDecisions, chunk: readonly LiveDecision[], error: unknown): Promise<(Found | undefined)[]> {
    if (isPassing(error)) return chunk.map(() => undefined);
    if (chunk.length === 1) {
      this.#port.report(asError(error));
      const standing = failed(new UsherError("internal", "the decision could not be evaluated"));
      return [{ standing, keys: chunk[0]?.keys ?? [], revision: Infinity, schemaRevision: Infinity }];
    }
    const found: (Found | undefined)[] = [];
    for (const decision of chunk) {
      const [one] = await this.#find(decisions, [decision]).catch((alone: unknown) => this.#findEach(decisions, [decision], alone));
      found.push(one);
    }
    return found;
  }

  async #findAlone(question: Question, ground: HeadGround, index: TenantDecisions["index"]): Promise<Found> {
    const [one] = await evaluateReached([question], ground, index, this.#pace);
    if (one === undefined) throw new UsherError("internal", "a live decision was not evaluated");
    return foundOf(one, ground);
  }

  #settle(decisions: TenantDecisions, decision: LiveDecision, { standing, keys, revision, schemaRevision }: Found): void {
    decisions.index.watch(decision, keys);
    const overtaken = keys.some(({ changedAt }) => changedAt > revision) || this.#port.cache.schemaAt(decisions.tenant) > schemaRevision;
    if (overtaken) {
      // It goes to the line, which moves on when this chunk is done.
      for (const { stream } of decision.holds) this.#enqueue(stream, decision);
      return;
    }
    const { marks } = decision;
    const revoked = [...decision.holds].filter((hold) => isRevocation(honoured(hold), standing.value));
    decision.standing = standing;
    decision.marks = unmarked;
    decision.due = false;
    for (const { revision: at } of marks) if (at !== undefined) this.#barrier.evaluated(at, revoked);
    const taken = new Set<LiveHold>(revoked);
    for (const hold of decision.holds) {
      hold.stream.due--;
      hold.stream.tell(hold, taken.has(hold), marks.at(-1));
      // Though there is nothing to tell, it may be complete now.
      hold.stream.wake();
    }
    this.deadlines.add(decision);
  }

  #again(chunk: readonly LiveDecision[]): void {
    for (const decision of chunk) for (const { stream } of decision.holds) this.queue(stream, decision);
  }
}

/** It may be otherwise in a moment: the store, or what is asked of it at once. */
function isPassing(error: unknown): boolean {
  return error instanceof UsherError && error.code !== "internal";
}

function failed({ code, message }: UsherError): Standing {
  return { value: "denied", missing: [], error: { code, message }, until: forever };
}

function foundOf({ answer, keys, expires, revision }: ReachedAnswer, { now, schemaRevision, tellsGrounds }: HeadGround): Found {
  const standing = standingOf(answer, expires ? "expiry" : "condition", now);
  // Neither an id nor the JSON of a context has a line break in it. Of most denials there are none.
  const grounds = tellsGrounds === true ? groundsOf(answer).join("\n") : "";
  return { standing: grounds === "" ? standing : { ...standing, grounds }, keys: keys as ReachedKey[], revision, schemaRevision };
}

function standingOf(answer: Answer, ends: "expiry" | "condition", now: Instant): Standing {
  if (answer.value === "pending") throw new UsherError("internal", "a live decision was not evaluated");
  const { value, missing, until, error } = answer;
  if (value !== "undecided") return until === forever ? { value, missing, until } : { value, missing, until, ends };
  // What was too much to read is not known, so that nobody tells when it has become less.
  const again = error?.code === "evaluation_too_large" ? now + limits.sweepMs : until;
  return { ...failed(error ?? new UsherError("internal", "a live decision is undecided")), until: Math.min(until, again), ends: again < until ? "sweep" : ends };
}
