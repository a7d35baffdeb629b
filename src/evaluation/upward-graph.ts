import { memberKey, targetTypes, type MemberKey } from "../model/schema/member-graph.js";
import { append } from "../model/schema/multimap.js";
import type { AllowedSubject, Permission, Relation, Schema } from "../model/schema/schema.js";
import { grantingLeaves } from "./leaves.js";

/** A relation whose tuples name subjects. */
export interface NamingRelation {
  readonly type: string;
  readonly relation: string;
}

/** A relation by which an arrow leads from objects of `type` to the one on which their permissions are built. */
export interface ArrowEdge {
  readonly type: string;
  readonly tupleset: string;
  /** Of the subjects by which its tuples name the target: mostly the empty one alone. */
  readonly subjectRelations: readonly string[];
  /** Of `type`, all built on the same permission of the target. */
  readonly permissions: readonly string[];
}

/** What is built on a member of an object. */
export interface UpwardEdges {
  /** Permissions of the same object. */
  readonly computed: readonly string[];
  /** Relations that allow the member as a userset. */
  readonly usersets: readonly NamingRelation[];
  readonly arrows: readonly ArrowEdge[];
}

type Growing = { readonly [Field in keyof UpwardEdges]: UpwardEdges[Field][number][] };

const none: UpwardEdges = Object.freeze({ computed: [], usersets: [], arrows: [] });

/**
 * A schema read from its subjects upward: from each member to those that are built on it through granting leaves, and where
 * subjects come in. It is no larger than the schema: permissions built on the same arrow share one edge.
 */
export class UpwardGraph {
  readonly #schema: Schema;
  readonly #edges = new Map<MemberKey, Growing>();
  readonly #naming = new Map<string, NamingRelation[]>();
  readonly #selves = new Map<string, string[]>();

  constructor(schema: Schema) {
    this.#schema = schema;
    for (const [type, { members }] of schema.definitions) {
      for (const member of members.values()) if (member.kind === "relation") this.#addRelation(type, member);
      this.#addPermissions(type, [...members.values()].filter((member) => member.kind === "permission"));
    }
  }

  edgesFrom(type: string, member: string): UpwardEdges {
    return this.#edges.get(memberKey(type, member)) ?? none;
  }

  /** @param alternative `user`, `team#member`, `user:*` */
  relationsNaming(alternative: string): readonly NamingRelation[] {
    return this.#naming.get(alternative) ?? [];
  }

  /** The type's permissions in which each of its objects is itself (`self`). */
  permissionsOfSelf(type: string): readonly string[] {
    return this.#selves.get(type) ?? [];
  }

  #addRelation(type: string, relation: Relation): void {
    for (const alternative of new Set(relation.subjects.map(alternativeText))) {
      const naming = { type, relation: relation.name };
      append(this.#naming, alternative, naming);
      if (alternative.includes("#")) this.#from(alternative).usersets.push(naming);
    }
  }

  #addPermissions(type: string, permissions: readonly Permission[]): void {
    const arrows = new Map<string, { readonly tupleset: string; readonly permission: string; readonly users: Set<string> }>();
    for (const { name, rewrite } of permissions) {
      for (const leaf of grantingLeaves(rewrite)) {
        if (leaf.kind === "self") append(this.#selves, type, name);
        if (leaf.kind === "computed") this.#from(memberKey(type, leaf.name)).computed.push(name);
        if (leaf.kind !== "arrow") continue;
        const key = `${leaf.tupleset} ${leaf.permission}`;
        const arrow = arrows.get(key) ?? { tupleset: leaf.tupleset, permission: leaf.permission, users: new Set() };
        arrow.users.add(name);
        arrows.set(key, arrow);
      }
    }
    for (const { tupleset, permission, users } of arrows.values()) this.#addArrow(type, tupleset, permission, [...users]);
  }

  #addArrow(type: string, tupleset: string, permission: string, permissions: readonly string[]): void {
    const relation = this.#schema.definitions.get(type)?.members.get(tupleset);
    if (relation?.kind !== "relation") return;
    for (const target of targetTypes(this.#schema, type, tupleset)) {
      const subjectRelations = [...new Set(relation.subjects.filter((subject) => subject.type === target).map((subject) => subject.relation))];
      this.#from(memberKey(target, permission)).arrows.push({ type, tupleset, subjectRelations, permissions });
    }
  }

  #from(key: MemberKey): Growing {
    let edges = this.#edges.get(key);
    if (edges === undefined) this.#edges.set(key, (edges = { computed: [], usersets: [], arrows: [] }));
    return edges;
  }
}

function alternativeText({ type, relation, wildcard }: AllowedSubject): string {
  if (wildcard) return `${type}:*`;
  return relation === "" ? type : memberKey(type, relation);
}
