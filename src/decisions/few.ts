/** A set that mostly holds one: then it takes a tenth of what a `Set` does. There are very many, so that its fields are not private (see `cache/finding.ts`). */
export class Few<Item> {
  one: Item | undefined = undefined;
  many: Set<Item> | undefined = undefined;

  get size(): number {
    return this.many?.size ?? (this.one === undefined ? 0 : 1);
  }

  add(item: Item): void {
    if (this.many !== undefined) this.many.add(item);
    else if (this.one === undefined || this.one === item) this.one = item;
    else {
      this.many = new Set([this.one, item]);
      this.one = undefined;
    }
  }

  /** Whether it was there. */
  delete(item: Item): boolean {
    if (this.many !== undefined) return this.many.delete(item);
    if (this.one !== item) return false;
    this.one = undefined;
    return true;
  }

  *[Symbol.iterator](): Generator<Item, void> {
    if (this.many !== undefined) yield* this.many;
    else if (this.one !== undefined) yield this.one;
  }
}
