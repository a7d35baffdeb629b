/**
 * A userset rewrite: the expression behind a permission. Frozen tagged nodes; whoever handles them
 * switches over `kind` exhaustively, so that a new kind does not compile until it is handled everywhere.
 */
export type Rewrite = Union | Intersection | Exclusion | ComputedUserset | Arrow | Self | Nil;

export interface Union {
  readonly kind: "union";
  /** Two or more; a nested union of the text is flattened. */
  readonly operands: readonly Rewrite[];
}

export interface Intersection {
  readonly kind: "intersection";
  readonly operands: readonly Rewrite[];
}

export interface Exclusion {
  readonly kind: "exclusion";
  readonly base: Rewrite;
  readonly subtracted: Rewrite;
}

/** Another relation or permission of the same object. */
export interface ComputedUserset {
  readonly kind: "computed";
  readonly name: string;
}

/**
 * `tupleset->permission`: the permission on the subjects of the relation `tupleset`, by their objects.
 * `any` (also written `->`): on one of them; `all`: on each of them, and at least one exists. A subject
 * whose type lacks the permission counts as one on which it is denied.
 */
export interface Arrow {
  readonly kind: "arrow";
  readonly tupleset: string;
  readonly permission: string;
  readonly quantifier: "any" | "all";
}

/** The object itself as a subject: `user:ana` has `self` on `user:ana`. */
export interface Self {
  readonly kind: "self";
}

/** Nobody. */
export interface Nil {
  readonly kind: "nil";
}
