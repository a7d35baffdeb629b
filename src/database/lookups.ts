import { limits } from "../base/limits.js";
import type { Ground } from "../evaluation/evaluate.js";
import { lookupObjects } from "../evaluation/lookup/lookup-objects.js";
import { lookupPermissions } from "../evaluation/lookup/lookup-permissions.js";
import { lookupSubjects } from "../evaluation/lookup/lookup-subjects.js";
import type { Page, PageOptions } from "../evaluation/lookup/page.js";
import { checkContext, emptyContext, type Context } from "../model/context.js";
import type { RecordedAnswer } from "../model/audit.js";
import { checkId, checkName, checkType, formatObject } from "../model/object.js";
import type { Schema } from "../model/schema/schema.js";
import type {
  Call, LookupObjectsRequest, LookupObjectsResponse, LookupPermissionsRequest, LookupPermissionsResponse, LookupSubjectsRequest, LookupSubjectsResponse,
} from "../model/service.js";
import { formatSubject } from "../model/subject.js";
import type { Tuple } from "../model/tuple.js";
import { withGround } from "./checks.js";
import type { Core } from "./core.js";
import { decodeLookupCursor, encodeLookupCursor, enumerationKey, groundOf } from "./lookup-cursor.js";
import { pinned } from "./pinned.js";
import type { RecordedLookup } from "./recordings.js";
import { memberOf, requireFields, requireList, requireText, validateAsked, validateContextual, validateObject, validatePageSize, validateSubject, validateTuple } from "./validate.js";

export async function lookupObjectsPage(core: Core, request: LookupObjectsRequest, call: Call): Promise<LookupObjectsResponse> {
  requireFields(request, "the request");
  const { permission, within } = request;
  const lookup = {
    type: checkType(request.objectType),
    permission: checkName(permission, "permission"),
    subject: validateAsked(request.subject),
    idPrefix: prefixOf(request.idPrefix),
    countOnly: request.countOnly === true,
    ...givenOf(request),
    ...(within === undefined ? {} : { within: scopeOf(within) }),
  };
  return paged(core, request, lookup, call, (ground, options, key) => {
    memberOf(ground.schema, lookup.type, lookup.permission);
    memberOf(ground.schema, lookup.subject.type, lookup.subject.relation);
    if (lookup.within !== undefined) {
      memberOf(ground.schema, lookup.type, lookup.within.relation);
      memberOf(ground.schema, lookup.within.subject.type, lookup.within.subject.relation);
    }
    return lookupObjects({ ...lookup, ...contextualOf(lookup, ground.schema), ...options }, ground, call.signal, core.lookups.objects.keeper(key));
  }, (results) => ({
    found: "objects",
    object: lookup.type,
    permission: lookup.permission,
    subject: formatSubject(lookup.subject),
    results: results.map(({ object, ...verdict }) => [formatObject(object), answerOf(verdict)]),
    context: lookup.context,
    contextualTuples: lookup.given,
  }));
}

export async function lookupSubjectsPage(core: Core, request: LookupSubjectsRequest, call: Call): Promise<LookupSubjectsResponse> {
  requireFields(request, "the request");
  const { permission, subjectType, subjectRelation = "" } = request;
  const lookup = {
    object: validateObject(request.object),
    permission: checkName(permission, "permission"),
    wanted: { type: checkType(subjectType), relation: subjectRelation === "" ? "" : checkName(subjectRelation, "relation") },
    idPrefix: prefixOf(request.idPrefix),
    countOnly: request.countOnly === true,
    ...givenOf(request),
  };
  return paged(core, request, lookup, call, (ground, options, key) => {
    memberOf(ground.schema, lookup.object.type, lookup.permission);
    memberOf(ground.schema, lookup.wanted.type, lookup.wanted.relation);
    return lookupSubjects({ ...lookup, ...contextualOf(lookup, ground.schema), ...options }, ground, call.signal, core.lookups.subjects.keeper(key));
  }, (results) => ({
    found: "subjects",
    object: formatObject(lookup.object),
    permission: lookup.permission,
    subject: lookup.wanted.relation === "" ? lookup.wanted.type : `${lookup.wanted.type}#${lookup.wanted.relation}`,
    results: results.map(({ subject, ...verdict }) => [formatSubject(subject), answerOf(verdict)]),
    context: lookup.context,
    contextualTuples: lookup.given,
  }));
}

export async function lookupPermissionsOf(core: Core, request: LookupPermissionsRequest, call: Call): Promise<LookupPermissionsResponse> {
  requireFields(request, "the request");
  const lookup = { object: validateObject(request.object), subject: validateAsked(request.subject), relations: request.relations === true, ...givenOf(request) };
  return withGround(core, request.consistency, call, async (ground, zookie) => {
    memberOf(ground.schema, lookup.object.type, undefined);
    memberOf(ground.schema, lookup.subject.type, lookup.subject.relation);
    const results = await lookupPermissions({ ...lookup, ...contextualOf(lookup, ground.schema) }, ground, call.signal);
    await core.recordings?.lookup(
      {
        found: "permissions",
        object: formatObject(lookup.object),
        subject: formatSubject(lookup.subject),
        results: results.map(({ permission, ...verdict }) => [permission, answerOf(verdict)]),
        context: lookup.context,
        contextualTuples: lookup.given,
      },
      { schema: ground.schema, now: ground.now, zookie },
      call,
    );
    return { zookie, instant: ground.now, results };
  });
}

/** One page at the snapshot and the instant of the first; its cursor is bound to the lookup. */
async function paged<Result>(
  core: Core,
  request: LookupObjectsRequest | LookupSubjectsRequest,
  lookup: { readonly countOnly: boolean },
  call: Call,
  read: (ground: Ground, options: PageOptions, key: string) => Promise<Page<Result>>,
  recorded: (results: readonly Result[]) => RecordedLookup,
) {
  const size = validatePageSize(request.pageSize ?? limits.pageTuplesDefault);
  if (request.cursor !== undefined) requireText(request.cursor, "cursor");
  const cursor = request.cursor === undefined ? undefined : decodeLookupCursor(request.cursor, lookup);
  return pinned(cursor, request.consistency, (consistency) =>
    withGround(core, consistency, call, async (given, zookie) => {
      const ground = cursor === undefined ? given : groundOf(cursor, given);
      const options = { size, countOnly: lookup.countOnly, ...(cursor === undefined ? {} : { after: cursor.after }) };
      const { results, count, after } = await read(ground, options, enumerationKey(ground, lookup));
      const counted = lookup.countOnly && count.allowed + count.conditional > 0 ? { count } : {};
      await core.recordings?.lookup({ ...recorded(results), ...counted }, { schema: ground.schema, now: ground.now, zookie }, call);
      return {
        zookie,
        instant: ground.now,
        results,
        ...(lookup.countOnly ? { count } : {}),
        ...(after === undefined ? {} : { cursor: encodeLookupCursor({ zookie, instant: ground.now, after }, lookup) }),
      };
    }),
  );
}

function answerOf({ allowed, missingFields }: { readonly allowed: boolean; readonly missingFields: readonly string[] }): RecordedAnswer {
  if (allowed) return "allowed";
  return missingFields.length > 0 ? "conditional" : "denied";
}

interface Given {
  readonly context: Context;
  readonly given: readonly Tuple[];
}

function givenOf({ context, contextualTuples }: { readonly context?: Context; readonly contextualTuples?: readonly Tuple[] }): Given {
  if (contextualTuples !== undefined) requireList(contextualTuples, "contextualTuples");
  return { context: context === undefined ? emptyContext : checkContext(context, "the request context"), given: (contextualTuples ?? []).map(validateTuple) };
}

/** Contextual tuples, held against the schema as those of a check are. */
function contextualOf({ given }: Given, schema: Schema): { readonly contextualTuples: readonly Tuple[] } {
  return { contextualTuples: validateContextual(given, schema) };
}

function prefixOf(prefix: string | undefined): string {
  return prefix === undefined ? "" : checkId(prefix);
}

function scopeOf(within: NonNullable<LookupObjectsRequest["within"]>): NonNullable<LookupObjectsRequest["within"]> {
  requireFields(within, "`within`");
  return { relation: checkName(within.relation, "relation"), subject: validateSubject(within.subject) };
}
