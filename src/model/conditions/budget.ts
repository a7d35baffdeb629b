import { limits } from "../../base/limits.js";
import { CelValueError } from "./cel-error.js";

/** How many characters or bytes of a string are handled at the price of one step. */
const charactersPerStep = 64;

export const exhaustedText = `the condition takes more than ${limits.conditionStepsMax} steps (\`conditionStepsMax\`)`;

/**
 * What one evaluation may still do. A step is roughly the evaluation of one node of the expression; loops,
 * and operations on lists and strings, spend by size. It is counted, not timed, so the same evaluation
 * always ends alike. Once exhausted it stays so: CEL absorbs errors inside `||`, `&&`, `all` and
 * `exists`, and must not absorb this one.
 */
export class Budget {
  #left = 0;
  #exhausted = false;

  begin(): void {
    this.#left = limits.conditionStepsMax;
    this.#exhausted = false;
  }

  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** @throws CelValueError when nothing is left, and ever after */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left >= 0 && !this.#exhausted) return;
    this.#exhausted = true;
    throw new CelValueError(exhaustedText);
  }

  spendCharacters(count: number): void {
    if (count >= charactersPerStep) this.spend(Math.floor(count / charactersPerStep));
  }
}
