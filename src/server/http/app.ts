import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";

import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";

import { limits } from "../../base/limits.js";
import type { Tls } from "../access/tls.js";
import { answerSocket } from "./failures.js";

/**
 * Fastify, as little of it as the host needs: the router, the reading of bodies, the order of things.
 * @param requestMs how long a request may take to arrive
 */
export function createApp(tls: Tls | undefined, requestMs: number, onBadUrl: (thrown: Error, request: FastifyRequest, reply: FastifyReply) => void): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: limits.messageBytesMax,
    routerOptions: { maxParamLength: limits.httpHeaderBytesMax },
    exposeHeadRoutes: false,
    forceCloseConnections: "idle",
    // The host says so itself, in the form that its adapters have.
    return503OnClosing: false,
    frameworkErrors: onBadUrl,
    clientErrorHandler: answerSocket,
    serverFactory: (handler) => createServerOf(tls, requestMs, handler),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  return app;
}

/** A certificate that is replaced holds for connections from then on, as over gRPC. */
function createServerOf(tls: Tls | undefined, requestMs: number, handler: RequestListener): Server {
  const options: ServerOptions = {
    maxHeaderSize: limits.httpHeaderBytesMax,
    requestTimeout: requestMs,
    headersTimeout: requestMs,
    connectionsCheckingInterval: requestMs / 2,
  };
  if (tls === undefined) return createServer(options, handler);
  const server = createTlsServer({ ...options, ...tls.options }, handler);
  const forget = tls.onReload((reloaded) => server.setSecureContext(reloaded));
  server.once("close", forget);
  return server;
}
