import type { TupleFilter } from "../../model/filter.js";
import { memberKey, type MemberKey } from "../../model/schema/member-graph.js";
import { wildcardId, type SubjectRef } from "../../model/subject.js";
import type { Tuple } from "../../model/tuple.js";
import type { Lists } from "./lists.js";
import type { Enumeration, EnumerationListener, Range } from "./range.js";
import { kindOf, unnamedKind, type Reachability } from "../reachability.js";
import type { NamingRelation } from "../upward-graph.js";

/** On which objects of a type has a subject a permission, or relation? */
export interface ObjectsAsked {
  readonly type: string;
  readonly permission: string;
  readonly subject: SubjectRef;
}

interface Member {
  readonly type: string;
  readonly id: string;
  readonly name: string;
}

/**
 * The ids of all objects of a type on which a subject may have a permission: what is left out is denied. From the subject, and from
 * the wildcard of its type, upward over the index by subject: a relation that names the subject, what is built on it, relations
 * that name that as a userset, objects that an arrow leads to it from; each member of each object once, so that cycles in the
 * data end, and only members that lead to the one wanted.
 *
 * Where a check of an object that is left out gives up (`depth_exceeded`…), it denies as well.
 * @throws `evaluation_too_large`, `cancelled`, `deadline_exceeded`
 */
export async function objectCandidates(asked: ObjectsAsked, reachability: Reachability, lists: Lists): Promise<ReadonlySet<string>> {
  const ascent = new Ascent(asked, reachability, lists);
  for (let ranges = ascent.next(); ranges !== undefined; ranges = ascent.next()) {
    for (const { filter, visit } of ranges) await lists.forEach(filter, visit);
  }
  return ascent.ids;
}

/** The enumeration of `objectCandidates`. */
export class Ascent implements Enumeration {
  readonly wildcard = false;
  readonly #reachability: Reachability;
  readonly #listener: EnumerationListener;
  readonly #wanted: MemberKey;
  readonly #leading: ReadonlySet<MemberKey>;
  readonly #reached: ReadonlySet<MemberKey>;
  /** By member, the ids of the objects on which it has been come by. */
  readonly #seen = new Map<MemberKey, Set<string>>();
  readonly #waiting: Member[] = [];
  /** Where it begins, until that has been given out. */
  #entry: readonly Range[] | undefined;

  constructor({ type, permission, subject }: ObjectsAsked, reachability: Reachability, listener: EnumerationListener) {
    this.#reachability = reachability;
    this.#listener = listener;
    this.#wanted = memberKey(type, permission);
    this.#leading = reachability.leadingTo(type, permission);
    this.#reached = reachability.reachedBy(kindOf(subject));
    this.#seen.set(this.#wanted, new Set());
    this.#entry = this.#enter(subject);
  }

  get ids(): ReadonlySet<string> {
    return this.#seen.get(this.#wanted) ?? new Set();
  }

  get waiting(): boolean {
    return this.#entry !== undefined || this.#waiting.length > 0;
  }

  next(): readonly Range[] | undefined {
    const entry = this.#entry;
    this.#entry = undefined;
    if (entry !== undefined) return entry;
    const member = this.#waiting.pop();
    return member && this.#rise(member);
  }

  #enter(subject: SubjectRef): Range[] {
    const { type, id, relation } = subject;
    if (relation !== "") {
      this.#visit(type, id, relation);
      return [];
    }
    const { upward } = this.#reachability;
    for (const permission of upward.permissionsOfSelf(type)) this.#visit(type, id, permission);
    return [...this.#follow(upward.relationsNaming(type), subject), ...this.#follow(upward.relationsNaming(unnamedKind(type)), { type, id: wildcardId, relation: "" })];
  }

  /** To all that is built on a member of an object. */
  #rise({ type, id, name }: Member): Range[] {
    const { computed, usersets, arrows } = this.#reachability.upward.edgesFrom(type, name);
    for (const permission of computed) this.#visit(type, id, permission);
    const ranges = this.#follow(usersets, { type, id, relation: name });
    for (const arrow of arrows) {
      const permissions = arrow.permissions.filter((permission) => this.#matters(memberKey(arrow.type, permission)));
      if (permissions.length === 0) continue;
      const visit = ({ object }: Tuple) => {
        for (const permission of permissions) this.#visit(arrow.type, object.id, permission);
      };
      for (const relation of arrow.subjectRelations) ranges.push({ filter: naming({ type: arrow.type, relation: arrow.tupleset }, { type, id, relation }), visit });
    }
    return ranges;
  }

  /** To the objects whose relations name the subject. */
  #follow(relations: readonly NamingRelation[], subject: SubjectRef): Range[] {
    return relations
      .filter(({ type, relation }) => this.#matters(memberKey(type, relation)))
      .map((each) => ({ filter: naming(each, subject), visit: ({ object }) => this.#visit(each.type, object.id, each.relation) }));
  }

  #visit(type: string, id: string, name: string): void {
    const key = memberKey(type, name);
    if (!this.#matters(key)) return;
    let ids = this.#seen.get(key);
    if (ids === undefined) this.#seen.set(key, (ids = new Set()));
    if (ids.has(id)) return;
    ids.add(id);
    this.#waiting.push({ type, id, name });
    if (key === this.#wanted) this.#listener.found?.(id);
    this.#listener.count(1);
  }

  #matters(key: MemberKey): boolean {
    return this.#leading.has(key) && this.#reached.has(key);
  }
}

/** The tuples of a relation that name a subject: one range of the index by subject. */
export function naming({ type, relation }: NamingRelation, subject: SubjectRef): TupleFilter {
  return { subjectType: subject.type, subjectId: subject.id, subjectRelation: subject.relation, objectType: type, relation };
}
