import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import express from "express";
import { WebSocketServer } from "ws";

import { LiveTokens } from "../../../src/client/browser/live-tokens.js";
import { browserStream } from "../../../src/client/browser/stream.js";
import type { Guard } from "../../../src/client/guard/guard.js";
import { permissionUpgrade } from "../../../src/client/guard/middleware/permission-upgrade.js";
import { requirePermission } from "../../../src/client/guard/middleware/require-permission.js";
import { remove, touch } from "../../../src/client/references.js";
import { connect, Usher } from "../../../src/client/usher.js";
import { Database } from "../../../src/database/database.js";
import { serve } from "../../../src/server/server.js";
import { inFolder } from "../../support/folder.js";
import { Tail } from "../guard/middleware/site.js";
import { chromiumPath, inChromium } from "./chromium.js";
import { until } from "./site.js";

const schema = `
  definition user {}
  definition team { relation member: user }
  definition node { relation operator: team#member
    permission restart = operator
    permission download = operator
    permission view_logs = operator
  }`;

/** What a browser sees is written where the test reads it. */
const html = `<!doctype html>
  <button id="restart">Restart</button>
  <p>Download: <output id="download">waiting</output></p>
  <p>Socket: <output id="socket">waiting</output></p>
  <script type="module" src="/page.js"></script>`;

const script = `
  import { connectUsher } from "/usher-browser.js";

  const token = () => fetch("/live-token").then((response) => response.text());
  connectUsher({ url: "/live", token }).bind(document.querySelector("#restart"), "node:n1", "restart");

  const socket = new WebSocket("ws://" + location.host + "/nodes/n1");
  socket.onopen = () => (document.querySelector("#socket").value = "open");
  socket.onclose = ({ code }) => (document.querySelector("#socket").value = "closed with " + code);

  const download = document.querySelector("#download");
  try {
    const response = await fetch("/nodes/n1/download");
    for await (const piece of response.body) download.value = response.ok ? "under way" : "refused with " + response.status;
    if (response.ok) download.value = "whole";
  } catch {
    download.value = "cut";
  }`;

/** Each is an enforcement point of its own, as in three services. */
interface Guards {
  readonly button: Guard;
  readonly download: Guard;
  readonly socket: Guard;
}

/** What a page is of. Its only user is `user:ana`. */
async function openService(guards: Guards) {
  const app = express();
  const tokens = new LiveTokens("0123456789abcdef0123456789abcdef");
  const tail = new Tail();
  const needs = (permission: string) => () => ({ object: "node:n1", permission, subject: "user:ana" });
  app.get("/", (_request, response) => void response.type("html").send(html));
  app.get("/page.js", (_request, response) => void response.type("js").send(script));
  // Shipped as it is written: no compiler copies it beside this test.
  app.get("/usher-browser.js", (_request, response) => response.sendFile(fileURLToPath(new URL("../../../../src/client/browser/usher-browser.js", import.meta.url))));
  app.get("/live-token", (_request, response) => void response.send(tokens.issue("user:ana", [{ object: "node:n1", permission: "restart" }])));
  app.get("/live", browserStream(guards.button, tokens));
  app.get("/nodes/n1/download", requirePermission(guards.download, needs("download")), (_request, response) => pipeline(Readable.from(tail.lines()), response).catch(() => undefined));
  const server = app.listen(0, "127.0.0.1");
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", permissionUpgrade(guards.socket, sockets, needs("view_logs")));
  await once(server, "listening");
  const close = async () => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, tail, close };
}

/** A service whose guards have a server behind them. */
async function onService(body: (on: Awaited<ReturnType<typeof openService>> & { admin: Usher; guards: Guards }) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const database = await Database.open(folder);
    const server = await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(String(error)) });
    const client = await connect(server.address);
    const admin = new Usher(database);
    try {
      await admin.writeSchema(schema);
      await admin.write([touch("team:sre#member@user:ana"), touch("node:n1#operator@team:sre#member")]);
      const guards = { button: client.guard(), download: client.guard(), socket: client.guard() };
      const service = await openService(guards);
      try {
        await body({ ...service, admin, guards });
      } finally {
        await service.close();
      }
    } finally {
      await client.close();
      await server.close(0);
      await database.close();
    }
  });
}

describe("a page in Chromium", function () {
  this.timeout(120_000);

  const title = "loses its button, its download and its socket to one tuple that is deleted, and the receipt counts them";
  if (chromiumPath === undefined) return void it(`${title} (skipped: this machine has no Chromium)`);

  it(title, async () => {
    await onService(({ url, tail, admin, guards }) =>
      inChromium(chromiumPath as string, async (page) => {
        const shows = async (id: string, text: string) => (await page.locator(id).textContent()) === text;
        const mayRestart = () => page.locator("#restart").isEnabled();
        await page.goto(url);
        await until(async () => (await mayRestart()) && (await shows("#download", "under way")) && (await shows("#socket", "open")));
        assert.equal(tail.readers, 1);

        const { enforcement } = await admin.write([remove("team:sre#member@user:ana")], { metadata: { reason: "offboarded" }, awaitEnforcementMs: 30_000 });
        assert.deepEqual(enforcement, { affected: 3, acknowledged: 3, lapsed: 0, pending: 0 });
        await until(async () => !(await mayRestart()) && (await shows("#download", "cut")) && (await shows("#socket", "closed with 4403")));
        await until(() => tail.readers === 0 && guards.download.size === 0 && guards.socket.size === 0);

        // It does not come back: the download is refused, the upgrade too.
        await page.reload();
        await until(async () => (await shows("#download", "refused with 403")) && (await shows("#socket", "closed with 1006")));
        assert.equal(await mayRestart(), false);
      }),
    );
  });
});
