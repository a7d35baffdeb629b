import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

import type { DatabaseObserver } from "../../database/status.js";
import type { EvaluationCost } from "../../evaluation/observer.js";
import type { CommittedGroup } from "../../storage/observer.js";
import type { AuthenticationEvent } from "../access/events.js";
import type { CallClass } from "../admission.js";
import type { WrittenRecords } from "../../model/audit-status.js";
import type { Cause } from "../../model/live.js";
import { addConditionMetrics, type Figures } from "./condition-metrics.js";
import type { CallRecord, CheckAnswer, ServerObserver } from "./observer.js";

/** Seconds: a warm check takes tens of microseconds, a durable write a millisecond, a bad night seconds. */
const callSeconds = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const groupSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const groupSizes = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const walks = [1, 2, 4, 8, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144];
const passes = [1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128];
const reads = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 1_024, 4_096, 16_384, 65_536];

/**
 * The figures of a server, for Prometheus, in a registry of their own. Labels are methods, codes, classes, answers and states,
 * each a closed set of our own words: never a tenant, an id or a key.
 */
export class Metrics implements ServerObserver, DatabaseObserver {
  readonly registry = new Registry();
  readonly #calls = this.#histogram("usher_call_seconds", "How long calls took, by method and code; of streams, how long they lived.", callSeconds, ["method", "code"]);
  readonly #underWay = new Map<string, number>();
  readonly #checks = this.#counter("usher_checks_total", "Checks by their answer, those in batches too.", ["answer"]);
  readonly #shed = this.#counter("usher_calls_shed_total", "Calls refused for overload, by class.", ["class"]);
  readonly #authentications = this.#counter("usher_authentications_total", "Callers who showed who they are, or failed to.", ["outcome", "reason"]);
  readonly #commits = this.#counter("usher_commits_total", "Commits that became durable.");
  readonly #rows = this.#counter("usher_commit_rows_total", "Rows that commits put or deleted.");
  readonly #groupSize = this.#histogram("usher_commit_group_size", "Commits that shared one synced batch.", groupSizes);
  readonly #groupSeconds = this.#histogram("usher_commit_group_seconds", "From the first write of a batch being staged until all are visible.", groupSeconds);
  readonly #passes = this.#histogram("usher_evaluation_passes", "How often an evaluation walked from the top.", passes);
  readonly #reads = this.#histogram("usher_evaluation_reads", "Keys and lists that an evaluation had loaded from the store; 0: memory had them all.", reads);

  readonly #flips = this.#counter("usher_flips_total", "Live decisions that became others, by what did it and whether it took something away.", ["kind", "revoked"]);
  readonly #revocations = this.#histogram("usher_revocation_seconds", "From a commit being published until what it took away was pushed, and until an enforcement point acknowledged it.", callSeconds, ["until"]);
  readonly #commitWalks = this.#histogram("usher_commit_walks", "Live decisions that were evaluated anew because of a commit, of commits that concerned any.", walks);
  readonly #lapses = this.#counter("usher_leases_lapsed_total", "Leases that ended after their stream had broken, of clients that held something and did not come back.");

  readonly #flushSeconds = this.#histogram("usher_audit_flush_seconds", "From a batch of the decision log being handed over until it is on the disk.", groupSeconds);

  /** @param figures asked at each scrape; undefined as long as there is no server */
  constructor(version: string, figures: () => Figures | undefined) {
    const underWay = this.#underWay;
    new Gauge({
      name: "usher_calls_under_way",
      help: "Calls and streams that have begun and not ended.",
      labelNames: ["method"],
      registers: [this.registry],
      collect() {
        for (const [method, count] of underWay) this.set({ method }, count);
      },
    });
    new Gauge({ name: "usher_build_info", help: "Always 1.", labelNames: ["version"], registers: [this.registry] }).set({ version }, 1);
    addConditionMetrics(this.registry, figures);
    collectDefaultMetrics({ register: this.registry });
  }

  onBegin(method: string): void {
    this.#underWay.set(method, (this.#underWay.get(method) ?? 0) + 1);
  }

  onEnd({ method, code, seconds }: CallRecord): void {
    this.#underWay.set(method, (this.#underWay.get(method) ?? 0) - 1);
    this.#calls.observe({ method, code }, seconds);
  }

  onDecision(answer: CheckAnswer): void {
    this.#checks.inc({ answer });
  }

  onShed(callClass: CallClass): void {
    this.#shed.inc({ class: callClass });
  }

  onAuthentication({ outcome, reason }: AuthenticationEvent): void {
    this.#authentications.inc({ outcome, reason });
  }

  onGroup({ commits, rows, seconds }: CommittedGroup): void {
    this.#commits.inc(commits);
    this.#rows.inc(rows);
    this.#groupSize.observe(commits);
    this.#groupSeconds.observe(seconds);
  }

  onEvaluation({ passes, reads }: EvaluationCost): void {
    this.#passes.observe(passes);
    this.#reads.observe(reads);
  }

  onRecords({ seconds }: WrittenRecords): void {
    this.#flushSeconds.observe(seconds);
  }

  onFlip(kind: Cause["kind"], revoked: boolean, ms: number | undefined): void {
    this.#flips.inc({ kind, revoked: String(revoked) });
    if (revoked && ms !== undefined) this.#revocations.observe({ until: "pushed" }, ms / 1_000);
  }

  onEnforced(ms: number): void {
    this.#revocations.observe({ until: "acknowledged" }, ms / 1_000);
  }

  onCommitEvaluated(decisions: number): void {
    this.#commitWalks.observe(decisions);
  }

  onLapse(): void {
    this.#lapses.inc();
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []): Counter<Label> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #histogram<Label extends string>(name: string, help: string, buckets: readonly number[], labelNames: readonly Label[] = []): Histogram<Label> {
    return new Histogram({ name, help, buckets: [...buckets], labelNames: [...labelNames], registers: [this.registry] });
  }
}
