import { limits } from "../../base/limits.js";
import type { TenantId } from "../../model/zookie.js";
import type { Pin } from "./handle.js";
import type { StagedTuple } from "./import-block.js";
import { headKeyOfBytes } from "./keys.js";
import { tuplesOf, type State } from "./state.js";

export interface StandingRow {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Rows that may be read in order for each tuple that is looked for, before the rest are looked up by key. */
const rowsPerTuple = 4;

const keysPerRead = 256;

/**
 * Which of sorted tuples stand. Where those that stand lie as densely as those that are looked for, all are read in order,
 * which costs a tenth of looking each up; where many others lie between, the rest are looked up.
 */
export class Standing {
  readonly #pin: Pin;
  readonly #tenant: TenantId;
  /** The tenant has no tuples at the pin: nothing needs to be looked for. */
  readonly #none: boolean;

  /** @param state as published at the pin */
  constructor(pin: Pin, tenant: TenantId, state: State) {
    this.#pin = pin;
    this.#tenant = tenant;
    this.#none = tuplesOf(state.counters, tenant) === 0;
  }

  /** By identity, as `order` has it. */
  async of(tuples: readonly StagedTuple[]): Promise<Map<string, StandingRow>> {
    const found = new Map<string, StandingRow>();
    const [first, last] = [tuples[0], tuples.at(-1)];
    if (first === undefined || last === undefined || this.#none) return found;
    const through = await this.#scan(first.order, last.order, tuples.length * rowsPerTuple, found);
    if (through !== undefined) await this.#lookUp(tuples.filter(({ order }) => order > through), found);
    return found;
  }

  /** How many of them stand. */
  async count(tuples: readonly StagedTuple[]): Promise<number> {
    const found = await this.of(tuples);
    return tuples.filter(({ order }) => found.has(order)).length;
  }

  /** Gives the identity up to which it came, where that was not the end. */
  async #scan(first: string, last: string, rowsMax: number, found: Map<string, StandingRow>): Promise<string | undefined> {
    const { handle, snapshot } = this.#pin;
    const iterator = handle.raw.iterate({ gte: this.#key(first), lte: this.#key(last), snapshot });
    try {
      for (let rows = 0, through = ""; ; ) {
        const entries = await iterator.next(limits.pageTuplesMax);
        if (entries.length === 0) return undefined;
        for (const [key, value] of entries) found.set((through = key.toString("latin1", 5)), { key, value });
        rows += entries.length;
        if (rows > rowsMax) return through;
      }
    } finally {
      await iterator.close();
    }
  }

  async #lookUp(tuples: readonly StagedTuple[], found: Map<string, StandingRow>): Promise<void> {
    const { handle, snapshot } = this.#pin;
    for (let at = 0; at < tuples.length; at += keysPerRead) {
      const batch = tuples.slice(at, at + keysPerRead);
      const keys = batch.map(({ order }) => this.#key(order));
      const values = await handle.raw.getMany(keys, snapshot);
      for (const [i, { order }] of batch.entries()) {
        const [key, value] = [keys[i], values[i]];
        if (key !== undefined && value !== undefined) found.set(order, { key, value });
      }
    }
  }

  #key(order: string): Buffer {
    return headKeyOfBytes("object", this.#tenant, order);
  }
}
