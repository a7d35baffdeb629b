import type * as fc from "fast-check";

import type { OpenRaw, RawBatch, RawDatabase, RawIterator, RawRange, RawSnapshot } from "../../src/storage/level/raw.js";

/** A row under its key as text of one character a byte, which sorts as the bytes do. */
type Row = readonly [name: string, key: Buffer, value: Buffer];

class MemorySnapshot implements RawSnapshot {
  constructor(readonly rows: readonly Row[]) {}

  close = async () => undefined;
}

/**
 * LevelDB's place in memory: what is asked of it is done in one step, so that nothing but the
 * scheduler decides what comes first, and a failing seed fails again.
 */
export function openInMemory(): OpenRaw {
  let rows: readonly Row[] = [];
  return async (): Promise<RawDatabase> => ({
    getMany: async (keys, snapshot) => keys.map((key) => valueOf(snapshot, key)),
    getSync: (key, snapshot) => valueOf(snapshot, key),
    iterate: (range) => iterate(range),
    batch: async (operations) => void (rows = applied(rows, operations)),
    snapshot: () => new MemorySnapshot(rows),
    close: async () => undefined,
  });
}

function valueOf(snapshot: RawSnapshot, key: Buffer): Buffer | undefined {
  return (snapshot as MemorySnapshot).rows.find(([, other]) => other.equals(key))?.[2];
}

function applied(rows: readonly Row[], operations: RawBatch): Row[] {
  const table = new Map(rows.map((row) => [row[0], row]));
  for (const operation of operations) {
    const name = operation.key.toString("latin1");
    if (operation.type === "del") table.delete(name);
    else table.set(name, [name, operation.key, operation.value]);
  }
  return [...table.values()].sort(([a], [b]) => (a < b ? -1 : 1));
}

function iterate({ gt, gte, lt, lte, reverse, snapshot }: RawRange): RawIterator {
  const inside = ([, key]: Row) =>
    (gt === undefined || key.compare(gt) > 0) && (gte === undefined || key.compare(gte) >= 0) &&
    (lt === undefined || key.compare(lt) < 0) && (lte === undefined || key.compare(lte) <= 0);
  const rows = (snapshot as MemorySnapshot).rows.filter(inside);
  if (reverse) rows.reverse();
  return { next: async (count) => rows.splice(0, count).map(([, key, value]) => [key, value]), close: async () => undefined };
}

/** Every operation begins, and is answered, when the scheduler says so: a batch can be read long before its writer hears of it. */
export function scheduled(open: OpenRaw, scheduler: fc.Scheduler): OpenRaw {
  const run = async <Result>(label: string, action: () => Promise<Result>): Promise<Result> => {
    await scheduler.schedule(Promise.resolve(), `${label} begins`);
    const result = await action();
    await scheduler.schedule(Promise.resolve(), `${label} is answered`);
    return result;
  };
  return async (folder, options) => {
    const raw = await open(folder, options);
    return {
      getMany: (keys, snapshot) => run("getMany", () => raw.getMany(keys, snapshot)),
      getSync: (key, snapshot) => raw.getSync(key, snapshot),
      iterate: (range) => {
        const iterator = raw.iterate(range);
        return { next: (count) => run("next", () => iterator.next(count)), close: () => iterator.close() };
      },
      batch: (operations, options) => run("batch", () => raw.batch(operations, options)),
      snapshot: () => raw.snapshot(),
      close: () => raw.close(),
    };
  };
}
