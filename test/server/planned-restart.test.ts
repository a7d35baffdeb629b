import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Hold } from "../../src/client/guard/hold.js";
import { remove } from "../../src/client/references.js";
import { connect } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import { parseTuple } from "../../src/model/tuple-text.js";
import { serve } from "../../src/server/server.js";
import { inFolder } from "../support/folder.js";

const schema = `
  definition user {}
  definition group { relation member: user }
  definition node { relation operator: group#member
    permission restart = operator
  }`;
const nodes = 100;
const holds = 2_000;
const leaseMs = 10_000;

async function start(folder: string, address: string): Promise<{ readonly address: string; readonly database: Database; stop(): Promise<void> }> {
  const database = await Database.open(folder);
  const server = await serve(database, { address, onError: (error) => assert.fail(error) });
  return {
    address: server.address,
    database,
    stop: async () => {
      await server.close(2_000);
      await database.close();
    },
  };
}

describe("a server that is restarted as planned on its folder and port", function () {
  this.timeout(60_000);

  it("has no request denied of what its guards hold meanwhile, and takes permissions away as before", async () => {
    await inFolder(async (folder) => {
      const data = join(folder, "data");
      let server = await start(data, "127.0.0.1:0");
      await server.database.writeSchema({ text: schema }, {});
      const tuples = ["group:ops#member@user:ana", ...Array.from({ length: nodes }, (_, at) => `node:n${at}#operator@group:ops#member`), ...Array.from({ length: holds / nodes }, (_, at) => `group:ops#member@user:u${at}`)];
      await server.database.writeTuples({ operations: tuples.map((text) => ({ kind: "touch" as const, tuple: parseTuple(text) })) }, {});
      const client = await connect(server.address);
      const guard = client.guard({ leaseMs });
      try {
        const held: Hold[] = [];
        for (let at = 0; at < nodes; at++) held.push(...(await Promise.all(Array.from({ length: holds / nodes }, (_, who) => guard.hold(`node:n${at}`, "restart", `user:u${who}`)))));
        const aborted = held.filter(({ signal }) => signal.aborted).length;
        assert.deepEqual([held.length, aborted], [holds, 0]);

        let [ended, requests, denied] = [false, 0, 0];
        const asking = (async () => {
          while (!ended) {
            for (const hold of held) {
              requests++;
              if (!hold.allowed) denied++;
            }
            await sleep(10);
          }
        })();
        const back = new Promise<void>((resolve) => guard.once("disconnected", () => guard.once("connected", () => resolve())));
        const { address } = server;
        await server.stop();
        server = await start(data, address);
        await back;
        await guard.ready();
        // Past the lease that the server of before gave last: what is held now is held of the one that is there.
        await sleep(leaseMs + 500);
        ended = true;
        await asking;
        assert.equal(denied, 0, `${denied} of ${requests} requests were denied`);
        assert.deepEqual(held.filter(({ signal }) => signal.aborted).length, 0);
        const { enforcement } = await client.write([remove("group:ops#member@user:u7")], { awaitEnforcementMs: 10_000 });
        assert.deepEqual([enforcement?.affected, enforcement?.acknowledged, enforcement?.pending], [1, 1, 0]);
        assert.deepEqual([held.filter(({ allowed }) => !allowed).length, held[7]?.allowed, held[8]?.allowed], [nodes, false, true]);
      } finally {
        guard.close();
        await client.close();
        await server.stop();
      }
    });
  });
});
