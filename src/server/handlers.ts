import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";

import type { Service } from "../model/service.js";
import { methods } from "../model/wire/methods.js";
import type { ErrorReporter } from "./statuses.js";
import { streamHandler, type OpenStreams } from "./stream.js";
import { unaryHandler } from "./unary.js";

/** Every rpc of `usher.v1` over a service: each decodes, asks the service, encodes, and does nothing else. */
export function handlers(service: Service, report: ErrorReporter, streams: OpenStreams): UntypedServiceImplementation {
  return {
    writeTuples: unaryHandler(methods.writeTuples, (request, call) => service.writeTuples(request, call), report),
    deleteTuples: unaryHandler(methods.deleteTuples, (request, call) => service.deleteTuples(request, call), report),
    readTuples: unaryHandler(methods.readTuples, (request, call) => service.readTuples(request, call), report),
    watchTuples: streamHandler(methods.watchTuples, (request, call) => service.watchTuples(request, call), report, streams),
    check: unaryHandler(methods.check, (request, call) => service.check(request, call), report),
    batchCheck: unaryHandler(methods.batchCheck, (request, call) => service.batchCheck(request, call), report),
    expand: unaryHandler(methods.expand, (request, call) => service.expand(request, call), report),
    readSchema: unaryHandler(methods.readSchema, (request, call) => service.readSchema(request, call), report),
    writeSchema: unaryHandler(methods.writeSchema, (request, call) => service.writeSchema(request, call), report),
  };
}

/** The rpcs as grpc-js wants them. Messages pass as bytes: a message that cannot be read is then our error, with a code. */
export const definition: ServiceDefinition = Object.fromEntries(
  Object.entries<{ readonly path: string }>(methods).map(([name, { path }]) => [
    name,
    {
      path,
      requestStream: false,
      responseStream: name === "watchTuples",
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  ]),
);

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
