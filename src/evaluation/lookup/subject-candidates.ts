import type { ObjectRef } from "../../model/object.js";
import type { Arrow } from "../../model/schema/rewrite.js";
import type { Permission, Relation, Schema } from "../../model/schema/schema.js";
import { memberKey, targetTypes, type MemberKey } from "../../model/schema/member-graph.js";
import { wildcardId, type SubjectRef } from "../../model/subject.js";
import type { Tuple } from "../../model/tuple.js";
import type { KnownLists } from "./known-lists.js";
import { allLeaves, grantingLeaves } from "../leaves.js";
import type { Lists } from "./lists.js";
import type { Enumeration, EnumerationListener, Range } from "./range.js";
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
  readonly ids: ReadonlySet<string>;
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
  const descent = new Descent(asked, reachability, lists);
  for (let ranges = descent.next(); ranges !== undefined; ranges = descent.next()) {
    for (const range of ranges) await read(range, lists, known);
    const [first] = ranges;
    if (first?.list.memberWise === true) known.complete(first.list.object, first.list.relation);
  }
  return descent;
}

/** Shows what stands of a list, which is kept for the checks as it is stored. */
async function read({ filter, list: { object, relation, subjectType, subjectRelation }, visit }: ListedRange, lists: Lists, known: KnownLists): Promise<void> {
  const stored = known.get(object, relation, subjectType, subjectRelation);
  if (stored !== undefined) return lists.forEachOf(stored, filter, visit);
  return lists.forEach(filter, visit, known.begin(object, relation, subjectType, subjectRelation));
}

interface MemberList {
  readonly object: ObjectRef;
  readonly relation: string;
  readonly subjectType: string;
  readonly subjectRelation: string | undefined;
  /** Whether it is followed for who is in the relation; an arrow follows it for where it leads. */
  readonly memberWise: boolean;
}

/** Tuples of an object's relation: those with subjects of a type, of whichever relation where none is named. */
interface ListedRange extends Range {
  readonly list: MemberList;
}

/** The enumeration of `subjectCandidates`. */
export class Descent implements Enumeration<ListedRange> {
  readonly wildcard: boolean;
  readonly ids = new Set<string>();
  readonly #wanted: SubjectsWanted;
  readonly #schema: Schema;
  readonly #listener: EnumerationListener;
  readonly #reached: ReadonlySet<MemberKey>;
  readonly #seen = new Set<string>();
  readonly #waiting: Member[] = [];

  constructor({ object, permission, wanted }: SubjectsAsked, reachability: Reachability, listener: EnumerationListener) {
    this.#wanted = wanted;
    this.#schema = reachability.schema;
    this.#listener = listener;
    this.#reached = reachability.reachedBy(kindOf(wanted));
    this.wildcard = wanted.relation === "" && reachability.reachedBy(unnamedKind(wanted.type)).has(memberKey(object.type, permission));
    this.#visit(object, permission);
  }

  get waiting(): boolean {
    return this.#waiting.length > 0;
  }

  next(): readonly ListedRange[] | undefined {
    const member = this.#waiting.pop();
    return member && this.#descend(member);
  }

  #descend({ object, name }: Member): ListedRange[] {
    // A userset is a member of itself.
    if (object.type === this.#wanted.type && name === this.#wanted.relation) this.#find(object.id);
    const member = this.#schema.definitions.get(object.type)?.members.get(name);
    if (member?.kind === "relation") return this.#relation(object, member);
    return member?.kind === "permission" ? this.#permission(object, member) : [];
  }

  #relation(object: ObjectRef, relation: Relation): ListedRange[] {
    const lists = new Map(relation.subjects.map((subject) => [kindOf(subject), subject]));
    return [...lists.values()].flatMap((subject) => {
      const names = subject.type === this.#wanted.type && subject.relation === this.#wanted.relation;
      const leads = subject.relation !== "" && this.#reached.has(memberKey(subject.type, subject.relation));
      if (!names && !leads) return [];
      return listed({ object, relation: relation.name, subjectType: subject.type, subjectRelation: subject.relation, memberWise: true }, (tuple) => {
        if (names && tuple.subject.id !== wildcardId) this.#find(tuple.subject.id);
        if (leads) this.#visit(tuple.subject, subject.relation);
      });
    });
  }

  #permission(object: ObjectRef, { rewrite }: Permission): ListedRange[] {
    const ranges: ListedRange[] = [];
    for (const leaf of this.wildcard ? allLeaves(rewrite) : grantingLeaves(rewrite)) {
      if (leaf.kind === "self" && this.#wanted.relation === "" && object.type === this.#wanted.type) this.#find(object.id);
      if (leaf.kind === "computed") this.#visit(object, leaf.name);
      if (leaf.kind === "arrow") ranges.push(...this.#arrow(object, leaf));
    }
    return ranges;
  }

  #arrow(object: ObjectRef, { tupleset, permission }: Arrow): ListedRange[] {
    return [...targetTypes(this.#schema, object.type, tupleset)]
      .filter((type) => this.#reached.has(memberKey(type, permission)))
      .map((type) => listed({ object, relation: tupleset, subjectType: type, subjectRelation: undefined, memberWise: false }, ({ subject }) => this.#visit(subject, permission)));
  }

  #find(id: string): void {
    if (this.ids.has(id)) return;
    this.ids.add(id);
    this.#listener.found?.(id);
  }

  #visit({ type, id }: ObjectRef, name: string): void {
    const key = `${type}:${id}#${name}`;
    if (this.#seen.has(key) || !this.#reached.has(memberKey(type, name))) return;
    this.#seen.add(key);
    this.#waiting.push({ object: { type, id }, name });
    this.#listener.count(1);
  }
}

function listed(list: MemberList, visit: (tuple: Tuple) => void): ListedRange {
  const { object, relation, subjectType, subjectRelation } = list;
  const filter = { objectType: object.type, objectId: object.id, relation, subjectType, ...(subjectRelation === undefined ? {} : { subjectRelation }) };
  return { filter, list, visit };
}
