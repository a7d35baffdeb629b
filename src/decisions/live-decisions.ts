import { randomUUID } from "node:crypto";
import { abortError, onAbort } from "../base/abort.js";
import { asError, UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Enforcement, LiveRequest, LiveResponse } from "../model/live.js";
import { quote } from "../model/object.js";
import type { Revision, TenantId } from "../model/zookie.js";
import { HoldsList, type TenantNames } from "./holds-list.js";
import { checkLease } from "./leases.js";
import { LiveClient, type LiveCaller } from "./live-client.js";
import { LiveStream } from "./live-stream.js";
import type { LivePort } from "./port.js";
import { preview, type Preview, type Proposal } from "./preview.js";
import { Registry } from "./registry.js";
import { StreamMessages } from "./stream-messages.js";
import { StreamRequests } from "./stream-requests.js";
import { Sweep } from "./sweep.js";

/** How live decisions stand at one moment. */
export interface LiveStatus {
  readonly streams: number;
  readonly holds: number;
  readonly decisions: number;
  /** Keys that they rest on. */
  readonly keys: number;
  /** Evaluations since the start. */
  readonly walks: number;
  /** What the sweep found otherwise than it stood, and lookups that had missed somebody, since the start. */
  readonly findings: number;
  /** How often the sweep's thread could not be had, or ended before it had answered, since the start. */
  readonly sweepFailures: number;
}

/** The live decisions of one store: streams that hold them, what keeps them true, and the barrier behind a revocation. */
export class LiveDecisions {
  readonly #port: LivePort;
  readonly #registry: Registry;
  readonly #sweep: Sweep;
  readonly #stopListening: () => void;
  readonly #stopHearing: () => void;
  #leaseMsMax: number;
  #stopped = false;
  #quiet: Promise<void> = Promise.resolve();

  /** To be made after the relation cache: that hears of a commit first. */
  constructor(port: LivePort) {
    this.#port = port;
    this.#registry = new Registry(port);
    this.#leaseMsMax = port.leases.maxMs;
    this.#stopListening = port.store.onCommit((commit) => this.#registry.apply(commit));
    this.#sweep = new Sweep(port, this.#registry);
    this.#sweep.start();
    this.#stopHearing = port.store.onCondition(() => this.#registry.heed(port.store.condition.state));
  }

  get status(): LiveStatus {
    let [decisions, keys] = [0, 0];
    for (const { size, index } of this.#registry.tenants) [decisions, keys] = [decisions + size, keys + index.size];
    return { streams: this.#registry.streams.size, holds: this.#registry.holds, decisions, keys, walks: this.#registry.loop.walks, findings: this.#sweep.findings, sweepFailures: this.#sweep.failures };
  }

  /** The stream of one enforcement point. Ends when its requests end: then it holds nothing any more. */
  async *live(requests: AsyncIterable<LiveRequest>, tenant: TenantId, signal?: AbortSignal, caller: LiveCaller = {}): AsyncGenerator<LiveResponse, void> {
    const incoming = requests[Symbol.asyncIterator]();
    const stream = await this.#open(await firstOf(incoming, signal), tenant, caller);
    const messages = new StreamMessages(this.#port, this.#registry, stream);
    const requestsOf = new StreamRequests(stream, this.#registry);
    let finished = false;
    const leave = onAbort(signal, () => stream.end(abortError(signal as AbortSignal)));
    if (signal?.aborted === true) stream.end(abortError(signal));
    try {
      yield { kind: "opened", stream: stream.id, leaseMs: stream.leaseMs };
      void readAll(incoming, requestsOf, stream).then(() => {
        finished = stream.ended === undefined;
        stream.wake();
      });
      while (!finished) {
        const next = stream.ended === undefined ? await messages.next() : [];
        for (const message of next) yield message;
        if (stream.ended !== undefined) throw stream.ended;
        if (next.length === 0 && !finished) await stream.waited();
      }
    } finally {
      leave();
      this.#registry.depart(stream, finished);
      void incoming.return?.();
    }
  }

  /** The barrier: see `Barrier.enforced`. @throws `invalid_request` */
  async enforced(revision: Revision, waitMs: number, signal?: AbortSignal): Promise<Enforcement> {
    return this.#registry.barrier.enforced(revision, waitMs, signal);
  }

  /** What a write would change of what is held and of a list: see `preview`. */
  preview(tenant: TenantId, proposal: Proposal, signal?: AbortSignal): Promise<Preview> {
    const due = [...this.#registry.streams.values()].some((stream) => stream.tenant === tenant && stream.due > 0);
    return preview(this.#port, tenant, { decisions: this.#registry.of(tenant), due }, proposal, signal);
  }

  /** What is held of these tenants, for whoever looks. */
  list(names: TenantNames): HoldsList {
    return new HoldsList(this.#port, this.#registry, names);
  }

  endTenant(tenant: TenantId): void {
    this.#registry.endTenant(tenant);
  }

  /** One pass of the sweep, now. */
  sweep(): Promise<void> {
    return this.#sweep.run();
  }

  /** Resolves once nothing of what was stopped is left in another thread. */
  get quiet(): Promise<void> {
    return this.#quiet;
  }

  stop(): void {
    this.#stopped = true;
    this.#stopListening();
    this.#stopHearing();
    this.#quiet = this.#sweep.stop();
    this.#registry.loop.stop();
    this.#registry.lookups.loop.stop();
    for (const stream of this.#registry.streams.values()) stream.end(new UsherError("closed", "the database is closing: open the stream anew when it is back"));
  }

  async #open(first: LiveRequest | undefined, tenant: TenantId, caller: LiveCaller): Promise<LiveStream> {
    if (this.#stopped) throw new UsherError("closed", "the database is closed");
    if (first?.kind !== "open") throw new UsherError("invalid_request", `the first message of a live stream is ${quote(first?.kind)}: it must be \`open\``);
    const leaseMs = checkLease(first.leaseMs);
    const { streams } = this.#registry;
    if (streams.size >= 2 * limits.liveStreamsMax) throw new UsherError("overloaded", `${streams.size} live streams are open or have leases that last: retry later`);
    // Before anybody has it: after a crash it must be known how long to wait.
    if (leaseMs > this.#leaseMsMax) {
      await this.#port.leases.raise(leaseMs);
      this.#leaseMsMax = Math.max(this.#leaseMsMax, leaseMs);
    }
    if (this.#stopped) throw new UsherError("closed", "the database is closed");
    if (!this.#port.store.hasTenant(tenant)) throw new UsherError("tenant_unknown", "the tenant was deleted: hold with another");
    const stream = new LiveStream(randomUUID(), tenant, leaseMs, new LiveClient(caller, this.#port.store.clock.now()));
    const replaced = first.resumeStream === undefined ? undefined : streams.get(first.resumeStream);
    if (replaced?.tenant === tenant) {
      stream.replaces = replaced;
      // Until it has a lease of its own, its client may honour what that one gave.
      stream.lapsesAt = replaced.lapsesAt;
    }
    streams.set(stream.id, stream);
    return stream;
  }
}

async function firstOf(incoming: AsyncIterator<LiveRequest>, signal: AbortSignal | undefined): Promise<LiveRequest | undefined> {
  let leave: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => (leave = onAbort(signal, () => reject(abortError(signal as AbortSignal)))));
  try {
    if (signal?.aborted === true) throw abortError(signal);
    const first = await Promise.race([incoming.next(), aborted]);
    return first.done === true ? undefined : first.value;
  } finally {
    leave?.();
  }
}

/** Resolves when the requests have ended; what is wrong with one ends the stream. */
async function readAll(incoming: AsyncIterator<LiveRequest>, requests: StreamRequests, stream: LiveStream): Promise<void> {
  try {
    for (let next = await incoming.next(); next.done !== true && stream.ended === undefined; next = await incoming.next()) await requests.take(next.value);
  } catch (error) {
    stream.end(error instanceof UsherError ? error : new UsherError("internal", "a live request could not be taken", { cause: asError(error) }));
  }
}
