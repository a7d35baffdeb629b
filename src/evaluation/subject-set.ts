import { assert, unreachable } from "../base/assert.js";
import { UsherError } from "../base/errors.js";
import { formatObject, isName, quote } from "../model/object.js";
import type { ExpandNode, ExpandSubject } from "../model/service.js";
import { formatSubject, isUserset, isWildcard, wildcardId, type SubjectRef } from "../model/subject.js";
import { difference, found, intersection, maybe, no, truthIn, uniteInto, yes, type SubjectGroup, type Truth } from "./subject-group.js";

/** Whether a subject is in a set: for certain, if conditions hold, or not. */
export type Membership = "member" | "conditional" | "absent";

/** What a set says of one subject, or of all objects of a type. */
export interface SubjectEntry {
  readonly subject: SubjectRef;
  readonly conditional: boolean;
  /** The relations whose tuples name the subject, as `document:1#viewer`, sorted. */
  readonly through: readonly string[];
  /** Of a wildcard: the objects that it does not cover, or (conditional) not where conditions hold. */
  readonly excluded: readonly { readonly subject: SubjectRef; readonly conditional: boolean }[];
}

/**
 * An immutable set of subjects with the algebra of userset rewrites. A wildcard stands for infinitely many
 * objects, so a set is kept by cases: the subjects named, the wildcard, and what is excluded from it. A subject that is
 * named beside a wildcard stays named. A userset is a subject like another here, and no wildcard covers it.
 *
 *     {user:*} − {user:ana}                      = {user:* − {user:ana}}
 *     {user:* − {user:ana}} ∩ {user:ana, user:bo} = {user:bo}
 *     {user:*} − {user:* − {user:ana}}            = {user:ana}
 *
 * Membership is three-valued, and for every subject exactly what strong Kleene logic makes of its membership in the operands.
 */
export class SubjectSet {
  /** By type and relation of the subjects: `user#`, `team#member`. */
  readonly #groups: ReadonlyMap<string, SubjectGroup>;

  private constructor(groups: ReadonlyMap<string, SubjectGroup>) {
    this.#groups = groups;
  }

  /** The set of one subject, or of a wildcard's objects, found through one relation. */
  static of(subject: SubjectRef, conditional: boolean, through: string): SubjectSet {
    const entry = found(conditional ? maybe : yes, [through]);
    const group: SubjectGroup = isWildcard(subject)
      ? { named: new Map(), wildcard: entry, excluded: new Map() }
      : { named: new Map([[subject.id, entry]]), wildcard: undefined, excluded: new Map() };
    return new SubjectSet(new Map([[groupKey(subject), group]]));
  }

  static union(sets: readonly SubjectSet[]): SubjectSet {
    const [first] = sets;
    if (sets.length === 1 && first !== undefined) return first;
    const united = new Map<string, SubjectGroup>();
    for (const set of sets) {
      for (const [key, group] of set.#groups) {
        let into = united.get(key);
        if (into === undefined) united.set(key, (into = { named: new Map(), wildcard: undefined, excluded: new Map() }));
        uniteInto(into, group);
      }
    }
    return new SubjectSet(united);
  }

  intersection(other: SubjectSet): SubjectSet {
    return this.#mapGroups((group, key) => {
      const its = other.#groups.get(key);
      return its === undefined ? undefined : intersection(group, its);
    });
  }

  difference(other: SubjectSet): SubjectSet {
    return this.#mapGroups((group, key) => {
      const its = other.#groups.get(key);
      return its === undefined ? group : difference(group, its);
    });
  }

  /** The same subjects, each only if a further condition holds. */
  conditionally(): SubjectSet {
    return this.#mapGroups((group) => ({
      named: new Map([...group.named].map(([id, entry]) => [id, found(maybe, entry.through)])),
      wildcard: group.wildcard === undefined ? undefined : found(maybe, group.wildcard.through),
      excluded: group.excluded,
    }));
  }

  /** Of an object or a userset; of a wildcard, whether the set holds every object of the type that it does not exclude. */
  membership(subject: SubjectRef): Membership {
    const group = this.#groups.get(groupKey(subject));
    if (group === undefined) return "absent";
    return membershipOf(isWildcard(subject) ? (group.wildcard?.truth ?? no) : truthIn(group, subject.id));
  }

  /** What is in the set, in the order of the subjects' text. */
  entries(): SubjectEntry[] {
    return [...this.#groups].flatMap(([key, group]) => {
      const at = key.lastIndexOf("#");
      const subjectOf = (id: string): SubjectRef => ({ type: key.slice(0, at), id, relation: key.slice(at + 1) });
      const excluded = [...group.excluded].map(([id, { truth }]) => ({ subject: subjectOf(id), conditional: truth !== yes }));
      const all = group.wildcard === undefined ? group.named : new Map([...group.named, [wildcardId, group.wildcard]]);
      return [...all].map(([id, { truth, through }]) => ({
        subject: subjectOf(id),
        conditional: truth !== yes,
        through: [...through].sort(),
        excluded: id === wildcardId ? excluded.sort(bySubject) : [],
      }));
    }).sort(bySubject);
  }

  #mapGroups(map: (group: SubjectGroup, key: string) => SubjectGroup | undefined): SubjectSet {
    const groups = new Map<string, SubjectGroup>();
    for (const [key, group] of this.#groups) {
      const mapped = map(group, key);
      if (mapped !== undefined && (mapped.named.size > 0 || mapped.wildcard !== undefined)) groups.set(key, mapped);
    }
    return new SubjectSet(groups);
  }
}

/**
 * The subjects that a deep userset tree holds: those that its tuples name, and what the usersets among them hold. A subject
 * is conditional where a condition stands between it and the set: conditions are not evaluated.
 *
 * A userset that is already being expanded adds nothing (the least fixed point), unless the cycle leads through the
 * right side of an exclusion: then nobody can say who is in it.
 * @param permission the one that was expanded; the tree may begin with another name, where the one is defined as the other
 * @throws `cycle_through_exclusion`
 */
export function subjectSetOf(tree: ExpandNode, permission: string): SubjectSet {
  return nodeSet(tree, { name: `${formatObject(tree.object)}#${permission}`, entered: 0, exclusions: 0 });
}

/** The userset being expanded, and how many right sides of exclusions lie between the root and its beginning, and here. */
interface Place {
  readonly name: string;
  readonly entered: number;
  readonly exclusions: number;
  readonly outer?: Place;
}

function nodeSet(node: ExpandNode, place: Place): SubjectSet {
  switch (node.kind) {
    case "leaf":
      return SubjectSet.union(node.subjects.map((subject) => leafSet(node, subject, place)));
    case "union":
      return SubjectSet.union(node.children.map((child) => nodeSet(child, place)));
    case "intersection": {
      const [first, ...others] = node.children.map((child) => nodeSet(child, place));
      assert(first !== undefined, "an intersection has operands");
      return others.reduce((all, other) => all.intersection(other), first);
    }
    case "exclusion": {
      const [base, subtracted] = node.children;
      assert(base !== undefined && subtracted !== undefined && node.children.length === 2, "an exclusion has a base and what is subtracted");
      return nodeSet(base, place).difference(nodeSet(subtracted, { ...place, exclusions: place.exclusions + 1 }));
    }
    default:
      return unreachable(node.kind);
  }
}

/** A relation's leaf names its subjects; an arrow's (whose member is no name) only leads to them. */
function leafSet(leaf: ExpandNode, entry: ExpandSubject, place: Place): SubjectSet {
  const sets: SubjectSet[] = [];
  if (isName(leaf.member)) sets.push(SubjectSet.of(entry.subject, false, memberText(leaf)));
  if (isUserset(entry.subject)) sets.push(usersetSet(entry, place));
  const set = SubjectSet.union(sets);
  return entry.condition === undefined ? set : set.conditionally();
}

function usersetSet(entry: ExpandSubject, place: Place): SubjectSet {
  const name = formatSubject(entry.subject);
  if (entry.expanded !== undefined) return nodeSet(entry.expanded, { name, entered: place.exclusions, exclusions: place.exclusions, outer: place });
  let start: Place | undefined = place;
  while (start !== undefined && start.name !== name) start = start.outer;
  assert(start !== undefined, "the tree is expanded down to its leaves");
  if (start.entered === place.exclusions) return SubjectSet.union([]);
  throw new UsherError("cycle_through_exclusion", `userset ${quote(name)} is subtracted from itself: the tuples form a cycle through an exclusion`);
}

function memberText(node: ExpandNode): string {
  return `${formatObject(node.object)}#${node.member}`;
}

function groupKey(subject: SubjectRef): string {
  return `${subject.type}#${subject.relation}`;
}

function membershipOf(truth: Truth): Membership {
  if (truth === yes) return "member";
  return truth === no ? "absent" : "conditional";
}

function bySubject(a: { readonly subject: SubjectRef }, b: { readonly subject: SubjectRef }): number {
  const [textA, textB] = [formatSubject(a.subject), formatSubject(b.subject)];
  return textA < textB ? -1 : textA > textB ? 1 : 0;
}
