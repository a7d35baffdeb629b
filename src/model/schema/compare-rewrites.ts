import { limits } from "../../base/limits.js";
import type { DiffBudget } from "./budget.js";
import { directionOf, gainsNothing, keeps, type Direction } from "./direction.js";
import { isLeaf, leafKey, sizeOf, type Leaf } from "./leaf.js";
import type { Rewrite } from "./rewrite.js";
import { TruthTable, type Side } from "./truth-table.js";

/**
 * How a rewrite stands to the one that replaces it, for all tuples. `directions` says how each leaf stands to itself. It is
 * decided by a truth table over the leaves as far as `limits.schemaDiffRowsMax` rows go; beyond that the rewrites
 * are held against each other part by part, which finds what was added to a long union and does not find everything.
 * Either way an answer other than `changed` is proven.
 */
export function compareRewrites(from: Rewrite, to: Rewrite, directions: (leaf: Leaf) => Direction, budget: DiffBudget): Direction {
  const table = new TruthTable(from, to, directions);
  if (table.size <= limits.schemaDiffRowsMax) {
    if (!budget.spend(table.size * (sizeOf(from) + sizeOf(to)))) return "changed";
    const [before, after] = [table.rows(from, "from"), table.rows(to, "to")];
    return directionOf(table.contains(after, before), table.contains(before, after));
  }
  const parts = new Parts(directions, budget);
  return directionOf(parts.within(from, "from", to), parts.within(to, "to", from));
}

/** What one pair of parts costs, in the bits that a truth table would take that long for. */
const pairCost = 5_000;

/** Containment by the rules that each operation gains with each of its operands, and an exclusion loses with what it subtracts. */
class Parts {
  readonly #directions: (leaf: Leaf) => Direction;
  readonly #budget: DiffBudget;

  constructor(directions: (leaf: Leaf) => Direction, budget: DiffBudget) {
    this.#directions = directions;
    this.#budget = budget;
  }

  /** Whether `inner`, which is of the side named, lies within `outer`, which is of the other side. */
  within(inner: Rewrite, side: Side, outer: Rewrite): boolean {
    if (!this.#budget.spend(pairCost)) return false;
    if (inner.kind === "nil") return true;
    if (inner.kind === "union") return inner.operands.every((operand) => this.within(operand, side, outer));
    if (outer.kind === "intersection") return outer.operands.every((operand) => this.within(inner, side, operand));
    return this.#partWithin(inner, side, outer) || (outer.kind === "union" && outer.operands.some((operand) => this.within(inner, side, operand)));
  }

  #partWithin(inner: Exclude<Rewrite, { kind: "union" | "nil" }>, side: Side, outer: Rewrite): boolean {
    switch (inner.kind) {
      case "intersection":
        return inner.operands.some((operand) => this.within(operand, side, outer));
      case "exclusion":
        if (this.within(inner.base, side, outer)) return true;
        return outer.kind === "exclusion" && this.within(inner.base, side, outer.base) && this.within(outer.subtracted, otherThan(side), inner.subtracted);
      default:
        return isLeaf(outer) && leafKey(outer) === leafKey(inner) && this.#leafWithin(inner, side);
    }
  }

  #leafWithin(leaf: Leaf, side: Side): boolean {
    const direction = this.#directions(leaf);
    return side === "from" ? keeps(direction) : gainsNothing(direction);
  }
}

function otherThan(side: Side): Side {
  return side === "from" ? "to" : "from";
}
