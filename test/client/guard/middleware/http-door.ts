import assert from "node:assert/strict";
import { get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";

import type { Guard } from "../../../../src/client/guard/guard.js";
import { until } from "../../browser/site.js";
import { guards, onGuardedSite, Tail, type GuardedSite } from "./site.js";

/** A service of one framework: `/nodes/:id/logs` and `/nodes/:id/events` without an end, and `/nodes/:id`, all behind its middleware. */
export interface HttpDoor {
  readonly server: Server;
  readonly close: () => Promise<unknown>;
}

/** What stands behind the middleware, and what of it has run. */
export class Backend {
  readonly tail = new Tail();
  ran = 0;

  readonly logs = () => {
    this.ran++;
    return this.tail.lines();
  };

  readonly node = (id: string | undefined) => {
    this.ran++;
    return { id };
  };
}

export type OpenDoor = (site: GuardedSite, backend: Backend) => Promise<HttpDoor>;

/** A response whose body is read as it comes. */
class OpenResponse {
  bytes = 0;
  /** Undefined: it goes on. */
  end: "whole" | "cut" | undefined;
  readonly status: number;
  readonly type: string | null;

  constructor({ status, headers, body }: Response) {
    this.status = status;
    this.type = headers.get("content-type");
    void this.#read(body as NonNullable<typeof body>);
  }

  /** Waits for more than there is now. */
  async more(): Promise<void> {
    const before = this.bytes;
    await until(() => this.bytes > before + 100);
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    try {
      for await (const piece of body) this.bytes += piece.length;
      this.end = "whole";
    } catch {
      this.end = "cut";
    }
  }
}

const as = (user: string, signal?: AbortSignal): RequestInit => ({ headers: { "x-user": user }, ...(signal === undefined ? {} : { signal }) });

interface Through {
  readonly site: GuardedSite;
  readonly guard: Guard;
  readonly backend: Backend;
  readonly url: string;
  readonly connections: () => Promise<number>;
}

async function throughDoor(open: OpenDoor, where: (typeof guards)[number], body: (through: Through) => Promise<void>): Promise<void> {
  await onGuardedSite(where, async (site) => {
    const backend = new Backend();
    const { server, close } = await open(site, backend);
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await body({ site, guard: site.guard, backend, url, connections: promisify(server.getConnections.bind(server)) });
    } finally {
      await close();
    }
  });
}

/** What holds of each framework, with a guard of either kind. */
export function itIsADoor(open: OpenDoor): void {
  for (const where of guards) {
    describe(`with a guard of ${where === "embedded" ? "an embedded" : "a remote"} database`, () => {
      for (const [path, type] of [["logs", "text/plain"], ["events", "text/event-stream"]] as const) {
        it(`cuts \`${type}\` that is under way, and nobody else's`, async () => {
          await throughDoor(open, where, async ({ site, url, guard, backend }) => {
            const [ana, bob] = await Promise.all(["ana", "bob"].map(async (user) => new OpenResponse(await fetch(`${url}/nodes/n1/${path}`, as(user)))));
            assert.ok(ana && bob);
            assert.deepEqual([ana.status, bob.status], [200, 200]);
            assert.ok(ana.type?.startsWith(type), `${ana.type}`);
            await Promise.all([ana.more(), bob.more()]);
            assert.deepEqual([guard.size, backend.tail.readers], [2, 2]);
            assert.deepEqual(await site.revoke("ana"), { affected: 1, acknowledged: 1 });
            await until(() => ana.end !== undefined);
            assert.equal(ana.end, "cut");
            await until(() => guard.size === 1 && backend.tail.readers === 1);
            await bob.more();
            assert.equal(bob.end, undefined);
            await site.revoke("bob");
            await until(() => bob.end !== undefined && guard.size === 0 && backend.tail.readers === 0);
          });
        });
      }

      it("refuses with 403 who may not, with 503 where nobody can say, and runs nothing then", async () => {
        await throughDoor(open, where, async ({ site, url, guard, backend }) => {
          for (const [user, node] of [["eve", "n1"], ["ana", "n2"]]) {
            const response = await fetch(`${url}/nodes/${node}/logs`, as(user as string));
            assert.deepEqual([response.status, await response.json()], [403, { code: "permission_denied" }]);
          }
          await site.revoke("ana");
          assert.equal((await fetch(`${url}/nodes/n1`, as("ana"))).status, 403);
          assert.equal(guard.size, 0);
          guard.close();
          const response = await fetch(`${url}/nodes/n1`, as("bob"));
          assert.deepEqual([response.status, await response.json()], [503, { code: "closed" }]);
          assert.equal(backend.ran, 0);
        });
      });

      it("gives back what was held when the response is over, or its client has gone", async () => {
        await throughDoor(open, where, async ({ site, url, guard, backend }) => {
          const response = await fetch(`${url}/nodes/n1`, as("ana"));
          assert.deepEqual([response.status, await response.json()], [200, { id: "n1" }]);
          await until(() => guard.size === 0);
          const gone = new AbortController();
          const left = await fetch(`${url}/nodes/n1/logs`, as("ana", gone.signal));
          assert.deepEqual([left.status, guard.size], [200, 1]);
          gone.abort();
          await until(() => guard.size === 0 && backend.tail.readers === 0);
          assert.deepEqual(await site.revoke("ana"), { affected: 0, acknowledged: 0 });
        });
      });
    });
  }

  it("runs nothing for a client that went away before it was let in", async () => {
    await throughDoor(open, "embedded", async ({ site, url, guard, backend, connections }) => {
      const letIn = site.keepWaiting();
      const gone = get(`${url}/nodes/n1`, { headers: { "x-user": "ana" }, agent: false }).on("error", () => undefined);
      const waiting = fetch(`${url}/nodes/n1`, as("bob"));
      await until(() => site.asked === 2);
      gone.destroy();
      await until(async () => (await connections()) === 1);
      letIn();
      assert.equal((await waiting).status, 200);
      await until(() => guard.size === 0);
      assert.equal(backend.ran, 1);
    });
  });
}
