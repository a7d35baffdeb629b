import { limits } from "../../src/base/limits.js";
import type { Flip, Hold, LiveRequest, LiveResponse } from "../../src/model/live.js";
import type { Service } from "../../src/model/service.js";

/** The bare other end of a live stream: it holds, counts what it is told, and acknowledges. */
export class Enforcer {
  readonly #waiting: LiveRequest[] = [];
  readonly #covered = new Map<string, () => void>();
  #wake: () => void = () => undefined;
  #over = false;
  #nonces = 0;
  #done: Promise<void> = Promise.resolve();
  allowed = 0;
  refused = 0;
  onFlip: (flip: Flip) => void = () => undefined;

  static open(service: Pick<Service, "live">): Enforcer {
    const enforcer = new Enforcer();
    enforcer.#send({ kind: "open" });
    enforcer.#done = enforcer.#read(service.live(enforcer.#requests(), {}));
    return enforcer;
  }

  hold(holds: Iterable<Hold>): void {
    let batch: Hold[] = [];
    for (const hold of holds) {
      if (batch.push(hold) < limits.holdsPerMessageMax) continue;
      this.#send({ kind: "hold", holds: batch });
      batch = [];
    }
    if (batch.length > 0) this.#send({ kind: "hold", holds: batch });
  }

  /** Resolves when a checkpoint has come that covers all that was held before. */
  covered(): Promise<void> {
    const nonce = `n${this.#nonces++}`;
    const covered = new Promise<void>((resolve) => this.#covered.set(nonce, resolve));
    this.#send({ kind: "ping", nonce });
    return covered;
  }

  /** Resolves when so many more flips have come. */
  flips(count: number): Promise<void> {
    return new Promise((resolve) => {
      let left = count;
      this.onFlip = () => {
        if (--left === 0) resolve();
      };
    });
  }

  async close(): Promise<void> {
    this.#over = true;
    this.#wake();
    await this.#done;
  }

  #send(request: LiveRequest): void {
    this.#waiting.push(request);
    this.#wake();
  }

  async *#requests(): AsyncGenerator<LiveRequest> {
    while (!this.#over) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async #read(responses: AsyncIterable<LiveResponse>): Promise<void> {
    for await (const response of responses) {
      if (response.kind === "states") for (const { allowed } of response.states) this.allowed += allowed ? 1 : 0;
      if (response.kind === "flips") for (const flip of response.flips) this.onFlip(flip);
      if (response.kind === "refused") this.refused += response.refused.length;
      if (response.kind !== "checkpoint") continue;
      this.#send({ kind: "acknowledge", zookie: response.zookie });
      if (response.nonce !== undefined) this.#covered.get(response.nonce)?.();
    }
  }
}
