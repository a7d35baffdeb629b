import { unreachable } from "../base/assert.js";
import { forEachLeaf, leafKey, type Leaf } from "../model/schema/leaf.js";
import type { Rewrite } from "../model/schema/rewrite.js";

/**
 * Leaves of a rewrite without which nobody is in it: where all of them deny, the whole denies, whatever the others say. Of a
 * union these are all, of an exclusion those of its base, of an intersection those of one operand, the one that leads least far.
 *
 *     viewer + parent->view               viewer, parent->view
 *     (viewer + owner) - banned           viewer, owner
 *     organization->member & viewer       viewer
 */
export function grantingLeaves(rewrite: Rewrite): Leaf[] {
  return distinct(collect(rewrite));
}

/** Every leaf of a rewrite, on either side of its exclusions. */
export function allLeaves(rewrite: Rewrite): Leaf[] {
  const found: Leaf[] = [];
  forEachLeaf(rewrite, (leaf) => found.push(leaf));
  return distinct(found);
}

function collect(rewrite: Rewrite): Leaf[] {
  switch (rewrite.kind) {
    case "union":
      return rewrite.operands.flatMap(collect);
    case "intersection":
      return rewrite.operands.map(collect).reduce((narrowest, operand) => (breadth(operand) < breadth(narrowest) ? operand : narrowest));
    case "exclusion":
      return collect(rewrite.base);
    case "computed":
    case "arrow":
    case "self":
      return [rewrite];
    case "nil":
      return [];
    default:
      return unreachable(rewrite);
  }
}

/** An arrow leads to all that stands below an object, so that one outweighs any number of relations. */
function breadth(leaves: readonly Leaf[]): number {
  return leaves.reduce((sum, leaf) => sum + (leaf.kind === "arrow" ? 1_000_000 : 1), 0);
}

function distinct(leaves: readonly Leaf[]): Leaf[] {
  return [...new Map(leaves.map((leaf) => [leafKey(leaf), leaf])).values()];
}
