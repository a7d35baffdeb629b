import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { UsherError } from "../../src/base/errors.js";
import { remove, touch } from "../../src/client/references.js";
import { connect, Usher } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import { serve, type Server } from "../../src/server/server.js";
import { inFolder } from "../support/folder.js";
import { proxyTo, type Proxy } from "../support/proxy.js";

const schema = `
  definition user {}
  definition team { relation member: user }
  definition node { relation operator: user | team#member
    permission restart = operator
  }`;
const leaseMs = 1_000;

interface Site {
  readonly database: Database;
  readonly admin: Usher;
  readonly proxy: Proxy;
  readonly client: Usher;
  /** Ends the server, and starts another over the same database. */
  readonly restart: () => Promise<void>;
}

/** A server over a database, a network in between, and a client behind it. */
async function onSite(body: (site: Site) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const start = (of: Database) => serve(of, { address: "127.0.0.1:0", onError: (error) => assert.fail(String(error)) });
    const database = await Database.open(folder);
    let server: Server = await start(database);
    const proxy = await proxyTo(server.address);
    const client = await connect(proxy.address);
    const admin = new Usher(database);
    try {
      await admin.writeSchema(schema);
      await admin.write([touch("team:sre#member@user:ana"), touch("node:n1#operator@team:sre#member"), touch("node:n2#operator@user:ana")]);
      const restart = async () => {
        await server.close(0);
        server = await start(database);
        proxy.to(server.address);
      };
      await body({ database, admin, proxy, client, restart });
    } finally {
      await client.close();
      await proxy.close();
      await server.close(0);
      await database.close();
    }
  });
}

describe("enforcement over the wire", function () {
  this.timeout(30_000);

  it("ends what is held before the writer is answered", async () => {
    await onSite(async ({ admin, client }) => {
      const guard = client.guard({ leaseMs });
      await guard.ready();
      const hold = await guard.hold("node:n1", "restart", "user:ana");
      let aborted: unknown;
      hold.signal.addEventListener("abort", () => {
        aborted = hold.signal.reason;
      });
      assert.equal(hold.allowed, true);
      const { enforcement } = await admin.write([remove("team:sre#member@user:ana")], { metadata: { reason: "offboarded" }, awaitEnforcementMs: 5_000 });
      assert.deepEqual(enforcement, { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
      assert.equal(hold.allowed, false);
      assert.ok(aborted instanceof UsherError && aborted.code === "permission_denied");
      await assert.rejects(guard.hold("node:n1", "restart", "user:ana"), { code: "permission_denied" });
      assert.equal(await guard.can("node:n2", "restart", "user:ana"), true, "and nothing else");
    });
  });

  it("denies once nothing has been heard for a lease, is counted as lapsed and never as enforced, and believes nothing that was kept back", async () => {
    await onSite(async ({ admin, client, proxy }) => {
      const guard = client.guard({ leaseMs });
      const hold = await guard.hold("node:n1", "restart", "user:ana");
      proxy.freeze();
      const { enforcement } = await admin.write([remove("team:sre#member@user:ana")], { awaitEnforcementMs: 10_000 });
      assert.deepEqual(enforcement, { affected: 1, acknowledged: 0, lapsed: 1, pending: 0 });
      assert.equal(hold.allowed, false, "when the writer is answered, nobody honours it any more");
      await admin.write([touch("team:sre#member@user:ana")]);
      await sleep(200);
      assert.equal(hold.allowed, false);
      proxy.thaw();
      while (!hold.allowed) await sleep(5);
      assert.equal(await guard.can("node:n1", "restart", "user:ana"), true);
      await admin.write([remove("team:sre#member@user:ana")], { awaitEnforcementMs: 5_000 });
      assert.equal(hold.allowed, false);
    });
  });

  it("misses no flip over a connection that is cut again and again", async () => {
    await onSite(async ({ admin, client, proxy }) => {
      const guard = client.guard({ leaseMs });
      const hold = await guard.hold("node:n1", "restart", "user:ana");
      for (let round = 0; round < 12; round++) {
        await sleep(Math.random() * 40);
        if (round % 3 !== 2) proxy.cut();
        const gone = round % 2 === 0;
        const { enforcement } = await admin.write([gone ? remove("team:sre#member@user:ana") : touch("team:sre#member@user:ana")], { awaitEnforcementMs: 8_000 });
        if (!gone) continue;
        assert.equal(enforcement?.pending, 0);
        assert.equal(hold.allowed, false, `round ${round}`);
      }
      await admin.write([touch("team:sre#member@user:ana")]);
      while (!hold.allowed) await sleep(5);
    });
  });

  it("denies no request wrongly while the server is restarted within a lease", async () => {
    await onSite(async ({ client, restart }) => {
      const guard = client.guard({ leaseMs: 5_000 });
      const hold = await guard.hold("node:n1", "restart", "user:ana");
      let denied = 0;
      let asked = 0;
      const asking = setInterval(() => {
        asked++;
        if (!hold.allowed) denied++;
      }, 2);
      const connected = new Promise((resolve) => guard.once("connected", () => resolve(undefined)));
      await restart();
      await connected;
      await sleep(100);
      clearInterval(asking);
      assert.ok(asked > 20);
      assert.equal(denied, 0);
      assert.equal(hold.signal.aborted, false);
    });
  });
});
