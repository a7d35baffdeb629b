import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { matches, type TupleFilter } from "../../model/filter.js";
import { quote } from "../../model/object.js";
import type { StoredTuple } from "../../model/tuple.js";
import type { TenantId } from "../../model/zookie.js";
import type { TupleKey } from "../store.js";
import { asStoreError } from "./failure.js";
import type { Pin } from "./handle.js";
import { headKey } from "./keys.js";
import { orderText, planOf } from "./plan.js";
import { decodeRow } from "./row.js";
import { scan } from "./scan.js";

/** A tuple as it is staged; `undefined`: it stands no longer. */
interface Staged {
  readonly tenant: TenantId;
  readonly key: TupleKey;
  readonly tuple: StoredTuple | undefined;
}

/** Keys a prefetch reads in one call: the commit queue is not behind the gate of reads. */
const prefetchKeysMax = 256;

/**
 * Tuples as the next write of a group sees them: the published snapshot with what was staged laid
 * over it. `begin` opens a write, whose changes `undo` takes back; what stood before it is remembered.
 */
export class Overlay {
  #pin: Pin;
  /** Of the snapshot, by tenant and identity: what was read, found or not. */
  #base = new Map<string, StoredTuple | undefined>();
  #rows = new Map<string, Buffer | undefined>();
  #staged = new Map<string, Staged>();
  /** What the open write's changes took the place of. */
  #before = new Map<string, Staged | undefined>();

  constructor(pin: Pin) {
    this.#pin = pin;
  }

  async prefetchTuples(wanted: readonly { tenant: TenantId; tuple: TupleKey }[]): Promise<void> {
    for (let at = 0; at < wanted.length; at += prefetchKeysMax) {
      const batch = wanted.slice(at, at + prefetchKeysMax);
      const keys = batch.map(({ tenant, tuple }) => headKey("object", tenant, tuple));
      const values = await this.#getMany(keys);
      for (const [i, { tenant, tuple }] of batch.entries()) {
        const [key, value] = [keys[i], values[i]];
        this.#base.set(nameOf(tenant, tuple), key && value && decodeRow(key, value, tuple).tuple);
      }
    }
  }

  async prefetchRows(keys: readonly Buffer[]): Promise<void> {
    for (let at = 0; at < keys.length; at += prefetchKeysMax) {
      const batch = keys.slice(at, at + prefetchKeysMax);
      const values = await this.#getMany(batch);
      batch.forEach((key, i) => this.#rows.set(key.toString("latin1"), values[i]));
    }
  }

  begin(): void {
    this.#before.clear();
  }

  undo(): void {
    for (const [name, staged] of this.#before) {
      if (staged === undefined) this.#staged.delete(name);
      else this.#staged.set(name, staged);
    }
    this.#before.clear();
  }

  async get(tenant: TenantId, key: TupleKey): Promise<StoredTuple | undefined> {
    const name = nameOf(tenant, key);
    const staged = this.#staged.get(name);
    if (staged !== undefined) return staged.tuple;
    if (!this.#base.has(name)) await this.prefetchTuples([{ tenant, tuple: key }]);
    return this.#base.get(name);
  }

  set(tenant: TenantId, tuple: StoredTuple): void {
    this.#stage(tenant, tuple, tuple);
  }

  remove(tenant: TenantId, tuple: StoredTuple): void {
    if (!this.#staged.has(nameOf(tenant, tuple))) this.#base.set(nameOf(tenant, tuple), tuple);
    this.#stage(tenant, tuple, undefined);
  }

  /** The tuple as it stood when the open write began; it must have been read or changed since. */
  before(tenant: TenantId, key: TupleKey): StoredTuple | undefined {
    const name = nameOf(tenant, key);
    const staged = this.#before.get(name);
    return staged === undefined ? this.#base.get(name) : staged.tuple;
  }

  /** Some other row of the snapshot, that was prefetched. */
  row(key: Buffer): Buffer | undefined {
    return this.#rows.get(key.toString("latin1"));
  }

  /**
   * The tuples that match, expired ones too, in the order of the filter's plan. The caller must not
   * stage while it iterates. @throws `request_too_large`
   */
  async *matching(tenant: TenantId, filter: TupleFilter): AsyncGenerator<StoredTuple> {
    const { side } = planOf(filter);
    const order = (key: TupleKey) => Buffer.from(orderText(side, key));
    const staged = [...this.#staged.values()]
      .filter((entry) => entry.tenant === tenant && entry.tuple !== undefined && matches(filter, entry.tuple))
      .map(({ tuple }) => ({ tuple: tuple as StoredTuple, order: order(tuple as StoredTuple) }))
      .sort((a, b) => a.order.compare(b.order));
    let next = 0;
    for await (const tuple of this.#published(tenant, filter)) {
      const here = order(tuple);
      for (let s = staged[next]; s !== undefined && s.order.compare(here) < 0; s = staged[++next]) yield s.tuple;
      if (!this.#staged.has(nameOf(tenant, tuple))) yield tuple;
    }
    for (const { tuple } of staged.slice(next)) yield tuple;
  }

  async *#published(tenant: TenantId, filter: TupleFilter): AsyncGenerator<StoredTuple> {
    let after: TupleKey | undefined;
    let rows = 0;
    do {
      const page = await scan(this.#pin, {
        tenant, filter, revision: this.#pin.revision, limit: limits.pageTuplesMax, rowsMax: limits.pageRowsMax, ...(after === undefined ? {} : { after }),
      }).catch((error: unknown) => {
        throw asStoreError(error, "stage");
      });
      yield* page.tuples;
      after = page.next;
      rows += page.rows;
      if (after !== undefined && rows >= limits.stageRowsMax) throw tooManyRows(filter);
    } while (after !== undefined);
  }

  #stage(tenant: TenantId, key: TupleKey, tuple: StoredTuple | undefined): void {
    const name = nameOf(tenant, key);
    if (!this.#before.has(name)) this.#before.set(name, this.#staged.get(name));
    this.#staged.set(name, { tenant, key, tuple });
  }

  async #getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    try {
      return await this.#pin.handle.raw.getMany(keys, this.#pin.snapshot);
    } catch (error) {
      throw asStoreError(error, "stage");
    }
  }
}

function nameOf(tenant: TenantId, key: TupleKey): string {
  return `${tenant}\0${orderText("object", key)}`;
}

function tooManyRows(filter: TupleFilter): UsherError {
  return new UsherError(
    "request_too_large",
    `filter ${quote(JSON.stringify(filter))} of a write reads more than ${limits.stageRowsMax} tuples: name the object or the subject`,
  );
}
