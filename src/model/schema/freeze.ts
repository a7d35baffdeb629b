import { AssertionError } from "../../base/assert.js";

/** A map that nobody can change: `Object.freeze` alone leaves `set` working. */
export function frozenMap<Key, Value>(entries: Iterable<readonly [Key, Value]>): ReadonlyMap<Key, Value> {
  const map = new Map(entries);
  const value = () => {
    throw new AssertionError("a compiled schema is immutable");
  };
  return Object.freeze(Object.defineProperties(map, { set: { value }, delete: { value }, clear: { value } }));
}
