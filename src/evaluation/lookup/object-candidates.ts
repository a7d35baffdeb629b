import type { TupleFilter } from "../../model/filter.js";
import { memberKey, type MemberKey } from "../../model/schema/member-graph.js";
import { wildcardId, type SubjectRef } from "../../model/subject.js";
import type { Lists } from "./lists.js";
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
export async function objectCandidates(asked: ObjectsAsked, reachability: Reachability, lists: Lists): Promise<Set<string>> {
  return new Ascent(asked, reachability, lists).run();
}

class Ascent {
  readonly #subject: SubjectRef;
  readonly #reachability: Reachability;
  readonly #lists: Lists;
  readonly #wanted: MemberKey;
  readonly #leading: ReadonlySet<MemberKey>;
  readonly #reached: ReadonlySet<MemberKey>;
  /** By member, the ids of the objects on which it has been come by. */
  readonly #seen = new Map<MemberKey, Set<string>>();
  readonly #waiting: Member[] = [];

  constructor({ type, permission, subject }: ObjectsAsked, reachability: Reachability, lists: Lists) {
    this.#subject = subject;
    this.#reachability = reachability;
    this.#lists = lists;
    this.#wanted = memberKey(type, permission);
    this.#leading = reachability.leadingTo(type, permission);
    this.#reached = reachability.reachedBy(kindOf(subject));
  }

  async run(): Promise<Set<string>> {
    await this.#enter();
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) await this.#rise(next);
    return this.#seen.get(this.#wanted) ?? new Set();
  }

  async #enter(): Promise<void> {
    const { type, id, relation } = this.#subject;
    if (relation !== "") return this.#visit(type, id, relation);
    for (const permission of this.#reachability.upward.permissionsOfSelf(type)) this.#visit(type, id, permission);
    await this.#follow(this.#reachability.upward.relationsNaming(type), this.#subject);
    await this.#follow(this.#reachability.upward.relationsNaming(unnamedKind(type)), { type, id: wildcardId, relation: "" });
  }

  /** To all that is built on a member of an object. */
  async #rise({ type, id, name }: Member): Promise<void> {
    const { computed, usersets, arrows } = this.#reachability.upward.edgesFrom(type, name);
    for (const permission of computed) this.#visit(type, id, permission);
    await this.#follow(usersets, { type, id, relation: name });
    for (const arrow of arrows) {
      const permissions = arrow.permissions.filter((permission) => this.#matters(memberKey(arrow.type, permission)));
      if (permissions.length === 0) continue;
      for (const relation of arrow.subjectRelations) {
        await this.#lists.forEach(naming({ type: arrow.type, relation: arrow.tupleset }, { type, id, relation }), ({ object }) => {
          for (const permission of permissions) this.#visit(arrow.type, object.id, permission);
        });
      }
    }
  }

  /** To the objects whose relations name the subject. */
  async #follow(relations: readonly NamingRelation[], subject: SubjectRef): Promise<void> {
    for (const each of relations) {
      if (!this.#matters(memberKey(each.type, each.relation))) continue;
      await this.#lists.forEach(naming(each, subject), ({ object }) => this.#visit(each.type, object.id, each.relation));
    }
  }

  #visit(type: string, id: string, name: string): void {
    const key = memberKey(type, name);
    if (!this.#matters(key)) return;
    let ids = this.#seen.get(key);
    if (ids === undefined) this.#seen.set(key, (ids = new Set()));
    if (ids.has(id)) return;
    ids.add(id);
    this.#lists.count(1);
    this.#waiting.push({ type, id, name });
  }

  #matters(key: MemberKey): boolean {
    return this.#leading.has(key) && this.#reached.has(key);
  }
}

/** The tuples of a relation that name a subject: one range of the index by subject. */
export function naming({ type, relation }: NamingRelation, subject: SubjectRef): TupleFilter {
  return { subjectType: subject.type, subjectId: subject.id, subjectRelation: subject.relation, objectType: type, relation };
}
