import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";

import { UsherError } from "../base/errors.js";
import { capDelay } from "../base/clock.js";
import { limits } from "../base/limits.js";
import { quote } from "../model/object.js";
import type { Service } from "../model/service.js";
import { formatAddress, parseAddress, requireLoopback } from "./address.js";
import { definition, handlers } from "./handlers.js";
import type { ErrorReporter } from "./statuses.js";
import { OpenStreams } from "./stream.js";

export interface ServerOptions {
  /** `host:port`, loopback alone; port 0 takes a free one. */
  readonly address: string;
  /** Told of errors that no code foresees, with the rpc's path. */
  readonly onError: ErrorReporter;
}

/** A server that takes calls. */
export interface Server {
  /** With the port that was bound. */
  readonly address: string;
  /**
   * Takes no more calls, ends the watch streams with `closed`, lets other calls end for `graceMs` and then
   * ends them as well. The service stays open: it is its owner's.
   */
  close(graceMs: number): Promise<void>;
}

/** Serves `usher.v1`. @throws `invalid_configuration`, `address_in_use` */
export async function serve(service: Service, options: ServerOptions): Promise<Server> {
  const address = parseAddress(options.address);
  await requireLoopback(address);
  const server = new GrpcServer({
    "grpc.max_receive_message_length": limits.messageBytesMax,
    "grpc.max_send_message_length": limits.messageBytesMax,
    "grpc.max_concurrent_streams": limits.callsPerConnectionMax,
    "grpc.keepalive_time_ms": limits.keepaliveMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
  });
  const streams = new OpenStreams(limits.watchersMax);
  server.addService(definition, handlers(service, options.onError, streams));
  const port = await bind(server, formatAddress(address));
  return {
    address: formatAddress({ host: address.host, port }),
    close: (graceMs) => {
      streams.closeAll();
      return shutDown(server, graceMs);
    },
  };
}

function bind(server: GrpcServer, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
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

function shutDown(server: GrpcServer, graceMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const force = setTimeout(() => server.forceShutdown(), capDelay(graceMs));
    server.tryShutdown((error) => {
      clearTimeout(force);
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
