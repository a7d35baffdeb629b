import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";

import { UsherError } from "../base/errors.js";
import { capDelay } from "../base/clock.js";
import { limits } from "../base/limits.js";
import { quote } from "../model/object.js";
import type { Service } from "../model/service.js";
import { formatAddress, parseAddress } from "../model/wire/address.js";
import { methods } from "../model/wire/methods.js";
import { authzedDefinition, authzedHandlers } from "./adapters/authzed/handlers.js";
import type { ForeignZedTokens } from "./adapters/authzed/consistency.js";
import { authzedMethods } from "./adapters/authzed/methods.js";
import { Admission } from "./admission.js";
import type { Access } from "./access/access.js";
import type { AccessEvents } from "./access/events.js";
import { Gate } from "./access/gate.js";
import type { RateQuotas } from "./access/rates.js";
import type { Tls } from "./access/tls.js";
import { requireGuarded } from "./address.js";
import { doorInterceptor } from "./door.js";
import { drain } from "./drain.js";
import { definition, handlers } from "./handlers.js";
import { Health, type Conditions, type Readiness } from "./health.js";
import { envoyCheck, envoyDefinition, envoyHandlers } from "./adapters/envoy/handlers.js";
import type { EnvoyMapping } from "./adapters/envoy/mapping.js";
import { HttpHost, type HttpOptions } from "./http/host.js";
import { OpenStreams } from "./open-streams.js";
import { Reception } from "./reception.js";
import { Reflection } from "./reflection.js";
import type { ErrorReporter } from "./statuses.js";
import { LoopDelay } from "./telemetry/loop-delay.js";
import { unobservedServer, type ServerObserver } from "./telemetry/observer.js";
import { Traces } from "./telemetry/traces.js";

/** What the server takes at once, and for how long it keeps a connection. */
export interface ServerBounds {
  /** Calls under way, streams not counted. */
  readonly callsMax: number;
  /** How late the event loop may be before reads are shed; checks at twice as much, writes at four times. */
  readonly loopDelayMsMax: number;
  readonly watchersMax: number;
  readonly liveStreamsMax: number;
  /** A connection is told to go after so long, give or take a tenth; Infinity: never. */
  readonly connectionAgeMs: number;
  /** So long after that it is ended hard. Streams live a little less, and end with `closed`, so that they are begun anew elsewhere. */
  readonly connectionAgeGraceMs: number;
}

export const defaultBounds: ServerBounds = {
  callsMax: limits.callsUnderWayMax,
  loopDelayMsMax: limits.loopDelayMsMax,
  watchersMax: limits.watchersMax,
  liveStreamsMax: limits.liveStreamsMax,
  connectionAgeMs: Infinity,
  connectionAgeGraceMs: Infinity,
};

export interface ServerOptions {
  /** `host:port`; port 0 takes a free one. Loopback alone, unless there are both `tls` and `access`, or `insecure` is said. */
  readonly address: string;
  /** Default: none. */
  readonly tls?: Tls;
  /** Who may do what; absent: everybody everything. */
  readonly access?: Access;
  /** The operator's word that something else guards the address, such as a mesh. */
  readonly insecure?: boolean;
  /** The tenants' requests a second; absent: not bounded. */
  readonly quotas?: RateQuotas;
  /** Told of calls that are let in where there is no `access`, which has events of its own. */
  readonly accessEvents?: AccessEvents;
  /** Told of errors that no code foresees, with the rpc's path. */
  readonly onError: ErrorReporter;
  readonly observer?: ServerObserver;
  /** What health is told by; default: always ready. */
  readonly conditions?: Conditions;
  /** Default, each: `defaultBounds`. */
  readonly bounds?: Partial<ServerBounds>;
  /** Default: true. */
  readonly reflection?: boolean;
  /** What becomes of a ZedToken of SpiceDB's, or of another store; default: `reject`. */
  readonly foreignZedTokens?: ForeignZedTokens;
  /** Which check a request through Envoy is; absent: `ext_authz` is not served. */
  readonly envoy?: EnvoyMapping;
  /** What is served over HTTP, and where; absent: nothing. */
  readonly http?: HttpOptions;
}

/** How busy the server is. */
export interface ServerLoad {
  readonly callsUnderWay: number;
  readonly streams: number;
  readonly liveStreams: number;
  /** Written to both kinds of streams, and not yet taken by their clients. */
  readonly streamBytes: number;
  readonly loopDelayMs: number;
}

/** A server that takes calls. */
export interface Server {
  /** With the port that was bound. */
  readonly address: string;
  /** Where HTTP is served, if it is. */
  readonly httpAddress?: string;
  readonly readiness: Readiness;
  readonly load: ServerLoad;
  /**
   * Takes no more calls, ends the watch streams with `closed`, and live streams too once they are told, lets other calls end for `graceMs` and then
   * ends them as well. The service stays open: it is its owner's.
   */
  close(graceMs: number): Promise<void>;
}

/** Serves `usher.v1`. @throws `invalid_configuration`, `address_in_use` */
export async function serve(service: Service, options: ServerOptions): Promise<Server> {
  const bounds = { ...defaultBounds, ...options.bounds };
  const address = parseAddress(options.address);
  const { tls, access, insecure = false, quotas, accessEvents } = options;
  const guards = { tls: tls !== undefined, keys: access !== undefined, insecure };
  await requireGuarded(address, guards);
  if (options.http !== undefined) await requireGuarded(parseAddress(options.http.address), guards);
  const gate = new Gate({ access, quotas, events: accessEvents, monotonicMs: () => performance.now() });
  const lifeMs = () => (bounds.connectionAgeMs === Infinity ? Infinity : bounds.connectionAgeGraceMs * (0.8 + 0.2 * Math.random()));
  const watchers = new OpenStreams({ streams: "watchers", resume: "resume after the last zookie" }, bounds.watchersMax, lifeMs);
  // They end by themselves, so that they are counted and not drained.
  const results = new OpenStreams({ streams: "streams of results", resume: "ask again from the last cursor" }, bounds.callsMax, lifeMs);
  const live = new OpenStreams({ streams: "live streams", resume: "open another" }, bounds.liveStreamsMax, lifeMs);
  const loopDelay = new LoopDelay();
  const admission = new Admission({ callsMax: bounds.callsMax, delayMs: () => loopDelay.ms, delayMsMax: bounds.loopDelayMsMax, random: Math.random });
  const reception = new Reception(options.observer ?? unobservedServer, gate, admission, new Traces());
  const server = new GrpcServer({
    "grpc.max_receive_message_length": limits.messageBytesMax,
    "grpc.max_send_message_length": limits.messageBytesMax,
    "grpc.max_concurrent_streams": limits.callsPerConnectionMax,
    "grpc.keepalive_time_ms": limits.keepaliveMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
    ...connectionAge(bounds),
    // Where everybody may call there is nobody to stop.
    interceptors: access === undefined ? [] : [doorInterceptor(reception, options.onError, [...Object.values(methods), ...Object.values(authzedMethods), envoyCheck])],
  });
  server.addService(definition, handlers(service, options.onError, { watchers, live }, reception));
  server.addService(authzedDefinition, authzedHandlers(service, options.foreignZedTokens ?? "reject", options.onError, { watchers, results }, reception));
  if (options.envoy !== undefined) server.addService(envoyDefinition, envoyHandlers(service, options.envoy, options.onError, reception));
  const health = new Health(options.conditions);
  health.addTo(server);
  const reflection = new Reflection();
  if (options.reflection ?? true) reflection.addTo(server);
  const http = options.http && (await HttpHost.open(options.http, { reception, watchers, tls, report: options.onError }));
  const port = await bind(server, formatAddress(address), tls?.credentials ?? ServerCredentials.createInsecure()).catch(async (error: unknown) => {
    await http?.close(0);
    throw error;
  });
  let closing: Promise<void> | undefined;
  return {
    address: formatAddress({ host: address.host, port }),
    ...(http === undefined ? {} : { httpAddress: http.address }),
    get readiness() {
      return health.readiness;
    },
    get load() {
      return { callsUnderWay: admission.underWay, streams: watchers.count, liveStreams: live.count, streamBytes: watchers.bufferedBytes + live.bufferedBytes + results.bufferedBytes, loopDelayMs: loopDelay.ms };
    },
    close: (graceMs) => {
      loopDelay.stop();
      return (closing ??= closeAll(http, drain(server, [health, watchers, live, reflection], graceMs), graceMs));
    },
  };
}

/** Both at once: `drain` has told whoever watches, over HTTP too. */
async function closeAll(http: HttpHost | undefined, drained: Promise<void>, graceMs: number): Promise<void> {
  await Promise.all([http?.close(graceMs), drained]);
}

/** Timers of Node.js take no more than 24.8 days. */
function connectionAge({ connectionAgeMs, connectionAgeGraceMs }: ServerBounds) {
  if (connectionAgeMs === Infinity) return {};
  return { "grpc.max_connection_age_ms": capDelay(connectionAgeMs), "grpc.max_connection_age_grace_ms": capDelay(connectionAgeGraceMs) };
}

function bind(server: GrpcServer, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(bindError(error, address));
    });
  });
}

function bindError(error: Error, address: string): UsherError {
  if (error.message.includes("EADDRINUSE")) {
    return new UsherError("address_in_use", `address ${quote(address)} is in use: stop what listens there, or choose another port`, { cause: error });
  }
  return new UsherError("invalid_configuration", `cannot listen on ${quote(address)}: ${error.message}`, { cause: error });
}
