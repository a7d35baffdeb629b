import assert from "node:assert/strict";
import { join } from "node:path";

import type { DecisionLog } from "../../../src/audit/decision-log.js";
import { chunkKey, fenceKey, indexKey } from "../../../src/audit/log/keys.js";
import { openClassicLog, type OpenRawLog } from "../../../src/audit/log/raw.js";
import { unseal } from "../../../src/audit/log/seal.js";
import { Segments } from "../../../src/audit/log/segments.js";
import { inFolder } from "../../support/folder.js";
import { checkEntry, inThisThread, openLog } from "../logs.js";
import { openWith } from "./open-with.js";

/** LevelDB whose process is as good as gone once so many batches are on the disk. */
function openUntil(batches: number): OpenRawLog {
  let left = batches;
  const alive = () => {
    if (left <= 0) throw Object.assign(new Error("the process is gone"), { code: "LEVEL_IO_ERROR" });
  };
  return async (folder, options) => {
    alive();
    const raw = await openWith(async () => {
      left--;
      alive();
    })(folder, options);
    const dying = <Args extends unknown[]>(act: (...args: Args) => Promise<void>) => async (...args: Args): Promise<void> => {
      alive();
      await act(...args);
    };
    return {
      get: (key, snapshot) => raw.get(key, snapshot),
      batch: () => {
        const inner = raw.batch();
        return { put: (key, value) => inner.put(key, value), del: (key) => inner.del(key), write: dying(() => inner.write()) };
      },
      snapshot: () => raw.snapshot(),
      isEmpty: (start, end) => raw.isEmpty(start, end),
      clear: dying((start: Buffer, end: Buffer) => raw.clear(start, end)),
      compact: dying((start: Buffer, end: Buffer) => raw.compact(start, end)),
      close: () => raw.close(),
    };
  };
}

async function fill(log: DecisionLog): Promise<void> {
  for (let recorded = 0; recorded < 160; recorded += 20) {
    for (let i = 0; i < 20; i++) void log.record(checkEntry(recorded + i), false);
    await log.flush();
  }
}

describe("segments of the decision log's index", () => {
  it("leave no rows once they do not count, wherever a crash came between", () =>
    inFolder(async (root) => {
      let left = 0;
      for (let batches = 4; batches <= 24; batches++) {
        const folder = join(root, String(batches));
        const log = await openLog(folder, { connect: inThisThread(openUntil(batches)), report: () => undefined });
        await fill(log).catch(() => undefined);
        await log.close().catch(() => undefined);
        left += await strayRows(folder);
        const again = await openLog(folder, { connect: inThisThread() });
        await again.close();
        assert.equal(await strayRows(folder), 0, `after ${batches} batches`);
      }
      assert.ok(left > 0, "some of the crashes left rows");
    }));
});

/** How many rows there are of segments that do not count. */
async function strayRows(folder: string): Promise<number> {
  const raw = await openClassicLog(join(folder, "level"), { create: false });
  try {
    const value = raw.get(indexKey);
    if (value === undefined) return 0;
    const { next } = JSON.parse(unseal(indexKey, value).toString()) as { next: number };
    const counting = new Set(new Segments(raw, { runRecords: 20, fanIn: 2, levelMax: 3 }).list.map(({ id }) => id));
    let rows = 0;
    for (let id = 0; id <= next + 1; id++) {
      if (counting.has(id)) continue;
      for (const [start, end] of [[fenceKey(id), fenceKey(id + 1)], [chunkKey(id, 0), chunkKey(id + 1, 0)]] as const) if (!(await raw.isEmpty(start, end))) rows++;
    }
    return rows;
  } finally {
    await raw.close();
  }
}
