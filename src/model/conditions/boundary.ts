/** The comparisons whose outcome changes at an instant that can be computed. */
export type Comparison = "<" | "<=" | ">" | ">=" | "==" | "!=";

export function isComparison(operator: string): operator is Comparison {
  return ["<", "<=", ">", ">=", "==", "!="].includes(operator);
}

const mirrored: Readonly<Record<Comparison, Comparison>> = { "<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!=" };

/**
 * In how many milliseconds, at least one, a comparison's outcome changes by time alone; infinity: never.
 *
 * @param gap left minus right at this instant, in nanoseconds
 * @param pace by how many times the passing time the gap grows: for `now < t` 1, for `t - now < d` -1
 *
 * By example, `now < t` with t 1.5 ms ahead: gap -1500000, pace 1. After 1 ms the gap is -500000, and the
 * outcome the same; after 2 ms it is 500000, so the answer is 2.
 */
export function msUntilChange(comparison: Comparison, gap: bigint, pace: number): number {
  if (pace === 0) return Number.POSITIVE_INFINITY;
  if (pace < 0) return msUntilChange(mirrored[comparison], -gap, -pace);
  const perMs = BigInt(pace) * 1_000_000n;
  const toZero = -gap;
  if (toZero < 0n) return Number.POSITIVE_INFINITY;
  switch (comparison) {
    case "<":
    case ">=":
      return toZero === 0n ? Number.POSITIVE_INFINITY : Number((toZero + perMs - 1n) / perMs);
    case "<=":
    case ">":
      return Number(toZero / perMs) + 1;
    case "==":
    case "!=":
      if (toZero === 0n) return 1;
      // Equality that no whole millisecond meets is never seen.
      return toZero % perMs === 0n ? Number(toZero / perMs) : Number.POSITIVE_INFINITY;
  }
}
