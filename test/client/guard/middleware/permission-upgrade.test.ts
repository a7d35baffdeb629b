import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import { WebSocket, WebSocketServer } from "ws";

import { permissionUpgrade } from "../../../../src/client/guard/middleware/permission-upgrade.js";
import { until } from "../../browser/site.js";
import { guards, onGuardedSite, type GuardedSite } from "./site.js";

interface SocketSite {
  readonly site: GuardedSite;
  readonly server: Server;
  readonly port: number;
  /** At the service's end, in order. */
  readonly opened: WebSocket[];
  /** What the service has heard from any. */
  readonly heard: string[];
}

/** A service with sockets at `/n1`, which keeps what it hears. */
async function onSocketSite(where: (typeof guards)[number], body: (on: SocketSite) => Promise<void>): Promise<void> {
  await onGuardedSite(where, async (site) => {
    const sockets = new WebSocketServer({ noServer: true });
    const server = createServer();
    server.on("upgrade", permissionUpgrade(site.guard, sockets, ({ url, headers }) => site.requirement(url?.slice(1), headers["x-user"])));
    const opened: WebSocket[] = [];
    const heard: string[] = [];
    sockets.on("connection", (socket) => {
      opened.push(socket);
      socket.on("message", (message: Buffer) => heard.push(message.toString()));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      await body({ site, server, port: (server.address() as AddressInfo).port, opened, heard });
    } finally {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
}

function connectTo({ port }: SocketSite, user: string, node = "n1"): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${port}/${node}`, { headers: { "x-user": user } });
}

/** The status and the body that an upgrade was refused with. */
async function refusalOf(socket: WebSocket): Promise<[number | undefined, unknown]> {
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
  let body = "";
  for await (const piece of response) body += String(piece);
  return [response.statusCode, JSON.parse(body)];
}

/** A client that upgrades, and then does what it likes. */
function upgradeBare({ port }: SocketSite, user: string, key = "dGhlIHNhbXBsZSBub25jZQ==") {
  const headers = { "x-user": user, connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": key };
  return request({ host: "127.0.0.1", port, path: "/n1", headers }).on("error", () => undefined);
}

async function openBare(on: SocketSite, user: string): Promise<Socket> {
  const asking = upgradeBare(on, user);
  asking.end();
  const [, connection] = (await once(asking, "upgrade")) as [unknown, Socket];
  return connection.on("error", () => undefined);
}

/** `hello`, in a masked frame. */
const hello = Buffer.from("818537fa213d7f9f4d5158", "hex");

describe("a socket of `ws` behind `permissionUpgrade`", () => {
  for (const where of guards) {
    it(`is closed with 4403 when its permission ends, and nobody else's, with a guard of ${where === "embedded" ? "an embedded" : "a remote"} database`, async () => {
      await onSocketSite(where, async (on) => {
        const [ana, bob] = [connectTo(on, "ana"), connectTo(on, "bob")];
        await Promise.all([once(ana, "open"), once(bob, "open")]);
        ana.send("from ana");
        await until(() => on.heard.includes("from ana"));
        assert.equal(on.site.guard.size, 2);
        const closed = once(ana, "close");
        assert.deepEqual(await on.site.revoke("ana"), { affected: 1, acknowledged: 1 });
        const [code, reason] = (await closed) as [number, Buffer];
        assert.deepEqual([code, reason.toString()], [4403, "permission_denied"]);
        await until(() => on.site.guard.size === 1);
        bob.send("from bob");
        await until(() => on.heard.includes("from bob"));
        assert.equal(bob.readyState, WebSocket.OPEN);
        bob.close();
        await until(() => on.site.guard.size === 0);
        assert.deepEqual(await on.site.revoke("bob"), { affected: 0, acknowledged: 0 });
      });
    });
  }

  it("is refused with 403 where it is denied, with 503 where nobody can say, and is closed with 4503 when nobody can any more", async () => {
    await onSocketSite("embedded", async (on) => {
      const { guard } = on.site;
      assert.deepEqual(await refusalOf(connectTo(on, "eve")), [403, { code: "permission_denied" }]);
      assert.deepEqual(await refusalOf(connectTo(on, "ana", "n2")), [403, { code: "permission_denied" }]);
      assert.deepEqual([on.opened.length, guard.size], [0, 0]);
      const ana = connectTo(on, "ana");
      await once(ana, "open");
      const closed = once(ana, "close");
      guard.close();
      const [code, reason] = (await closed) as [number, Buffer];
      assert.deepEqual([code, reason.toString()], [4503, "closed"]);
      assert.deepEqual(await refusalOf(connectTo(on, "bob")), [503, { code: "closed" }]);
      assert.equal(on.opened.length, 1);
    });
  });

  it("is heard no more from a peer that does not take the close, and is cut off", async () => {
    await onSocketSite("embedded", async (on) => {
      const connection = await openBare(on, "ana");
      connection.write(hello);
      await until(() => on.heard.length === 1);
      const closing = once(connection, "data");
      const closed = once(connection, "close");
      await on.site.revoke("ana");
      const [frame] = (await closing) as [Buffer];
      assert.deepEqual([frame[0], frame.readUInt16BE(2)], [0x88, 4403]);
      connection.write(hello);
      await closed;
      assert.deepEqual(on.heard, ["Hello"]);
      await until(() => on.site.guard.size === 0);
    });
  });

  it("is cut off at once where something waits for a slow peer", async () => {
    await onSocketSite("embedded", async (on) => {
      const connection = (await openBare(on, "ana")).pause();
      await until(() => on.opened.length === 1);
      const [socket] = on.opened as [WebSocket];
      let sent = 0;
      for (; socket.bufferedAmount === 0; sent += 1_000_000) socket.send(Buffer.alloc(1_000_000));
      let arrived = 0;
      connection.on("data", (bytes: Buffer) => (arrived += bytes.length));
      await on.site.revoke("ana");
      assert.equal(socket.readyState, WebSocket.CLOSING);
      connection.resume();
      await once(connection, "close");
      assert.ok(arrived < sent, `${arrived} of ${sent} bytes arrived`);
      await until(() => on.site.guard.size === 0);
    });
  });

  it("gives back what was held where `ws` refuses the handshake", async () => {
    await onSocketSite("embedded", async (on) => {
      const asking = upgradeBare(on, "ana", "not a key");
      asking.end();
      const [response] = (await once(asking, "response")) as [IncomingMessage];
      assert.equal(response.resume().statusCode, 400);
      await until(() => on.site.guard.size === 0);
      assert.equal(on.opened.length, 0);
    });
  });

  it("gives back what is held for a client that went away before it was let in", async () => {
    await onSocketSite("embedded", async (on) => {
      const letIn = on.site.keepWaiting();
      const asking = upgradeBare(on, "ana");
      asking.end();
      await until(() => on.site.asked === 1);
      asking.destroy();
      letIn();
      const bob = connectTo(on, "bob");
      await once(bob, "open");
      bob.close();
      await until(() => on.site.guard.size === 0);
    });
  });
});
