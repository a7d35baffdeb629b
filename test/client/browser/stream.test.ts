import assert from "node:assert/strict";

import { remove, touch } from "../../../src/client/references.js";
import { browserStream } from "../../../src/client/browser/stream.js";
import { limits } from "../../../src/base/limits.js";
import { UsherError } from "../../../src/base/errors.js";
import { onBrowserSite, until } from "./site.js";

type Told = readonly [event: string, data: Record<string, unknown>];

const n1 = { object: "node:n1", permission: "restart" };
const n2 = { object: "node:n2", permission: "restart" };

/** A browser's request, and what the stream tells. */
async function listen(url: string, token: string) {
  const gone = new AbortController();
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` }, signal: gone.signal });
  assert.ok(response.body, "there is no body");
  const told = events(response.body);
  /** The next one of these. */
  const next = async (...names: string[]): Promise<Told> => {
    for (;;) {
      const { value, done } = await told.next();
      if (done) return ["end", {}];
      if (names.includes(value[0])) return value;
    }
  };
  return { response, next, leave: () => gone.abort() };
}

async function* events(body: AsyncIterable<Uint8Array>): AsyncGenerator<Told, void> {
  let text = "";
  for await (const piece of body) {
    const parts = (text + Buffer.from(piece).toString()).split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const [, event = "", data = ""] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? assert.fail(part);
      yield [event, JSON.parse(data) as Record<string, unknown>];
    }
  }
}

describe("a browser's stream", () => {
  it("tells every answer first, then a lease, then a revocation and a grant", async () => {
    await onBrowserSite(async ({ usher, tokens, url }) => {
      const { response, next } = await listen(url, tokens.issue("user:ana", [n1, n2]));
      assert.equal(response.headers.get("content-type"), "text/event-stream");
      const [first, { permissions }] = await next("permissions", "lease", "change");
      assert.deepEqual([first, permissions], ["permissions", [{ ...n1, allowed: true }, { ...n2, allowed: false }]]);
      const [second, { ms }] = await next("permissions", "lease", "change");
      assert.deepEqual([second, ms], ["lease", limits.browserLeaseMsDefault]);
      await usher.write([remove("node:n1#operator@user:ana")]);
      assert.deepEqual(await next("change"), ["change", { ...n1, allowed: false }]);
      await usher.write([touch("node:n2#operator@user:ana")]);
      assert.deepEqual(await next("change"), ["change", { ...n2, allowed: true }]);
      await usher.write([touch("node:n1#operator@user:ana")]);
      assert.deepEqual(await next("change"), ["change", { ...n1, allowed: true }]);
    });
  });

  it("tells a grant of what the guard had no room to keep, at a beat", async () => {
    await onBrowserSite(
      async ({ usher, guard, tokens, url }) => {
        const { next } = await listen(url, tokens.issue("user:ana", [n2]));
        await next("lease");
        await guard.can("node:n9", "restart", "user:ana");
        await usher.write([touch("node:n2#operator@user:ana")]);
        assert.deepEqual(await next("change"), ["change", { ...n2, allowed: true }]);
      },
      { leaseMs: 1_000 },
      { maxHolds: 1 },
    );
  });

  it("denies when the guard is closed, and ends", async () => {
    await onBrowserSite(async ({ guard, tokens, url }) => {
      const { next } = await listen(url, tokens.issue("user:ana", [n1]));
      await next("lease");
      guard.close();
      assert.deepEqual(await next("change"), ["change", { ...n1, allowed: false }]);
      assert.deepEqual(await next("change", "lease"), ["end", {}]);
      const refused = await fetch(url, { headers: { authorization: `Bearer ${tokens.issue("user:ana", [n1])}` } });
      assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [503, "closed"]);
    });
  });

  it("denies when the guard's lease lapses", async () => {
    const time = { ahead: 0, monotonicMs: () => performance.now() + time.ahead, wallMs: () => Date.now(), after: (ms: number, run: () => void) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    } };
    await onBrowserSite(
      async ({ guard, tokens, url }) => {
        const { next } = await listen(url, tokens.issue("user:ana", [n1]));
        await next("lease");
        const lapsed = new Promise((resolve) => guard.once("lapsed", () => resolve(undefined)));
        time.ahead += 20_000;
        assert.deepEqual(await next("change"), ["change", { ...n1, allowed: false }]);
        await lapsed;
        assert.deepEqual(await next("change"), ["change", { ...n1, allowed: true }], "the guard has a lease again");
      },
      { leaseMs: 1_000 },
      { time, leaseMs: 2_000 },
    );
  });

  it("ends with its token and the grace, and gives no lease beyond that", async () => {
    await onBrowserSite(
      async ({ tokens, url }) => {
        const { next } = await listen(url, tokens.issue("user:ana", [n1], { ttlMs: 600 }));
        for (let told = await next("lease", "change"); told[0] !== "end"; told = await next("lease", "change")) {
          assert.equal(told[0], "lease");
          assert.ok(Number(told[1].at) + Number(told[1].ms) <= 1_000, JSON.stringify(told));
        }
      },
      { graceMs: 400, leaseMs: 1_000 },
    );
  });

  it("gives everything back when the request closes", async () => {
    await onBrowserSite(
      async ({ usher, guard, tokens, url }) => {
        await usher.write([touch("node:n2#operator@user:ana")]);
        const { next, leave } = await listen(url, tokens.issue("user:ana", [n1, n2]));
        await next("lease");
        await assert.rejects(guard.hold("node:n1", "restart", "user:bob"), (error: unknown) => error instanceof UsherError && error.code === "overloaded");
        leave();
        await until(() => guard.can("node:n1", "restart", "user:bob").then(() => true, () => false));
      },
      {},
      { maxHolds: 2 },
    );
  });

  it("refuses what has no token, a wrong one, another method, and more streams than may be", async () => {
    await onBrowserSite(
      async ({ tokens, url }) => {
        const token = tokens.issue("user:ana", [n1]);
        const answer = async (path: string, init: RequestInit = {}) => {
          const response = await fetch(url + path, init);
          const { code, message } = (await response.json()) as { code: string; message: string };
          assert.ok(message);
          return [response.status, code];
        };
        assert.deepEqual(await answer(""), [401, "unauthenticated"]);
        assert.deepEqual(await answer("?token=x.y"), [401, "unauthenticated"]);
        assert.deepEqual(await answer("", { headers: { authorization: `Basic ${token}` } }), [401, "unauthenticated"]);
        assert.deepEqual(await answer(`?token=${token}`, { headers: { authorization: "Bearer x.y" } }), [401, "unauthenticated"]);
        assert.deepEqual(await answer(`?token=${token}`, { method: "POST" }), [405, "invalid_request"]);
        const { next, leave } = await listen(`${url}?token=${token}`, token);
        await next("lease");
        assert.deepEqual(await answer(`?token=${token}`), [503, "overloaded"]);
        leave();
        await until(async () => {
          const { response, leave: leaveAgain } = await listen(url, token);
          leaveAgain();
          return response.status === 200;
        });
      },
      { maxStreams: 1 },
    );
  });

  it("keeps to its bounds", async () => {
    await onBrowserSite(async ({ guard, tokens }) => {
      for (const options of [{ maxStreams: 0 }, { maxStreams: limits.browserStreamsMax + 1 }, { leaseMs: limits.leaseMsMin - 1 }, { leaseMs: limits.leaseMsMax + 1 }, { graceMs: -1 }]) {
        assert.throws(() => browserStream(guard, tokens, options), (error: unknown) => error instanceof UsherError && error.code === "invalid_request");
      }
      browserStream(guard, tokens, { maxStreams: limits.browserStreamsMax, leaseMs: limits.leaseMsMin, graceMs: 0 });
    });
  });
});
