import { quote } from "../object.js";
import type { Diagnostics } from "./diagnostics.js";
import { append } from "./multimap.js";
import type { ResolvedDefinition } from "./resolve.js";
import { forEachLeaf } from "./syntax.js";
import type { PermissionSyntax } from "./syntax.js";

/**
 * Reports permissions of one definition that are defined by themselves: no data could ever end such a
 * walk. Arrows and usersets lead on to other objects, whose tuples end it, so they are no cycles here.
 */
export function checkPermissionCycles(definition: ResolvedDefinition, diagnostics: Diagnostics): void {
  const open = new Map<string, readonly string[]>();
  for (const member of definition.byName.values()) {
    if (member.kind === "permission") open.set(member.name.text, permissionsIn(member, definition));
  }
  dropAcyclic(open);
  for (const name of [...open.keys()]) {
    if (!open.has(name) || diagnostics.full) continue;
    const cycle = cycleFrom(name, open);
    const permission = definition.byName.get(cycle[0] ?? name);
    if (permission !== undefined) {
      diagnostics.error(permission.name, `permission ${quote(permission.name.text)} is defined by itself: ${quote([...cycle, permission.name.text].join(" -> "))}`);
    }
    for (const member of cycle) open.delete(member);
    dropAcyclic(open);
  }
}

function permissionsIn(permission: PermissionSyntax, definition: ResolvedDefinition): string[] {
  const names = new Set<string>();
  forEachLeaf(permission.expression, (leaf) => {
    if (leaf.kind === "name" && definition.byName.get(leaf.text)?.kind === "permission") names.add(leaf.text);
  });
  return [...names];
}

/** Takes out, again and again, what uses nothing that is left; those that stay are on a cycle or lead to one. */
function dropAcyclic(open: Map<string, readonly string[]>): void {
  const usedBy = new Map<string, string[]>();
  const uses = new Map<string, number>();
  for (const [name, used] of open) {
    const left = used.filter((other) => open.has(other));
    uses.set(name, left.length);
    for (const other of left) append(usedBy, other, name);
  }
  const done = [...uses].filter(([, count]) => count === 0).map(([name]) => name);
  for (let name = done.pop(); name !== undefined; name = done.pop()) {
    open.delete(name);
    for (const user of usedBy.get(name) ?? []) {
      const left = (uses.get(user) ?? 0) - 1;
      uses.set(user, left);
      if (left === 0) done.push(user);
    }
  }
}

/** Follows what is left until it comes round; everything left uses something left, so it does. */
function cycleFrom(start: string, open: ReadonlyMap<string, readonly string[]>): string[] {
  const path: string[] = [];
  const at = new Map<string, number>();
  let name = start;
  while (!at.has(name)) {
    at.set(name, path.length);
    path.push(name);
    name = open.get(name)?.find((used) => open.has(used)) ?? start;
  }
  return path.slice(at.get(name));
}
