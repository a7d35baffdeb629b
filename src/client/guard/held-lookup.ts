import { forever, type Instant } from "../../base/clock.js";
import type { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { Cause, HoldUse, LookupHold, MemberState } from "../../model/live.js";
import { wildcardId } from "../../model/subject.js";

/** One candidate, as the client was told of it. */
interface Known {
  readonly allowed: boolean;
  /** By the server's clock, until when time alone cannot change it. */
  readonly until: Instant;
  /** By which stream it was told. */
  readonly told: number;
}

/** What a set hears of its lookup. */
export interface LookupListener {
  /** Whoever is of this id is let in from now on, or no longer. */
  changed(id: string, allowed: boolean, cause: Cause): void;
  /** Nothing more is heard. @param ids who was let in till now */
  ended(why: UsherError, ids: readonly string[]): void;
  lapsed(why: UsherError, ids: readonly string[]): void;
  /** All that is known may be trusted. */
  restored(): void;
}

/** One live lookup as the client knows it: every candidate of which it was told by name, and the wildcard. */
export class HeldLookup {
  readonly id: number;
  readonly asked: Omit<LookupHold, "id">;
  /** The server does not keep it, and says nothing of it any more. */
  refused: UsherError | undefined;
  /** The place of the ping whose checkpoint covers all its members; undefined: there is no stream to ask. */
  sequence: number | undefined;
  /** It has been covered since it was last asked for. */
  isCovered = false;
  listener: LookupListener | undefined;
  readonly waiters = new Set<() => void>();
  readonly #known = new Map<string, Known>();
  /** Those that time will end. */
  readonly #timed = new Set<string>();
  /** Streams that it was asked of. */
  #streams = 0;
  /** How often members let something pass since the server was told: by name, or of the wildcard. */
  readonly #uses = new Map<string, number>();

  constructor(id: number, asked: Omit<LookupHold, "id">) {
    this.id = id;
    this.asked = asked;
  }

  /** What is known of an id: by name, else what the wildcard says. Undefined: it is not let in. */
  untilOf(id: string): Instant | undefined {
    const known = this.#known.get(id) ?? this.#known.get(wildcardId);
    return known?.allowed === true ? known.until : undefined;
  }

  /** Whoever is of this id, and is let in, was let pass. */
  used(id: string): void {
    const member = this.#known.has(id) ? id : wildcardId;
    this.#uses.set(member, (this.#uses.get(member) ?? 0) + 1);
  }

  /** What the server is told. */
  takeUses(): HoldUse[] {
    const uses = [...this.#uses].map(([member, count]) => ({ id: this.id, member, count: Math.min(count, 4_294_967_295) }));
    this.#uses.clear();
    return uses;
  }

  /** All that are let in by name, and the wildcard, with until when. */
  *allowed(): Generator<readonly [id: string, until: Instant], void> {
    for (const [id, { allowed, until }] of this.#known) if (allowed) yield [id, until];
  }

  get ids(): string[] {
    return [...this.allowed()].map(([id]) => id);
  }

  /** Takes what a message of this instant says. */
  take({ member, allowed, missingFields, validForMs, excluded, cause }: MemberState, instant: Instant): void {
    const before = this.untilOf(member) !== undefined;
    const until = validForMs === undefined || validForMs >= limits.validForMsMax ? forever : instant + validForMs;
    const isAllowed = allowed === true && missingFields.length === 0;
    this.#timed.delete(member);
    // A conditional one is kept as well: it is not let in by the wildcard.
    if (isAllowed || missingFields.length > 0 || excluded === true) this.#known.set(member, { allowed: isAllowed, until, told: this.#streams });
    else this.#known.delete(member);
    if (isAllowed && until !== forever) this.#timed.add(member);
    this.#tell(member, before, cause ?? { kind: "resume" });
  }

  /** Everything up to this instant has been told: what was valid until then, and was not told anew, has ended. */
  expire(instant: Instant): void {
    for (const member of this.#timed) {
      const known = this.#known.get(member);
      if (known !== undefined && known.until > instant) continue;
      this.#timed.delete(member);
      // Whatever the wildcard says of others.
      this.#known.set(member, { allowed: false, until: forever, told: this.#streams });
      this.#tell(member, true, { kind: "time" });
    }
  }

  /** A new stream is asked, which tells all of it anew. @param trusted whether the lease still runs under which its members are held */
  ask(trusted: boolean): LookupHold {
    this.#streams++;
    this.isCovered = false;
    if (!trusted) this.#forget();
    return { id: this.id, ...this.asked };
  }

  /** All members have been told by this stream: those of whom it said nothing are none. */
  cover(): void {
    this.isCovered = true;
    for (const [member, { told }] of this.#known) {
      if (told === this.#streams) continue;
      const before = this.untilOf(member) !== undefined;
      this.#known.delete(member);
      this.#timed.delete(member);
      this.#tell(member, before, { kind: "resume" });
    }
    for (const look of [...this.waiters]) look();
  }

  /** The server does not keep it. */
  refuse(why: UsherError): void {
    const ids = this.ids;
    this.refused = why;
    this.#forget();
    this.listener?.ended(why, ids);
    for (const look of [...this.waiters]) look();
  }

  #forget(): void {
    this.#known.clear();
    this.#timed.clear();
  }

  #tell(member: string, before: boolean, cause: Cause): void {
    const after = this.untilOf(member) !== undefined;
    if (before !== after) this.listener?.changed(member, after, cause);
  }
}
