import type { Condition } from "../conditions/condition.js";
import type { Rewrite } from "./rewrite.js";

/**
 * A compiled schema: immutable, type-checked, ready for the walker. It is an argument of every
 * evaluation; nothing reads "the latest". What a peer's dialect decides otherwise is data in `dialect`.
 */
export interface Schema {
  /** The text it was compiled from, as written. */
  readonly text: string;
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly conditions: ReadonlyMap<string, Condition>;
  readonly dialect: Dialect;
}

export interface Dialect {
  /** How many usersets and arrows deep a walk may go before it is undecided: `limits.depthMax`, with `use openfga` `limits.openfgaDepthMax`. */
  readonly depthMax: number;
}

export interface Definition {
  readonly name: string;
  readonly doc: string;
  /** Relations and permissions share one namespace, in the order of the text. */
  readonly members: ReadonlyMap<string, Relation | Permission>;
}

/** A relation holds tuples. */
export interface Relation {
  readonly kind: "relation";
  readonly name: string;
  readonly doc: string;
  readonly subjects: readonly AllowedSubject[];
  /** SHA-256 in hex over what the relation means: two versions of a schema that agree in it evaluate it alike. */
  readonly fingerprint: string;
}

/** One alternative of a relation's type: `user`, `group#member`, `user:*`, each maybe `with cond and expiration`. */
export interface AllowedSubject {
  readonly type: string;
  /** Empty unless the subject is a userset. */
  readonly relation: string;
  readonly wildcard: boolean;
  /** The condition that a tuple of this alternative must carry; undefined: it must carry none. */
  readonly condition?: string;
  /** A tuple of this alternative must expire; otherwise it must not. */
  readonly expiration: boolean;
}

/** A permission is computed. */
export interface Permission {
  readonly kind: "permission";
  readonly name: string;
  readonly doc: string;
  readonly rewrite: Rewrite;
  /** Subject types annotated in the text (`use typechecking`), in its order; undefined without annotation. */
  readonly annotation?: readonly string[];
  readonly fingerprint: string;
}

/** The fields of a tuple that a schema rules on, under which the store counts tuples. */
export interface TupleShape {
  readonly objectType: string;
  readonly relation: string;
  readonly subjectType: string;
  /** Empty for objects and wildcards. */
  readonly subjectRelation: string;
  readonly wildcard: boolean;
  /** Empty without a condition. */
  readonly condition: string;
  readonly expiring: boolean;
}
