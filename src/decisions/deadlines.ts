import { capDelay, type Clock, type Instant } from "../base/clock.js";

/** A machine that was suspended wakes with its clock ahead of its timers: so often the clock is looked at. */
const lookMs = 1_000;

/** Fewer entries to be passed over than this are left. */
const staleMin = 1_000;

/** What becomes due at an instant. */
export interface Timed {
  /** Infinity: never. Where it has changed since it was added, the entry of before is passed over. */
  readonly until: Instant;
  /** Where it stands in the heap; Infinity: nowhere. */
  queuedFor: Instant;
}

/** One heap of instants with one timer. */
export class Deadlines<Item extends Timed> {
  readonly #clock: Clock;
  readonly #due: (items: Item[]) => void;
  readonly #heap: { readonly at: Instant; readonly item: Item }[] = [];
  #stale = 0;
  #stopped = false;
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
    if (this.#stopped || item.until === Infinity || item.queuedFor === item.until) return;
    if (item.queuedFor !== Infinity) this.forget();
    item.queuedFor = item.until;
    this.#rise({ at: item.until, item });
    this.#arm();
  }

  /** Gives out what is due now. @returns the instant up to which nothing is left */
  fire(): Instant {
    const now = this.#clock.now();
    const items: Item[] = [];
    for (let top = this.#heap[0]; top !== undefined && top.at <= now; top = this.#heap[0]) {
      this.#pop();
      if (top.item.queuedFor !== top.at) continue;
      top.item.queuedFor = Infinity;
      if (top.item.until === top.at) items.push(top.item);
    }
    if (items.length > 0) this.#due(items);
    this.#arm();
    return now;
  }

  /** An item is not to become due any more, or at another instant: its entry is passed over, and cleared away where such are many. */
  forget(): void {
    if (++this.#stale < staleMin || this.#stale * 2 < this.#heap.length) return;
    const standing = this.#heap.filter(({ at, item }) => item.queuedFor === at && item.until === at);
    this.#heap.length = 0;
    this.#stale = 0;
    for (const entry of standing) this.#rise(entry);
  }

  stop(): void {
    this.#stopped = true;
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
