import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";

/** Where the quota of a tenant is read at each call, so that a new one holds at once. */
export interface RateQuotas {
  /** Undefined: not bounded, or no such tenant. */
  requestsPerSecond(tenant: string): number | undefined;
}

interface Bucket {
  tokens: number;
  /** Monotonic milliseconds. */
  at: number;
}

/** Holds each tenant to its requests a second: a bucket that fills evenly, and holds a second's worth. */
export class Rates {
  readonly #quotas: RateQuotas;
  readonly #monotonicMs: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(quotas: RateQuotas, monotonicMs: () => number) {
    this.#quotas = quotas;
    this.#monotonicMs = monotonicMs;
  }

  /**
   * @param revokes the call takes permissions away and nothing else: it is counted, and never refused
   * @throws `quota_exceeded` (details `retryAfterMs`)
   */
  take(tenant: string, revokes: boolean): void {
    const rate = this.#quotas.requestsPerSecond(tenant);
    if (rate === undefined) {
      this.#buckets.delete(tenant);
      return;
    }
    const now = this.#monotonicMs();
    const bucket = this.#buckets.get(tenant) ?? this.#fill(tenant, rate, now);
    bucket.tokens = Math.min(rate, bucket.tokens + ((now - bucket.at) * rate) / 1_000);
    bucket.at = now;
    if (bucket.tokens < 1 && !revokes) {
      const retryAfterMs = String(Math.ceil(((1 - bucket.tokens) * 1_000) / rate));
      throw new UsherError("quota_exceeded", `the tenant has used its ${rate} requests of this second: retry in ${retryAfterMs} ms, or raise the quota`, {
        details: { quota: "requestsPerSecond", max: String(rate), retryAfterMs },
      });
    }
    bucket.tokens = Math.max(0, bucket.tokens - 1);
  }

  #fill(tenant: string, rate: number, now: number): Bucket {
    // Deleted tenants leave theirs behind; what is forgotten here is a second's worth.
    if (this.#buckets.size >= limits.tenantsMax) this.#buckets.clear();
    const bucket = { tokens: rate, at: now };
    this.#buckets.set(tenant, bucket);
    return bucket;
  }
}
