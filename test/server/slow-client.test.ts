import assert from "node:assert/strict";
import { limits } from "../../src/base/limits.js";
import { remove, touch } from "../../src/client/references.js";
import { Remote } from "../../src/client/remote.js";
import { Usher } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import type { LiveRequest, LiveResponse } from "../../src/model/live.js";
import { serve } from "../../src/server/server.js";
import { inFolder } from "../support/folder.js";

const schema = `
  definition user {}
  definition team { relation member: user }
  definition node { relation operator: team#member
    permission restart = operator
  }`;
const holds = 4_000;
const rounds = 60;
const member = "team:sre#member@user:ana";

/** A client that says what it is told to, and reads when it is told to. */
class SlowClient {
  readonly states = new Map<number, boolean>();
  flips = 0;
  readonly #outgoing: LiveRequest[] = [];
  readonly #responses: AsyncIterator<LiveResponse, void>;
  #wake: () => void = () => undefined;

  constructor(remote: Remote, signal: AbortSignal) {
    this.#responses = remote.live(this.#requests(), { signal });
  }

  say(...requests: LiveRequest[]): void {
    this.#outgoing.push(...requests);
    this.#wake();
  }

  /** Reads, and acknowledges, up to the checkpoint that carries the nonce. */
  async readTo(nonce: string): Promise<void> {
    for (;;) {
      const next = await this.#responses.next();
      if (next.done === true) throw new Error("the stream has ended");
      const message = next.value;
      if (message.kind === "states") for (const { id, allowed } of message.states) this.states.set(id, allowed);
      if (message.kind === "flips") {
        this.flips += message.flips.length;
        for (const { id, allowed } of message.flips) this.states.set(id, allowed);
      }
      if (message.kind !== "checkpoint") continue;
      this.say({ kind: "acknowledge", zookie: message.zookie });
      if (message.nonce === nonce) return;
    }
  }

  async *#requests(): AsyncGenerator<LiveRequest, void> {
    for (;;) {
      const next = this.#outgoing.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

describe("a client that keeps its connection and does not read", function () {
  this.timeout(60_000);

  it("is told of what stands when it reads again, and of no more than the network held meanwhile; its lease has lapsed", async () => {
    await inFolder(async (folder) => {
      const database = await Database.open(folder);
      const server = await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(String(error)) });
      const remote = new Remote(server.address);
      const leaving = new AbortController();
      try {
        const admin = new Usher(database);
        await admin.writeSchema(schema);
        const nodes = Array.from({ length: holds }, (_, i) => touch(`node:${i}#operator@team:sre#member`));
        for (let i = 0; i < holds; i += limits.operationsPerWriteMax) await admin.write(nodes.slice(i, i + limits.operationsPerWriteMax));
        await admin.write([touch(member)]);
        const client = new SlowClient(remote, leaving.signal);
        const claims = nodes.map((_, i) => ({ id: i + 1, object: { type: "node", id: String(i) }, permission: "restart", subject: { type: "user", id: "ana", relation: "" } }));
        client.say({ kind: "open", leaseMs: limits.leaseMsMin }, { kind: "hold", holds: claims }, { kind: "ping", nonce: "first" });
        await client.readTo("first");
        assert.deepEqual([client.states.size, [...client.states.values()].every(Boolean)], [holds, true]);

        const lapsed = await admin.write([remove(member)], { awaitEnforcementMs: 10_000 });
        assert.deepEqual(lapsed.enforcement, { affected: 1, acknowledged: 0, lapsed: 1, pending: 0 });
        for (let round = 1; round < rounds; round++) {
          // A moment, so that each could be told.
          await admin.write([round % 2 === 0 ? remove(member) : touch(member)]);
          await new Promise((resolve) => setTimeout(resolve, 15));
        }
        await admin.write([remove(member)]);

        client.say({ kind: "ping", nonce: "second" });
        await client.readTo("second");
        assert.deepEqual([client.states.size, [...client.states.values()].some(Boolean)], [holds, false], "none is missed, and none that was kept back is the last");
        assert.ok(client.flips < (rounds * holds) / 2, `${client.flips} flips of ${rounds * holds} were sent: those that nobody read are not kept`);
        const { enforcement } = await admin.write([touch(member)], { awaitEnforcementMs: 20_000 });
        assert.deepEqual(enforcement, { affected: 0, acknowledged: 0, lapsed: 0, pending: 0 });
      } finally {
        leaving.abort();
        await remote.close();
        await server.close(0);
        await database.close();
      }
    });
  });
});
