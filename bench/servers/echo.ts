import { Server, ServerCredentials, type handleUnaryCall, type MethodDefinition } from "@grpc/grpc-js";

import { limits } from "../../src/base/limits.js";
import { protoRoot } from "../../src/base/proto.js";
import { writeDecision } from "../../src/model/wire/decision.js";
import { methods } from "../../src/model/wire/methods.js";
import { fixedDecision } from "./answers.js";
import type { Running } from "./running.js";

interface BatchMessage {
  readonly items: readonly unknown[];
}

/**
 * The bare stack: grpc-js with the options that Usher sets, protobufjs with its own reader and writer, the messages of `usher.v1`, and handlers
 * that read the request and answer the same at once. It is the floor beside which Usher is measured.
 */
export async function startEcho(): Promise<Running> {
  const server = new Server({
    "grpc.max_receive_message_length": limits.messageBytesMax,
    "grpc.max_send_message_length": limits.messageBytesMax,
    "grpc.max_concurrent_streams": limits.callsPerConnectionMax,
    "grpc.keepalive_time_ms": limits.keepaliveMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
  });
  const decision = writeDecision(fixedDecision);
  const { zookie } = fixedDecision;
  server.addService(
    {
      check: definition(methods.check.path, "CheckRequest", "CheckResponse"),
      batchCheck: definition(methods.batchCheck.path, "BatchCheckRequest", "BatchCheckResponse"),
      writeTuples: definition(methods.writeTuples.path, "WriteTuplesRequest", "WriteTuplesResponse"),
    },
    {
      check: answering(() => decision),
      batchCheck: answering<BatchMessage>(({ items }) => ({ zookie, results: items.map(() => ({ decision })) })),
      writeTuples: answering(() => ({ zookie, changed: 1 })),
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return {
    address: `127.0.0.1:${port}`,
    close: () => new Promise((resolve, reject) => server.tryShutdown((error) => (error === undefined ? resolve() : reject(error)))),
  };
}

function answering<Request>(answer: (request: Request) => object): handleUnaryCall<Request, object> {
  return (call, callback) => callback(null, answer(call.request));
}

function definition(path: string, request: string, response: string): MethodDefinition<object, object> {
  const [asked, answered] = [protoRoot().lookupType(`usher.v1.${request}`), protoRoot().lookupType(`usher.v1.${response}`)];
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message) => asked.encode(message).finish() as Buffer,
    requestDeserialize: (bytes) => asked.decode(bytes),
    responseSerialize: (message) => answered.encode(message).finish() as Buffer,
    responseDeserialize: (bytes) => answered.decode(bytes),
  };
}
