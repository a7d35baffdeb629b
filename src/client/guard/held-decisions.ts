import { UsherError } from "../../base/errors.js";
import { HeldDecision, type Question } from "./held-decision.js";

/** What the guard says of its holds to whichever stream there is. */
export interface HoldingPort {
  ask(decision: HeldDecision): void;
  release(decision: HeldDecision): void;
  /** Whether something else than a decision has the id. */
  isTaken(id: number): boolean;
}

const idMax = 4_294_967_295;

/**
 * All that a guard holds, each question once. What only `can` asked for is kept while there is room, and goes in the order in which it was last
 * used; what a program holds never goes.
 */
export class HeldDecisions {
  readonly #max: number;
  readonly #port: HoldingPort;
  readonly #byKey = new Map<string, HeldDecision>();
  readonly #byId = new Map<number, HeldDecision>();
  /** Nobody refers to these; the one that was used longest ago is first. */
  readonly #idle = new Set<HeldDecision>();
  #lastId = 0;

  constructor(max: number, port: HoldingPort) {
    this.#max = max;
    this.#port = port;
  }

  get size(): number {
    return this.#byKey.size;
  }

  [Symbol.iterator](): IterableIterator<HeldDecision> {
    return this.#byKey.values();
  }

  get(id: number): HeldDecision | undefined {
    return this.#byId.get(id);
  }

  /** Refers to the question's decision until it is let go of. @throws `overloaded` where the guard is full of what programs hold */
  refer(key: string, question: Question): HeldDecision {
    const decision = this.#byKey.get(key) ?? this.#add(key, question);
    this.#idle.delete(decision);
    decision.references++;
    return decision;
  }

  /** The other end of `refer`. What nobody refers to is denied here first, and then given back. */
  letGo(decision: HeldDecision): void {
    decision.references--;
    if (decision.references > 0 || this.#byId.get(decision.id) !== decision) return;
    if (decision.isCached) this.#idle.add(decision);
    else this.#drop(decision);
  }

  /** The server does not keep it. */
  remove(decision: HeldDecision): void {
    this.#byKey.delete(decision.key);
    this.#byId.delete(decision.id);
    this.#idle.delete(decision);
  }

  #add(key: string, question: Question): HeldDecision {
    if (this.#byKey.size >= this.#max) this.#evict();
    const decision = new HeldDecision(this.nextId(), key, question);
    this.#byKey.set(key, decision);
    this.#byId.set(decision.id, decision);
    this.#port.ask(decision);
    return decision;
  }

  #evict(): void {
    const [oldest] = this.#idle;
    if (oldest === undefined) {
      throw new UsherError("overloaded", `the guard has ${this.#max} holds, as many as may be: release some, or raise \`maxHolds\``);
    }
    this.#drop(oldest);
  }

  #drop(decision: HeldDecision): void {
    decision.forget();
    this.remove(decision);
    this.#port.release(decision);
  }

  /** Not used again before all others were, so that nothing late is taken for another's. */
  nextId(): number {
    do this.#lastId = this.#lastId === idMax ? 1 : this.#lastId + 1;
    while (this.#byId.has(this.#lastId) || this.#port.isTaken(this.#lastId));
    return this.#lastId;
  }
}
