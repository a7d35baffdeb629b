import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { remove, touch } from "../../src/client/references.js";
import { Usher } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import { serve } from "../../src/server/server.js";
import { inFolder } from "../support/folder.js";
import { PointProcess } from "./point-process.js";

const schema = `
  definition user {}
  definition node { relation operator: user
    permission restart = operator
  }`;
const leaseMs = 1_000;
const ana = "node:n1#operator@user:ana";

/** A server, and an enforcement point in a process of its own that holds `node:n1#restart@user:ana`, allowed. */
async function withPoint(body: (admin: Usher, point: PointProcess) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const database = await Database.open(folder);
    const server = await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(String(error)) });
    const admin = new Usher(database);
    await admin.writeSchema(schema);
    await admin.write([touch(ana)]);
    const point = new PointProcess(server.address, leaseMs, ["node:n1", "restart", "user:ana"]);
    try {
      assert.deepEqual((await point.said("held")).held, { allowed: true });
      await body(admin, point);
    } finally {
      await point.end();
      await server.close(0);
      await database.close();
    }
  });
}

async function untilAllowed(point: PointProcess): Promise<void> {
  while (!(await point.ask("now", "now")).now.allowed) await sleep(5);
}

describe("an enforcement point whose process is stopped", function () {
  this.timeout(30_000);

  it("is pending at a deadline within its lease, lapses at its end, and reads no ALLOW when it goes on", async () => {
    await withPoint(async (admin, point) => {
      assert.deepEqual((await point.ask("doze", "dozing")).dozing, { allowed: true });
      point.signal("SIGSTOP");
      const soon = await admin.write([remove(ana)], { awaitEnforcementMs: 100 });
      assert.deepEqual(soon.enforcement, { affected: 1, acknowledged: 0, lapsed: 0, pending: 1 });
      await admin.write([touch(ana)]);
      const { enforcement } = await admin.write([remove(ana)], { awaitEnforcementMs: 10_000 });
      const answeredAt = Date.now();
      assert.deepEqual(enforcement, { affected: 1, acknowledged: 0, lapsed: 1, pending: 0 }, "it was stopped: it has acknowledged nothing");
      point.signal("SIGCONT");
      assert.deepEqual((await point.said("woken")).woken, { allowed: false, reason: "lapsed" }, "the first read, before anything was heard");
      const { allowedAt = Infinity, now, reads = 0 } = await point.ask("now", "now");
      assert.equal(now.allowed, false);
      assert.ok(allowedAt < answeredAt && reads > 1);
    });
  });

  it("believes nothing that waited for it in its socket, and is back when its permission is", async () => {
    await withPoint(async (admin, point) => {
      point.signal("SIGSTOP");
      const { enforcement } = await admin.write([remove(ana)], { awaitEnforcementMs: 10_000 });
      const answeredAt = Date.now();
      assert.deepEqual(enforcement, { affected: 1, acknowledged: 0, lapsed: 1, pending: 0 });
      point.signal("SIGCONT");
      // Its event loop runs: what lay in its socket is heard, in whatever order with its reads.
      const { aborted } = await point.said("aborted").finally(() => sleep(200));
      assert.ok(aborted === "lease_lapsed" || aborted === "permission_denied", aborted);
      const { now, allowedAt = Infinity } = await point.ask("now", "now");
      assert.deepEqual([now.allowed, allowedAt < answeredAt], [false, true]);
      await admin.write([touch(ana)]);
      await untilAllowed(point);
      const again = await admin.write([remove(ana)], { awaitEnforcementMs: 10_000 });
      assert.deepEqual(again.enforcement, { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 }, "it runs: it acknowledges");
    });
  });

  it("goes on as if nothing had been, where it was stopped within its lease and nothing was revoked", async () => {
    await withPoint(async (admin, point) => {
      await point.ask("doze", "dozing");
      point.signal("SIGSTOP");
      await sleep(450);
      point.signal("SIGCONT");
      // How long the machine took is not ours to say: what is read is true either way.
      const { woken } = await point.said("woken");
      assert.ok(woken.allowed || woken.reason === "lapsed", JSON.stringify(woken));
      await untilAllowed(point);
      const { enforcement } = await admin.write([remove(ana)], { awaitEnforcementMs: 10_000 });
      assert.equal(enforcement?.pending, 0);
      assert.equal((await point.ask("now", "now")).now.allowed, false);
    });
  });
});
