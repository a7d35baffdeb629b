import type { handleBidiStreamingCall, Server as GrpcServer } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { protoPath as healthProto } from "grpc-health-check";

import { protoFiles, protoFolder } from "../base/proto.js";

/**
 * Server reflection (`grpc.reflection.v1` and `v1alpha`) of the files that the server itself speaks by, so that `grpcurl` and the
 * like work without a copy of them. It shows the interface, which is public, and no data.
 */
export class Reflection {
  readonly #streams = new Set<{ end(): void }>();

  addTo(server: Pick<GrpcServer, "addService">): void {
    const files = loadSync([...protoFiles, healthProto], { includeDirs: [protoFolder], keepCase: true });
    new ReflectionService(files).addToServer({
      addService: (definition, implementation) => {
        const entries = Object.entries(implementation as Record<string, handleBidiStreamingCall<unknown, unknown>>);
        server.addService(definition, Object.fromEntries(entries.map(([name, handler]) => [name, this.#counted(handler)])));
      },
    });
  }

  /** Ends the streams that are open: they end by their clients alone. */
  drain(): void {
    for (const stream of this.#streams) stream.end();
  }

  #counted(handler: handleBidiStreamingCall<unknown, unknown>): handleBidiStreamingCall<unknown, unknown> {
    return (stream) => {
      this.#streams.add(stream);
      const forget = () => this.#streams.delete(stream);
      stream.once("end", forget);
      stream.once("cancelled", forget);
      handler(stream);
    };
  }
}
