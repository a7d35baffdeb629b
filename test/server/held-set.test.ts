import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { remove, touch } from "../../src/client/references.js";
import type { SetChange } from "../../src/client/guard/held-set.js";
import { connect, Usher } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import { serve } from "../../src/server/server.js";
import { inFolder } from "../support/folder.js";
import { proxyTo, type Proxy } from "../support/proxy.js";

const schema = `
  definition user {}
  definition team { relation member: user }
  definition node { relation operator: user | user:* | team#member
    relation banned: user
    permission restart = operator - banned
  }`;

async function onSite(body: (site: { readonly admin: Usher; readonly client: Usher; readonly proxy: Proxy }) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const database = await Database.open(folder);
    const server = await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(String(error)) });
    const proxy = await proxyTo(server.address);
    const client = await connect(proxy.address);
    const admin = new Usher(database);
    try {
      await admin.writeSchema(schema);
      await admin.write([touch("team:sre#member@user:ana"), touch("node:n1#operator@team:sre#member"), touch("node:n2#operator@user:ana")]);
      await body({ admin, client, proxy });
    } finally {
      await client.close();
      await proxy.close();
      await server.close(0);
      await database.close();
    }
  });
}

describe("a held set", function () {
  this.timeout(30_000);

  for (const where of ["over the wire", "embedded"] as const) {
    it(`is kept true ${where}, and the writer is told of what it took from it`, async () => {
      await onSite(async ({ admin, client }) => {
        const guard = (where === "embedded" ? admin : client).guard();
        const nodes = await guard.holdObjects("node", "restart", "user:ana");
        const people = await guard.holdSubjects("node:n1", "restart", "user");
        assert.deepEqual([nodes.ids().sort(), people.ids()], [["n1", "n2"], ["ana"]]);
        const added = once(people, "added") as Promise<[SetChange]>;
        await admin.write([touch("team:sre#member@user:bo")], { metadata: { reason: "hired" } });
        const [{ id, cause }] = await added;
        assert.deepEqual([id, cause?.kind, cause?.metadata, people.has("bo")], ["bo", "tuple", { reason: "hired" }, true]);
        const { enforcement } = await admin.write([remove("team:sre#member@user:ana")], { awaitEnforcementMs: 5_000 });
        assert.deepEqual(enforcement, { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
        assert.deepEqual([nodes.ids(), people.ids(), people.has("ana")], [["n2"], ["bo"], false]);
        const banned = await admin.write([touch("node:n1#operator@user:*"), touch("node:n1#banned@user:eve")], { awaitEnforcementMs: 5_000 });
        assert.equal(banned.enforcement?.pending, 0);
        while (!people.has("zoe")) await sleep(5);
        assert.equal(people.has("eve"), false);
        const mallory = await admin.write([touch("node:n1#banned@user:mallory")], { awaitEnforcementMs: 5_000 });
        assert.deepEqual([mallory.enforcement, people.has("mallory"), people.has("zoe")], [{ affected: 1, acknowledged: 1, lapsed: 0, pending: 0 }, false, true]);
        nodes.release();
        assert.deepEqual(nodes.ids(), []);
        guard.close();
      });
    });
  }

  it("is right again after the network was gone, and denies meanwhile", async () => {
    await onSite(async ({ admin, client, proxy }) => {
      const guard = client.guard({ leaseMs: 1_000 });
      const nodes = await guard.holdObjects("node", "restart", "user:ana");
      proxy.freeze();
      await once(guard, "lapsed");
      assert.deepEqual([nodes.has("n1"), nodes.ids(), nodes.reason], [false, [], "lapsed"]);
      await admin.write([remove("node:n2#operator@user:ana"), touch("node:n3#operator@user:ana")]);
      proxy.cut();
      proxy.thaw();
      while (nodes.reason !== undefined) await sleep(10);
      assert.deepEqual(nodes.ids().sort(), ["n1", "n3"]);
      guard.close();
    });
  });
});
