import type { IncomingMessage } from "node:http";

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { capDelay } from "../../base/clock.js";
import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { quote } from "../../model/object.js";
import { formatAddress, parseAddress } from "../../model/wire/address.js";
import type { Tls } from "../access/tls.js";
import type { OpenStreams } from "../open-streams.js";
import type { Reception, Rpc } from "../reception.js";
import type { ErrorReporter } from "../statuses.js";
import { requestIdKey } from "../telemetry/request-id.js";
import type { AnswerRoute, HttpAdapter, HttpAnswer, OpenRoute, StreamRoute } from "./adapter.js";
import { answerEvents } from "./answer-events.js";
import { createApp } from "./app.js";
import { Exchange } from "./exchange.js";
import { failureAnswer, failureHeaders, requestError, visibleError } from "./failures.js";
import { HttpRefusal, statusOf } from "./http-statuses.js";
import { bodyBytes, requestOf } from "./messages.js";

export interface HttpOptions {
  /** `host:port`; port 0 takes a free one. It must be guarded as the server's own address must. */
  readonly address: string;
  /** The URL under which others reach it; default: as it is bound. */
  readonly url?: string;
  readonly adapters: readonly HttpAdapter[];
  /** Connections at a time. Default: `limits.httpConnectionsMax`. */
  readonly connectionsMax?: number;
  /** How long a request may take to arrive. Default: `limits.httpRequestMs`. */
  readonly requestMs?: number;
  /** How long a request with one answer may take. Default: `limits.httpCallMs`. */
  readonly callMs?: number;
}

/** What the host shares with the server that it is part of. */
export interface HttpGround {
  readonly reception: Reception;
  readonly watchers: OpenStreams;
  readonly tls: Tls | undefined;
  readonly report: ErrorReporter;
}

/** A request under way, and whose it is. */
interface Arrival {
  readonly exchange: Exchange;
  readonly path: string;
  readonly adapter: HttpAdapter | undefined;
}

/** Requests for what there is not are counted together: their URLs are not our words. */
const unknownRoute: Rpc = { path: "unknown route", role: "read", writes: false, callClass: "read" };

/**
 * HTTP, on an address of its own. Adapters put their routes here; each request passes the reception as a call over gRPC does, and becomes a `Call`. Who
 * calls is asked before the body is read.
 */
export class HttpHost {
  readonly #app: FastifyInstance;
  readonly #ground: HttpGround;
  readonly #options: HttpOptions;
  readonly #arrivals = new WeakMap<IncomingMessage, Arrival>();
  #address = "";
  #closing: Promise<void> | undefined;

  private constructor(options: HttpOptions, ground: HttpGround) {
    this.#options = options;
    this.#ground = ground;
    this.#app = createApp(ground.tls, options.requestMs ?? limits.httpRequestMs, (thrown, request, reply) => this.#fail(request, reply, requestError(thrown) ?? thrown));
    this.#app.server.maxConnections = options.connectionsMax ?? limits.httpConnectionsMax;
    this.#app.addHook("onRequest", async (request) => {
      if (request.is404) this.#refuseUnknown(request);
    });
    this.#app.setErrorHandler((thrown, request, reply) => this.#fail(request, reply, requestError(thrown) ?? thrown));
    for (const adapter of options.adapters) adapter.register(this.#routesOf(adapter));
  }

  /** @throws `invalid_configuration`, `address_in_use` */
  static async open(options: HttpOptions, ground: HttpGround): Promise<HttpHost> {
    const host = new HttpHost(options, ground);
    await host.#listen();
    return host;
  }

  /** With the port that was bound. */
  get address(): string {
    return this.#address;
  }

  /** Takes no more requests, lets those under way end for `graceMs`, and then ends them. Streams are ended by who holds them. */
  close(graceMs: number): Promise<void> {
    return (this.#closing ??= this.#close(graceMs));
  }

  async #close(graceMs: number): Promise<void> {
    const force = setTimeout(() => this.#app.server.closeAllConnections(), capDelay(graceMs));
    await this.#app.close();
    clearTimeout(force);
  }

  async #listen(): Promise<void> {
    const { host, port } = parseAddress(this.#options.address);
    try {
      await this.#app.listen({ host, port });
    } catch (error) {
      throw listenError(asError(error), this.#options.address);
    }
    const bound = this.#app.server.address();
    this.#address = formatAddress({ host, port: typeof bound === "object" && bound !== null ? bound.port : port });
  }

  #routesOf(adapter: HttpAdapter) {
    const url = () => this.#options.url?.replace(/\/+$/, "") ?? `${this.#ground.tls === undefined ? "http" : "https"}://${this.#address}`;
    return {
      observer: this.#ground.reception.observer,
      get url() {
        return url();
      },
      answer: <Request>(route: AnswerRoute<Request>) => this.#answer(route, adapter),
      stream: <Request>(route: StreamRoute<Request>) => this.#stream(route, adapter),
      open: (route: OpenRoute) => this.#open(route, adapter),
    };
  }

  #answer<Request>(route: AnswerRoute<Request>, adapter: HttpAdapter): void {
    const rpc = rpcOf(route);
    const { method, url } = route;
    this.#app.route({
      method,
      url,
      onRequest: async (request, reply) => this.#arrive(rpc, adapter, request, reply, this.#options.callMs ?? limits.httpCallMs).enter(),
      handler: async (request, reply) => {
        const { exchange } = this.#arrivalOf(request);
        const asked = exchange.admit(() => route.read(requestOf(request)));
        const answer = await exchange.run((call) => route.answer(asked, call));
        // A write that was done is answered, though its key was revoked meanwhile; what was read is kept back.
        if (!rpc.writes) exchange.cancellation.throwIfAborted();
        const bytes = bodyBytes(answer);
        exchange.end();
        return this.#send(exchange, reply, answer, bytes);
      },
    });
  }

  #stream<Request>(route: StreamRoute<Request>, adapter: HttpAdapter): void {
    const rpc = rpcOf(route);
    const { method, url } = route;
    const { watchers, report } = this.#ground;
    this.#app.route({
      method,
      url,
      onRequest: async (request, reply) => this.#arrive(rpc, adapter, request, reply, Infinity).enter(),
      handler: async (request, reply) => {
        const { exchange } = this.#arrivalOf(request);
        const visible = (thrown: unknown) => visibleError(thrown, rpc.path, report);
        await answerEvents({ route, exchange, response: reply.raw, streams: watchers, begin: () => void reply.hijack(), visible }, () => route.read(requestOf(request)));
      },
    });
  }

  #open({ url, answer }: OpenRoute, adapter: HttpAdapter): void {
    const rpc: Rpc = { path: `GET ${url}`, role: "read", writes: false, callClass: "read" };
    this.#app.route({
      method: "GET",
      url,
      handler: async (request, reply) => {
        const exchange = this.#arrive(rpc, adapter, request, reply, limits.httpCallMs);
        const answered = answer();
        const bytes = bodyBytes(answered);
        exchange.end();
        return this.#send(exchange, reply, answered, bytes);
      },
    });
  }

  /** @throws `closed` */
  #arrive(rpc: Rpc, adapter: HttpAdapter | undefined, request: FastifyRequest, reply: FastifyReply, maxMs: number): Exchange {
    const exchange = new Exchange(rpc, request.raw, reply.raw, this.#ground.reception, maxMs);
    this.#arrivals.set(request.raw, { exchange, path: rpc.path, adapter });
    if (this.#closing !== undefined) throw new UsherError("closed", "the server is stopping: ask another, or this one when it is back");
    return exchange;
  }

  #arrivalOf({ raw }: FastifyRequest): Arrival {
    const arrival = this.#arrivals.get(raw);
    if (arrival === undefined) throw new UsherError("internal", "a request was handled that had not arrived");
    return arrival;
  }

  /** Before its body is read, since nobody was asked who sends it. */
  #refuseUnknown(request: FastifyRequest): never {
    throw new HttpRefusal(404, "invalid_request", `there is no route \`${request.method}\` ${quote(request.url.split("?")[0])}`);
  }

  #fail(request: FastifyRequest, reply: FastifyReply, thrown: unknown): void {
    const { exchange, path, adapter } = this.#arrivals.get(request.raw) ?? this.#strayOf(request, reply);
    const ended = exchange.reasonOf(thrown);
    const error = visibleError(ended, path, this.#ground.report);
    exchange.end(ended);
    // What was begun as a stream has been ended by it.
    if (reply.sent) return;
    const status = statusOf(error);
    const answer = adapter?.failure?.(error, status) ?? failureAnswer(error, status);
    this.#send(exchange, reply, { ...answer, headers: { ...failureHeaders(error), ...answer.headers } }, bodyBytes(answer));
  }

  /** What failed before it came to a route. */
  #strayOf({ raw }: FastifyRequest, reply: FastifyReply): Arrival {
    return { exchange: new Exchange(unknownRoute, raw, reply.raw, this.#ground.reception, limits.httpCallMs), path: unknownRoute.path, adapter: undefined };
  }

  #send({ requestId }: Exchange, reply: FastifyReply, { status = 200, headers = {} }: HttpAnswer, bytes: Buffer | undefined): FastifyReply {
    reply.code(status).header("cache-control", "no-store").header(requestIdKey, requestId).headers(headers);
    if (this.#closing !== undefined) reply.header("connection", "close");
    if (bytes === undefined) return reply.send();
    return reply.header("content-type", "application/json; charset=utf-8").send(bytes);
  }
}

function rpcOf<Request>({ method, url, role, writes = false, callClass }: AnswerRoute<Request> | StreamRoute<Request>): Rpc {
  return { path: `${method} ${url}`, role, writes, callClass: callClass as Rpc["callClass"] & {} };
}

function listenError(error: Error & { code?: string }, address: string): UsherError {
  if (error.code === "EADDRINUSE") {
    return new UsherError("address_in_use", `address ${quote(address)}, where \`httpAddress\` listens, is in use: stop what listens there, or choose another port`, { cause: error });
  }
  return new UsherError("invalid_configuration", `cannot listen on ${quote(address)}, which is \`httpAddress\`: ${error.message}`, { cause: error });
}
