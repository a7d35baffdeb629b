import { quote } from "../object.js";
import { append } from "./multimap.js";
import type { Names } from "./resolve.js";

/** Which relations allow a wildcard, themselves or through the usersets they allow. */
export interface Wildcards {
  /** What the relation does, to end a sentence with: ``allows `user:*` ``; undefined when it reaches no wildcard. */
  of(type: string, relation: string): string | undefined;
}

/**
 * From the relations that allow a wildcard backwards to those that allow them as usersets. Only
 * relations carry it on, no permissions: so does SpiceDB, and schemas in the field rely on that.
 */
export function findWildcards(names: Names): Wildcards {
  const reached = new Map<string, string>();
  const usedBy = new Map<string, string[]>();
  for (const [type, definition] of names.definitions) {
    for (const member of definition.byName.values()) {
      if (member.kind !== "relation") continue;
      const key = `${type}#${member.name.text}`;
      for (const subject of member.subjects) {
        if (subject.wildcard) reached.set(key, `allows ${quote(`${subject.type.text}:*`)}`);
        if (subject.relation !== undefined) append(usedBy, `${subject.type.text}#${subject.relation.text}`, key);
      }
    }
  }
  const waiting = [...reached.keys()];
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    for (const user of usedBy.get(key) ?? []) {
      if (reached.has(user)) continue;
      reached.set(user, `reaches a wildcard through ${quote(key)}`);
      waiting.push(user);
    }
  }
  return { of: (type, relation) => reached.get(`${type}#${relation}`) };
}
