import type { ContextValue } from "../../model/context.js";
import type { Tuple } from "../../model/tuple.js";

/** Whether a touch of one by the other changes nothing: condition, its context by value, expiration. */
export function sameVersion(a: Tuple, b: Tuple): boolean {
  return (
    a.expiresAt === b.expiresAt &&
    a.condition?.name === b.condition?.name &&
    sameValue(a.condition?.context ?? null, b.condition?.context ?? null)
  );
}

function sameValue(a: ContextValue, b: ContextValue): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item: ContextValue, i) => sameValue(item, b[i] as ContextValue));
  }
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return left.length === right.size && left.every(([name, value]) => right.has(name) && sameValue(value, right.get(name) as ContextValue));
}
