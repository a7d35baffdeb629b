import { setTimeout as sleep } from "node:timers/promises";
import { asError, UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { evaluate } from "../evaluation/evaluate.js";
import type { LiveDecision } from "./live-decision.js";
import type { LivePort } from "./port.js";
import type { Registry } from "./registry.js";
import type { TenantDecisions } from "./tenant-decisions.js";

/**
 * Evaluates every live decision anew from the store, past every cache, so that no fault of what keeps them true lasts longer than
 * `limits.sweepMs`. It takes at most `limits.sweepPerMilleMax` thousandths of the time. What it finds otherwise is a bug: it is corrected, told, counted and reported.
 */
export class Sweep {
  readonly #port: LivePort;
  readonly #registry: Registry;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  #findings = 0;

  constructor(port: LivePort, registry: Registry) {
    this.#port = port;
    this.#registry = registry;
  }

  get findings(): number {
    return this.#findings;
  }

  start(): void {
    this.#timer = setTimeout(() => void this.run().finally(() => (this.#stopped ? undefined : this.start())), limits.sweepMs).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  run(): Promise<void> {
    return (this.#running ??= this.#pass().finally(() => (this.#running = undefined)));
  }

  async #pass(): Promise<void> {
    for (const decisions of [...this.#registry.tenants]) {
      const all = [...decisions.all];
      for (let i = 0; i < all.length && !this.#stopped; i += limits.liveChunkMax) {
        const start = this.#port.monotonicMs();
        try {
          await this.#sweep(decisions, all.slice(i, i + limits.liveChunkMax));
        } catch (error) {
          // The store does not answer, or the tenant has no schema: the next pass looks again.
          if (!(error instanceof UsherError)) this.#port.report(asError(error));
          break;
        }
        const took = this.#port.monotonicMs() - start;
        if (i + limits.liveChunkMax < all.length) await sleep(took * (1_000 / limits.sweepPerMilleMax - 1), undefined, { ref: false });
      }
    }
  }

  async #sweep(decisions: TenantDecisions, chunk: readonly LiveDecision[]): Promise<void> {
    const { store } = this.#port;
    const { tenant } = decisions;
    const snapshot = store.snapshot();
    try {
      const { schema, revision: schemaRevision } = await this.#port.schemaAt(snapshot, tenant);
      const now = Math.max(store.clock.now(), snapshot.instant);
      // What is due is being evaluated; what could not be has no answer to compare; what is cut short by the depth bound may differ by how it was walked.
      const settled = chunk.filter(({ due, standing }) => !due && standing !== undefined && standing.error === undefined && now < standing.until);
      const standing = new Map(settled.map((decision) => [decision, decision.standing]));
      const answers = await evaluate(settled.map(({ asked }) => this.#port.validate(asked, schema)), { schema, snapshot, tenant, now });
      settled.forEach((decision, i) => {
        const value = answers[i]?.value;
        if (value === undefined || value === "undecided" || value === decision.standing?.value) return;
        const comparable = decision.standing === standing.get(decision) && !decision.due && decisions.isKept(decision)
          && decision.keys.every(({ changedAt }) => changedAt <= snapshot.revision) && this.#port.cache.schemaAt(tenant) <= schemaRevision;
        if (comparable) this.#found(decisions, decision, value);
      });
    } finally {
      snapshot.release();
    }
  }

  #found({ tenant }: TenantDecisions, decision: LiveDecision, value: string): void {
    this.#findings++;
    this.#port.cache.distrust(tenant);
    this.#registry.loop.mark(decision, { kind: "sweep" });
    this.#port.report(new UsherError("internal", `a live decision stood \`${decision.standing?.value ?? ""}\` and is \`${value}\`: what memory held of its tenant was dropped, and it is evaluated anew`));
  }
}
