import { nowParameter } from "../model/conditions/parameters.js";
import type { Condition } from "../model/conditions/condition.js";
import type { Context } from "../model/context.js";

const none: ReadonlySet<string> = new Set();

/** By a tuple's stored context, which is one object for as long as the tuple is held. */
const known = new WeakMap<Condition, WeakMap<Context, ReadonlySet<string>>>();

/** The fields of a request's context that a condition may read beside the context that is stored: what the latter holds is not asked for. */
export function fieldsRead(condition: Condition | undefined, stored: Context): ReadonlySet<string> {
  if (condition === undefined) return none;
  let byContext = known.get(condition);
  if (byContext === undefined) known.set(condition, (byContext = new WeakMap()));
  let fields = byContext.get(stored);
  if (fields === undefined) {
    // `now` is never stored, and a request may name an instant of its own.
    fields = new Set([...condition.parameters.keys()].filter((name) => name === nowParameter || !Object.hasOwn(stored, name)));
    byContext.set(stored, fields);
  }
  return fields;
}
