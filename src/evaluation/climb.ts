import { limits } from "../base/limits.js";
import type { ObjectRef } from "../model/object.js";
import { wildcardId, type SubjectRef } from "../model/subject.js";
import type { Member, RelationRule } from "./plan.js";
import { kindOf } from "./reachability.js";
import { tooMany, type TupleList } from "./reads.js";

/** The tuples of a rung's type and relation that name a subject; undefined: to be loaded first. */
export type Up = (subject: SubjectRef, rung: Member) => TupleList | undefined;

/** Relations that are at hand, so that they can be climbed. */
export interface Known {
  readonly up: Up;
  /** Whether all that the object's relation holds is at hand, and all that what it holds holds. */
  isComplete(object: ObjectRef, relation: string): boolean;
}

/**
 * The ids of the objects of which a subject may have a relation, seen from its side: those whose tuples name it, those whose tuples name
 * these, and so on. Conditions and expirations are not looked at, so who is not among them certainly has not. Where an object names
 * a hundred groups and its subject belongs to three, this is what keeps it from walking a hundred.
 *
 * @param member one with rungs: only relations lead to it
 * @returns undefined: something is to be loaded first; `tooMany`: more than `limits.holdersMax`
 */
export function climb(subject: SubjectRef, member: Member, up: Up): ReadonlySet<string> | typeof tooMany | undefined {
  return new Ascent(member, up).from(subject);
}

/** A place on the way up: an object, as the userset of one of the rungs. */
interface Place {
  readonly rung: Member;
  readonly id: string;
}

class Ascent {
  readonly #member: Member;
  readonly #up: Up;
  readonly #rungs: readonly Member[];
  /** By rung. */
  readonly #found = new Map<Member, Set<string>>();
  readonly #waiting: Place[] = [];
  #count = 0;
  #pending = false;
  #tooMany = false;

  constructor(member: Member, up: Up) {
    this.#member = member;
    this.#up = up;
    this.#rungs = member.rungs ?? [];
  }

  from(subject: SubjectRef): ReadonlySet<string> | typeof tooMany | undefined {
    const kind = kindOf(subject);
    for (const rung of this.#rungs) {
      const { direct, wildcards } = rung.rule as RelationRule;
      if (kind === `${rung.type}${rung.suffix}`) this.#add(rung, subject.id);
      if (direct.has(kind)) this.#rise(subject, rung);
      if (subject.relation === "" && wildcards.has(subject.type)) this.#rise({ type: subject.type, id: wildcardId, relation: "" }, rung);
    }
    for (let place = this.#waiting.pop(); place !== undefined && !this.#tooMany; place = this.#waiting.pop()) {
      const { rung, id } = place;
      const userset = { type: rung.type, id, relation: rung.name };
      const kindOfUserset = kindOf(userset);
      for (const above of this.#rungs) if ((above.rule as RelationRule).direct.has(kindOfUserset)) this.#rise(userset, above);
    }
    if (this.#tooMany) return tooMany;
    return this.#pending ? undefined : (this.#found.get(this.#member) ?? new Set());
  }

  /** Adds the objects of the rung's type whose relation names the subject. */
  #rise(subject: SubjectRef, rung: Member): void {
    const tuples = this.#up(subject, rung);
    if (tuples === undefined) this.#pending = true;
    else if (tuples === tooMany) this.#tooMany = true;
    else for (const { object } of tuples) this.#add(rung, object.id);
  }

  #add(rung: Member, id: string): void {
    const ids = this.#found.get(rung) ?? new Set();
    this.#found.set(rung, ids);
    if (ids.has(id)) return;
    ids.add(id);
    this.#waiting.push({ rung, id });
    if (++this.#count > limits.holdersMax) this.#tooMany = true;
  }
}
