import { abortError, onAbort, throwIfAborted } from "../../base/abort.js";
import { capDelay } from "../../base/clock.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { checkContext, type Context } from "../../model/context.js";
import { quote } from "../../model/object.js";
import type { Call, Service } from "../../model/service.js";
import type { ObjectLike, SubjectLike } from "../references.js";
import { Contexts } from "./contexts.js";
import { denial, lapse } from "./denials.js";
import { GuardEmitter } from "./guard-events.js";
import { machineGuardTime, type GuardTime } from "./guard-time.js";
import type { HeldDecision } from "./held-decision.js";
import { HeldDecisions } from "./held-decisions.js";
import type { HeldLookup } from "./held-lookup.js";
import { HeldLookups } from "./held-lookups.js";
import { HeldSet } from "./held-set.js";
import { Hold } from "./hold.js";
import { LeaseKeeper } from "./lease-keeper.js";
import { Link } from "./link.js";
import type { LiveConnection } from "./live-connection.js";
import { News } from "./news.js";
import { toObjects, toSubjects, type SubjectsOptions } from "./lookup-question.js";
import { checkContextName, toQuestion, type QuestionOptions } from "./question.js";

export interface GuardOptions {
  /** For how long what is held is trusted without hearing of the server: no revocation is honoured longer, whatever fails. Default: 10 seconds. */
  readonly leaseMs?: number;
  /** Questions that are held at once, those that only `can` asked among them. Default: 50,000. */
  readonly maxHolds?: number;
  /** Default: the machine's clocks and timers. */
  readonly time?: GuardTime;
  /** From 0 to 1: spreads what many clients would do at once. Default: `Math.random`. */
  readonly random?: () => number;
}

interface Waiting {
  /** How long to wait for an answer and a lease. Default: 10 seconds. */
  readonly timeoutMs?: number;
  /** Aborting it ends the wait with `cancelled`. */
  readonly signal?: AbortSignal;
}

export type HoldOptions = QuestionOptions & Waiting;

export type HoldSubjectsOptions = SubjectsOptions & Waiting;

/** Pings in one lease: two may be lost before it ends. */
const pingsPerLease = 3;

/**
 * The enforcement point: holds permissions that the server keeps true, and takes them back when the server says so or is not heard. Made by
 * `Usher.guard`. What is denied while nothing can be heard stays denied: there is no switch that lets it pass.
 */
export class Guard extends GuardEmitter {
  readonly #time: GuardTime;
  readonly #random: () => number;
  readonly #lease: LeaseKeeper;
  readonly #held: HeldDecisions;
  readonly #lookups = new HeldLookups();
  readonly #contexts = new Contexts();
  readonly #news: News;
  readonly #link: Link;
  /** Of all that wait, for whichever reason: a lease, or the end, concerns each of them. */
  readonly #waiters = new Set<() => void>();
  #sequence = 0;
  /** Sent since something was last heard. */
  #pingsUnheard = 0;
  #cancelPing: () => void = () => undefined;
  #closed: UsherError | undefined;

  /** @throws `invalid_request` for a bound out of bounds */
  constructor(service: Pick<Service, "live">, call: Call, options: GuardOptions = {}) {
    super();
    const leaseMs = bounded("leaseMs", options.leaseMs ?? limits.leaseMsDefault, limits.leaseMsMin, limits.leaseMsMax);
    const maxHolds = bounded("maxHolds", options.maxHolds ?? limits.guardHoldsDefault, 1, limits.holdsPerStreamMax);
    this.#time = options.time ?? machineGuardTime;
    this.#random = options.random ?? Math.random;
    this.#lease = new LeaseKeeper(this.#time, () => this.#lapse(leaseMs));
    this.#held = new HeldDecisions(maxHolds, {
      ask: (decision) => this.#ask(decision),
      release: (decision) => this.#give(decision),
      isTaken: (id) => this.#lookups.has(id),
    });
    this.#news = new News({ held: this.#held, lookups: this.#lookups, lease: this.#lease, contexts: this.#contexts, events: this, leaseMs, leased: () => this.#wakeAll() });
    this.#link = new Link(
      { service, call, leaseMs, time: this.#time, random: this.#random, nextSequence: () => ++this.#sequence },
      {
        connected: (connection) => this.#present(connection),
        disconnected: (error) => {
          this.#cancelPing();
          this.tell("disconnected", error);
        },
        heard: (connection, response) => {
          this.#pingsUnheard = 0;
          this.#news.take(connection, response);
        },
      },
    );
    this.#link.connect();
  }

  /** Whether something is trusted now: there is a lease. */
  get isReady(): boolean {
    return this.#lease.isHeld;
  }

  /** Questions that are held, those that only `can` asked among them. */
  get size(): number {
    return this.#held.size;
  }

  /** Resolves once there is a lease. @throws `deadline_exceeded`, with what kept it as its cause */
  async ready({ timeoutMs = limits.callMsDefault, signal }: Waiting = {}): Promise<void> {
    const deadline = this.#time.monotonicMs() + timeoutMs;
    throwIfAborted(signal);
    for (;;) {
      if (this.#closed !== undefined) throw this.#closed;
      if (this.#lease.isHeld) return;
      await this.#change(undefined, deadline, signal, () => {
        const cause = this.#link.lastError;
        return new UsherError("deadline_exceeded", `the guard has no lease after ${timeoutMs} ms${cause === undefined ? "" : `: ${cause.message}`}`, { cause });
      });
    }
  }

  /**
   * Holds a permission until it is released. A conditional answer is no permission.
   * @throws `permission_denied`, with `details.why`; the code of what cannot be decided; `server_unreachable`, `deadline_exceeded`; `overloaded`
   */
  async hold(object: ObjectLike, permission: string, subject: SubjectLike, options: HoldOptions = {}): Promise<Hold> {
    const decision = this.#refer(object, permission, subject, options);
    const deadline = this.#deadline(options);
    try {
      // Asked after every wait: what was allowed when the wait ended may have been revoked before this went on.
      while (!this.#isSettled(decision)) await this.#newsFor(decision, deadline, options);
      if (decision.answer !== "allowed") throw denial(decision);
      return new Hold(decision, this.#lease, () => this.#held.letGo(decision));
    } catch (error) {
      this.#held.letGo(decision);
      throw error;
    }
  }

  /**
   * Whether it is allowed now. The first time it asks the server; then the answer is held, and kept true, as long as there is room. Await it: a
   * promise is always truthy. For the hot path there is `Hold.allowed`.
   * @throws as `hold`, but for `permission_denied`
   */
  async can(object: ObjectLike, permission: string, subject: SubjectLike, options: HoldOptions = {}): Promise<boolean> {
    const decision = this.#refer(object, permission, subject, options);
    decision.isCached = true;
    const deadline = this.#deadline(options);
    try {
      while (!this.#isSettled(decision)) await this.#newsFor(decision, deadline, options);
      if (decision.error !== undefined) throw denial(decision);
      const allowed = decision.answer === "allowed";
      if (allowed) decision.uses++;
      return allowed;
    } finally {
      this.#held.letGo(decision);
    }
  }

  /**
   * Holds the objects of a type that the subject has a permission on, until the set is released.
   * @throws the code of a set that the server does not keep; `evaluation_too_large` where it has too many candidates; `server_unreachable`, `deadline_exceeded`; `overloaded`
   */
  async holdObjects(type: string, permission: string, subject: SubjectLike, options: HoldOptions = {}): Promise<HeldSet> {
    return this.#holdSet(toObjects(type, permission, subject, options), options);
  }

  /** Holds the subjects of a type that have a permission on the object, until the set is released. @throws as `holdObjects` */
  async holdSubjects(object: ObjectLike, permission: string, subjectType: string, options: HoldSubjectsOptions = {}): Promise<HeldSet> {
    return this.#holdSet(toSubjects(object, permission, subjectType, options), options);
  }

  /**
   * Sets the context of all holds and sets that name it. Resolves once everything that follows from it has been heard and is in force.
   * @throws `invalid_context`, `invalid_request`, `overloaded`, `closed`
   */
  async setContext(name: string, context: Context): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed;
    return this.#contexts.set(checkContextName(name), checkContext(context, `the context ${quote(name)}`), this.#link.connection);
  }

  /** Ends all holds, and the stream. Again does nothing. */
  close(): void {
    if (this.#closed !== undefined) return;
    this.#closed = new UsherError("closed", "the guard is closed");
    this.#cancelPing();
    this.#lease.close();
    this.#endAll(this.#closed);
    this.#lookups.close(this.#closed);
    this.#link.close();
    this.#contexts.close(this.#closed);
    this.#wakeAll();
    this.tell("closed");
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #refer(object: ObjectLike, permission: string, subject: SubjectLike, options: HoldOptions): HeldDecision {
    if (this.#closed !== undefined) throw this.#closed;
    throwIfAborted(options.signal);
    const { key, question } = toQuestion(object, permission, subject, options);
    return this.#held.refer(key, question);
  }

  /** Whether it is known, under a lease, what the answer is. @throws why it will not be */
  #isSettled({ answer, until, refused }: HeldDecision): boolean {
    if (this.#closed !== undefined) throw this.#closed;
    if (refused !== undefined) throw refused;
    if (answer === undefined) return false;
    // What was allowed until now is told anew at once: that is waited for.
    return answer === "allowed" ? this.#lease.trusts(until) : this.#lease.isHeld;
  }

  #deadline({ timeoutMs = limits.callMsDefault }: Waiting): number {
    return this.#time.monotonicMs() + timeoutMs;
  }

  #requireOpen(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }

  async #holdSet(asked: HeldLookup["asked"], options: Waiting): Promise<HeldSet> {
    this.#requireOpen();
    throwIfAborted(options.signal);
    const lookup = this.#lookups.add(this.#held.nextId(), asked, this.#link.connection);
    const deadline = this.#deadline(options);
    try {
      for (;;) {
        this.#requireOpen();
        if (lookup.refused !== undefined) throw lookup.refused;
        if (lookup.isCovered && this.#lease.isHeld) return new HeldSet(lookup, this.#lease, () => this.#lookups.remove(lookup, this.#link.connection));
        await this.#newsFor(lookup, deadline, options);
      }
    } catch (error) {
      this.#lookups.remove(lookup, this.#link.connection);
      throw error;
    }
  }

  #newsFor(decision: Pick<HeldDecision, "waiters">, deadline: number, { timeoutMs = limits.callMsDefault, signal }: Waiting): Promise<void> {
    return this.#change(decision, deadline, signal, () => this.#unheard(timeoutMs));
  }

  #unheard(timeoutMs: number): UsherError {
    if (this.#link.connection !== undefined) return new UsherError("deadline_exceeded", `the server did not answer the guard within ${timeoutMs} ms`);
    const cause = this.#link.lastError;
    return new UsherError("server_unreachable", `the guard has no stream to the server${cause === undefined ? "" : `: ${cause.message}`}`, { cause });
  }

  /** Until something was heard of the decision, or of the lease, or the guard was closed. */
  #change(decision: Pick<HeldDecision, "waiters"> | undefined, deadline: number, signal: AbortSignal | undefined, late: () => UsherError): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (settle: () => void) => {
        this.#waiters.delete(look);
        decision?.waiters.delete(look);
        cancelTimer();
        forget();
        settle();
      };
      const look = () => leave(resolve);
      const cancelTimer = this.#time.after(deadline - this.#time.monotonicMs(), () => leave(() => reject(late())));
      const forget = onAbort(signal, () => leave(() => reject(abortError(signal as AbortSignal))));
      this.#waiters.add(look);
      decision?.waiters.add(look);
    });
  }

  #ask(decision: HeldDecision): void {
    const outbox = this.#link.connection?.outbox;
    outbox?.hold(decision.asRequest(false), bytesOf(decision));
  }

  #give(decision: HeldDecision): void {
    const { connection } = this.#link;
    if (connection === undefined) return;
    this.#tellUses(connection, decision);
    connection.outbox.release(decision.id);
  }

  /** For the decision log. What was not told to a stream that broke is told to the next. */
  #tellUses({ outbox }: LiveConnection, decision: HeldDecision): void {
    const use = decision.takeUses();
    if (use !== undefined) outbox.uses(use);
  }

  /** Tells a new stream of all that is held: contexts first, since an answer without them is another. Then it asks for a lease. */
  #present(connection: LiveConnection): void {
    this.#lease.noticeEnd();
    const trusted = this.#lease.isHeld;
    this.#contexts.present(connection);
    for (const decision of this.#held) {
      if (!trusted) decision.forget();
      connection.outbox.hold(decision.asRequest(trusted), bytesOf(decision));
    }
    this.#lookups.present(connection, trusted);
    const sequence = connection.outbox.ping();
    this.#lookups.awaitPing(sequence);
    this.#contexts.awaitPing(sequence);
    this.#pingsUnheard = 0;
    this.#pingLater(connection);
    this.tell("connected");
  }

  /** One stream is pinged at a time, in steps that differ, so that the clients of a server do not keep in step. */
  #pingLater(connection: LiveConnection): void {
    this.#cancelPing();
    const ms = (Math.min(connection.leaseMs, limits.leaseMsMax) / pingsPerLease) * (0.8 + 0.2 * this.#random());
    this.#cancelPing = this.#time.after(capDelay(ms), () => {
      this.#lease.noticeEnd();
      for (const decision of this.#held) this.#tellUses(connection, decision);
      this.#lookups.tellUses(connection);
      connection.outbox.ping();
      // A connection that is half open is silent for ever. Another takes its place, if it can be had.
      if (++this.#pingsUnheard > pingsPerLease) this.#link.connect();
      this.#pingLater(connection);
    });
  }

  #lapse(leaseMs: number): void {
    const why = lapse(leaseMs);
    this.#endAll(why);
    this.#lookups.lapse(why);
    this.tell("lapsed");
  }

  #endAll(why: UsherError): void {
    for (const { holds } of this.#held) for (const hold of [...holds]) hold.end(why);
  }

  #wakeAll(): void {
    for (const look of [...this.#waiters]) look();
  }
}

/** What a hold takes in a message, estimated from above: no unit of a text takes more than three bytes. */
function bytesOf({ key }: HeldDecision): number {
  return 3 * key.length;
}

function bounded(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsherError("invalid_request", `${quote(name)} is ${quote(value)}: it must be a whole number from ${min} to ${max}`);
}
