import { openClassicLog, type OpenRawLog, type RawBatch } from "../../../src/audit/log/raw.js";

/** LevelDB which does something when a batch is on the disk and nobody knows of it yet. */
export function openWith(onWritten: () => Promise<unknown>): OpenRawLog {
  return async (folder, options) => {
    const raw = await openClassicLog(folder, options);
    const batch = (): RawBatch => {
      const inner = raw.batch();
      return { put: (key, value) => inner.put(key, value), del: (key) => inner.del(key), write: () => inner.write().then(onWritten).then(() => undefined) };
    };
    return {
      get: (key, snapshot) => raw.get(key, snapshot),
      batch,
      snapshot: () => raw.snapshot(),
      isEmpty: (start, end) => raw.isEmpty(start, end),
      clear: (start, end) => raw.clear(start, end),
      compact: (start, end) => raw.compact(start, end),
      close: () => raw.close(),
    };
  };
}
