import assert from "node:assert/strict";

import { UsherError } from "../../../src/base/errors.js";
import { Guard, type GuardOptions } from "../../../src/client/guard/guard.js";
import type { Cause, Hold, LiveRequest, LiveResponse } from "../../../src/model/live.js";
import type { Call, Service } from "../../../src/model/service.js";
import { FakeTime, settle } from "./fake-time.js";

/** By the fake server's clock, which has nothing to do with the client's. */
export const instant = 5_000_000;

/** One stream, at the server's end: what was asked, and what the test says to it. */
export class FakeStream {
  readonly received: LiveRequest[] = [];
  readonly signal: AbortSignal;
  /** Requests are not read while this holds. */
  deaf = false;
  readonly #responses: LiveResponse[] = [];
  #end: { readonly error?: UsherError } | undefined;
  #wake: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.signal = signal;
    signal.addEventListener("abort", () => this.#wake());
  }

  /** Requests of a kind, in order. */
  of<Kind extends LiveRequest["kind"]>(kind: Kind): Extract<LiveRequest, { readonly kind: Kind }>[] {
    return this.received.filter((request): request is Extract<LiveRequest, { readonly kind: Kind }> => request.kind === kind);
  }

  get holds(): Hold[] {
    return this.of("hold").flatMap(({ holds }) => holds);
  }

  /** The one hold on this object that was asked for last. */
  holdOf(objectId: string): Hold {
    const hold = this.holds.findLast(({ object }) => object.id === objectId);
    assert.ok(hold, `nothing is held on \`${objectId}\``);
    return hold;
  }

  get nonce(): string {
    const nonce = this.of("ping").at(-1)?.nonce;
    assert.ok(nonce, "there was no ping");
    return nonce;
  }

  async say(...responses: readonly LiveResponse[]): Promise<void> {
    this.#responses.push(...responses);
    this.#wake();
    await settle();
  }

  async open(stream = "s1", leaseMs = 10_000): Promise<void> {
    await this.say({ kind: "opened", stream, leaseMs });
  }

  /** A checkpoint that answers the last ping. */
  async lease(more: Partial<Extract<LiveResponse, { kind: "checkpoint" }>> = {}): Promise<void> {
    await this.say({ kind: "checkpoint", zookie: "z1", instant, nonce: this.nonce, leaseMs: 10_000, ...more });
  }

  async state(objectId: string, allowed: boolean, more: { readonly missingFields?: readonly string[]; readonly validForMs?: number; readonly at?: number } = {}): Promise<void> {
    const { at = instant, missingFields = [], ...rest } = more;
    await this.say({ kind: "states", zookie: "z1", instant: at, states: [{ id: this.holdOf(objectId).id, allowed, missingFields, ...rest }] });
  }

  async flip(objectId: string, allowed: boolean, cause: Cause = { kind: "tuple", zookie: "z2" }): Promise<void> {
    await this.say({ kind: "flips", zookie: "z2", instant, flips: [{ id: this.holdOf(objectId).id, allowed, missingFields: [], cause }] });
  }

  async end(error?: UsherError): Promise<void> {
    this.#end = error === undefined ? {} : { error };
    this.#wake();
    await settle();
  }

  async *run(requests: AsyncIterable<LiveRequest>): AsyncGenerator<LiveResponse, void> {
    void this.#receive(requests);
    for (;;) {
      const response = this.#responses.shift();
      if (this.signal.aborted) throw this.signal.reason;
      if (response !== undefined) yield response;
      else if (this.#end?.error !== undefined) throw this.#end.error;
      else if (this.#end !== undefined) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async #receive(requests: AsyncIterable<LiveRequest>): Promise<void> {
    for await (const request of requests) {
      if (this.signal.aborted) return;
      this.received.push(request);
      while (this.deaf && !this.signal.aborted) await settle();
    }
  }
}

/** A server of which the test says every word. */
export class FakeLive implements Pick<Service, "live"> {
  readonly streams: FakeStream[] = [];
  readonly calls: Call[] = [];
  /** Why it cannot be reached. */
  unreachable: UsherError | undefined;

  get stream(): FakeStream {
    const stream = this.streams.at(-1);
    assert.ok(stream, "no stream was opened");
    return stream;
  }

  async *live(requests: AsyncIterable<LiveRequest>, call: Call): AsyncGenerator<LiveResponse, void> {
    if (this.unreachable !== undefined) throw this.unreachable;
    assert.ok(call.signal);
    const stream = new FakeStream(call.signal);
    this.calls.push(call);
    this.streams.push(stream);
    yield* stream.run(requests);
  }
}

/** A guard of such a server. @param unreachable why it cannot be reached at first */
export function setUp(options: GuardOptions = {}, unreachable?: UsherError) {
  const time = new FakeTime();
  const live = new FakeLive();
  live.unreachable = unreachable;
  const guard = new Guard(live, { tenant: "acme" }, { time, random: () => 0.5, ...options });
  return { time, live, guard };
}

/** The same with a stream that is open, and a lease. */
export async function setUpLeased(options: GuardOptions = {}) {
  const all = setUp(options);
  await settle();
  await all.live.stream.open();
  await all.live.stream.lease();
  return all;
}

/** The same with `user:ana` holding `restart` on `node:n1`. */
export async function setUpHeld(options: GuardOptions = {}) {
  const all = await setUpLeased(options);
  const asked = all.guard.hold("node:n1", "restart", "user:ana");
  await settle();
  await all.live.stream.state("n1", true);
  return { ...all, hold: await asked };
}
