import { RE2JS } from "re2js";

import { limits } from "../../base/limits.js";
import type { Budget } from "./budget.js";
import { CelValueError } from "./cel-error.js";

/** Compiled patterns that were not literals, the oldest first. */
const recent = new Map<string, Pattern>();
const recentMax = 256;

/** What compiling takes, in steps. */
const stepsPerCompilation = 500;
const stepsPerInstruction = 50;

/**
 * A regular expression in RE2's syntax, matched in time linear in the text: JavaScript's own engine takes
 * exponential time on `^(a+)+$`. It matches where any part of the text does, as CEL says.
 */
export class Pattern {
  readonly #program: RE2JS;
  readonly #size: number;

  /** @throws CelValueError for a pattern that is malformed or too large */
  constructor(text: string) {
    if (text.length > limits.patternBytesMax || Buffer.byteLength(text) > limits.patternBytesMax) {
      throw new CelValueError(`pattern is longer than ${limits.patternBytesMax} bytes`);
    }
    this.#program = compile(text);
    this.#size = this.#program.programSize();
    if (this.#size > limits.patternInstructionsMax) {
      throw new CelValueError(`pattern compiles to more than ${limits.patternInstructionsMax} instructions: use smaller counts in \`{}\``);
    }
  }

  /** For a pattern that is computed. Compiling is paid for each time, found or not, so that the count of steps is the same. */
  static of(text: string, budget: Budget): Pattern {
    budget.spend(stepsPerCompilation + text.length);
    const pattern = recent.get(text) ?? new Pattern(text);
    recent.delete(text);
    recent.set(text, pattern);
    if (recent.size > recentMax) recent.delete(recent.keys().next().value as string);
    budget.spend(pattern.#size * stepsPerInstruction);
    return pattern;
  }

  /** Pays for text times program, which is what the slowest match takes. */
  matches(text: string, budget: Budget): boolean {
    budget.spend(Math.ceil((text.length * this.#size) / 4));
    return this.#program.test(text);
  }
}

function compile(text: string): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    throw new CelValueError(`pattern is malformed: ${error instanceof Error ? error.message.toLowerCase() : String(error)}`);
  }
}
