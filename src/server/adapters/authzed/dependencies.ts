import { forEachLeaf } from "../../../model/schema/leaf.js";
import { memberKey, targetTypes } from "../../../model/schema/member-graph.js";
import type { Permission, Relation, Schema } from "../../../model/schema/schema.js";

/** A relation or permission by its names. */
export interface MemberName {
  readonly type: string;
  readonly name: string;
  readonly kind: "relation" | "permission";
}

/** The permissions that rest on a member, or on one that does, and the relations on the way, by name. That an arrow starts from a relation does not count, as with SpiceDB. */
export function permissionsOver(schema: Schema, named: MemberName): MemberName[] {
  const members = membersOf(schema);
  const users = new Map<string, MemberName[]>();
  for (const user of members.values()) {
    for (const used of usesOf(schema, user, "ends")) {
      const key = memberKey(used.type, used.name);
      users.set(key, [...(users.get(key) ?? []), user]);
    }
  }
  return reached(named, (member) => users.get(memberKey(member.type, member.name)) ?? []);
}

/** The relations and permissions to which a permission leads, by name. */
export function relationsUnder(schema: Schema, named: MemberName): MemberName[] {
  return reached(named, (member) => usesOf(schema, member, "starts and ends"));
}

function reached(from: MemberName, next: (member: MemberName) => readonly MemberName[]): MemberName[] {
  const start = memberKey(from.type, from.name);
  const found = new Map<string, MemberName>([[start, from]]);
  // A map is walked in the order of insertion, entries that are added on the way included.
  for (const member of found.values()) for (const other of next(member)) found.set(memberKey(other.type, other.name), other);
  found.delete(start);
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, member]) => member);
}

function membersOf(schema: Schema): ReadonlyMap<string, MemberName> {
  const members = new Map<string, MemberName>();
  for (const [type, definition] of schema.definitions) {
    for (const { name, kind } of definition.members.values()) members.set(memberKey(type, name), { type, name, kind });
  }
  return members;
}

/** What its own text names, where there is such a member: of an arrow what it leads to, and the relation that it starts from. */
function usesOf(schema: Schema, { type, name }: MemberName, ofArrows: ArrowParts): MemberName[] {
  const member = schema.definitions.get(type)?.members.get(name);
  const keys = member === undefined ? [] : namedBy(schema, type, member, ofArrows);
  return keys.flatMap(([ofType, used]) => {
    const kind = schema.definitions.get(ofType)?.members.get(used)?.kind;
    return kind === undefined ? [] : [{ type: ofType, name: used, kind }];
  });
}

type ArrowParts = "ends" | "starts and ends";

function namedBy(schema: Schema, type: string, member: Relation | Permission, ofArrows: ArrowParts): [type: string, name: string][] {
  if (member.kind === "relation") return member.subjects.filter(({ relation }) => relation !== "").map(({ type: of, relation }) => [of, relation]);
  const named: [string, string][] = [];
  forEachLeaf(member.rewrite, (leaf) => {
    if (leaf.kind === "computed") named.push([type, leaf.name]);
    if (leaf.kind !== "arrow") return;
    if (ofArrows === "starts and ends") named.push([type, leaf.tupleset]);
    for (const target of targetTypes(schema, type, leaf.tupleset)) named.push([target, leaf.permission]);
  });
  return named;
}
