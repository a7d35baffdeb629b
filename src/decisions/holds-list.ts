import { setImmediate as turn } from "node:timers/promises";
import { throwIfAborted } from "../base/abort.js";
import { limits } from "../base/limits.js";
import { subjectKey } from "../evaluation/reads.js";
import type { HoldingStream, HoldsFilter, ListHoldsResponse, StandingDecision } from "../model/holds.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { LiveDecision } from "./live-decision.js";
import { honoured } from "./live-hold.js";
import type { LiveStream } from "./live-stream.js";
import type { LivePort } from "./port.js";
import type { Registry } from "./registry.js";

/** Whose holds are listed: tenants by their names. */
export type TenantNames = ReadonlyMap<TenantId, string>;

/**
 * What is held, page by page, as it stands when each page is made. A look at a million decisions is made in steps, between which everything else goes on; what is
 * held or let go of meanwhile may be listed or not.
 */
export class HoldsList {
  readonly #port: LivePort;
  readonly #registry: Registry;
  readonly #names: TenantNames;

  constructor(port: LivePort, registry: Registry, names: TenantNames) {
    this.#port = port;
    this.#registry = registry;
    this.#names = names;
  }

  async *streams(signal: AbortSignal | undefined): AsyncGenerator<ListHoldsResponse, void> {
    // Of bounded number: see `limits.liveStreamsMax`.
    const streams = [...this.#registry.streams.values()].filter(({ tenant }) => this.#names.has(tenant));
    for (let i = 0; i < streams.length; i += limits.holdsPageMax) {
      throwIfAborted(signal);
      const page = streams.slice(i, i + limits.holdsPageMax).map((stream) => this.#stream(stream));
      yield { instant: this.#port.store.clock.now(), streams: page, decisions: [] };
    }
  }

  async *decisions(filter: HoldsFilter, signal: AbortSignal | undefined): AsyncGenerator<ListHoldsResponse, void> {
    const matches = matcher(filter);
    let page: StandingDecision[] = [];
    let looked = 0;
    for (const [tenant, decision] of this.#held(filter.stream)) {
      if (matches(decision)) page.push(this.#decision(tenant, decision));
      if (page.length === limits.holdsPageMax) {
        yield { instant: this.#port.store.clock.now(), streams: [], decisions: page };
        page = [];
      }
      if (++looked % limits.holdsLookedMax !== 0) continue;
      await turn();
      throwIfAborted(signal);
    }
    if (page.length > 0) yield { instant: this.#port.store.clock.now(), streams: [], decisions: page };
  }

  /** Of one stream, or all: each once. Iterators over a map go on however it changes. */
  *#held(id: string | undefined): Generator<readonly [tenant: string, LiveDecision], void> {
    if (id === undefined) {
      for (const { tenant, all } of this.#registry.tenants) {
        const name = this.#names.get(tenant);
        if (name !== undefined) for (const decision of all) yield [name, decision];
      }
      return;
    }
    const stream = this.#registry.streams.get(id);
    const name = stream && this.#names.get(stream.tenant);
    if (stream === undefined || name === undefined) return;
    const listed = new Set<LiveDecision>();
    for (const { decision } of stream.all()) {
      if (listed.has(decision)) continue;
      listed.add(decision);
      yield [name, decision];
    }
  }

  #stream(stream: LiveStream): HoldingStream {
    const { id, tenant, client, departed, leaseMs, lapsesAt, size, due, revoked, changed, postponed, refused, sent } = stream;
    return {
      stream: id,
      tenant: this.#names.get(tenant) ?? "",
      principal: client.principal,
      ...(client.peer === undefined ? {} : { peer: client.peer }),
      openedAt: client.openedAt,
      connected: !departed,
      leaseMs,
      trustsForMs: Math.max(0, Math.ceil(lapsesAt - this.#port.monotonicMs())),
      holds: size,
      due,
      untold: revoked.size + changed.size + postponed.size + refused.length,
      unacknowledged: sent.length,
      ...(client.sent && { sent: this.#reached(tenant, client.sent) }),
      ...(client.acknowledged && { acknowledged: this.#reached(tenant, client.acknowledged) }),
    };
  }

  #reached(tenant: TenantId, { revision, instant }: { readonly revision: Revision; readonly instant: number }) {
    return { zookie: this.#port.zookie(tenant, revision), instant };
  }

  #decision(tenant: string, { asked, standing, due, holds }: LiveDecision): StandingDecision {
    const { object, permission, subject, context } = asked;
    let mayAct = 0;
    for (const hold of holds) if (honoured(hold) === "allowed") mayAct++;
    return {
      tenant,
      object,
      permission,
      subject,
      ...(context === undefined ? {} : { context }),
      ...(standing === undefined ? {} : { answer: standing.value }),
      ...(standing?.error === undefined ? {} : { error: standing.error.code }),
      due,
      holds: holds.size,
      honoured: mayAct,
    };
  }
}

function matcher({ object, permission, subject }: HoldsFilter): (decision: LiveDecision) => boolean {
  const who = subject && subjectKey(subject);
  return ({ asked, subjectKey: key }) =>
    (permission === undefined || asked.permission === permission) &&
    (object === undefined || (asked.object.id === object.id && asked.object.type === object.type)) &&
    (who === undefined || key === who);
}
