import assert from "node:assert/strict";
import { writeFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../../src/base/limits.js";
import { openLeaseFile } from "../../src/database/lease-file.js";
import { inFolder } from "../support/folder.js";
import { hold, live } from "./live.js";

const schema = `
  definition user {}
  definition doc {
    relation viewer: user
    permission view = viewer
  }`;
const ana = "doc:1#view@user:ana";

describe("leases", () => {
  it("come with the answer to a ping alone", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"]);
    const point = world.point();
    point.hold(hold(1, ana));
    await point.ping();
    world.remove("doc:1#viewer@user:ana");
    await world.enforced(5_000);
    await point.ping();
    const checkpoints = point.messages.filter((message) => message.kind === "checkpoint");
    assert.ok(checkpoints.some(({ nonce }) => nonce === undefined), "one was owed");
    for (const { nonce, leaseMs } of checkpoints) assert.equal(nonce === undefined, leaseMs === undefined);
    const nonces = checkpoints.flatMap(({ nonce }) => nonce ?? []);
    assert.equal(new Set(nonces).size, nonces.length, "each nonce is answered once");
  });

  it("are not let go by an acknowledgement of what came before the commit", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"]);
    const point = world.point();
    point.hold(hold(1, ana));
    const { zookie } = await point.ping();
    point.silent = true;
    world.remove("doc:1#viewer@user:ana");
    await sleep(20);
    point.send({ kind: "acknowledge", zookie });
    await sleep(20);
    assert.equal((await world.enforced(0)).pending, 1);
    point.send({ kind: "acknowledge", zookie: String(world.store.head.revision) });
    await sleep(20);
    assert.equal((await world.enforced(0)).acknowledged, 1);
  });

  it("are on record, the longest of them, before anybody has them", async () => {
    const record: number[] = [];
    const world = live(schema, [], { leases: { maxMs: 5_000, raise: async (ms) => void record.push(ms) } });
    await world.point({ leaseMs: 5_000 }).ping();
    assert.deepEqual(record, []);
    await world.point({ leaseMs: 20_000 }).ping();
    await world.point({ leaseMs: 10_000 }).ping();
    assert.deepEqual(record, [20_000]);
    const failing = live(schema, [], { leases: { maxMs: 0, raise: async () => Promise.reject(new Error("the disk")) } }).point();
    await failing.done;
    assert.deepEqual(failing.messages, []);
  });

  it("are kept in a file, and one that is damaged is taken for the longest", async () => {
    await inFolder(async (folder) => {
      const record = await openLeaseFile(folder);
      assert.equal(record.maxMs, 0);
      await record.raise(7_000);
      await record.raise(3_000);
      assert.equal(record.maxMs, 7_000);
      assert.equal((await openLeaseFile(folder)).maxMs, 7_000);
      const path = join(folder, "leases.json");
      const whole = await readFile(path, "utf8");
      for (const text of ["", whole.slice(0, -3), "[]", "null", '{"leaseMsMax":-1}', '{"leaseMsMax":1e12}', '{"leaseMsMax":"x"}']) {
        await writeFile(path, text);
        assert.equal((await openLeaseFile(folder)).maxMs, limits.leaseMsMax, text);
      }
    });
  });
});
