import type { AbstractSnapshot } from "abstract-level";
import { ClassicLevel } from "classic-level";

import { limits } from "../../base/limits.js";
import { scrubLog } from "./scrub-log.js";

/**
 * What the log needs of a LevelDB handle, and nothing else: so that a test can stand in between and fail the n-th operation. Reads are synchronous:
 * they happen in a thread of the log's own, where 10 µs that nobody else waits for are less than a promise costs.
 */
export interface RawLog {
  get(key: Buffer, snapshot?: RawSnapshot): Buffer | undefined;
  batch(): RawBatch;
  snapshot(): RawSnapshot;
  /** Whether it holds anything, or the range does, the end exclusive. */
  isEmpty(start?: Buffer, end?: Buffer): Promise<boolean>;
  /** Deletes what lies in the range, the end exclusive. */
  clear(start: Buffer, end: Buffer): Promise<void>;
  /** Rewrites the range, so that what was deleted or replaced in it leaves the disk. What open snapshots see stays until another time. */
  compact(start: Buffer, end: Buffer): Promise<void>;
  close(): Promise<void>;
}

export interface RawSnapshot {
  close(): Promise<void>;
}

/** Takes copies, so that a caller may use its buffers again. */
export interface RawBatch {
  put(key: Buffer, value: Buffer): void;
  del(key: Buffer): void;
  /** Atomic, and on the disk when it resolves. Once it has rejected, nothing is known of this handle. */
  write(): Promise<void>;
}

export type OpenRawLog = (folder: string, options: { readonly create: boolean }) => Promise<RawLog>;

/** Of blocks that queries read. */
const blockCacheBytes = 8 * 1024 * 1024;

export const openClassicLog: OpenRawLog = async (folder, { create }) => {
  await scrubLog(folder, limits.scrubAtOpenBytesMax);
  const level = new ClassicLevel<Buffer, Buffer>(folder, { keyEncoding: "buffer", valueEncoding: "buffer", cacheSize: blockCacheBytes, createIfMissing: create });
  await level.open();
  return new ClassicLog(level);
};

class ClassicLog implements RawLog {
  readonly #level: ClassicLevel<Buffer, Buffer>;

  constructor(level: ClassicLevel<Buffer, Buffer>) {
    this.#level = level;
  }

  get(key: Buffer, snapshot?: RawSnapshot): Buffer | undefined {
    const options = { keyEncoding: "buffer", valueEncoding: "buffer" } as const;
    return this.#level.getSync<Buffer, Buffer>(key, snapshot === undefined ? options : { ...options, snapshot: snapshot as AbstractSnapshot });
  }

  batch(): RawBatch {
    const batch = this.#level.batch();
    return {
      put: (key, value) => void batch.put(key, value),
      del: (key) => void batch.del(key),
      write: () => batch.write({ sync: true }),
    };
  }

  snapshot(): RawSnapshot {
    return this.#level.snapshot();
  }

  async isEmpty(start?: Buffer, end?: Buffer): Promise<boolean> {
    const iterator = this.#level.keys({ limit: 1, ...(start && { gte: start }), ...(end && { lt: end }) });
    try {
      return (await iterator.next()) === undefined;
    } finally {
      await iterator.close();
    }
  }

  clear(start: Buffer, end: Buffer): Promise<void> {
    return this.#level.clear({ gte: start, lt: end });
  }

  /**
   * LevelDB writes what it has in memory to a table with all that was replaced or deleted there, and puts that as deep as nothing overlaps it, where a
   * compaction passes it over. So a second table is laid over it, of keys that never exist: merging the two drops what nobody sees.
   */
  async compact(start: Buffer, end: Buffer): Promise<void> {
    await this.#level.compactRange(start, end);
    const none = [start, end].map((key) => ({ type: "del" as const, key: Buffer.concat([key, Buffer.alloc(1)]) }));
    await this.#level.batch(none);
    await this.#level.compactRange(start, end);
  }

  close(): Promise<void> {
    return this.#level.close();
  }
}
