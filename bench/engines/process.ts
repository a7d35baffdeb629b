import { fileURLToPath } from "node:url";

import { Child } from "../child.js";
import type { Memory } from "../memory.js";
import type { Turn } from "../turn.js";
import type { StreamName, WorldOptions } from "../worlds/world.js";
import type { Answer } from "./engine.js";

export type EngineKind = "usher" | "spicedb";

/** What an engine's process begins with. The world is made there, from its name: the same seed makes the same one here. */
export interface EngineOptions {
  readonly kind: EngineKind;
  /** Usher's data; SpiceDB's package. */
  readonly folder: string;
  readonly world: string;
  readonly options: WorldOptions;
  /** How much memory its caches may take; default: its own. */
  readonly memoryBudgetBytes?: number;
}

/**
 * Which calls: a few of the world's questions of either answer, again and again, one at a time or a hundred in a batch; one of its streams, in
 * which each is another one; one of its lookups, by its place; reading the schema.
 */
export type What = "allowed" | "denied" | "batches" | StreamName | "batches of pairs" | `lookup ${number}` | "schema";

export type Order =
  | { readonly order: "fill" }
  | { readonly order: "reopen" }
  | { readonly order: "ask all"; readonly allowed?: boolean }
  | { readonly order: "look up" }
  | { readonly order: "warm" }
  | { readonly order: "turn"; readonly what: What; readonly inFlight: number; readonly ms: number }
  | { readonly order: "keep writing" }
  | { readonly order: "memory" };

export interface Asked {
  readonly answers: readonly Answer[];
  readonly latenciesMs: Float64Array;
}

/** A database in a process of its own, which asks it by itself: so memory and processor time are its own. */
export class EngineProcess {
  /** How long opening the database took, without the process's own start. */
  readonly openMs: number;
  readonly #child: Child;

  private constructor(child: Child, openMs: number) {
    this.#child = child;
    this.openMs = openMs;
  }

  static async start(options: EngineOptions): Promise<EngineProcess> {
    const { child, ready } = await Child.start(fileURLToPath(new URL("main.js", import.meta.url)), [JSON.stringify(options)]);
    return new EngineProcess(child, ready as number);
  }

  /** Writes the world's schema and tuples; tells how many. */
  fill(): Promise<number> {
    return this.#order({ order: "fill" });
  }

  reopen(): Promise<void> {
    return this.#order({ order: "reopen" });
  }

  /** The world's questions of one answer, or all, each once. */
  askAll(allowed?: boolean): Promise<Asked> {
    return this.#order({ order: "ask all", ...(allowed !== undefined && { allowed }) });
  }

  /** How many each of the world's lookups finds. */
  lookUp(): Promise<readonly number[]> {
    return this.#order({ order: "look up" });
  }

  /** Reads all that the world's pairs need, once. */
  warm(): Promise<void> {
    return this.#order({ order: "warm" });
  }

  turn(what: What, ms: number, inFlight = 1): Promise<Turn> {
    return this.#order({ order: "turn", what, inFlight, ms });
  }

  /** From now on it writes, until it is killed. */
  keepWriting(): Promise<void> {
    return this.#order({ order: "keep writing" });
  }

  memory(): Promise<Memory> {
    return this.#order({ order: "memory" });
  }

  close(): Promise<void> {
    return this.#child.close();
  }

  kill(): Promise<void> {
    return this.#child.kill();
  }

  #order<Outcome>(order: Order): Promise<Outcome> {
    return this.#child.ask<Outcome>(order);
  }
}
