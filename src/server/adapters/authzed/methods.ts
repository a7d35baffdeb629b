import type { UsherError } from "../../../base/errors.js";
import type { Role } from "../../../model/role.js";
import type { WriteTuplesRequest } from "../../../model/service.js";
import { classOfWrite, type CallClass } from "../../admission.js";
import type { ServedMethod } from "../../reception.js";
import type { Failure } from "../../statuses.js";
import * as bulk from "./bulk.js";
import * as check from "./check.js";
import * as expand from "./expand.js";
import { toFailure, toReadFailure } from "./failures.js";
import * as lookups from "./lookups.js";
import * as relationships from "./relationships.js";
import * as schema from "./schema.js";
import * as reflection from "./schema-reflection.js";
import * as watch from "./watch.js";

interface Traits {
  readonly writes?: boolean;
  /** Absent: as ours that is neither a stream nor special. */
  readonly callClass?: CallClass | ((request: unknown) => CallClass);
  readonly toFailure?: (error: UsherError) => Failure;
}

function method<Request, Response>(
  path: string,
  role: Role,
  request: ServedMethod<Request, Response>["request"],
  response: ServedMethod<Request, Response>["response"],
  { writes = false, callClass = writes ? "write" : "read", toFailure: failure = toFailure }: Traits = {},
): ServedMethod<Request, Response> {
  return { path: `/authzed.api.v1.${path}`, role, request, response, writes, callClass, toFailure: failure };
}

/** Every rpc of `authzed.api.v1` that is served. A stream of results is a read like ours, which come in pages: it ends. */
export const authzedMethods = {
  checkPermission: method("PermissionsService/CheckPermission", "read", check.checkRequest, check.checkResponse, { callClass: "check" }),
  checkBulkPermissions: method("PermissionsService/CheckBulkPermissions", "read", check.bulkRequest, check.bulkResponse),
  expandPermissionTree: method("PermissionsService/ExpandPermissionTree", "read", expand.expandRequest, expand.expandResponse),
  lookupResources: method("PermissionsService/LookupResources", "read", lookups.resourcesRequest, lookups.resourcesResponse),
  lookupSubjects: method("PermissionsService/LookupSubjects", "read", lookups.subjectsRequest, lookups.subjectsResponse),
  readRelationships: method("PermissionsService/ReadRelationships", "read", relationships.readRequest, relationships.readResponse),
  writeRelationships: method("PermissionsService/WriteRelationships", "write", relationships.writeRequest, relationships.writeResponse, {
    writes: true,
    callClass: (request) => classOfWrite(request as WriteTuplesRequest),
  }),
  deleteRelationships: method("PermissionsService/DeleteRelationships", "write", relationships.deleteRequest, relationships.deleteResponse, { writes: true, callClass: "revocation" }),
  importBulkRelationships: method("PermissionsService/ImportBulkRelationships", "write", bulk.importRequest, bulk.importResponse, { writes: true, callClass: "stream" }),
  exportBulkRelationships: method("PermissionsService/ExportBulkRelationships", "read", bulk.exportRequest, bulk.exportResponse, { callClass: "stream" }),
  readSchema: method("SchemaService/ReadSchema", "read", schema.readSchemaRequest, schema.readSchemaResponse, { toFailure: toReadFailure }),
  writeSchema: method("SchemaService/WriteSchema", "schema", schema.writeSchemaRequest, schema.writeSchemaResponse, { writes: true }),
  reflectSchema: method("SchemaService/ReflectSchema", "read", reflection.reflectRequest, reflection.reflectResponse, { toFailure: toReadFailure }),
  computablePermissions: method("SchemaService/ComputablePermissions", "read", reflection.computableRequest, reflection.computableResponse),
  dependentRelations: method("SchemaService/DependentRelations", "read", reflection.dependentRequest, reflection.dependentResponse),
  diffSchema: method("SchemaService/DiffSchema", "read", reflection.diffRequest, reflection.diffResponse),
  watch: method("WatchService/Watch", "read", watch.watchRequest, watch.watchResponse, { callClass: "stream" }),
};
