import { ClassicLevel } from "classic-level";
import type { AbstractSnapshot } from "abstract-level";

/**
 * What the store needs of a LevelDB handle, and nothing else: so that a test can stand in between
 * and fail the n-th operation. Keys and values are bytes.
 */
export interface RawDatabase {
  getMany(keys: readonly Buffer[], snapshot: RawSnapshot): Promise<(Buffer | undefined)[]>;
  /** For one small row where a promise cannot be awaited: 8 to 16 µs, on the event loop. */
  getSync(key: Buffer, snapshot: RawSnapshot): Buffer | undefined;
  iterate(range: RawRange): RawIterator;
  /** Atomic; `sync`: on the disk when it resolves. Once it has rejected, nothing is known of this handle (SEMANTICS 1). */
  batch(operations: RawBatch, options: { readonly sync: boolean }): Promise<void>;
  snapshot(): RawSnapshot;
  close(): Promise<void>;
}

export type RawSnapshot = Pick<AbstractSnapshot, "close">;

export interface RawRange {
  readonly gt?: Buffer;
  readonly gte?: Buffer;
  readonly lt?: Buffer;
  readonly lte?: Buffer;
  readonly reverse?: boolean;
  readonly snapshot: RawSnapshot;
}

export interface RawIterator {
  /** At most `count` entries; fewer than one: the end. */
  next(count: number): Promise<[key: Buffer, value: Buffer][]>;
  close(): Promise<void>;
}

export type RawOperation =
  | { readonly type: "put"; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: "del"; readonly key: Buffer };

/** Operations in order, such as an array of them; or what makes each as it is asked for. */
export interface RawBatch extends Iterable<RawOperation> {
  readonly length: number;
}

export type OpenRaw = (folder: string, options: { readonly create: boolean }) => Promise<RawDatabase>;

/** LevelDB's block cache. The relation cache above holds what is hot, so this one serves lists and cold probes. */
const blockCacheBytes = 32 * 1024 * 1024;

export const openClassicLevel: OpenRaw = async (folder, { create }) => {
  const level = new ClassicLevel<Buffer, Buffer>(folder, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    cacheSize: blockCacheBytes,
    createIfMissing: create,
  });
  await level.open();
  return new ClassicRaw(level);
};

class ClassicRaw implements RawDatabase {
  readonly #level: ClassicLevel<Buffer, Buffer>;

  constructor(level: ClassicLevel<Buffer, Buffer>) {
    this.#level = level;
  }

  getMany(keys: readonly Buffer[], snapshot: RawSnapshot): Promise<(Buffer | undefined)[]> {
    return this.#level.getMany(keys as Buffer[], { snapshot: snapshot as AbstractSnapshot });
  }

  getSync(key: Buffer, snapshot: RawSnapshot): Buffer | undefined {
    return this.#level.getSync(key, { snapshot: snapshot as AbstractSnapshot, keyEncoding: "buffer", valueEncoding: "buffer" });
  }

  iterate(range: RawRange): RawIterator {
    const { snapshot, ...bounds } = range;
    const iterator = this.#level.iterator({ ...bounds, snapshot: snapshot as AbstractSnapshot, fillCache: true });
    return { next: (count) => iterator.nextv(count), close: () => iterator.close() };
  }

  /** Chained: an array with the option `sync` costs 16 µs an operation on the event loop, this 2. */
  batch(operations: RawBatch, { sync }: { readonly sync: boolean }): Promise<void> {
    const batch = this.#level.batch();
    for (const operation of operations) {
      if (operation.type === "put") batch.put(operation.key, operation.value);
      else batch.del(operation.key);
    }
    return batch.write({ sync });
  }

  snapshot(): RawSnapshot {
    return this.#level.snapshot();
  }

  close(): Promise<void> {
    return this.#level.close();
  }
}
