import assert from "node:assert/strict";

import type * as Browser from "../../../src/client/browser/usher-browser.js";
import { remove, touch } from "../../../src/client/references.js";
import { onBrowserSite, until, type BrowserSite } from "./site.js";

// The file that a browser loads is shipped as it is written: no compiler copies it beside this test.
const { connectUsher } = (await import(new URL("../../../../src/client/browser/usher-browser.js", import.meta.url).href)) as typeof Browser;

const questions = [{ object: "node:n1", permission: "restart" }, { object: "node:n2", permission: "restart" }];

function connectAs({ tokens, url }: Pick<BrowserSite, "tokens" | "url">, more: Partial<Browser.ConnectUsherOptions> = {}) {
  const connection = connectUsher({ url, token: () => tokens.issue("user:ana", questions), ...more });
  const changes: unknown[] = [];
  connection.addEventListener("change", (event) => changes.push((event as CustomEvent).detail));
  return { connection, changes };
}

/** A stream of which the test says every word. */
function scripted() {
  let requests = 0;
  let say: (text: string) => void = () => undefined;
  const fetch = (_url: unknown, init: RequestInit = {}) => {
    requests++;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        say = (text) => controller.enqueue(Buffer.from(text));
        init.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
      },
    });
    return Promise.resolve(new Response(body));
  };
  const tell = (event: string, data: unknown) => say(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const connection = connectUsher({ url: "http://service/live", token: () => "t", fetch, random: () => 0 });
  return { connection, tell, say: (text: string) => say(text), requests: () => requests };
}

const allowed = { permissions: [{ object: "node:n1", permission: "restart", allowed: true }], renewMs: 60_000 };

describe("the client in a browser", () => {
  it("follows revocations and grants, and denies what was not asked, and all once it is closed", async () => {
    await onBrowserSite(async (site) => {
      const { connection, changes } = connectAs(site);
      assert.equal(connection.allowed("node:n1", "restart"), false, "nothing was heard yet");
      await until(() => connection.allowed("node:n1", "restart"));
      assert.equal(connection.allowed("node:n2", "restart"), false);
      assert.equal(connection.allowed("node:n3", "restart"), false);
      await site.usher.write([remove("node:n1#operator@user:ana"), touch("node:n2#operator@user:ana")]);
      await until(() => connection.allowed("node:n2", "restart") && !connection.allowed("node:n1", "restart"));
      connection.close();
      assert.equal(connection.allowed("node:n2", "restart"), false);
      assert.deepEqual(changes.at(-1), { object: "node:n2", permission: "restart", allowed: false });
    });
  });

  it("disables an element, or hides it, while it is not allowed", async () => {
    await onBrowserSite(async (site) => {
      const { connection } = connectAs(site);
      const button = { disabled: false };
      const section = { hidden: false };
      const unbind = connection.bind(button, "node:n1", "restart");
      connection.bind(section, "node:n1", "restart");
      assert.deepEqual([button, section], [{ disabled: true }, { hidden: true }]);
      await until(() => !button.disabled && !section.hidden);
      unbind();
      await site.usher.write([remove("node:n1#operator@user:ana")]);
      await until(() => section.hidden);
      assert.equal(button.disabled, false, "it is not bound any more");
      connection.close();
    });
  });

  it("renews its token without a gap", async () => {
    await onBrowserSite(async (site) => {
      let issued = 0;
      const { connection, changes } = connectAs(site, { token: () => (issued++, site.tokens.issue("user:ana", questions, { ttlMs: 1_000 })) });
      await until(() => issued >= 3 && connection.allowed("node:n1", "restart"));
      assert.equal(changes.length, 1, JSON.stringify(changes));
      connection.close();
    });
  });

  it("tells why a stream was refused, and comes back", async () => {
    await onBrowserSite(async (site) => {
      let asked = 0;
      const { connection } = connectAs(site, { token: () => (asked++ === 0 ? "x.y" : site.tokens.issue("user:ana", questions)), random: () => 0 });
      const [error] = await new Promise<Error[]>((resolve) => connection.addEventListener("error", (event) => resolve([(event as CustomEvent<Error>).detail])));
      assert.match(String(error), /status 401/);
      await until(() => connection.allowed("node:n1", "restart"));
      connection.close();
    });
  });

  it("denies when nothing is heard within the lease, tells so, and asks again", async () => {
    const { connection, tell, requests } = scripted();
    await until(() => requests() === 1);
    tell("permissions", allowed);
    const changes: unknown[] = [];
    connection.addEventListener("change", (event) => changes.push((event as CustomEvent).detail));
    tell("lease", { at: 0, ms: 1_000 });
    await until(() => changes.length >= 2);
    assert.deepEqual(changes, [true, false].map((allowed) => ({ object: "node:n1", permission: "restart", allowed })));
    assert.equal(connection.allowed("node:n1", "restart"), false);
    await until(() => requests() > 1);
    connection.close();
  });

  it("counts a lease from its own request, by whichever clock says more", async () => {
    const wall = Date.now.bind(Date);
    const { connection, tell, requests } = scripted();
    try {
      await until(() => requests() === 1);
      tell("permissions", allowed);
      tell("lease", { at: 0, ms: 10_000 });
      await until(() => connection.allowed("node:n1", "restart"));
      Date.now = () => wall() + 5_000;
      assert.equal(connection.allowed("node:n1", "restart"), true);
      Date.now = () => wall() + 10_000;
      assert.equal(connection.allowed("node:n1", "restart"), false, "it slept");
      Date.now = () => wall() - 60_000;
      assert.equal(connection.allowed("node:n1", "restart"), true, "the monotonic clock still runs");
    } finally {
      Date.now = wall;
      connection.close();
    }
  });

  it("takes no lease for what an earlier stream said", async () => {
    const { connection, tell, requests } = scripted();
    await until(() => requests() === 1);
    tell("permissions", allowed);
    tell("lease", { at: 0, ms: 100 });
    await until(() => requests() === 2);
    tell("lease", { at: 0, ms: 10_000 });
    tell("change", { object: "node:n2", permission: "restart", allowed: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual([connection.allowed("node:n1", "restart"), connection.allowed("node:n2", "restart")], [false, false]);
    tell("permissions", allowed);
    tell("lease", { at: 0, ms: 10_000 });
    await until(() => connection.allowed("node:n1", "restart"));
    connection.close();
  });

  it("takes nothing but true for allowed, and no lease for an answer", async () => {
    const { connection, tell, say, requests } = scripted();
    await until(() => requests() === 1);
    tell("permissions", { ...allowed, permissions: [{ object: "node:n1", permission: "restart", allowed: "true" }] });
    say("event: lease\ndata: {\"at\":0,");
    say("\"ms\":10000}\n\n");
    tell("change", { object: "node:n2", permission: "restart", allowed: true });
    await until(() => connection.allowed("node:n2", "restart"));
    assert.equal(connection.allowed("node:n1", "restart"), false);
    connection.close();
  });
});
