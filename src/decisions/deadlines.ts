import { capDelay, type Clock, type Instant } from "../base/clock.js";

/** A machine that was suspended wakes with its clock ahead of its timers: so often the clock is looked at. */
const lookMs = 1_000;

/** What becomes due at an instant. */
export interface Timed {
  /** Infinity: never. Where it has changed since it was added, the entry of before is passed over. */
  readonly until: Instant;
}

/** One heap of instants with one timer. */
export class Deadlines<Item extends Timed> {
  readonly #clock: Clock;
  readonly #due: (items: Item[]) => void;
  readonly #heap: { readonly at: Instant; readonly item: Item }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #timerAt: Instant = Infinity;

  /** @param due is given what has become due */
  constructor(clock: Clock, due: (items: Item[]) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(item: Item): void {
    if (item.until === Infinity) return;
    this.#rise({ at: item.until, item });
    this.#arm();
  }

  /** Gives out what is due now. @returns the instant up to which nothing is left */
  fire(): Instant {
    const now = this.#clock.now();
    const items: Item[] = [];
    for (let top = this.#heap[0]; top !== undefined && top.at <= now; top = this.#heap[0]) {
      this.#pop();
      if (top.item.until === top.at) items.push(top.item);
    }
    if (items.length > 0) this.#due(items);
    this.#arm();
    return now;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#heap.length = 0;
  }

  #arm(): void {
    const top = this.#heap[0];
    if (top === undefined || (this.#timer !== undefined && this.#timerAt <= top.at)) return;
    clearTimeout(this.#timer);
    this.#timerAt = top.at;
    const delay = capDelay(Math.min(lookMs, Math.max(1, top.at - this.#clock.now())));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.fire();
    }, delay).unref();
  }

  #rise(entry: { readonly at: Instant; readonly item: Item }): void {
    const heap = this.#heap;
    let i = heap.length;
    for (let parent = (i - 1) >> 1; i > 0; parent = (i - 1) >> 1) {
      const above = heap[parent];
      if (above === undefined || above.at <= entry.at) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (left === undefined) break;
      if (right !== undefined && right.at < left.at) child++;
      const least = heap[child];
      if (least === undefined || least.at >= last.at) break;
      heap[i] = least;
      i = child;
    }
    heap[i] = last;
  }
}
