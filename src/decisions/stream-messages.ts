import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { evaluateAtHead } from "../evaluation/evaluate.js";
import { explain } from "../evaluation/trace.js";
import type { Cause, Flip, HeldState, LiveResponse } from "../model/live.js";
import type { Explanation } from "../model/service.js";
import { groundAtHead } from "./ground.js";
import { isRevocation, type Standing } from "./live-decision.js";
import type { LiveHold } from "./live-hold.js";
import type { LiveStream } from "./live-stream.js";
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
    if (stream.refused.length > 0) return [{ kind: "refused", refused: stream.refused.splice(0, limits.liveMessageStatesMax) }];
    for (let holds = stream.take(); holds.length > 0; holds = stream.take()) {
      const messages = await this.#tell(holds);
      if (messages.length > 0) return messages;
    }
    const checkpoint = this.#checkpoint();
    return checkpoint === undefined ? [] : [checkpoint];
  }

  async #tell(holds: readonly LiveHold[]): Promise<LiveResponse[]> {
    const explanations = await this.#explanations(holds.filter((hold) => hold.explain));
    // Up to the instant: what time has ended is due now, and is told once it has been evaluated.
    const instant = this.#registry.loop.deadlines.fire();
    const states: HeldState[] = [];
    const flips: Flip[] = [];
    for (const hold of holds) {
      const { standing, due } = hold.decision;
      if (standing === undefined || due || !this.#isNews(hold, standing)) continue;
      const state = stateOf(hold, standing, instant, explanations.get(hold));
      const { told, cause } = hold;
      if (told === undefined || told === standing.value) states.push(state);
      else {
        if (isRevocation(told, standing.value)) {
          hold.unconfirmed++;
          this.#stream.confirming.push(hold);
        }
        flips.push({ ...state, cause: this.#cause(hold) });
        const published = cause?.revision === undefined ? undefined : this.#registry.barrier.publishedAt(cause.revision);
        this.#port.observer.onFlip?.(cause?.kind ?? "resume", isRevocation(told, standing.value), published === undefined ? undefined : this.#port.monotonicMs() - published);
      }
      hold.told = standing.value;
      hold.toldStanding = standing;
      hold.cause = undefined;
    }
    // Of what is not due, every commit up to head has been looked at.
    const zookie = this.#port.zookie(this.#stream.tenant, this.#registry.revisionOfHead());
    const messages: LiveResponse[] = [];
    if (flips.length > 0) messages.push({ kind: "flips", zookie, instant, flips });
    if (states.length > 0) messages.push({ kind: "states", zookie, instant, states });
    if (messages.length > 0) this.#stream.owesCheckpoint = true;
    return messages;
  }

  #isNews({ told, toldStanding: before, explain: explained }: LiveHold, now: Standing): boolean {
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
    stream.sent.push({ revision, holds: stream.confirming });
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
