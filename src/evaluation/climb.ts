import { limits } from "../base/limits.js";
import { wildcardId, type SubjectRef } from "../model/subject.js";
import { Holders } from "./cache/holders.js";
import type { Ground } from "./cache/leaf.js";
import type { SubjectView } from "./cache/subject-view.js";
import type { TenantCache } from "./cache/tenant-cache.js";
import type { Member, RelationRule } from "./plan.js";
import { kindOf } from "./reachability.js";
import { subjectKey, tooMany, upKey, type TupleList } from "./reads.js";
import type { Wants } from "./wants.js";

interface Memory {
  readonly relations: TenantCache;
  readonly wants: Wants;
  /** The subject's own. */
  readonly subject: SubjectView;
  /** What was found before, and holds no more. */
  readonly known: Holders | undefined;
}

/** Finds which objects hold the subject, from those that name it upward. Undefined: something is to be loaded first. */
export function climb(subject: SubjectRef, member: Member, memory: Memory): Holders | undefined {
  const ascent = new Ascent(member, memory);
  const ids = ascent.from(subject);
  if (ids === undefined) return undefined;
  const { known, relations } = memory;
  const found = ids === "tooMany" ? undefined : ids;
  if (known !== undefined) {
    known.renew(found, ascent.footprint, relations.revision);
    return known;
  }
  const holders = new Holders(found, ascent.footprint, relations.revision);
  memory.subject.keepHolders(member, holders);
  return holders;
}

/** A place on the way up: an object, as the userset of one of the rungs. */
interface Place {
  readonly rung: Member;
  readonly id: string;
}

class Ascent {
  readonly footprint: Ground[] = [];
  readonly #member: Member;
  readonly #memory: Memory;
  readonly #rungs: readonly Member[];
  /** By rung. */
  readonly #found = new Map<Member, Set<string>>();
  readonly #waiting: Place[] = [];
  #count = 0;
  #pending = false;
  #tooMany = false;

  constructor(member: Member, memory: Memory) {
    this.#member = member;
    this.#memory = memory;
    this.#rungs = member.rungs ?? [];
  }

  from(subject: SubjectRef): ReadonlySet<string> | "tooMany" | undefined {
    const kind = kindOf(subject);
    for (const rung of this.#rungs) {
      const { direct, wildcards } = rung.rule as RelationRule;
      if (kind === `${rung.type}${rung.suffix}`) this.#add(rung, subject.id);
      if (direct.has(kind)) this.#up(subject, rung);
      if (subject.relation === "" && wildcards.has(subject.type)) this.#up({ type: subject.type, id: wildcardId, relation: "" }, rung);
    }
    for (let place = this.#waiting.pop(); place !== undefined && !this.#tooMany; place = this.#waiting.pop()) {
      const { rung, id } = place;
      const userset = { type: rung.type, id, relation: rung.name };
      const kindOfUserset = kindOf(userset);
      for (const above of this.#rungs) if ((above.rule as RelationRule).direct.has(kindOfUserset)) this.#up(userset, above);
    }
    if (this.#tooMany) return "tooMany";
    return this.#pending ? undefined : (this.#found.get(this.#member) ?? new Set());
  }

  /** Adds the objects of the rung's type whose relation names the subject. */
  #up(subject: SubjectRef, rung: Member): void {
    const tuples = this.#read(subject, rung);
    if (tuples === undefined) this.#pending = true;
    else if (tuples === tooMany) this.#tooMany = true;
    else for (const { object } of tuples) this.#add(rung, object.id);
  }

  #read(subject: SubjectRef, rung: Member): TupleList | undefined {
    const { relations, wants } = this.#memory;
    const who = subjectKey(subject);
    const view = relations.peekSubject(who);
    const known = view?.knownOf(rung.type, rung.name);
    if (view !== undefined && known !== undefined) {
      this.footprint.push(view);
      return known;
    }
    const key = upKey(who, rung.type, rung.name);
    const leaf = relations.up(key);
    this.footprint.push(leaf);
    if (leaf.value === undefined) wants.up(leaf, key, subject, rung);
    return leaf.value;
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
