import type { Instant } from "../base/clock.js";
import { asError, UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { evaluateAtHead } from "../evaluation/evaluate.js";
import { explain } from "../evaluation/trace.js";
import type { Cause, Flip, HeldState, LiveResponse, MemberState } from "../model/live.js";
import type { Explanation } from "../model/service.js";
import { groundAtHead } from "./ground.js";
import { isRevocation, type Standing } from "./live-decision.js";
import type { LiveHold } from "./live-hold.js";
import { isWildcardMember, LiveMember } from "./live-lookup.js";
import type { LiveStream } from "./live-stream.js";
import type { Revision } from "../model/zookie.js";
import type { LivePort } from "./port.js";
import type { Registry } from "./registry.js";

/**
 * What a stream is to be told, made when it is asked for: answers as they stand then, and no history. A checkpoint is made when nothing else
 * is left, and says so.
 */
export class StreamMessages {
  readonly #port: LivePort;
  readonly #registry: Registry;
  readonly #stream: LiveStream;

  constructor(port: LivePort, registry: Registry, stream: LiveStream) {
    this.#port = port;
    this.#registry = registry;
    this.#stream = stream;
  }

  /** Empty: there is nothing to say now. */
  async next(): Promise<LiveResponse[]> {
    const stream = this.#stream;
    if (stream.refused.length > 0) return this.#refuse();
    for (let holds = this.#next(); holds.length > 0 && stream.ended === undefined; holds = this.#next()) {
      const messages = await this.#tell(holds);
      if (messages.length > 0) return messages;
    }
    const checkpoint = this.#checkpoint();
    return checkpoint === undefined ? [] : [checkpoint];
  }

  #refuse(): LiveResponse[] {
    const stream = this.#stream;
    // Members of a lookup count until that has been acknowledged.
    if (stream.fading.size > 0) stream.owesCheckpoint = true;
    return [{ kind: "refused", refused: stream.refused.splice(0, limits.liveMessageStatesMax) }];
  }

  #next(): LiveHold[] {
    const stream = this.#stream;
    const holds = stream.take();
    if (holds.length > 0 || !stream.isToldByName) return holds;
    const wildcards = [...stream.postponed];
    stream.postponed.clear();
    return wildcards;
  }

  async #tell(holds: readonly LiveHold[]): Promise<LiveResponse[]> {
    const stream = this.#stream;
    const wildcards = holds.every(isWildcardMember);
    const explanations = await this.#explanations(holds.filter((hold) => hold.explain));
    // Up to the instant: what time has ended is due now, and is told once it has been evaluated.
    const instant = this.#registry.loop.deadlines.fire();
    const states: HeldState[] = [];
    const flips: Flip[] = [];
    const members: MemberState[] = [];
    const revision = this.#registry.revisionOfHead();
    const waiting: Promise<void>[] = [];
    for (const hold of holds) {
      const { standing, due } = hold.decision;
      if (standing === undefined || due) continue;
      const isNews = this.#isNews(hold, standing);
      if (!isNews && !this.#isUnrecorded(hold)) {
        this.#takeBack(hold, standing, revision, instant);
        continue;
      }
      if (isWildcardMember(hold) && standing.value === "allowed" && hold.told !== "allowed" && !(wildcards && stream.isToldByName)) {
        // Who is denied though it lets others in must be known before.
        stream.postponed.add(hold);
        continue;
      }
      const flipped = hold.told !== undefined && hold.told !== standing.value;
      const recorded = this.#record(hold, standing, flipped, revision, instant);
      if (recorded !== undefined) {
        waiting.push(recorded);
        stream.changed.add(hold);
        continue;
      }
      if (!isNews) {
        hold.toldStanding = standing;
        continue;
      }
      const state = stateOf(hold, standing, instant, explanations.get(hold));
      if (hold instanceof LiveMember) members.push(...this.#member(hold, standing, state));
      else if (flipped) flips.push({ ...state, cause: this.#cause(hold) });
      else states.push(state);
      if (flipped) this.#flipped(hold, standing);
      hold.told = standing.value;
      hold.toldStanding = standing;
      hold.cause = undefined;
    }
    if (waiting.length > 0 && flips.length + states.length + members.length === 0) await stream.recorded(waiting);
    // Of what is not due, every commit up to head had been looked at.
    const zookie = this.#port.zookie(stream.tenant, revision);
    const messages: LiveResponse[] = [];
    if (flips.length > 0) messages.push({ kind: "flips", zookie, instant, flips });
    if (states.length > 0) messages.push({ kind: "states", zookie, instant, states });
    if (members.length > 0) messages.push({ kind: "members", zookie, instant, members });
    if (messages.length > 0) stream.owesCheckpoint = true;
    return messages;
  }

  /**
   * The record of what the client is about to be told. A promise: it must not be told yet, and is to be looked at again once that has resolved; where
   * it rejects the stream ends.
   */
  #record(hold: LiveHold, standing: Standing, flipped: boolean, revision: Revision, instant: Instant): Promise<void> | undefined {
    const { recorder } = this.#port;
    if (recorder === undefined) return undefined;
    const under = hold.recording;
    if (under?.standing === standing) {
      if (!under.done) return under.written;
      hold.recording = undefined;
      return undefined;
    }
    // Nobody is told of a candidate that is none of the members; where it is on record that he was about to be one, it is said that he is not.
    if (hold instanceof LiveMember && standing.value === "denied" && hold.told === undefined && under === undefined && !isExcluded(hold, standing)) return undefined;
    hold.since ??= instant;
    const waiting = recorder.told({ hold, standing, before: hold.told, cause: flipped ? this.#cause(hold) : undefined, revision, instant });
    hold.recording = undefined;
    if (waiting === undefined) return undefined;
    const written = waiting.then(
      () => void (recording.done = true),
      (error: unknown) => this.#stream.end(asUsherError(error)),
    );
    const recording = { standing, done: false, written };
    hold.recording = recording;
    return written;
  }

  /** Its client says that it holds it, and hears nothing, since it is right: its lease waits for the record of that as for any other. */
  #isUnrecorded({ told, toldStanding }: LiveHold): boolean {
    return this.#port.recorder !== undefined && told !== undefined && toldStanding === undefined;
  }

  /** What was put on record, and was otherwise again before the client was told of it. */
  #takeBack(hold: LiveHold, standing: Standing, revision: Revision, instant: Instant): void {
    const { recording } = hold;
    if (recording === undefined) return;
    hold.recording = undefined;
    if (recording.standing.value === standing.value) return;
    // Nothing is told by it: what the client has, it had before.
    void this.#port.recorder?.told({ hold, standing, before: recording.standing.value, cause: this.#cause(hold), revision, instant })?.catch(() => undefined);
  }

  /** Nobody is told of a candidate that never was a member, unless the wildcard would let him in. */
  #member(hold: LiveMember, standing: Standing, { allowed, missingFields, validForMs }: HeldState): MemberState[] {
    const { lookup, member, told, cause } = hold;
    const { value } = standing;
    const excluded = isExcluded(hold, standing);
    if (value === "denied" && told === undefined && !excluded) return [];
    return [
      {
        id: lookup.id,
        member,
        allowed,
        missingFields,
        ...(validForMs === undefined ? {} : { validForMs }),
        ...(excluded ? { excluded } : {}),
        ...(cause === undefined ? {} : { cause: this.#cause(hold) }),
      },
    ];
  }

  #flipped(hold: LiveHold, { value }: Standing): void {
    const { told, cause } = hold;
    const revoked = told !== undefined && isRevocation(told, value);
    if (revoked) {
      hold.unconfirmed++;
      this.#stream.confirming.push(hold);
    }
    const published = cause?.revision === undefined ? undefined : this.#registry.barrier.publishedAt(cause.revision);
    this.#port.observer.onFlip?.(cause?.kind ?? "resume", revoked, published === undefined ? undefined : this.#port.monotonicMs() - published);
  }

  #isNews(hold: LiveHold, now: Standing): boolean {
    const { told, toldStanding: before, explain: explained } = hold;
    if (hold instanceof LiveMember) {
      // Its client has been told that it is refused.
      if (hold.lookup.refused) return false;
      // Told of by the wildcard, and not yet by name.
      if (before === undefined && hold.lookup.wildcard !== undefined) return true;
    }
    if (told !== now.value) return true;
    if (before === undefined) return explained || now.until !== Infinity || now.missing.length > 0 || now.error !== undefined;
    return before !== now && (before.until !== now.until || before.error?.code !== now.error?.code || before.missing.join() !== now.missing.join());
  }

  #cause({ cause }: LiveHold): Cause {
    if (cause === undefined) return { kind: "resume" };
    const { kind, revision, metadata } = cause;
    return { kind, ...(revision === undefined ? {} : { zookie: this.#port.zookie(this.#stream.tenant, revision) }), ...(metadata === undefined ? {} : { metadata }) };
  }

  #checkpoint(): LiveResponse | undefined {
    const stream = this.#stream;
    if (stream.nonce === undefined && !stream.owesCheckpoint) return undefined;
    // Up to the instant as well as up to the commit: what time has ended is due now, if it was not before.
    const instant = this.#registry.loop.deadlines.fire();
    // A store that has failed may hold a commit that nobody has seen: no lease is given on its word.
    if (!stream.complete || this.#port.store.condition.state !== "ready") return undefined;
    const { nonce, leaseMs, tenant } = stream;
    stream.nonce = undefined;
    stream.owesCheckpoint = false;
    const revision = this.#registry.revisionOfHead();
    if (stream.sent.length >= limits.checkpointsUnacknowledgedMax) stream.end(new UsherError("overloaded", `${stream.sent.length} checkpoints are not acknowledged: acknowledge each`));
    stream.sent.push({ revision, holds: stream.confirming, refused: [...stream.fading] });
    stream.client.sent = { revision, instant };
    stream.confirming = [];
    const zookie = this.#port.zookie(tenant, revision);
    if (nonce === undefined) return { kind: "checkpoint", zookie, instant };
    this.#registry.leased(stream);
    return { kind: "checkpoint", zookie, instant, nonce, leaseMs };
  }

  async #explanations(holds: readonly LiveHold[]): Promise<Map<LiveHold, Explanation>> {
    const found = new Map<LiveHold, Explanation>();
    if (holds.length === 0) return found;
    const { tenant } = this.#stream;
    const snapshot = this.#port.store.snapshot();
    try {
      const ground = groundAtHead(this.#port, snapshot, tenant, await this.#port.schemaAt(snapshot, tenant));
      const asked = holds.filter(({ decision }) => decision.standing?.error === undefined).map((hold) => ({ hold, question: { ...this.#port.validate(hold.decision.asked, ground.schema), explain: true } }));
      const { answers } = await evaluateAtHead(asked.map(({ question }) => question), ground);
      asked.forEach(({ hold }, i) => {
        const answer = answers[i];
        // A commit may have come since: then another flip follows, with its own.
        if (answer !== undefined && answer.value === hold.decision.standing?.value) found.set(hold, explain(answer));
      });
    } catch {
      // The answer is worth more than its explanation.
    } finally {
      snapshot.release();
    }
    return found;
  }
}

/** The wildcard lets in whoever is not told of, and this one is told that he is not. */
function isExcluded(hold: LiveMember, { value }: Standing): boolean {
  const { wildcard } = hold.lookup;
  return value === "denied" && wildcard !== undefined && hold !== wildcard;
}

function asUsherError(error: unknown): UsherError {
  return error instanceof UsherError ? error : new UsherError("internal", "what a client is told could not be recorded", { cause: asError(error) });
}

function stateOf({ id }: LiveHold, { value, missing, until, error }: Standing, instant: Instant, explanation: Explanation | undefined): HeldState {
  return {
    id,
    allowed: value === "allowed",
    missingFields: missing,
    ...(until === Infinity ? {} : { validForMs: Math.max(0, Math.min(until - instant, limits.validForMsMax)) }),
    ...(error === undefined ? {} : { error }),
    ...(explanation === undefined ? {} : { explanation }),
  };
}
