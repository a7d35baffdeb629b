import type { Row } from "./report.js";

/** How long and how much to measure. */
export interface Settings {
  /** Contenders are measured in turns; so many turns each. */
  readonly rounds: number;
  readonly roundMs: number;
  /** For what fits into a turn of the event loop. */
  readonly microSeconds: number;
  /** The size of the document system. */
  readonly documentTuples: number;
  /** The size of the larger world where one is to grow, and of the store that is started. */
  readonly grownTuples: number;
  /** How many questions of either answer a world is asked. */
  readonly questions: number;
  /** Every world beside SpiceDB. */
  readonly thorough: boolean;
}

export const full: Settings = { rounds: 5, roundMs: 1_000, microSeconds: 1, documentTuples: 66_000, grownTuples: 1_000_000, questions: 500, thorough: true };
export const quick: Settings = { rounds: 3, roundMs: 120, microSeconds: 0.1, documentTuples: 6_600, grownTuples: 100_000, questions: 100, thorough: false };

/** What the figures in the design are about; it takes an import of several minutes, so it is asked for by name. */
export const grownTuplesNamed = 10_000_000;

/** For the files, and the seed that makes every world the same in all suites. */
export const questions = 1_000;
export const seed = 20_240_601;

/** So few questions, asked again and again, are warm in any cache. */
export const warmQuestions = 64;

/** Checks in one call of BatchCheck. */
export const batchSize = 100;

/** One layer, or one comparison. */
export interface Suite {
  readonly name: string;
  readonly about: string;
  run(settings: Settings): Promise<Row[]>;
}
