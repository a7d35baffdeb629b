import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";

import type { Registry } from "prom-client";

import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { quote } from "../../model/object.js";
import { formatAddress, parseAddress } from "../../model/wire/address.js";
import type { Readiness } from "../health.js";

export interface EndpointOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly registry: Registry;
  readonly readiness: () => Readiness;
  /** What `/metrics` asks for as `Authorization: Bearer …`; absent: nothing. The probes ask for nothing. */
  readonly token?: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

/**
 * What operates the server asks, over HTTP on a port of its own: `/metrics` for Prometheus; `/healthz`, 200 as long as the process
 * answers; `/readyz`, 200 while checks are answered, and `/readyz/writes`, 200 while writes are.
 */
export class Endpoint {
  readonly address: string;
  readonly #server: HttpServer;

  private constructor(address: string, server: HttpServer) {
    this.address = address;
    this.#server = server;
  }

  /** @throws `invalid_configuration`, `address_in_use` */
  static async open(options: EndpointOptions): Promise<Endpoint> {
    const { host, port } = parseAddress(options.address);
    const server = createServer({ requestTimeout: limits.metricsRequestMs, headersTimeout: limits.metricsRequestMs, connectionsCheckingInterval: limits.metricsRequestMs }, (request, response) => void respond(request, response, options));
    server.maxConnections = limits.metricsConnectionsMax;
    try {
      server.listen(port, host);
      await once(server, "listening");
    } catch (error) {
      throw listenError(asError(error), options.address);
    }
    const bound = server.address();
    return new Endpoint(formatAddress({ host, port: typeof bound === "object" && bound !== null ? bound.port : port }), server);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

async function respond(request: IncomingMessage, response: ServerResponse, options: EndpointOptions): Promise<void> {
  const { status, body, type = "text/plain; charset=utf-8" } = await answer(request, options).catch(() => failed);
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(request.method === "HEAD" ? undefined : body);
}

async function answer({ method, url = "", headers }: IncomingMessage, { registry, readiness, token }: EndpointOptions): Promise<Answer> {
  if (method !== "GET" && method !== "HEAD") return { status: 405, body: "only GET and HEAD are answered\n" };
  switch (url.split("?")[0]) {
    case "/healthz":
      return { status: 200, body: "live\n" };
    case "/readyz":
      return readinessAnswer(readiness().reads);
    case "/readyz/writes":
      return readinessAnswer(readiness().writes);
    case "/metrics":
      if (token !== undefined && !sameSecret(headers.authorization ?? "", `Bearer ${token}`)) return { status: 401, body: "the bearer token of the metrics is missing or wrong\n" };
      return { status: 200, body: await registry.metrics(), type: registry.contentType };
    default:
      return { status: 404, body: "there are /metrics, /healthz, /readyz and /readyz/writes\n" };
  }
}

function readinessAnswer(ready: boolean): Answer {
  return ready ? { status: 200, body: "ready\n" } : { status: 503, body: "not ready\n" };
}

/** What is told of a bug: it must not end the process, which serves others. */
const failed: Answer = { status: 500, body: "the figures could not be gathered\n" };

/** In a time that tells nothing of where they differ. */
function sameSecret(given: string, expected: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}

function listenError(error: Error, address: string): UsherError {
  if (error.message.includes("EADDRINUSE")) {
    return new UsherError("address_in_use", `address ${quote(address)}, where \`metricsAddress\` listens, is in use: choose another port, or \`off\``, { cause: error });
  }
  return new UsherError("invalid_configuration", `cannot listen on ${quote(address)}, which is \`metricsAddress\`: ${error.message}`, { cause: error });
}
