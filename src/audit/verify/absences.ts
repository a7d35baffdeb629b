import type { Findings } from "./findings.js";

/** So many ranges are remembered; beyond that a record is `missing` at once. */
const rangesMax = 10_000;

/** Records that were not where they should be, and may yet come. */
export class Absences {
  /** Inclusive to exclusive, apart from each other. */
  readonly #ranges: [number, number][] = [];
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  add(from: number, to: number): void {
    if (this.#ranges.length < rangesMax) this.#ranges.push([from, to]);
    else this.#tell(from, to);
  }

  /** A record that comes behind later ones. */
  comes(index: number): void {
    const at = this.#ranges.findIndex(([from, to]) => index >= from && index < to);
    if (at === -1) return this.#findings.add("reordered", `record ${index} stands where another one should, and once more`, index);
    this.#findings.add("reordered", `record ${index} stands behind later ones`, index);
    const [[from, to]] = this.#ranges.splice(at, 1) as [[number, number]];
    if (from < index) this.#ranges.push([from, index]);
    if (index + 1 < to) this.#ranges.push([index + 1, to]);
  }

  conclude(): void {
    for (const [from, to] of this.#ranges.sort(([a], [b]) => a - b)) this.#tell(from, to);
  }

  #tell(from: number, to: number): void {
    this.#findings.add("missing", to - from === 1 ? `record ${from} is not there` : `records ${from} to ${to - 1} are not there`, from);
  }
}
