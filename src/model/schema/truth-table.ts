import { unreachable } from "../../base/assert.js";
import type { Direction } from "./direction.js";
import { forEachLeaf, leafKey, type Leaf } from "./leaf.js";
import type { Rewrite } from "./rewrite.js";

/** Which of the two rewrites compared. */
export type Side = "from" | "to";

/**
 * The rows in which a rewrite holds, one bit a row. `certain`: it is true; `possible`: it is true or unknown. In strong
 * Kleene logic these two bits are all of a value, and each operation works on them bit by bit.
 */
interface Rows {
  readonly certain: bigint;
  readonly possible: bigint;
}

/** Old and new value of a leaf in one of its states; 0 false, 1 unknown, 2 true. */
type LeafState = readonly [from: number, to: number];

/**
 * The truth table of two rewrites over their leaves, each taken for a free variable that is related to itself under the
 * other schema by its direction. By example, `a + b` against `a` where `b` is the same and `a` was widened:
 *
 *     a: (false, false) (false, true) (true, true)     3 states
 *     b: (false, false)               (true, true)     2 states, so 6 rows, and 6 bits for each rewrite
 *
 * A check has a third value, unknown (conditional, or undecided), with which `a` and `(a & b) + (a - b)` are not the
 * same. A leaf that stands on one side of exclusions alone needs no state for it: the certain part of the whole is then
 * the same function of certain (and subtracted: possible) parts of leaves as the possible part is of the others.
 */
export class TruthTable {
  /** How many rows there are; more than a caller is ready for, and it asks for nothing further. */
  readonly size: number;
  readonly #leaves = new Map<string, { readonly states: readonly LeafState[]; readonly stride: number }>();
  readonly #columns = new Map<string, Rows>();

  constructor(from: Rewrite, to: Rewrite, directionOf: (leaf: Leaf) => Direction) {
    const seen = new Map<string, { readonly leaf: Leaf; readonly positive: boolean; mixed: boolean }>();
    for (const rewrite of [from, to]) {
      forEachLeaf(rewrite, (leaf, positive) => {
        const known = seen.get(leafKey(leaf));
        if (known === undefined) seen.set(leafKey(leaf), { leaf, positive, mixed: false });
        else known.mixed ||= known.positive !== positive;
      });
    }
    let size = 1;
    for (const [key, { leaf, mixed }] of seen) {
      const states = statesOf(directionOf(leaf), mixed);
      this.#leaves.set(key, { states, stride: size });
      size *= states.length;
    }
    this.size = size;
  }

  /** Whether, in every row, the one holds wherever the other does, and may hold wherever the other may. */
  contains(outer: Rows, inner: Rows): boolean {
    return (inner.certain & ~outer.certain) === 0n && (inner.possible & ~outer.possible) === 0n;
  }

  rows(rewrite: Rewrite, side: Side): Rows {
    switch (rewrite.kind) {
      case "union":
        return rewrite.operands.map((operand) => this.rows(operand, side)).reduce(either);
      case "intersection":
        return rewrite.operands.map((operand) => this.rows(operand, side)).reduce(both);
      case "exclusion":
        return without(this.rows(rewrite.base, side), this.rows(rewrite.subtracted, side));
      case "computed":
      case "arrow":
      case "self":
        return this.#column(leafKey(rewrite), side);
      case "nil":
        return { certain: 0n, possible: 0n };
      default:
        return unreachable(rewrite);
    }
  }

  #column(key: string, side: Side): Rows {
    const name = `${side} ${key}`;
    const known = this.#columns.get(name);
    if (known !== undefined) return known;
    const { states = [], stride = 1 } = this.#leaves.get(key) ?? {};
    const values = states.map(([from, to]) => (side === "from" ? from : to));
    const bits = (atLeast: number) => repeated(values.map((value) => value >= atLeast), stride, this.size);
    const rows = { certain: bits(2), possible: bits(1) };
    this.#columns.set(name, rows);
    return rows;
  }
}

function statesOf(direction: Direction, withUnknown: boolean): LeafState[] {
  const values = withUnknown ? [0, 1, 2] : [0, 2];
  return values.flatMap((from) => values.filter((to) => mayBecome(direction, from, to)).map((to): LeafState => [from, to]));
}

function mayBecome(direction: Direction, from: number, to: number): boolean {
  switch (direction) {
    case "same": return from === to;
    case "widened": return from <= to;
    case "narrowed": return from >= to;
    case "changed": return true;
    default: return unreachable(direction);
  }
}

/** `[true, false]` with a stride of 2 in 8 rows: `0011 0011`, the first row being the last bit. */
function repeated(pattern: readonly boolean[], stride: number, size: number): bigint {
  const run = (1n << BigInt(stride)) - 1n;
  let bits = pattern.reduce((sum, set, index) => (set ? sum | (run << BigInt(index * stride)) : sum), 0n);
  for (let length = pattern.length * stride; length < size; length *= 2) bits |= bits << BigInt(length);
  return BigInt.asUintN(size, bits);
}

function either(a: Rows, b: Rows): Rows {
  return { certain: a.certain | b.certain, possible: a.possible | b.possible };
}

function both(a: Rows, b: Rows): Rows {
  return { certain: a.certain & b.certain, possible: a.possible & b.possible };
}

/** What is only possibly subtracted leaves the rest no longer certain. */
function without(a: Rows, b: Rows): Rows {
  return { certain: a.certain & ~b.possible, possible: a.possible & ~b.certain };
}
