import type { ObjectRef } from "../../model/object.js";
import type { Arrow } from "../../model/schema/rewrite.js";
import type { Permission, Relation, Schema } from "../../model/schema/schema.js";
import { memberKey, targetTypes, type MemberKey } from "../../model/schema/member-graph.js";
import { wildcardId, type SubjectRef } from "../../model/subject.js";
import type { Tuple } from "../../model/tuple.js";
import type { KnownLists } from "./known-lists.js";
import { allLeaves, grantingLeaves } from "../leaves.js";
import type { Lists } from "./lists.js";
import { kindOf, unnamedKind, type Reachability } from "../reachability.js";

/** A kind of subjects: objects of a type, or usersets of a relation. */
export type SubjectsWanted = Pick<SubjectRef, "type" | "relation">;

/** Who of a kind has a permission, or relation, on an object? */
export interface SubjectsAsked {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly wanted: SubjectsWanted;
}

export interface SubjectCandidates {
  readonly ids: Set<string>;
  /** Whether a wildcard may grant, so that those who are not among the ids are not all denied. */
  readonly wildcard: boolean;
}

interface Member {
  readonly object: ObjectRef;
  readonly name: string;
}

/**
 * The ids of the subjects of a kind that may have a permission on an object: whoever is left out is denied, unless a wildcard grants.
 * From the object downward over what that is built on, each member of each object once.
 *
 * Where a wildcard may grant, the ids are all that any tuple below names, on either side of exclusions: an answer depends on a
 * subject's id only through tuples that name it, `self`, and its being a userset come by. So all ids that are not among them have one
 * answer. Where none may, granting leaves suffice, and what is only ever taken away is not listed.
 * @throws `evaluation_too_large`, `cancelled`, `deadline_exceeded`
 */
export async function subjectCandidates(asked: SubjectsAsked, reachability: Reachability, lists: Lists, known: KnownLists): Promise<SubjectCandidates> {
  return new Descent(asked, reachability, lists, known).run();
}

class Descent {
  readonly #wanted: SubjectsWanted;
  readonly #schema: Schema;
  readonly #lists: Lists;
  readonly #known: KnownLists;
  readonly #reached: ReadonlySet<MemberKey>;
  readonly #wildcard: boolean;
  readonly #ids = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #waiting: Member[] = [];

  constructor({ object, permission, wanted }: SubjectsAsked, reachability: Reachability, lists: Lists, known: KnownLists) {
    this.#wanted = wanted;
    this.#schema = reachability.schema;
    this.#lists = lists;
    this.#known = known;
    this.#reached = reachability.reachedBy(kindOf(wanted));
    this.#wildcard = wanted.relation === "" && reachability.reachedBy(unnamedKind(wanted.type)).has(memberKey(object.type, permission));
    this.#visit(object, permission);
  }

  async run(): Promise<SubjectCandidates> {
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) await this.#descend(next);
    return { ids: this.#ids, wildcard: this.#wildcard };
  }

  async #descend({ object, name }: Member): Promise<void> {
    // A userset is a member of itself.
    if (object.type === this.#wanted.type && name === this.#wanted.relation) this.#ids.add(object.id);
    const member = this.#schema.definitions.get(object.type)?.members.get(name);
    if (member?.kind === "relation") return this.#relation(object, member);
    if (member?.kind === "permission") return this.#permission(object, member);
  }

  async #relation(object: ObjectRef, relation: Relation): Promise<void> {
    const lists = new Map(relation.subjects.map((subject) => [kindOf(subject), subject]));
    for (const subject of lists.values()) {
      const names = subject.type === this.#wanted.type && subject.relation === this.#wanted.relation;
      const leads = subject.relation !== "" && this.#reached.has(memberKey(subject.type, subject.relation));
      if (!names && !leads) continue;
      await this.#list(object, relation.name, subject.type, subject.relation, (tuple) => {
        if (names && tuple.subject.id !== wildcardId) this.#ids.add(tuple.subject.id);
        if (leads) this.#visit(tuple.subject, subject.relation);
      });
    }
    this.#known.complete(object, relation.name);
  }

  async #permission(object: ObjectRef, { rewrite }: Permission): Promise<void> {
    for (const leaf of this.#wildcard ? allLeaves(rewrite) : grantingLeaves(rewrite)) {
      if (leaf.kind === "self" && this.#wanted.relation === "" && object.type === this.#wanted.type) this.#ids.add(object.id);
      if (leaf.kind === "computed") this.#visit(object, leaf.name);
      if (leaf.kind === "arrow") await this.#arrow(object, leaf);
    }
  }

  async #arrow(object: ObjectRef, { tupleset, permission }: Arrow): Promise<void> {
    for (const type of targetTypes(this.#schema, object.type, tupleset)) {
      if (!this.#reached.has(memberKey(type, permission))) continue;
      await this.#list(object, tupleset, type, undefined, ({ subject }) => this.#visit(subject, permission));
    }
  }

  /** Shows what stands of a list, which is kept for the checks as it is stored. */
  async #list(object: ObjectRef, relation: string, subjectType: string, subjectRelation: string | undefined, visit: (tuple: Tuple) => void): Promise<void> {
    const filter = { objectType: object.type, objectId: object.id, relation, subjectType, ...(subjectRelation === undefined ? {} : { subjectRelation }) };
    const stored = this.#known.get(object, relation, subjectType, subjectRelation);
    if (stored !== undefined) return this.#lists.forEachOf(stored, filter, visit);
    return this.#lists.forEach(filter, visit, this.#known.begin(object, relation, subjectType, subjectRelation));
  }

  #visit({ type, id }: ObjectRef, name: string): void {
    const key = `${type}:${id}#${name}`;
    if (this.#seen.has(key) || !this.#reached.has(memberKey(type, name))) return;
    this.#seen.add(key);
    this.#lists.count(1);
    this.#waiting.push({ object: { type, id }, name });
  }
}
