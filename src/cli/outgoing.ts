/**
 * What is to be sent, in order, to be read once. It grows by an acknowledgement for each checkpoint that is read, and by pings; a server that does not
 * read them does not answer pings, and is left within a lease.
 */
export class Outgoing<Item> implements AsyncIterable<Item> {
  readonly #items: Item[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  push(item: Item): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** What was pushed before is still read. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void> {
    for (;;) {
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) yield item;
      if (this.#ended) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
