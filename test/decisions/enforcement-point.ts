import type { HeldAnswer, HeldState, Hold, LiveRequest, LiveResponse, LookupHold, MemberState } from "../../src/model/live.js";
import type { LiveDecisions } from "../../src/decisions/live-decisions.js";

/** A client that does what the protocol asks of it, and keeps no lease: what it was told, in order. */
export class EnforcementPoint {
  readonly states = new Map<number, HeldState>();
  readonly held = new Map<number, Hold>();
  /** By lookup and member: what it was last told. */
  readonly members = new Map<number, Map<string, MemberState>>();
  readonly refusals: Extract<LiveResponse, { kind: "refused" }>["refused"][number][] = [];
  readonly messages: LiveResponse[] = [];
  stream = "";
  /** Set: checkpoints are not acknowledged. */
  silent = false;
  ended: unknown;
  readonly done: Promise<void>;
  readonly #onMessage: ((message: LiveResponse) => void) | undefined;
  readonly #waiting: LiveRequest[] = [];
  #wake: (() => void) | undefined;
  #finished = false;
  readonly #leaving = new AbortController();
  #nonces = 0;
  readonly #nonceWaiters = new Map<string, (checkpoint: Extract<LiveResponse, { kind: "checkpoint" }>) => void>();

  constructor(live: Pick<LiveDecisions, "live">, options: { leaseMs?: number; resumeStream?: string; tenant?: number; onMessage?: (message: LiveResponse) => void } = {}) {
    const { leaseMs, resumeStream, tenant = 1, onMessage } = options;
    this.#onMessage = onMessage;
    this.send({ kind: "open", ...(leaseMs === undefined ? {} : { leaseMs }), ...(resumeStream === undefined ? {} : { resumeStream }) });
    this.done = this.#read(live.live(this.#requests(), tenant, this.#leaving.signal)).catch((error: unknown) => void (this.ended = error));
  }

  send(request: LiveRequest): void {
    this.#waiting.push(request);
    this.#wake?.();
  }

  hold(...holds: Hold[]): void {
    for (const hold of holds) this.held.set(hold.id, hold);
    this.send({ kind: "hold", holds });
  }

  lookup(...lookups: LookupHold[]): void {
    for (const { id } of lookups) this.members.set(id, new Map());
    this.send({ kind: "lookup", lookups });
  }

  release(...ids: number[]): void {
    for (const id of ids) {
      this.members.delete(id);
      this.held.delete(id);
      this.states.delete(id);
    }
    this.send({ kind: "release", ids });
  }

  /** Resolves with the checkpoint that covers everything sent before. */
  ping(): Promise<Extract<LiveResponse, { kind: "checkpoint" }>> {
    const nonce = `n${++this.#nonces}`;
    return new Promise((resolve, reject) => {
      this.#nonceWaiters.set(nonce, resolve);
      this.send({ kind: "ping", nonce });
      void this.done.then(() => reject(this.ended instanceof Error ? this.ended : new Error("the stream has ended")));
    });
  }

  /** The requests end, and with them what was held. */
  finish(): Promise<void> {
    this.#finished = true;
    this.#wake?.();
    return this.done;
  }

  /** The connection breaks. */
  cut(): Promise<void> {
    this.#leaving.abort();
    return this.done;
  }

  async #read(responses: AsyncIterable<LiveResponse>): Promise<void> {
    for await (const message of responses) {
      this.messages.push(message);
      this.#apply(message);
      this.#onMessage?.(message);
    }
  }

  #apply(message: LiveResponse): void {
    if (message.kind === "opened") this.stream = message.stream;
    else if (message.kind === "states" || message.kind === "flips") {
      for (const state of message.kind === "states" ? message.states : message.flips) if (this.held.has(state.id)) this.states.set(state.id, state);
    } else if (message.kind === "members") this.#applyMembers(message.members);
    else if (message.kind === "refused") {
      this.refusals.push(...message.refused);
      for (const { id } of message.refused) {
        this.states.delete(id);
        this.members.delete(id);
      }
    }
    else if (message.kind === "checkpoint") {
      if (!this.silent) this.send({ kind: "acknowledge", zookie: message.zookie });
      // Of several pings at once the last is answered.
      if (message.nonce === undefined) return;
      for (const [nonce, resolve] of this.#nonceWaiters) {
        this.#nonceWaiters.delete(nonce);
        resolve(message);
        if (nonce === message.nonce) break;
      }
    }
  }

  #applyMembers(states: readonly MemberState[]): void {
    for (const state of states) {
      const members = this.members.get(state.id);
      if (state.allowed || state.missingFields.length > 0 || state.excluded === true) members?.set(state.member, state);
      else members?.delete(state.member);
    }
  }

  async *#requests(): AsyncGenerator<LiveRequest, void> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#finished) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

export function answerOf(state: HeldState | undefined): HeldAnswer | undefined {
  if (state === undefined) return undefined;
  if (state.allowed) return "allowed";
  return state.missingFields.length > 0 ? "conditional" : "denied";
}

/** What the client may say of an id: what it was told of it by name, or what the wildcard says. */
export function memberAnswer(members: ReadonlyMap<string, MemberState> | undefined, id: string): HeldAnswer {
  const state = members?.get(id) ?? members?.get("*");
  if (state === undefined) return "denied";
  if (state.allowed) return "allowed";
  return state.missingFields.length > 0 ? "conditional" : "denied";
}
