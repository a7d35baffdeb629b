import assert from "node:assert/strict";
import { join } from "node:path";

import { open, restore, touch, UsherError, type WatchEvent } from "../../src/index.js";
import { inFolder } from "../support/folder.js";
import { sharedFile, sharedFolder } from "../support/shared.js";

const schema = "definition user {}\ndefinition document {\n  relation viewer: user\n  permission view = viewer\n}";

async function refused(action: () => Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(action, (error) => error instanceof UsherError && error.code === code);
}

/** Every tuple, in the order of the store: the same bytes mean the same tuples. */
async function exported(usher: Awaited<ReturnType<typeof open>>): Promise<string> {
  const lines: string[] = [];
  for await (const tuple of usher.read()) lines.push(JSON.stringify(tuple));
  return lines.join("\n");
}

describe("backing up and restoring a database", function () {
  this.timeout(240_000);

  it("keeps zookies, cursors and watches up to the fork, and ends those above it", () =>
    inFolder(async (root) => {
      const before = await open(join(root, "a"), { horizonMs: Number.POSITIVE_INFINITY });
      await before.writeSchema(schema);
      const kept = await before.write(["ana", "bo", "cy"].map((user) => touch(`document:1#viewer@user:${user}`)));
      const { cursor: keptCursor } = await before.readPage({}, { pageSize: 1 });
      assert((await before.backup(join(root, "file"))) > 0);
      const lost = await before.write([touch("document:1#viewer@user:mallory")]);
      const { cursor: lostCursor } = await before.readPage({}, { pageSize: 1 });
      assert.equal(await before.can("document:1", "view", "user:mallory", { consistency: { kind: "exact", zookie: lost.zookie } }), true);
      await before.close();

      await restore(join(root, "b"), [join(root, "file")]);
      await refused(() => restore(join(root, "b"), [join(root, "file")]), "store_exists");
      const usher = await open(join(root, "b"), { horizonMs: Number.POSITIVE_INFINITY });
      const next = await usher.write([touch("document:1#viewer@user:dee"), touch("document:1#viewer@user:eve")]);
      const at = (zookie: string) => ({ consistency: { kind: "exact", zookie } as const });
      assert.equal(await usher.can("document:1", "view", "user:ana", at(kept.zookie)), true);
      assert.equal(await usher.can("document:1", "view", "user:dee", at(kept.zookie)), false);
      assert.equal(await usher.can("document:1", "view", "user:dee", at(next.zookie)), true);
      await refused(() => usher.can("document:1", "view", "user:ana", at(lost.zookie)), "zookie_of_lost_timeline");
      await refused(() => usher.can("document:1", "view", "user:ana", { consistency: { kind: "atLeast", zookie: lost.zookie } }), "zookie_of_lost_timeline");

      assert(keptCursor !== undefined && lostCursor !== undefined);
      assert.equal((await usher.readPage({}, { cursor: keptCursor })).tuples.length, 2, "the page goes on at its own snapshot, before the fork");
      await refused(() => usher.readPage({}, { cursor: lostCursor }), "zookie_of_lost_timeline");

      const events: WatchEvent[] = [];
      for await (const event of usher.watch({ after: kept.zookie })) {
        events.push(event);
        break;
      }
      assert.equal(events[0]?.kind === "commit" ? events[0].zookie : "", next.zookie, "a watch resumes over the fork, with what is there after it");
      await refused(async () => { for await (const _ of usher.watch({ after: lost.zookie })) return; }, "zookie_of_lost_timeline");

      await refused(async () => usher.backup(join(root, "late"), { since: lost.zookie }), "zookie_of_lost_timeline");
      await refused(async () => usher.backup(join(root, "missing", "file")), "invalid_file");
      await usher.backup(join(root, "increment"), { since: kept.zookie });
      await usher.close();
      await restore(join(root, "c"), [join(root, "file"), join(root, "increment")]);
      const again = await open(join(root, "c"));
      assert.equal(await again.can("document:1", "view", "user:eve", { consistency: { kind: "atLeast", zookie: next.zookie } }), true);
      await again.close();
    }));

  it("gives the Kubernetes organisation back with the same bytes and the same answers", async function () {
    if (sharedFolder("data", "kubernetes-org") === undefined) return this.skip();
    const file = (name: string) => sharedFile("data", "kubernetes-org", name);
    const tuples = file("tuples.txt").split("\n").filter((line) => line.trim() !== "" && !line.startsWith("//"));
    const [, ...checks] = file("checks.tsv").trim().split("\n").map((line) => line.split("\t"));
    await inFolder(async (root) => {
      const before = await open(join(root, "a"));
      await before.writeSchema(file("schema.zed"));
      for (let i = 0; i < tuples.length; i += 1_000) await before.write(tuples.slice(i, i + 1_000).map(touch));
      const [bytes, { text }] = [await exported(before), await before.readSchema()];
      assert.equal(bytes.split("\n").length, new Set(tuples).size);
      await before.backup(join(root, "file"));
      await before.close();
      await restore(join(root, "b"), [join(root, "file")]);
      const after = await open(join(root, "b"));
      assert.equal(await exported(after), bytes);
      assert.equal((await after.readSchema()).text, text);
      assert(checks.length > 0);
      for (const [object = "", permission = "", subject = "", expected = ""] of checks) {
        const { allowed } = await after.check(object, permission, subject);
        assert.equal(String(allowed), expected, `${object} ${permission} ${subject}: ${expected}`);
      }
      await after.close();
    });
  });
});
