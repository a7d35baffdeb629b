import type { Instant } from "../../base/clock.js";
import { limits } from "../../base/limits.js";
import type { StoredTuple } from "../../model/tuple.js";
import type { Revision, TenantId } from "../../model/zookie.js";
import type { ListQuery, Snapshot, TupleKey } from "../store.js";
import { asStoreError } from "./failure.js";
import { type ReadGate, throwIfAborted } from "./gate.js";
import type { Pin } from "./handle.js";
import { headKey, parseSchemaKey, schemaKey } from "./keys.js";
import { decodeRow } from "./row.js";
import { findPast, first, scan, stoodAt } from "./scan.js";
import { unseal } from "./seal.js";

/** Where a snapshot finds the pin of a handle that has taken the place of its own. */
export interface PinSource {
  /** @throws `zookie_expired`, `store_unavailable`, `closed` */
  pinFor(revision: Revision): Pin;
}

/**
 * A read view at a revision. On a pin of the same revision it reads the head rows alone; on a later one
 * it reads as of its revision, with what had ended since. When the handle was replaced under it, it
 * takes a pin of the new one, which shows the same, as long as the horizon has not passed by.
 */
export class LevelSnapshot implements Snapshot {
  readonly revision: Revision;
  readonly instant: Instant;
  #source: PinSource;
  #gate: ReadGate;
  #pin: Pin | undefined;
  #released = false;

  constructor(source: PinSource, gate: ReadGate, pin: Pin | undefined, revision: Revision, instant: Instant) {
    this.#source = source;
    this.#gate = gate;
    this.#pin = pin;
    this.revision = revision;
    this.instant = instant;
  }

  async probe(tenant: TenantId, keys: readonly TupleKey[], signal?: AbortSignal): Promise<(StoredTuple | undefined)[]> {
    const found = new Array<StoredTuple | undefined>(keys.length);
    let at = 0;
    const lane = async () => {
      while (at < keys.length) {
        const start = at;
        const batch = keys.slice(start, (at = start + limits.readBatchKeysMax));
        const tuples = await this.#read("probe", (pin) => this.#probeBatch(pin, tenant, batch), signal);
        tuples.forEach((tuple, i) => (found[start + i] = tuple));
      }
    };
    // As many batches of one caller at a time as the gate lets pass at most: more would only keep others waiting.
    await Promise.all(Array.from({ length: limits.readBatchesInFlightMax }, lane));
    return found;
  }

  async list(tenant: TenantId, query: ListQuery, signal?: AbortSignal): Promise<{ tuples: StoredTuple[]; next?: TupleKey }> {
    const { filter, after, limit } = query;
    const { tuples, next } = await this.#read(
      "list",
      (pin) =>
        scan(pin, { tenant, filter, revision: this.revision, limit, rowsMax: limits.pageRowsMax, ...(after === undefined ? {} : { after }) }),
      signal,
    );
    throwIfAborted(signal);
    return next === undefined ? { tuples } : { tuples, next };
  }

  async schema(tenant: TenantId): Promise<{ text: string; revision: Revision } | undefined> {
    const entry = await this.#read("read the schema", (pin) =>
      first(pin, { gte: schemaKey(tenant, 0), lte: schemaKey(tenant, this.revision), reverse: true, snapshot: pin.snapshot }),
    );
    if (entry === undefined) return undefined;
    const [key, value] = entry;
    return { text: unseal(key, value).toString(), revision: parseSchemaKey(key).revision };
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#pin?.release();
  }

  async #probeBatch(pin: Pin, tenant: TenantId, batch: readonly TupleKey[]): Promise<(StoredTuple | undefined)[]> {
    const keys = batch.map((key) => headKey("object", tenant, key));
    const values = await pin.handle.raw.getMany(keys, pin.snapshot);
    const tuples: (StoredTuple | undefined)[] = [];
    for (const [i, identity] of batch.entries()) {
      const [key, value] = [keys[i], values[i]];
      const row = key === undefined || value === undefined ? undefined : decodeRow(key, value, identity);
      if (row !== undefined && stoodAt(row, this.revision)) tuples.push(row.tuple);
      else tuples.push(this.revision < pin.revision ? await findPast(pin, tenant, identity, this.revision) : undefined);
    }
    return tuples;
  }

  async #read<Result>(doing: string, task: (pin: Pin) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    try {
      return await this.#gate.run(() => task(this.#usablePin()), signal);
    } catch (error) {
      throw asStoreError(error, doing);
    }
  }

  #usablePin(): Pin {
    if (!this.#pin?.handle.alive) this.#pin = this.#source.pinFor(this.revision).hold();
    return this.#pin;
  }
}
