import { setTimeout as sleep } from "node:timers/promises";
import { asError, UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { evaluate } from "../evaluation/evaluate.js";
import { formatObject, quote } from "../model/object.js";
import { formatSubject } from "../model/subject.js";
import { questionOf } from "./ground.js";
import type { LiveDecision } from "./live-decision.js";
import type { LiveLookup } from "./live-lookup.js";
import { LookupSweep } from "./lookup-sweep.js";
import type { LivePort, Verification } from "./port.js";
import type { Registry } from "./registry.js";
import type { TenantDecisions } from "./tenant-decisions.js";

/**
 * Evaluates every live decision anew from the store, past every cache, and then enumerates the candidates of every held lookup anew, so that no fault of what keeps
 * them true lasts longer than `limits.sweepMs`. It takes at most `limits.sweepPerMilleMax` thousandths of the time. What it finds otherwise is a bug: it is corrected, told, counted and reported.
 *
 * Where there is a thread for it (`LivePort.verification`), that evaluates, and here only what it found otherwise, or could not know, is evaluated once more: so nothing that
 * goes wrong there can change an answer. Where there is none, or it has failed, all is evaluated here.
 */
export class Sweep {
  readonly #port: LivePort;
  readonly #registry: Registry;
  readonly #stopping = new AbortController();
  readonly #lookups: LookupSweep;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #verification: { readonly begun: number; readonly by: Verification } | undefined;
  #findings = 0;
  #failures = 0;

  constructor(port: LivePort, registry: Registry) {
    this.#port = port;
    this.#registry = registry;
    this.#lookups = new LookupSweep(port, { signal: this.#stopping.signal, pause: (tookMs) => this.#pause(tookMs) }, (lookup, omitted) => this.#foundOmission(lookup, omitted));
  }

  get findings(): number {
    return this.#findings;
  }

  /** How often the thread could not be had, or ended before it had answered. */
  get failures(): number {
    return this.#failures;
  }

  start(): void {
    this.#timer = setTimeout(() => void this.run().finally(() => (this.#stopped ? undefined : this.start())), limits.sweepMs).unref();
  }

  /** Resolves once its thread has gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#endVerification();
  }

  run(): Promise<void> {
    return (this.#running ??= this.#pass().finally(() => (this.#running = undefined)));
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #pass(): Promise<void> {
    await this.#passDecisions();
    await this.#lookups.pass([...this.#registry.tenants].flatMap(({ lookups }) => [...lookups]));
  }

  async #passDecisions(): Promise<void> {
    let aided = this.#port.verification !== undefined;
    try {
      for (const decisions of [...this.#registry.tenants]) {
        const all = [...decisions.all];
        for (let i = 0; i < all.length && !this.#stopped; i += limits.liveChunkMax) {
          const chunk = all.slice(i, i + limits.liveChunkMax);
          if (aided) aided = await this.#renew();
          const { suspects, tookMs } = (aided ? await this.#ask(decisions, chunk) : undefined) ?? { suspects: chunk, tookMs: undefined };
          aided = tookMs !== undefined;
          const start = this.#port.monotonicMs();
          try {
            if (suspects.length > 0 && !this.#stopped) await this.#sweep(decisions, suspects);
          } catch (error) {
            // The store does not answer, or the tenant has no schema: the next pass looks again.
            if (!(error instanceof UsherError)) this.#port.report(asError(error));
            break;
          }
          await this.#pause((tookMs ?? 0) + this.#port.monotonicMs() - start);
        }
      }
    } finally {
      await this.#endVerification();
    }
  }

  /** So long that what was done took its part of the time, in whichever thread. */
  async #pause(tookMs: number): Promise<void> {
    if (this.#stopped) return;
    await sleep(tookMs * (1_000 / limits.sweepPerMilleMax - 1), undefined, { ref: false, signal: this.#stopping.signal }).catch(() => undefined);
  }

  /** What is verified is no older than `limits.sweepMs`. False: it cannot be had. */
  async #renew(): Promise<boolean> {
    if (this.#verification !== undefined && this.#port.monotonicMs() - this.#verification.begun < limits.sweepMs) return true;
    await this.#endVerification();
    try {
      const by = await this.#port.verification?.(this.#stopping.signal);
      if (by === undefined) return false;
      this.#verification = { begun: this.#port.monotonicMs(), by };
      if (this.#stopped) await this.#endVerification();
      return !this.#stopped;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /** What did not come out there as it stands here, or has been touched since, so that the answer says nothing. Undefined: there was none. */
  async #ask(decisions: TenantDecisions, chunk: readonly LiveDecision[]): Promise<{ readonly suspects: readonly LiveDecision[]; readonly tookMs: number } | undefined> {
    const { tenant } = decisions;
    const now = this.#port.store.clock.now();
    const settled = chunk.filter((decision) => isSettled(decision, now));
    try {
      const answers = await this.#verification?.by.answer(tenant, settled.map(({ asked }) => asked), now);
      if (answers === undefined) return undefined;
      const { revision, schemaRevision, tookMs, values } = answers;
      const sameSchema = this.#port.cache.schemaAt(tenant) <= schemaRevision;
      const isProven = (decision: LiveDecision, value: string | undefined) =>
        sameSchema && (value === "undecided" || value === decision.standing?.value) && decision.keys.every(({ changedAt }) => changedAt <= revision);
      return { suspects: settled.filter((decision, i) => !isProven(decision, values[i])), tookMs };
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#failures++;
    this.#port.report(new UsherError("internal", "the sweep's thread cannot be had, or has ended: live decisions are verified on the event loop until the next pass", { cause: asError(error) }));
  }

  async #endVerification(): Promise<void> {
    const verification = this.#verification;
    this.#verification = undefined;
    await verification?.by.end();
  }

  async #sweep(decisions: TenantDecisions, chunk: readonly LiveDecision[]): Promise<void> {
    const { store } = this.#port;
    const { tenant } = decisions;
    const snapshot = store.snapshot();
    try {
      const { schema, revision: schemaRevision } = await this.#port.schemaAt(snapshot, tenant);
      const now = Math.max(store.clock.now(), snapshot.instant);
      const settled = chunk.filter((decision) => isSettled(decision, now));
      const standing = new Map(settled.map((decision) => [decision, decision.standing]));
      const questions = settled.map(({ asked }) => questionOf(this.#port, asked, schema));
      const answers = (await evaluate(questions.flatMap((question) => (question instanceof UsherError ? [] : [question])), { schema, snapshot, tenant, now })).values();
      settled.forEach((decision, i) => {
        const value = questions[i] instanceof UsherError ? "denied" : answers.next().value?.value;
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

  #foundOmission(lookup: LiveLookup, omitted: string): void {
    this.#findings++;
    this.#port.cache.distrust(lookup.stream.tenant);
    this.#registry.lookups.restart(lookup, { kind: "sweep" });
    const { object, permission, subject } = lookup.askedAbout(omitted);
    const name = `${formatObject(object)}#${permission}@${formatSubject(subject)}`;
    this.#port.report(new UsherError("internal", `a live lookup had not found ${quote(name)}, which may be allowed: what memory held of its tenant was dropped, and it is enumerated anew`));
  }
}

/** What is due is being evaluated; what could not be has no answer to compare; what is cut short by the depth bound may differ by how it was walked. */
function isSettled({ due, standing }: LiveDecision, now: number): boolean {
  return !due && standing !== undefined && standing.error === undefined && now < standing.until;
}
