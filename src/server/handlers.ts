import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";

import { limits } from "../base/limits.js";
import type { LiveResponse } from "../model/live.js";
import type { Service } from "../model/service.js";
import { methods } from "../model/wire/methods.js";
import { bidiStreamHandler } from "./bidi-stream.js";
import { clientStreamHandler } from "./client-stream.js";
import type { OpenStreams } from "./open-streams.js";
import type { Reception } from "./reception.js";
import type { ErrorReporter } from "./statuses.js";
import { streamHandler } from "./stream.js";
import { answerOf } from "./telemetry/observer.js";
import { unaryHandler } from "./unary.js";

/** The streams that are open, by their bounds. */
export interface HandledStreams {
  readonly watchers: OpenStreams;
  readonly live: OpenStreams;
}

/** Every rpc of `usher.v1` over a service: each decodes, asks the service, encodes, and does nothing else. */
export function handlers(service: Service, report: ErrorReporter, { watchers, live }: HandledStreams, reception: Reception): UntypedServiceImplementation {
  const { observer } = reception;
  return {
    writeTuples: unaryHandler(methods.writeTuples, (request, call) => service.writeTuples(request, call), report, reception),
    deleteTuples: unaryHandler(methods.deleteTuples, (request, call) => service.deleteTuples(request, call), report, reception),
    readTuples: unaryHandler(methods.readTuples, (request, call) => service.readTuples(request, call), report, reception),
    importTuples: clientStreamHandler(methods.importTuples, (messages, call) => service.importTuples(messages, call), report, reception),
    exportTuples: streamHandler(methods.exportTuples, (request, call) => service.exportTuples(request, call), report, watchers, reception),
    watchTuples: streamHandler(methods.watchTuples, (request, call) => service.watchTuples(request, call), report, watchers, reception),
    live: bidiStreamHandler(methods.live, (requests, call) => service.live(requests, call), draining, report, live, reception),
    previewChange: unaryHandler(methods.previewChange, (request, call) => service.previewChange(request, call), report, reception),
    listHolds: streamHandler(methods.listHolds, (request, call) => service.listHolds(request, call), report, watchers, reception),
    check: unaryHandler(methods.check, (request, call) => service.check(request, call), report, reception, (decision) => observer.onDecision(answerOf(decision))),
    batchCheck: unaryHandler(methods.batchCheck, (request, call) => service.batchCheck(request, call), report, reception, ({ results }) => {
      for (const result of results) observer.onDecision("decision" in result ? answerOf(result.decision) : "error");
    }),
    expand: unaryHandler(methods.expand, (request, call) => service.expand(request, call), report, reception),
    lookupObjects: unaryHandler(methods.lookupObjects, (request, call) => service.lookupObjects(request, call), report, reception),
    lookupSubjects: unaryHandler(methods.lookupSubjects, (request, call) => service.lookupSubjects(request, call), report, reception),
    lookupPermissions: unaryHandler(methods.lookupPermissions, (request, call) => service.lookupPermissions(request, call), report, reception),
    readSchema: unaryHandler(methods.readSchema, (request, call) => service.readSchema(request, call), report, reception),
    writeSchema: unaryHandler(methods.writeSchema, (request, call) => service.writeSchema(request, call), report, reception),
    diffSchema: unaryHandler(methods.diffSchema, (request, call) => service.diffSchema(request, call), report, reception),
    queryDecisions: unaryHandler(methods.queryDecisions, (request, call) => service.queryDecisions(request, call), report, reception),
    tailDecisions: streamHandler(methods.tailDecisions, (request, call) => service.tailDecisions(request, call), report, watchers, reception),
    getCheckpoint: unaryHandler(methods.getCheckpoint, (request, call) => service.getCheckpoint(request, call), report, reception),
    proveDecision: unaryHandler(methods.proveDecision, (request, call) => service.proveDecision(request, call), report, reception),
    replayDecisions: unaryHandler(methods.replayDecisions, (request, call) => service.replayDecisions(request, call), report, reception),
    redactDecisions: unaryHandler(methods.redactDecisions, (request, call) => service.redactDecisions(request, call), report, reception),
    findLoss: unaryHandler(methods.findLoss, (request, call) => service.findLoss(request, call), report, reception),
    createTenant: unaryHandler(methods.createTenant, (request, call) => service.createTenant(request, call), report, reception),
    listTenants: unaryHandler(methods.listTenants, (request, call) => service.listTenants(request, call), report, reception),
    deleteTenant: unaryHandler(methods.deleteTenant, (request, call) => service.deleteTenant(request, call), report, reception),
    setTenantQuotas: unaryHandler(methods.setTenantQuotas, (request, call) => service.setTenantQuotas(request, call), report, reception),
    backup: streamHandler(methods.backup, (request, call) => service.backup(request, call), report, watchers, reception),
  };
}

/** The rpcs as grpc-js wants them. Messages pass as bytes: a message that cannot be read is then our error, with a code. */
export const definition: ServiceDefinition = Object.fromEntries(
  Object.entries<{ readonly path: string }>(methods).map(([name, { path }]) => [
    name,
    {
      path,
      requestStream: name === "importTuples" || name === "live",
      responseStream: name === "watchTuples" || name === "exportTuples" || name === "backup" || name === "live" || name === "listHolds" || name === "tailDecisions",
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  ]),
);

/** Clients do not all come back at once. */
function draining(): LiveResponse {
  return { kind: "draining", reconnectAfterMs: Math.floor(Math.random() * limits.reconnectSpreadMs) };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
