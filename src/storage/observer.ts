/** A group of writes that became durable together. */
export interface CommittedGroup {
  /** Each with a revision of its own. */
  readonly commits: number;
  /** Rows that were put or deleted. */
  readonly rows: number;
  /** From the first write's staging until listeners had run. */
  readonly seconds: number;
}

/** Hears what a store does, for figures. It must be quick, and must not throw. */
export interface StoreObserver {
  onGroup(group: CommittedGroup): void;
}

export const unobservedStore: StoreObserver = { onGroup: () => undefined };
