import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";

import type { Decision, Service } from "../../../model/service.js";
import { clientStreamHandler } from "../../client-stream.js";
import type { OpenStreams } from "../../open-streams.js";
import type { Reception } from "../../reception.js";
import type { ErrorReporter } from "../../statuses.js";
import { streamHandler } from "../../stream.js";
import type { CheckAnswer } from "../../telemetry/observer.js";
import { unaryHandler } from "../../unary.js";
import { exportRelationships, importRelationships } from "./bulk.js";
import { checkBulkPermissions, checkPermission } from "./check.js";
import { readsOf, type ForeignZedTokens } from "./consistency.js";
import { lookupResources, lookupSubjects } from "./lookups.js";
import { authzedMethods as methods } from "./methods.js";
import { deleteRelationships, readRelationships, writeRelationships } from "./relationships.js";
import { readSchemaAtHead } from "./schema.js";
import { answerOfSchema } from "./schema-reflection.js";
import { watch } from "./watch.js";

/** Streams by what ends them: a watch ends by nothing else than its client or the server; results end by themselves. */
export interface AuthzedStreams {
  readonly watchers: OpenStreams;
  readonly results: OpenStreams;
}

/** Every rpc of `authzed.api.v1` over a service: each translates, asks the service, translates back, and does nothing else. */
export function authzedHandlers(
  service: Service,
  foreignZedTokens: ForeignZedTokens,
  report: ErrorReporter,
  { watchers, results }: AuthzedStreams,
  reception: Reception,
): UntypedServiceImplementation {
  const reads = readsOf(service, foreignZedTokens);
  const { observer } = reception;
  return {
    checkPermission: unaryHandler(methods.checkPermission, (request, call) => checkPermission(reads, request, call), report, reception, ({ decision }) => observer.onDecision(answerOf(decision))),
    checkBulkPermissions: unaryHandler(methods.checkBulkPermissions, (request, call) => checkBulkPermissions(reads, request, call), report, reception, ({ pairs }) => {
      for (const { result } of pairs) observer.onDecision("decision" in result ? answerOf(result.decision) : "error");
    }),
    expandPermissionTree: unaryHandler(
      methods.expandPermissionTree,
      async (request, call) => ({ ...(await reads.expand(request, call)), permission: request.permission }),
      report,
      reception,
    ),
    lookupResources: streamHandler(methods.lookupResources, (request, call) => lookupResources(reads, request, call), report, results, reception),
    lookupSubjects: streamHandler(methods.lookupSubjects, (request, call) => lookupSubjects(reads, request, call), report, results, reception),
    readRelationships: streamHandler(methods.readRelationships, (request, call) => readRelationships(reads, request, call), report, results, reception),
    writeRelationships: unaryHandler(methods.writeRelationships, (request, call) => writeRelationships(service, request, call), report, reception),
    deleteRelationships: unaryHandler(methods.deleteRelationships, (request, call) => deleteRelationships(service, request, call), report, reception),
    importBulkRelationships: clientStreamHandler(methods.importBulkRelationships, (messages, call) => importRelationships(service, messages, call), report, reception),
    exportBulkRelationships: streamHandler(methods.exportBulkRelationships, (request, call) => exportRelationships(reads, request, call), report, results, reception),
    readSchema: unaryHandler(methods.readSchema, (_request, call) => readSchemaAtHead(service, call), report, reception),
    writeSchema: unaryHandler(methods.writeSchema, (request, call) => service.writeSchema(request, call), report, reception),
    reflectSchema: unaryHandler(methods.reflectSchema, (request, call) => answerOfSchema(reads, request, call), report, reception),
    computablePermissions: unaryHandler(methods.computablePermissions, (request, call) => answerOfSchema(reads, request, call), report, reception),
    dependentRelations: unaryHandler(methods.dependentRelations, (request, call) => answerOfSchema(reads, request, call), report, reception),
    diffSchema: unaryHandler(methods.diffSchema, (request, call) => answerOfSchema(reads, request, call), report, reception),
    watch: streamHandler(methods.watch, (request, call) => watch(service, request, call), report, watchers, reception),
  };
}

const requestStreams: ReadonlySet<string> = new Set(["importBulkRelationships"]);
const responseStreams: ReadonlySet<string> = new Set(["lookupResources", "lookupSubjects", "readRelationships", "exportBulkRelationships", "watch"]);

/** The rpcs as grpc-js wants them; messages pass as bytes. */
export const authzedDefinition: ServiceDefinition = Object.fromEntries(
  Object.entries<{ readonly path: string }>(methods).map(([name, { path }]) => [
    name,
    {
      path,
      requestStream: requestStreams.has(name),
      responseStream: responseStreams.has(name),
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  ]),
);

function answerOf({ allowed, missingFields }: Decision): CheckAnswer {
  if (allowed) return "allowed";
  return missingFields.length > 0 ? "conditional" : "denied";
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
