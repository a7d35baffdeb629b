import type { Instant } from "../../base/clock.js";
import type { Context } from "../context.js";

/**
 * A compiled condition: the schema's `caveat name(param type, …) { CEL }`, type-checked when the schema
 * was written. Evaluation is pure, bounded and synchronous, and never throws for bad input.
 */
export interface Condition {
  readonly name: string;
  readonly doc: string;
  /** Parameter names with their types as text (`list<string>`), in order of declaration; `now` among them where declared. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The CEL text between the braces, trimmed. */
  readonly expression: string;
  /** SHA-256 in hex over parameters and expression. */
  readonly fingerprint: string;

  /**
   * `stored` (the tuple's context) wins over `request`, field by field at the top level. The reserved parameter `now` is
   * filled from the argument, unless the request names an instant of its own ("would this be allowed then?"), as
   * callers of SpiceDB do; never from a stored context.
   */
  evaluate(stored: Context, request: Context, now: Instant): ConditionResult;

  /**
   * Refuses a context to be stored with a tuple: an undeclared field, a value of another type, `now`.
   * @throws `invalid_context`
   */
  checkStored(context: Context): void;
}

/**
 * `until`: the earliest instant after `now` at which time alone could change the result (`forever` where
 * `now` was not read): the result holds for every instant in [now, until).
 */
export type ConditionResult =
  | { readonly kind: "true"; readonly until: Instant }
  | { readonly kind: "false"; readonly until: Instant }
  /** The rest did not decide: the names of the absent parameters that were read, sorted. */
  | { readonly kind: "missing"; readonly fields: readonly string[]; readonly until: Instant }
  /** A context value of another type than declared (`invalid_context`), or an error of the expression or its budget (`condition_failed`). */
  | { readonly kind: "error"; readonly code: "invalid_context" | "condition_failed"; readonly message: string; readonly until: Instant };
