/**
 * How a set under one schema stands to the same set under another, whatever the tuples are: the same; containing it
 * (`widened`); contained in it (`narrowed`); or none of these is known (`changed`). `widened` is a bound, not a strict
 * increase: nobody loses, and somebody may gain.
 */
export type Direction = "same" | "widened" | "narrowed" | "changed";

/** What holds of a whole that gains with each of its parts. */
export function join(a: Direction, b: Direction): Direction {
  if (a === b || b === "same") return a;
  return a === "same" ? b : "changed";
}

/** From whether the old is in the new, and the new in the old. */
export function directionOf(oldInNew: boolean, newInOld: boolean): Direction {
  if (oldInNew) return newInOld ? "same" : "widened";
  return newInOld ? "narrowed" : "changed";
}

/** Whether a set that moved so holds all that it held. */
export function keeps(direction: Direction): boolean {
  return direction === "same" || direction === "widened";
}

/** Whether a set that moved so holds nothing that it did not hold. */
export function gainsNothing(direction: Direction): boolean {
  return direction === "same" || direction === "narrowed";
}
