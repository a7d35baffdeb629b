import { forEachLeaf } from "./leaf.js";
import { memberKey, MemberGraph, type MemberKey } from "./member-graph.js";
import { append } from "./multimap.js";
import type { Permission, Relation, Schema } from "./schema.js";

/**
 * The relations and permissions that may be answered otherwise under another schema, the tuples being the same: those that mean something else, are gone or new,
 * and all that are built on such. Undefined: every one.
 */
export function affectedMembers(before: Schema, after: Schema): ReadonlySet<MemberKey> | undefined {
  if (before.dialect.depthMax !== after.dialect.depthMax) return undefined;
  const graph = new MemberGraph([before, after]);
  const byTupleset = arrowsByTupleset([before, after]);
  const affected = new Set<MemberKey>([...changedFrom(before, after), ...changedFrom(after, before)]);
  // Grows while it is gone through.
  for (const key of affected) {
    for (const user of graph.usersOf(key)) affected.add(user);
    for (const user of byTupleset.get(key) ?? []) affected.add(user);
  }
  return affected;
}

function* changedFrom(one: Schema, other: Schema): Generator<MemberKey, void> {
  for (const [type, { members }] of one.definitions) {
    const others = other.definitions.get(type)?.members;
    for (const { name, fingerprint } of members.values()) if (others?.get(name)?.fingerprint !== fingerprint) yield memberKey(type, name);
  }
}

/** Which permissions follow a relation to its objects. */
function arrowsByTupleset(schemas: readonly Schema[]): ReadonlyMap<MemberKey, readonly MemberKey[]> {
  const found = new Map<MemberKey, MemberKey[]>();
  const add = (type: string, member: Relation | Permission) => {
    if (member.kind === "relation") return;
    forEachLeaf(member.rewrite, (leaf) => {
      if (leaf.kind === "arrow") append(found, memberKey(type, leaf.tupleset), memberKey(type, member.name));
    });
  };
  for (const { definitions } of schemas) for (const [type, { members }] of definitions) for (const member of members.values()) add(type, member);
  return found;
}
