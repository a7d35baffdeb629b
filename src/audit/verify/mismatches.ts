import type { Findings } from "./findings.js";

/** So many are told apart; beyond that a record is `changed`. */
const comparedMax = 10_000;

/** Records that are not what their hash says: told at the end, since one may stand in another's place. */
export class Mismatches {
  readonly #found: { readonly index: number; readonly expected: string; readonly is: string }[] = [];

  add(index: number, expected: Uint8Array, is: Uint8Array, findings: Findings): void {
    if (this.#found.length === comparedMax) findings.add("changed", `record ${index} is not what its hash says`, index);
    else this.#found.push({ index, expected: Buffer.from(expected).toString("hex"), is: Buffer.from(is).toString("hex") });
  }

  conclude(findings: Findings): void {
    const places = new Map(this.#found.map(({ expected, index }) => [expected, index]));
    for (const { index, is } of this.#found) {
      const place = places.get(is);
      if (place === undefined) findings.add("changed", `record ${index} is not what its hash says`, index);
      else findings.add("reordered", `record ${index} is the one that stood at ${place}`, index);
    }
  }
}
