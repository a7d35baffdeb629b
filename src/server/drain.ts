import type { Server as GrpcServer } from "@grpc/grpc-js";

import { capDelay } from "../base/clock.js";
import { limits } from "../base/limits.js";

/** Whatever holds streams that end by nothing but their clients. */
export interface Drainable {
  drain(): void;
}

/**
 * Ends a server without cutting off who is under way: first everybody who watches is told to go elsewhere, then no connection and
 * no call is taken any more (those that are open are sent a GOAWAY) and what was begun may end, for `graceMs`; what has not by then is ended hard.
 */
export function drain(server: GrpcServer, holders: readonly Drainable[], graceMs: number): Promise<void> {
  for (const holder of holders) holder.drain();
  return new Promise((resolve, reject) => {
    // Node.js lets a session that was closed send its last bytes, even one that is destroyed then: a client that takes
    // nothing would hold up the end for ever. Its connection is left behind, and ends with the process.
    const force = setTimeout(() => {
      server.forceShutdown();
      setTimeout(resolve, limits.shutdownForcedMs);
    }, capDelay(graceMs));
    server.tryShutdown((error) => {
      clearTimeout(force);
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
