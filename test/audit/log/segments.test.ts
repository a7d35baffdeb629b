import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";

import { chunkKey, fenceKey, indexKey } from "../../../src/audit/log/keys.js";
import { openClassicLog } from "../../../src/audit/log/raw.js";
import { unseal } from "../../../src/audit/log/seal.js";
import { Segments } from "../../../src/audit/log/segments.js";
import { inFolder } from "../../support/folder.js";
import { checkEntry, inThisThread, openLog } from "../logs.js";
import { openWith } from "./open-with.js";

describe("segments of the decision log's index", () => {
  it("leave no rows once they do not count, wherever a crash came between", () =>
    inFolder(async (folder) => {
      const copies: string[] = [];
      let copy = (): void => undefined;
      const log = await openLog(join(folder, "log"), { connect: inThisThread(openWith(async () => copy())) });
      copy = () => {
        const target = join(folder, `copy-${copies.length}`);
        cpSync(join(folder, "log"), target, { recursive: true });
        copies.push(target);
      };
      for (let recorded = 0; recorded < 160; recorded += 20) {
        for (let i = 0; i < 20; i++) void log.record(checkEntry(recorded + i), false);
        await log.flush();
      }
      copy = () => undefined;
      await log.close();
      let left = 0;
      for (const each of copies) {
        const before = await strayRows(each);
        left += before;
        const again = await openLog(each, { connect: inThisThread() });
        await again.close();
        assert.equal(await strayRows(each), 0, each);
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
