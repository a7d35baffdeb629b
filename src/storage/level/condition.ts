import type { StoreState } from "../store.js";

/** Which state the store is in, and who wants to know when that changes. An ended store stays so. */
export class Condition {
  #state: StoreState = "ready";
  readonly #listeners = new Set<() => void>();

  get state(): StoreState {
    return this.#state;
  }

  become(state: StoreState): void {
    if (this.#state === state || this.#state === "ended") return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
