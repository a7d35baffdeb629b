/** A set of so many takes more time and memory to make than to look through a list. */
const fewMax = 32;

/** Each item once, in the order in which it is first there. */
export function distinct<Item>(items: Item[]): Item[] {
  if (items.length > fewMax) return [...new Set(items)];
  return items.filter((item, at) => items.indexOf(item) === at);
}

/** Tells of the items of one list that the other does not have. Neither has an item twice. */
export function forEachMissing<Item>(items: readonly Item[], others: readonly Item[], missing: (item: Item) => void): void {
  if (items.length > fewMax && others.length > fewMax) {
    const known = new Set(others);
    for (const item of items) if (!known.has(item)) missing(item);
  } else {
    for (const [at, item] of items.entries()) if (others[at] !== item && !others.includes(item)) missing(item);
  }
}
