import type { Row } from "./report.js";

/** How long and how much to measure. */
export interface Settings {
  /** Contenders are measured in turns; so many turns each. */
  readonly rounds: number;
  readonly roundMs: number;
  /** For what fits into a turn of the event loop. */
  readonly microSeconds: number;
  /** The size of the document system. */
  readonly documents: number;
}

export const full: Settings = { rounds: 5, roundMs: 2_000, microSeconds: 1, documents: 10_000 };
export const quick: Settings = { rounds: 2, roundMs: 300, microSeconds: 0.1, documents: 1_000 };

/** Questions of either answer that every suite asks of the document system, and the seed that makes them the same in all. */
export const questions = 2_000;
export const seed = 20_240_601;

/** One layer, or one comparison. */
export interface Suite {
  readonly name: string;
  readonly about: string;
  run(settings: Settings): Promise<Row[]>;
}
