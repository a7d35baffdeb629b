import assert from "node:assert/strict";
import { join } from "node:path";

import { UsherError } from "../../../src/base/errors.js";
import { logKey } from "../../../src/storage/level/keys.js";
import { levelFolder } from "../../../src/storage/level/marker.js";
import { putMeta } from "../../../src/storage/level/meta.js";
import { openClassicLevel, type RawOperation } from "../../../src/storage/level/raw.js";
import { decodeRecord, encodeRecord, noHash } from "../../../src/storage/level/record.js";
import { openLevelStore } from "../../../src/storage/level/store.js";
import { inFolder } from "../../support/folder.js";
import { touchWrite } from "./checks.js";

/** Writes four commits, changes what stands in LevelDB as no damage of a file would, and opens the store again with nothing verified yet. */
async function reopened(change: (records: readonly Buffer[]) => RawOperation[]): Promise<void> {
  await inFolder(async (parent) => {
    const folder = join(parent, "data");
    const store = await openLevelStore(folder);
    for (const user of ["ana", "ben", "cyd", "dan"]) await store.commit(touchWrite([`user:${user}`]));
    await store.close();
    const raw = await openClassicLevel(levelFolder(folder), { create: false });
    const records = (await raw.getMany([1, 2, 3, 4].map(logKey), raw.snapshot())) as Buffer[];
    await raw.batch([putMeta("mark", { revision: 0, instant: 0, hash: noHash.toString("hex") }), ...change(records)], { sync: true });
    await raw.close();
    await (await openLevelStore(folder)).close();
  });
}

function refused(why: RegExp, change: (records: readonly Buffer[]) => RawOperation[]): Promise<void> {
  return assert.rejects(reopened(change), (error) => error instanceof UsherError && error.code === "store_corrupt" && why.test(error.message));
}

describe("the chain of commits", () => {
  it("is verified from the mark when a store is opened, and holds", async () => {
    await reopened(() => []);
  });

  it("does not hold where a commit is missing, be it the first, one between, or the last", async () => {
    for (const revision of [1, 2, 4]) await refused(new RegExp(`revision ${revision} is missing`), () => [{ type: "del", key: logKey(revision) }]);
  });

  it("does not hold where a commit is another one than was made, though its own record is sound", async () => {
    await refused(/does not follow/, (records) => {
      const { commit, previous } = decodeRecord(2, logKey(2), records[1] as Buffer);
      const { key, value } = encodeRecord({ ...commit, metadata: { reason: "forged" } }, previous);
      return [{ type: "put", key, value }];
    });
  });

  it("does not hold where a row stands under the key of another", async () => {
    await refused(/checksum|damaged/, (records) => [{ type: "put", key: logKey(2), value: records[2] as Buffer }]);
  });
});
