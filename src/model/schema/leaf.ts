import { unreachable } from "../../base/assert.js";
import type { Arrow, ComputedUserset, Rewrite, Self } from "./rewrite.js";
import { formatRewrite } from "./rewrite-text.js";

/** A part of a rewrite that has no parts: what tuples, and other rewrites, say is in it. */
export type Leaf = ComputedUserset | Arrow | Self;

/**
 * Every leaf of a rewrite, from left to right, once for each time that it stands there. `positive`: more in the leaf can only
 * mean more in the whole; otherwise, behind the right side of an exclusion, only fewer.
 */
export function forEachLeaf(rewrite: Rewrite, visit: (leaf: Leaf, positive: boolean) => void, positive = true): void {
  switch (rewrite.kind) {
    case "union":
    case "intersection":
      for (const operand of rewrite.operands) forEachLeaf(operand, visit, positive);
      return;
    case "exclusion":
      forEachLeaf(rewrite.base, visit, positive);
      forEachLeaf(rewrite.subtracted, visit, !positive);
      return;
    case "computed":
    case "arrow":
    case "self":
      visit(rewrite, positive);
      return;
    case "nil":
      return;
    default:
      unreachable(rewrite);
  }
}

/** Two leaves of one definition with the same key are the same set. The kind is told, since a relation may be named `self`. */
export function leafKey(leaf: Leaf): string {
  return `${leaf.kind} ${formatRewrite(leaf)}`;
}

export function isLeaf(rewrite: Rewrite): rewrite is Leaf {
  return rewrite.kind === "computed" || rewrite.kind === "arrow" || rewrite.kind === "self";
}

/** How many operations and leaves there are in a rewrite. */
export function sizeOf(rewrite: Rewrite): number {
  switch (rewrite.kind) {
    case "union":
    case "intersection":
      return rewrite.operands.reduce((sum, operand) => sum + sizeOf(operand), 1);
    case "exclusion":
      return 1 + sizeOf(rewrite.base) + sizeOf(rewrite.subtracted);
    default:
      return 1;
  }
}
