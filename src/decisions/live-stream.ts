import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Context } from "../model/context.js";
import type { RefusedHold } from "../model/live.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { LiveClient } from "./live-client.js";
import type { LiveDecision, Mark } from "./live-decision.js";
import type { LiveHold } from "./live-hold.js";
import type { LiveLookup } from "./live-lookup.js";

/**
 * What the server knows of one enforcement point. What it is to be told is a set of holds and no list of events: a client that does not read
 * makes the set no larger than its holds, and is told how each stands when it reads again.
 */
export class LiveStream {
  readonly id: string;
  readonly tenant: TenantId;
  readonly leaseMs: number;
  readonly client: LiveClient;
  readonly holds = new Map<number, LiveHold>();
  readonly lookups = new Map<number, LiveLookup>();
  /** Lookups that are refused: their members count until that is acknowledged. */
  readonly fading = new Set<LiveLookup>();
  /** How many holds its lookups have. */
  members = 0;
  readonly contexts = new Map<string, { context: Context; readonly holds: Set<LiveHold> }>();
  /** Decisions that are due, those first of which something can be taken away. */
  readonly urgent = new Set<LiveDecision>();
  readonly others = new Set<LiveDecision>();
  /** Holds to be told of, those first from whom something was taken. */
  readonly revoked = new Set<LiveHold>();
  readonly changed = new Set<LiveHold>();
  /** Wildcards that let in whoever is not told of by name: told when all who are have been. */
  readonly postponed = new Set<LiveHold>();
  readonly refused: RefusedHold[] = [];
  /** Commits that took something from it, and whose taking effect it has not acknowledged. */
  readonly awaited = new Set<Revision>();
  /** How many of its holds are of decisions that are due, and of its lookups are. */
  due = 0;
  /** Of the last ping; undefined: it has been answered. */
  nonce: string | undefined = undefined;
  /** Something was sent that the client is to acknowledge. */
  owesCheckpoint = false;
  /** On the monotonic clock, when the last lease that was sent to it has ended. */
  lapsesAt = -Infinity;
  /** The stream whose place it takes, until all that it takes over is its own. */
  replaces: LiveStream | undefined = undefined;
  /** Checkpoints that were sent and not acknowledged, in their order, each with the holds of which it says that something was taken away, and the lookups that were refused before it. */
  readonly sent: { readonly revision: Revision; readonly holds: readonly LiveHold[]; readonly refused: readonly LiveLookup[] }[] = [];
  /** What the next one says. */
  confirming: LiveHold[] = [];
  /** Its connection has ended; its holds count until its lease has. */
  departed = false;
  /** Why it ends. */
  ended: UsherError | undefined = undefined;
  #wake: (() => void) | undefined;
  #onRevoked: (() => void) | undefined;
  #woken = false;

  constructor(id: string, tenant: TenantId, leaseMs: number, client: LiveClient) {
    this.id = id;
    this.tenant = tenant;
    this.leaseMs = leaseMs;
    this.client = client;
  }

  /** Tells the client of the hold, where it does not know it so. */
  tell(hold: LiveHold, revoked: boolean, cause: Mark | undefined): void {
    if (this.departed) return;
    if (cause !== undefined) hold.cause = cause;
    if (revoked) {
      this.changed.delete(hold);
      this.revoked.add(hold);
      this.#onRevoked?.();
    } else if (!this.revoked.has(hold)) this.changed.add(hold);
    this.wake();
  }

  /** Waits for the records of what is to be told, but not past the next thing that is taken away. */
  async recorded(waiting: readonly Promise<void>[]): Promise<void> {
    if (this.revoked.size > 0) return;
    await Promise.race([Promise.all(waiting), new Promise<void>((resolve) => (this.#onRevoked = resolve))]);
    this.#onRevoked = undefined;
  }

  /** The next that is to be told: what fits in a message, with explanations and the metadata of commits. */
  take(): LiveHold[] {
    const taken: LiveHold[] = [];
    const commits = new Set<Revision | undefined>();
    let explained = 0;
    for (const set of [this.revoked, this.changed]) {
      for (const hold of set) {
        commits.add(hold.cause?.revision);
        if (hold.explain) explained++;
        const fits = taken.length < limits.liveMessageStatesMax && commits.size <= limits.liveMessageCommitsMax && explained <= limits.liveMessageExplanationsMax;
        if (!fits) return taken;
        set.delete(hold);
        taken.push(hold);
      }
    }
    return taken;
  }

  /** Holds, those of lookups among them. */
  get size(): number {
    return this.holds.size + this.members;
  }

  *all(): Generator<LiveHold, void> {
    yield* this.holds.values();
    for (const lookups of [this.lookups.values(), this.fading]) for (const lookup of lookups) yield* lookup.all();
  }

  /** Everything that concerns what it holds has been found out and told. */
  get complete(): boolean {
    return this.isToldByName && this.postponed.size === 0 && this.refused.length === 0;
  }

  /** Everything but what wildcards say. */
  get isToldByName(): boolean {
    return this.due === 0 && this.revoked.size === 0 && this.changed.size === 0;
  }

  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  end(error: UsherError): void {
    this.ended ??= error;
    this.#onRevoked?.();
    this.wake();
  }

  /** Until there may be something to send that there was not when this was last waited for. */
  async waited(): Promise<void> {
    if (!this.#woken) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
    this.#woken = false;
  }
}
