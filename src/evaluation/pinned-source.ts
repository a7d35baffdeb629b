import type { Instant } from "../base/clock.js";
import type { Schema } from "../model/schema/schema.js";
import type { TenantId } from "../model/zookie.js";
import type { Snapshot } from "../storage/store.js";
import type { Standing } from "./cache/result.js";
import { PinnedReads } from "./pinned-reads.js";
import type { Reads } from "./reads.js";
import { Solutions } from "./solutions.js";
import type { Source } from "./source.js";

/** One snapshot: what is true there stays true, so that nothing read or found out is ever looked at again. */
export class PinnedSource implements Source {
  readonly at: Standing;
  readonly #reads: PinnedReads;
  readonly #depthMax: number;

  constructor({ schema, snapshot, tenant, now }: { readonly schema: Schema; readonly snapshot: Snapshot; readonly tenant: TenantId; readonly now: Instant }) {
    this.at = { revision: snapshot.revision, now };
    this.#reads = new PinnedReads(snapshot, tenant);
    this.#depthMax = schema.dialect.depthMax;
  }

  get loaded(): number {
    return this.#reads.size;
  }

  get wanting(): boolean {
    return this.#reads.wanting;
  }

  begin(): boolean {
    return true;
  }

  group(): { solutions: Solutions; reads: Reads } {
    return { solutions: new Solutions(this.#depthMax, this.at), reads: this.#reads };
  }

  load(signal?: AbortSignal): Promise<void> {
    return this.#reads.load(signal);
  }
}
