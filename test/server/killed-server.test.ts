import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Guard } from "../../src/client/guard/guard.js";
import { remove, touch } from "../../src/client/references.js";
import { connect, type Usher } from "../../src/client/usher.js";
import { ServerProcess } from "../cli/server-process.js";
import { inFolder } from "../support/folder.js";
import { proxyTo, type Proxy } from "../support/proxy.js";

const schema = `
  definition user {}
  definition node { relation operator: user
    permission restart = operator
  }`;
const leaseMs = 1_000;
const ana = "node:n1#operator@user:ana";

interface Site {
  readonly server: ServerProcess;
  /** Past the network in between. */
  readonly admin: () => Promise<Usher>;
  readonly proxy: Proxy;
  readonly guard: Guard;
}

/** A server in a process of its own, and a guard that reaches it over a network that can be kept back. */
async function onSite(body: (site: Site) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const server = new ServerProcess(join(folder, "data"));
    await server.start();
    const clients: Usher[] = [];
    const admin = async () => {
      const usher = await connect(server.address);
      clients.push(usher);
      return usher;
    };
    const proxy = await proxyTo(server.address);
    const client = await connect(proxy.address);
    clients.push(client);
    try {
      const usher = await admin();
      await usher.writeSchema(schema);
      await usher.write([touch(ana)]);
      const guard = client.guard({ leaseMs });
      await body({ server, admin, proxy, guard });
      guard.close();
    } finally {
      for (const each of clients) await each.close();
      await proxy.close();
      await server.stop();
    }
  });
}

const heard = (guard: Guard, event: "connected" | "disconnected" | "lapsed") => new Promise<void>((resolve) => guard.once(event, () => resolve()));

describe("a server that is killed and started again on its folder and port", function () {
  this.timeout(60_000);

  it("leaves its guards denying when their leases end, and allowing when it is back", async () => {
    await onSite(async ({ server, admin, guard }) => {
      const hold = await guard.hold("node:n1", "restart", "user:ana");
      const { signal } = hold;
      const lapsed = heard(guard, "lapsed");
      await server.stop();
      await lapsed;
      assert.deepEqual([hold.allowed, hold.reason, signal.aborted, guard.isReady], [false, "lapsed", true, false]);
      await assert.rejects(guard.can("node:n1", "restart", "user:ana", { timeoutMs: 100 }), ({ code }) => code === "deadline_exceeded" || code === "server_unreachable");
      await server.start();
      assert.equal(await guard.can("node:n1", "restart", "user:ana", { timeoutMs: 20_000 }), true);
      assert.equal(hold.allowed, true);
      const { enforcement } = await (await admin()).write([remove(ana)], { awaitEnforcementMs: 10_000 });
      assert.deepEqual(enforcement, { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
      assert.deepEqual([hold.allowed, hold.reason], [false, "revoked"]);
    });
  });

  it("counts the leases of its run before as one that is pending, and tells a guard that comes late of what it has missed", async () => {
    await onSite(async ({ server, admin, proxy, guard }) => {
      const hold = await guard.hold("node:n1", "restart", "user:ana");
      const { signal } = hold;
      const gone = heard(guard, "disconnected");
      await server.stop();
      await gone;
      proxy.freeze();
      await server.start();
      const usher = await admin();
      const soon = await usher.write([remove(ana)], { awaitEnforcementMs: 1 });
      assert.deepEqual(soon.enforcement, { affected: 1, acknowledged: 0, lapsed: 0, pending: 1 }, "nobody is connected, and somebody may honour it");
      await usher.write([touch(ana)]);
      const { enforcement } = await usher.write([remove(ana)], { awaitEnforcementMs: 10_000 });
      assert.deepEqual(enforcement, { affected: 0, acknowledged: 0, lapsed: 0, pending: 0 });
      assert.deepEqual([hold.allowed, signal.aborted], [false, true], "when the writer is answered, nobody honours it any more");
      proxy.thaw();
      await guard.ready({ timeoutMs: 20_000 });
      assert.equal(await guard.can("node:n1", "restart", "user:ana"), false);
      assert.deepEqual([hold.allowed, hold.reason], [false, "revoked"]);
      await usher.write([touch(ana)], { awaitEnforcementMs: 1_000 });
      while (!hold.allowed) await sleep(5);
    });
  });

  it("misses no flip, killed again and again", async () => {
    await onSite(async ({ server, admin, guard }) => {
      const hold = await guard.hold("node:n1", "restart", "user:ana");
      for (let round = 0; round < 4; round++) {
        const gone = round % 2 === 0;
        await server.stop();
        await server.start();
        const { enforcement } = await (await admin()).write([gone ? remove(ana) : touch(ana)], { awaitEnforcementMs: 10_000 });
        if (gone) assert.deepEqual([enforcement?.pending, hold.allowed], [0, false], `round ${round}`);
        await guard.ready({ timeoutMs: 20_000 });
        while (hold.allowed === gone) await sleep(5);
      }
    });
  });
});
