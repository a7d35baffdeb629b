import assert from "node:assert/strict";
import { join } from "node:path";

import { open, restore, type Usher } from "../../src/index.js";
import { inFolder } from "../support/folder.js";
import { findingsOf } from "../storage/level/backup/files.js";

const schema = "definition user {}\ndefinition document {\n  relation viewer: user\n  permission view = viewer\n}";
const count = 30_000;

const lines = Array.from({ length: count }, (_, i) => `document:${i % 100}#viewer@user:u${i}`);

async function countOf(usher: Usher): Promise<number> {
  let found = 0;
  for await (const _ of usher.read({}, { pageSize: 1_000 })) found++;
  return found;
}

describe("backups while tuples are imported", function () {
  this.timeout(240_000);

  it("restore to stores that agree with themselves, full or by increments, and in which the import goes on or was never begun", () =>
    inFolder(async (root) => {
      const usher = await open(join(root, "store"), { horizonMs: Number.POSITIVE_INFINITY });
      const { zookie } = await usher.writeSchema(schema);
      await usher.backup(join(root, "base"));
      let importing = true;
      const imported = usher.importTuples(lines, { importId: "load" }).finally(() => (importing = false));
      const chains: string[][] = [];
      for (let i = 0; importing || i < 2; i++) {
        const [full, increment] = [join(root, `full${i}`), join(root, `increment${i}`)];
        await usher.backup(full);
        await usher.backup(increment, { since: zookie });
        chains.push([full], [join(root, "base"), increment]);
      }
      const outcome = await imported;
      await usher.backup(join(root, "last"), { since: zookie });
      chains.push([join(root, "base"), join(root, "last")]);
      await usher.close();
      for (const [i, files] of chains.entries()) {
        const folder = join(root, `restored${i}`);
        await restore(folder, files);
        assert.deepEqual(await findingsOf(folder), {});
        const restored = await open(folder, { horizonMs: Number.POSITIVE_INFINITY });
        const again = await restored.importTuples(lines, { importId: "load" });
        assert.equal(await countOf(restored), count);
        if (i === chains.length - 1) assert.deepEqual([again.imported, again.changed, again.chunks], [outcome.imported, outcome.changed, outcome.chunks], "its outcome came along");
        await restored.close();
        assert.deepEqual(await findingsOf(folder), {});
      }
    }));
});
