import { capDelay } from "../../base/clock.js";
import { limits } from "../../base/limits.js";
import type { TenantId } from "../../model/zookie.js";
import type { Pin } from "./handle.js";
import { type KeyRange, tenantRanges } from "./keys.js";
import type { Apply } from "./pipeline.js";
import type { RawOperation } from "./raw.js";
import type { State } from "./state.js";
import { forgetRow, putEnded } from "./tenants.js";

/** What purging works on. */
export interface TenantPurgePort {
  readonly state: State;
  /** Runs a task between two groups of commits, with a pin of what is published then. */
  between(task: (apply: Apply, pin: Pin) => Promise<void>): Promise<void>;
  /** Something that ran by itself failed; it is tried again. */
  report(error: unknown): void;
}

/**
 * Deletes the rows of tenants that have ended: tuples and their history by both orders, schemas, counters,
 * outcomes of request ids, and the index that leads to their commits. It takes small steps through the
 * writers' queue, and each of its batches states the tenant's end again, so that a batch that damage has lost
 * cannot leave a tenant standing with rows missing. Its commits themselves are links of the store's one chain:
 * they stay in the log, where nothing leads to them, until the horizon passes them.
 */
export class TenantPurge {
  readonly #port: TenantPurgePort;
  #running: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(port: TenantPurgePort) {
    this.#port = port;
  }

  /** In the background; what a disk refuses is tried again. */
  start(): void {
    if (this.#stopped || this.#port.state.tenants.ended.length === 0) return;
    this.run().catch((error: unknown) => {
      this.#port.report(error);
      if (!this.#stopped) this.#retry = setTimeout(() => this.start(), capDelay(limits.recoveryDelayMsMax)).unref();
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
  }

  /** Until nothing of an ended tenant is left; while one is running, that one. */
  run(): Promise<void> {
    this.#running ??= this.#purgeAll().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #purgeAll(): Promise<void> {
    for (let [id] = this.#port.state.tenants.ended; id !== undefined; [id] = this.#port.state.tenants.ended) await this.#purge(id);
  }

  async #purge(id: TenantId): Promise<void> {
    for (const range of tenantRanges(id)) {
      let after: Buffer | undefined;
      do {
        await this.#port.between(async (apply, pin) => {
          const keys = await keysOf(pin, range, after);
          after = keys.at(-1);
          if (keys.length > 0) await apply([putEnded(id), ...keys.map((key): RawOperation => ({ type: "del", key }))]);
        });
      } while (after !== undefined);
    }
    await this.#port.between(async (apply) => {
      await apply([forgetRow(id)]);
      this.#port.state.tenants.forget(id);
    });
  }
}

/** The keys of a step: so many at most, after the last one of the step before. */
async function keysOf(pin: Pin, range: KeyRange, after: Buffer | undefined): Promise<Buffer[]> {
  const start = after === undefined ? { gte: range.gte } : { gt: after };
  const iterator = pin.handle.raw.iterate({ ...start, lt: range.lt, snapshot: pin.snapshot });
  try {
    return (await iterator.next(limits.maintenanceRowsMax)).map(([key]) => key);
  } finally {
    await iterator.close();
  }
}
