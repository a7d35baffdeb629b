import { assert } from "../base/assert.js";
import type { ObjectRef } from "../model/object.js";
import { wildcardId, type SubjectRef } from "../model/subject.js";
import type { Tuple } from "../model/tuple.js";
import { climb } from "./climb.js";
import { Holders } from "./cache/holders.js";
import type { Ground, ListLeaf, ProbeLeaf } from "./cache/leaf.js";
import type { CacheCounts } from "./cache/relation-cache.js";
import type { SubjectView } from "./cache/subject-view.js";
import type { TenantCache } from "./cache/tenant-cache.js";
import type { Member } from "./plan.js";
import { subjectKey, tooMany, upKey, type Ids, type ListKind, type Reads, type TupleList } from "./reads.js";
import type { Wants } from "./wants.js";

/** Is told of all that a walk read. */
export interface Footprint {
  note(ground: ProbeLeaf | ListLeaf | Holders): void;
  /** Of all tuples that name a subject. */
  noteSubject(subject: SubjectView): void;
}

/** Reads of the relation cache for walks about one subject: as of the newest commit when the pass began. */
export class CachedReads implements Reads {
  readonly #counts: CacheCounts;
  readonly #wants: Wants;
  readonly #who: SubjectRef;
  readonly #footprint: Footprint;
  #relations: TenantCache | undefined;
  #subject: SubjectView | undefined;
  #wildcard: SubjectView | undefined;

  constructor(counts: CacheCounts, wants: Wants, subject: SubjectRef, footprint: Footprint) {
    this.#counts = counts;
    this.#wants = wants;
    this.#who = subject;
    this.#footprint = footprint;
  }

  /** Before each pass: what is held of a view that has been forgotten is not told of commits any more. */
  begin(relations: TenantCache, subject: SubjectView): void {
    this.#relations = relations;
    this.#subject = subject;
    this.#wildcard = undefined;
  }

  probe(key: string, object: ObjectRef, relation: string, subject: SubjectRef): Tuple | null | undefined {
    const view = this.#view(subject);
    const known = view.known(key);
    if (known !== undefined) {
      this.#counts.readHits++;
      this.#footprint.noteSubject(view);
      return known;
    }
    const asked = view.asked(key);
    if (asked?.value === undefined && this.#wants.all(view, subject)) return undefined;
    const leaf = asked ?? view.probe(key);
    this.#footprint.note(leaf);
    if (leaf.value === undefined) this.#wants.probe(leaf, key, object, relation, subject);
    else this.#counts.readHits++;
    return leaf.value;
  }

  list(key: string, object: ObjectRef, relation: string, kind: ListKind): TupleList | undefined {
    assert(this.#relations !== undefined, "a pass has begun");
    const leaf = this.#relations.list(key, kind);
    this.#footprint.note(leaf);
    if (leaf.value === undefined) this.#wants.list(leaf, key, object, relation, kind);
    else this.#counts.readHits++;
    return leaf.value;
  }

  holders(member: Member): Ids | "unknown" | undefined {
    const holders = this.#holders(member);
    if (holders === undefined) return undefined;
    this.#footprint.note(holders);
    return holders.ids ?? "unknown";
  }

  #holders(member: Member): Holders | undefined {
    assert(this.#relations !== undefined && this.#subject !== undefined, "a pass has begun");
    const { revision } = this.#relations;
    const known = this.#subject.holders(member);
    if (known?.standsAt(revision) === true) return known;
    const footprint: Ground[] = [];
    const found = climb(this.#who, member, (subject, rung) => this.#up(subject, rung, footprint));
    if (found === undefined) return undefined;
    const ids = found === tooMany ? undefined : found;
    const holders = known ?? new Holders(ids, footprint, revision);
    if (known === undefined) this.#subject.keepHolders(member, holders);
    else known.renew(ids, footprint, revision);
    return holders;
  }

  #up(subject: SubjectRef, rung: Member, footprint: Ground[]): TupleList | undefined {
    return this.up(upKey(subjectKey(subject), rung.type, rung.name), subject, rung, footprint);
  }

  /** The tuples of the rung's type and relation that name the subject. @param key as `upKey` makes it @param footprint is added to */
  up(key: string, subject: SubjectRef, rung: Member, footprint: Ground[]): TupleList | undefined {
    assert(this.#relations !== undefined, "a pass has begun");
    const view = this.#relations.peekSubject(subjectKey(subject));
    const known = view?.knownOf(rung.type, rung.name);
    if (view !== undefined && known !== undefined) {
      footprint.push(view);
      return known;
    }
    if (view !== undefined && this.#wants.all(view, subject)) return undefined;
    const leaf = this.#relations.up(key);
    footprint.push(leaf);
    if (leaf.value === undefined) this.#wants.up(leaf, key, subject, rung);
    return leaf.value;
  }

  #view(subject: SubjectRef): SubjectView {
    assert(this.#relations !== undefined && this.#subject !== undefined, "a pass has begun");
    if (subject.id !== wildcardId) return this.#subject;
    return (this.#wildcard ??= this.#relations.subject(`${this.#who.type}:${wildcardId}`));
  }
}
