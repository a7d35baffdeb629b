import type { Instant } from "../base/clock.js";
import { distinct } from "../base/distinct.js";
import type { ObjectRef } from "../model/object.js";
import type { SubjectRef } from "../model/subject.js";
import type { Tuple } from "../model/tuple.js";
import type { Revision } from "../model/zookie.js";
import { Finding } from "./cache/finding.js";
import { Holders } from "./cache/holders.js";
import type { Ground } from "./cache/leaf.js";
import { climb } from "./climb.js";
import type { Member } from "./plan.js";
import { subjectKey, tooMany, upKey, type Ids, type ListKind, type Reads, type TupleList } from "./reads.js";

/**
 * Where an evaluation that will be kept true notes the keys that it reads, before it reads them: whoever keeps them is told of commits from then
 * on, so that none falls between the evaluation and its being registered. They outlive what memory holds of the store.
 */
export interface Reach {
  /** A relation in which a subject was looked for. @param key `document:1#viewer` */
  probed(key: string): Ground;
  /** A relation whose tuples of a kind were listed. */
  listed(key: string, kind: ListKind): Ground;
  /** The tuples of a type and relation that name a subject. @param key as `upKey` makes it */
  climbed(key: string): Ground;
}

/** What a reader from the subject's side reads; undefined: to be loaded first. */
export type UpReads = (key: string, subject: SubjectRef, rung: Member) => TupleList | undefined;

interface ReachedReadsOptions {
  readonly subject: SubjectRef;
  readonly reach: Reach;
  /** Is told of all that is read. */
  readonly footprint: { note(ground: Ground): void };
  readonly below: Reads;
  /** Absent: nothing is climbed. */
  readonly up?: UpReads;
  readonly revision: () => Revision;
}

/** In a footprint, that a tuple expires then: no key, and nothing that a commit changes. */
export class Expiry implements Ground {
  readonly at: Instant;
  readonly changedAt: Revision = 0;

  constructor(at: Instant) {
    this.at = at;
  }
}

/** Reads about one subject that note every key exactly, whatever those below them rest on. */
export class ReachedReads implements Reads {
  readonly #in: ReachedReadsOptions;
  readonly #holders = new Map<Member, Holders>();

  constructor(options: ReachedReadsOptions) {
    this.#in = options;
  }

  probe(key: string, object: ObjectRef, relation: string, subject: SubjectRef): Tuple | null | undefined {
    this.#in.footprint.note(this.#in.reach.probed(key));
    return this.#in.below.probe(key, object, relation, subject);
  }

  list(key: string, object: ObjectRef, relation: string, kind: ListKind): TupleList | undefined {
    this.#in.footprint.note(this.#in.reach.listed(key, kind));
    return this.#in.below.list(key, object, relation, kind);
  }

  expires(at: Instant): void {
    this.#in.footprint.note(new Expiry(at));
  }

  holders(member: Member): Ids | "unknown" | undefined {
    const { up, subject, reach, footprint, revision } = this.#in;
    if (up === undefined) return "unknown";
    let holders = this.#holders.get(member);
    if (holders?.standsAt(revision()) !== true) {
      const grounds: Ground[] = [];
      const found = climb(subject, member, (who, rung) => {
        const key = upKey(subjectKey(who), rung.type, rung.name);
        grounds.push(reach.climbed(key));
        return up(key, who, rung);
      });
      if (found === undefined) return undefined;
      holders = new Holders(found === tooMany ? undefined : found, grounds, revision());
      this.#holders.set(member, holders);
    }
    footprint.note(holders);
    return holders.ids ?? "unknown";
  }
}

/** What is at the ends of a footprint: the keys, each once, and when tuples expire. */
export function endsOf(footprint: readonly Ground[]): { keys: Ground[]; expiries: Instant[] } {
  const keys: Ground[] = [];
  const expiries: Instant[] = [];
  let seen: Set<Finding> | undefined;
  const waiting = [...footprint];
  for (let ground = waiting.pop(); ground !== undefined; ground = waiting.pop()) {
    if (ground instanceof Expiry) expiries.push(ground.at);
    else if (!(ground instanceof Finding)) keys.push(ground);
    else if (!(seen ??= new Set()).has(ground)) {
      seen.add(ground);
      for (const below of ground.footprint) waiting.push(below);
    }
  }
  return { keys: distinct(keys), expiries };
}
