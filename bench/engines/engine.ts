import type { CheckRequest } from "../../src/model/service.js";
import type { ExpectedLookup, World } from "../worlds/world.js";

/** What a database said, `failed:` and why where it said nothing. */
export type Answer = "allowed" | "denied" | `failed: ${string}`;

/** A database in the process that asks it. Questions are prepared beforehand, so that what is timed is the answer. */
export interface Engine {
  /** Writes the schema and the tuples of the world; tells how many. */
  fill(world: World): Promise<number>;
  /** Closes and opens it, so that its own caches are empty; the operating system's are not. */
  reopen?(): Promise<void>;
  prepare(question: CheckRequest): () => Promise<Answer>;
  prepareBatch(questions: readonly CheckRequest[]): () => Promise<readonly Answer[]>;
  /** How many it finds. */
  lookup(lookup: ExpectedLookup): Promise<number>;
  /** Hardly anything to do: what is left is the way in and out. */
  readSchema(): Promise<unknown>;
  /** Tuples nobody asks about, one a commit, until the process ends. */
  keepWriting?(world: World): void;
  close(): Promise<void>;
}

export function failed(error: unknown): Answer {
  return `failed: ${error instanceof Error ? error.message : String(error)}`;
}
