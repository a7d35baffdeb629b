import { onAbort } from "../base/abort.js";
import { limits } from "../base/limits.js";
import type { Enforcement } from "../model/live.js";
import type { Revision } from "../model/zookie.js";
import type { LiveHold } from "./live-hold.js";
import type { LiveStream } from "./live-stream.js";

/** Timers and clocks part ways where a machine is suspended: so often the clock is looked at. */
const lookMs = 250;

/** What a commit has ended at one stream, until the stream has said that it took effect. */
interface Affected {
  /** On the monotonic clock: until then the client may honour what it was told before, if it hears nothing. */
  readonly lapsesAt: number;
  readonly holds: Set<LiveHold>;
  outcome: "acknowledged" | "lapsed" | undefined;
}

/** What has become of the decisions that one commit marked. */
class Revocation {
  /** On the monotonic clock. */
  readonly publishedAt: number;
  /** Decisions that it marked; and of them, those that have not been evaluated since. */
  marked = 0;
  outstanding = 0;
  readonly affected = new Map<LiveStream, Affected>();
  readonly waiting = new Set<() => void>();

  constructor(publishedAt: number) {
    this.publishedAt = publishedAt;
  }

  wake(): void {
    for (const waiter of this.waiting) waiter();
  }

  count(nowMs: number): Enforcement {
    let [acknowledged, lapsed, pending] = [0, 0, 0];
    for (const one of this.affected.values()) {
      if (one.outcome === undefined && nowMs >= one.lapsesAt) settle(one, "lapsed");
      if (one.outcome === "acknowledged") acknowledged++;
      else if (one.outcome === "lapsed") lapsed++;
      else pending++;
    }
    return { affected: this.affected.size, acknowledged, lapsed, pending };
  }

  /** When the next of them lapses. */
  get nextLapse(): number {
    return Math.min(Infinity, ...[...this.affected.values()].filter(({ outcome }) => outcome === undefined).map(({ lapsesAt }) => lapsesAt));
  }
}

function settle(affected: Affected, outcome: "acknowledged" | "lapsed"): void {
  affected.outcome = outcome;
  affected.holds.clear();
}

const nothing: Enforcement = { affected: 0, acknowledged: 0, lapsed: 0, pending: 0 };

/**
 * The revocation barrier (SEMANTICS 12): which streams held what a commit ended, and which of them still may honour it. A stream is let out
 * when it has acknowledged a checkpoint at or after the commit, when it has dropped the holds, or when the last lease that it was sent before
 * it was sent the flip has ended, with what clocks drift meanwhile.
 */
export class Barrier {
  readonly #monotonicMs: () => number;
  readonly #onEnforced: (ms: number) => void;
  readonly #onEvaluated: (decisions: number) => void;
  readonly #revocations = new Map<Revision, Revocation>();
  /** Until then, leases of a run before this one may be honoured, and nobody knows of which decisions. */
  readonly #earlierLeasesUntil: number;

  /** @param onEnforced told of each stream that acknowledges, and how long after the commit was published @param onEvaluated told of each commit that marked decisions, once all of them have been evaluated */
  constructor(monotonicMs: () => number, earlierLeasesUntil: number, onEnforced: (ms: number) => void, onEvaluated: (decisions: number) => void = () => undefined) {
    this.#monotonicMs = monotonicMs;
    this.#onEnforced = onEnforced;
    this.#onEvaluated = onEvaluated;
    this.#earlierLeasesUntil = earlierLeasesUntil;
  }

  /** When a commit that marked a decision was published, on the monotonic clock. */
  publishedAt(revision: Revision): number | undefined {
    return this.#revocations.get(revision)?.publishedAt;
  }

  /** A commit marked a decision; once for each decision. */
  marked(revision: Revision): void {
    let revocation = this.#revocations.get(revision);
    if (revocation === undefined) {
      revocation = new Revocation(this.#monotonicMs());
      this.#revocations.set(revision, revocation);
      this.#forget();
    }
    revocation.marked++;
    revocation.outstanding++;
  }

  /** A decision that it marked was evaluated, or is held by nobody any more. @param revoked the holds from which something was taken */
  evaluated(revision: Revision, revoked: readonly LiveHold[]): void {
    const revocation = this.#revocations.get(revision);
    if (revocation === undefined) return;
    revocation.outstanding--;
    for (const hold of revoked) this.#affect(revocation, revision, hold);
    if (revocation.outstanding > 0) return;
    this.#onEvaluated(revocation.marked);
    revocation.wake();
  }

  /** The hold goes over to another decision before the one that the commit marked was evaluated: its client may honour what it was told. */
  moved(revision: Revision, hold: LiveHold): void {
    const revocation = this.#revocations.get(revision);
    if (revocation !== undefined) this.#affect(revocation, revision, hold);
  }

  /** All that a stream held is held by the one that takes its place, whose word counts for both. */
  transfer(from: LiveStream, to: LiveStream): void {
    for (const revision of from.awaited) {
      const revocation = this.#revocations.get(revision);
      const affected = revocation?.affected.get(from);
      if (revocation === undefined || affected === undefined) continue;
      revocation.affected.delete(from);
      const own = revocation.affected.get(to);
      // A hold that the client said it holds has another object there: that it dropped one of them says nothing here.
      revocation.affected.set(to, { lapsesAt: Math.max(affected.lapsesAt, own?.lapsesAt ?? -Infinity), holds: new Set([...affected.holds, ...(own?.holds ?? [])]), outcome: undefined });
      to.awaited.add(revision);
      to.owesCheckpoint = true;
    }
    from.awaited.clear();
  }

  #affect(revocation: Revocation, revision: Revision, hold: LiveHold): void {
    const { stream } = hold;
    const known = revocation.affected.get(stream);
    if (known === undefined) revocation.affected.set(stream, { lapsesAt: stream.lapsesAt, holds: new Set([hold]), outcome: undefined });
    else {
      known.holds.add(hold);
      // What it acknowledged, or dropped, was not yet this.
      if (known.outcome === "acknowledged") known.outcome = undefined;
    }
    stream.awaited.add(revision);
    stream.owesCheckpoint = true;
    stream.wake();
  }

  /** Everything up to the revision has taken effect at the stream's client. */
  acknowledged(stream: LiveStream, through: Revision): void {
    for (const revision of stream.awaited) {
      if (revision > through) continue;
      stream.awaited.delete(revision);
      this.#settle(this.#revocations.get(revision), stream);
    }
  }

  /** The client has forgotten the hold. */
  dropped(hold: LiveHold): void {
    const { stream } = hold;
    for (const revision of stream.awaited) {
      const revocation = this.#revocations.get(revision);
      const affected = revocation?.affected.get(stream);
      if (affected?.holds.delete(hold) !== true || affected.holds.size > 0) continue;
      stream.awaited.delete(revision);
      this.#settle(revocation, stream);
    }
  }

  /**
   * Resolves when nobody can honour any more what the commit ended, or after `waitMs`, with those that still may as pending.
   * @param signal ends the wait early, with what is known then: the commit stands
   */
  async enforced(revision: Revision, waitMs: number, signal?: AbortSignal): Promise<Enforcement> {
    const deadline = this.#monotonicMs() + waitMs;
    for (;;) {
      const now = this.#monotonicMs();
      const revocation = this.#revocations.get(revision);
      const count = revocation?.count(now) ?? nothing;
      const earlier = now < this.#earlierLeasesUntil ? 1 : 0;
      const unsettled = count.pending > 0 || (revocation?.outstanding ?? 0) > 0 || earlier > 0;
      if (!unsettled) return count;
      if (now >= deadline || signal?.aborted === true) {
        const pending = count.pending + earlier + (count.pending === 0 && (revocation?.outstanding ?? 0) > 0 ? 1 : 0);
        return { ...count, affected: count.acknowledged + count.lapsed + pending, pending };
      }
      const next = Math.min(deadline, revocation?.nextLapse ?? Infinity, earlier > 0 ? this.#earlierLeasesUntil : Infinity);
      await this.#wake(revocation, next - now, signal);
    }
  }

  #settle(revocation: Revocation | undefined, stream: LiveStream): void {
    const affected = revocation?.affected.get(stream);
    if (revocation === undefined || affected?.outcome !== undefined) return;
    if (affected !== undefined) {
      settle(affected, "acknowledged");
      this.#onEnforced(this.#monotonicMs() - revocation.publishedAt);
    }
    revocation.wake();
  }

  #wake(revocation: Revocation | undefined, ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        revocation?.waiting.delete(done);
        forget();
        resolve();
      };
      const timer = setTimeout(done, Math.min(lookMs, Math.max(1, Math.ceil(ms))));
      const forget = onAbort(signal, done);
      revocation?.waiting.add(done);
    });
  }

  /** The oldest of many: whoever asks for one does so as soon as its commit is answered. */
  #forget(): void {
    if (this.#revocations.size <= limits.revocationsKeptMax) return;
    const now = this.#monotonicMs();
    for (const [revision, revocation] of this.#revocations) {
      if (this.#revocations.size <= limits.revocationsKeptMax) return;
      const { outstanding, waiting } = revocation;
      if (outstanding === 0 && waiting.size === 0 && revocation.count(now).pending === 0) this.#revocations.delete(revision);
    }
  }
}
