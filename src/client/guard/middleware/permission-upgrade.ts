import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { limits } from "../../../base/limits.js";
import type { Guard } from "../guard.js";
import { admit, type Refusal, type Requirement } from "./admission.js";

/** A socket of `ws`, as far as it is used. */
export interface WebSocketLike {
  /** Bytes that have not left yet. */
  readonly bufferedAmount: number;
  close(code: number, reason: string): unknown;
  terminate(): unknown;
  removeAllListeners(event: "message"): unknown;
}

/** A `WebSocketServer` of `ws` that was made with `noServer`. */
export interface WebSocketServerLike<Socket extends WebSocketLike> {
  handleUpgrade(request: IncomingMessage, connection: Duplex, head: Buffer, opened: (socket: Socket) => void): void;
  emit(event: "connection", socket: Socket, request: IncomingMessage): unknown;
}

/**
 * For WebSockets of `ws`: lets an upgrade through while its permission holds, and refuses it with 403 or 503 where it is not let in. When the
 * permission ends the socket is closed with 4403, or with 4503 where nobody can say any more whether it stands.
 *
 *     const sockets = new WebSocketServer({ noServer: true });
 *     server.on("upgrade", permissionUpgrade(guard, sockets, (req) => ({ object: nodeOf(req), permission: "view_logs", subject: userOf(req) })));
 *     sockets.on("connection", (socket) => tail(socket));
 */
export function permissionUpgrade<Socket extends WebSocketLike>(
  guard: Guard,
  sockets: WebSocketServerLike<Socket>,
  requirement: (request: IncomingMessage) => Requirement | Promise<Requirement>,
) {
  const upgrade = async (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    let socket: Socket | undefined;
    const over = new AbortController();
    connection.once("close", () => over.abort());
    if (connection.destroyed) over.abort();
    connection.on("error", ignore);
    const end = (why: Refusal) => (socket === undefined ? connection.destroy() : shut(socket, why));
    const refusal = await admit(guard, () => requirement(request), { over: over.signal, end });
    if (connection.destroyed) return;
    if (refusal !== undefined) return refuse(connection, refusal);
    connection.off("error", ignore);
    sockets.handleUpgrade(request, connection, head, (opened) => {
      socket = opened;
      sockets.emit("connection", opened, request);
    });
  };
  return (request: IncomingMessage, connection: Duplex, head: Buffer): void => void upgrade(request, connection, head);
}

/** The handshake of a close takes a message from the peer: it has a while for that, in which it is heard no more. */
function shut(socket: WebSocketLike, { status, code }: Refusal): void {
  socket.removeAllListeners("message");
  // The close would follow what waits, however slowly the peer takes that.
  if (socket.bufferedAmount > 0) return void socket.terminate();
  socket.close(4_000 + status, code);
  setTimeout(() => socket.terminate(), limits.webSocketCloseMs).unref();
}

function refuse(connection: Duplex, { status, code }: Refusal): void {
  const body = JSON.stringify({ code });
  const reason = status === 403 ? "Forbidden" : "Service Unavailable";
  connection.once("finish", () => connection.destroy());
  connection.end(`HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
}

/** What broke is closed next, and that is heard. */
function ignore(): void {
  return undefined;
}
