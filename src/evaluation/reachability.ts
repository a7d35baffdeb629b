import { limits } from "../base/limits.js";
import { memberKey, targetTypes, type MemberKey } from "../model/schema/member-graph.js";
import type { Schema } from "../model/schema/schema.js";
import type { SubjectRef } from "../model/subject.js";
import { grantingLeaves } from "./leaves.js";
import { UpwardGraph } from "./upward-graph.js";

/** What subjects have in common for a schema: `user`, an object; `team#member`, a userset; `user:*`, an object that no tuple names. */
export type SubjectKind = string;

export function kindOf({ type, relation }: Pick<SubjectRef, "type" | "relation">): SubjectKind {
  return relation === "" ? type : memberKey(type, relation);
}

/** The kind of the objects that only wildcards of their type reach. */
export function unnamedKind(type: string): SubjectKind {
  return `${type}:*`;
}

const known = new WeakMap<Schema, Reachability>();

/**
 * What a schema says of who can have what, whatever the tuples are. It may say that somebody can who never will, never the other way
 * round: right sides of exclusions, conditions and all but one operand of an intersection are left aside. Pure, and worked out
 * once for a schema as it is asked for.
 */
export class Reachability {
  readonly schema: Schema;
  readonly upward: UpwardGraph;
  readonly #reached = new Map<SubjectKind, ReadonlySet<MemberKey>>();

  private constructor(schema: Schema) {
    this.schema = schema;
    this.upward = new UpwardGraph(schema);
  }

  static of(schema: Schema): Reachability {
    let reachability = known.get(schema);
    if (reachability === undefined) known.set(schema, (reachability = new Reachability(schema)));
    return reachability;
  }

  /** The members that a subject of the kind can have on some object. On all others it is denied. */
  reachedBy(kind: SubjectKind): ReadonlySet<MemberKey> {
    let reached = this.#reached.get(kind);
    if (reached === undefined) {
      reached = this.#climb(kind);
      if (this.#reached.size >= limits.reachabilityKindsMax) this.#reached.delete(this.#reached.keys().next().value ?? kind);
      this.#reached.set(kind, reached);
    }
    return reached;
  }

  /** The members that someone can have the given one through, itself among them. */
  leadingTo(type: string, member: string): ReadonlySet<MemberKey> {
    return closure([[type, member]], (ofType, name) => this.#grounds(ofType, name));
  }

  /** From where the kind comes in to all that is built on it. */
  #climb(kind: SubjectKind): ReadonlySet<MemberKey> {
    const start: [string, string][] = this.upward.relationsNaming(kind).map(({ type, relation }) => [type, relation]);
    const [type = "", relation] = kind.split("#");
    if (relation !== undefined) start.push([type, relation]);
    else {
      start.push(...this.upward.relationsNaming(unnamedKind(kind)).map((naming): [string, string] => [naming.type, naming.relation]));
      start.push(...this.upward.permissionsOfSelf(kind).map((permission): [string, string] => [kind, permission]));
    }
    return closure(start, (ofType, member) => {
      const { computed, usersets, arrows } = this.upward.edgesFrom(ofType, member);
      return [
        ...computed.map((permission): [string, string] => [ofType, permission]),
        ...usersets.map((naming): [string, string] => [naming.type, naming.relation]),
        ...arrows.flatMap((arrow) => arrow.permissions.map((permission): [string, string] => [arrow.type, permission])),
      ];
    });
  }

  /** What a member is directly built on. */
  #grounds(type: string, name: string): [string, string][] {
    const member = this.schema.definitions.get(type)?.members.get(name);
    if (member === undefined) return [];
    if (member.kind === "relation") return member.subjects.filter((subject) => subject.relation !== "").map((subject) => [subject.type, subject.relation]);
    return grantingLeaves(member.rewrite).flatMap((leaf): [string, string][] => {
      if (leaf.kind === "computed") return [[type, leaf.name]];
      return leaf.kind === "arrow" ? [...targetTypes(this.schema, type, leaf.tupleset)].map((target) => [target, leaf.permission]) : [];
    });
  }
}

/** All members that can be come by from some, by steps. */
function closure(start: readonly [type: string, member: string][], step: (type: string, member: string) => readonly [string, string][]): ReadonlySet<MemberKey> {
  const found = new Set<MemberKey>();
  const waiting = [...start];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const key = memberKey(...next);
    if (found.has(key)) continue;
    found.add(key);
    for (const each of step(...next)) if (!found.has(memberKey(...each))) waiting.push(each);
  }
  return found;
}
