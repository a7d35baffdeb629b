import { forEachLeaf } from "./leaf.js";
import { append } from "./multimap.js";
import type { Permission, Relation, Schema } from "./schema.js";

/** A relation or permission by its type and name, `document#view`. */
export type MemberKey = string;

export function memberKey(type: string, member: string): MemberKey {
  return `${type}#${member}`;
}

/** The object types to which an arrow leads. */
export function targetTypes(schema: Schema, type: string, tupleset: string): ReadonlySet<string> {
  const relation = schema.definitions.get(type)?.members.get(tupleset);
  return new Set(relation?.kind === "relation" ? relation.subjects.map((subject) => subject.type) : []);
}

/** Which members are used by which, in any of the schemas. */
export class MemberGraph {
  readonly #usedBy = new Map<MemberKey, MemberKey[]>();

  constructor(schemas: readonly Schema[]) {
    for (const schema of schemas) {
      for (const [type, { members }] of schema.definitions) {
        for (const member of members.values()) this.#add(schema, type, member);
      }
    }
  }

  usersOf(key: MemberKey): readonly MemberKey[] {
    return this.#usedBy.get(key) ?? [];
  }

  #add(schema: Schema, type: string, member: Relation | Permission): void {
    const user = memberKey(type, member.name);
    const uses = (ofType: string, used: string) => append(this.#usedBy, memberKey(ofType, used), user);
    if (member.kind === "relation") {
      for (const subject of member.subjects) if (subject.relation !== "") uses(subject.type, subject.relation);
      return;
    }
    forEachLeaf(member.rewrite, (leaf) => {
      if (leaf.kind === "computed") uses(type, leaf.name);
      if (leaf.kind !== "arrow") return;
      for (const target of targetTypes(schema, type, leaf.tupleset)) uses(target, leaf.permission);
    });
  }
}
