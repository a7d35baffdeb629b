import fc from "fast-check";

import { errorCodes } from "../../src/base/errors.js";
import type { Context } from "../../src/model/context.js";
import { auditArbitraries } from "./audit-arbitraries.js";
import type { TupleFilter } from "../../src/model/filter.js";
import type { Enforcement, HeldState, Hold, LiveRequest, LiveResponse, LookupHold, MemberState } from "../../src/model/live.js";
import type { ListHoldsRequest, ListHoldsResponse } from "../../src/model/holds.js";
import type { PreviewChangeRequest, PreviewChangeResponse } from "../../src/model/preview.js";
import type {
  BatchCheckItem, BatchCheckRequest, BatchCheckResponse, CheckRequest, Consistency, Decision, DeleteTuplesRequest, DeleteTuplesResponse, DiffSchemaRequest, DiffSchemaResponse,
  ExpandNode, ExpandRequest, ExpandResponse, ExpandSubject, Explanation, Operation, Precondition, ReadSchemaRequest, ReadSchemaResponse,
  ExportTuplesRequest, ExportTuplesResponse, ImportTuplesRequest, ImportTuplesResponse, LookupObjectsRequest, LookupObjectsResponse, LookupPermissionsRequest, LookupPermissionsResponse, LookupSubjectsRequest, LookupSubjectsResponse, ReadTuplesRequest, ReadTuplesResponse, TupleChange, WatchEvent, WatchTuplesRequest, WriteSchemaRequest, WriteSchemaResponse,
  WriteTuplesRequest, WriteTuplesResponse,
} from "../../src/model/service.js";
import type { SchemaChange } from "../../src/model/schema/change.js";
import type { SubjectRef } from "../../src/model/subject.js";
import type { CreateTenantRequest, DeleteTenantRequest, ListTenantsResponse } from "../../src/model/service.js";
import type { Quotas, Tenant } from "../../src/model/tenant.js";
import type { Tuple } from "../../src/model/tuple.js";

/** Well-formed values of every model type, with optional properties left out rather than undefined. */
const optional = { requiredKeys: [] as never[] };

const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/);
const type = fc.oneof(name, fc.tuple(name, name).map((parts) => parts.join("/")));
const id = fc.oneof(fc.stringMatching(/^[a-zA-Z0-9@:/.\-\u00e4\u4e16\u{1f600}]{1,12}$/u), fc.constantFrom("\ufffd", "a:b:c", '"x"', "a[b]", "é".repeat(512)));
const text = fc.string({ unit: "binary", maxLength: 12 });
const zookie = fc.stringMatching(/^[A-Za-z0-9_-]{18,26}$/);
const uint32 = fc.nat({ max: 0xffff_ffff });
const instant = fc.integer({ min: 0, max: 253_402_300_799_999 });
const flag = fc.constant(true);

const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant(null), fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true }), text,
    fc.array(tie("value"), { maxLength: 3 }), fc.dictionary(name, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const context = fc.dictionary(name, json, { maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<Context>;
const metadata = fc.dictionary(fc.oneof(text, fc.constant("__proto__")), text, { minKeys: 1, maxKeys: 3, noNullPrototype: true })
  .map((made) => Object.fromEntries(Object.entries(made)));

const objectRef = fc.record({ type, id });
const subjectRef: fc.Arbitrary<SubjectRef> = fc.oneof(
  fc.record({ type, id, relation: fc.oneof(fc.constant(""), name) }),
  fc.record({ type, id: fc.constant("*"), relation: fc.constant("") }),
);
const condition = fc.record({ name, context });
const tuple: fc.Arbitrary<Tuple> = fc.record(
  { object: objectRef, relation: name, subject: subjectRef, condition, expiresAt: instant },
  { requiredKeys: ["object", "relation", "subject"] },
);
const filter: fc.Arbitrary<TupleFilter> = fc.oneof(
  fc.record({ objectType: type, objectId: id, relation: name }, { requiredKeys: ["objectType"] }),
  fc.record({ objectType: type, objectIdPrefix: id }, { requiredKeys: ["objectType"] }),
  fc.record({ subjectType: type, subjectId: fc.oneof(id, fc.constant("*")), subjectRelation: fc.oneof(name, fc.constant("")) }, { requiredKeys: ["subjectType"] }),
);
const consistency: fc.Arbitrary<Consistency> = fc.oneof(
  fc.constant({ kind: "latest" as const }),
  fc.record({ kind: fc.constantFrom("atLeast" as const, "exact" as const), zookie }),
  fc.record({ kind: fc.constant("asOf" as const), instant }),
);
const operation: fc.Arbitrary<Operation> = fc.record({ kind: fc.constantFrom("create", "touch", "delete"), tuple });
const precondition: fc.Arbitrary<Precondition> = fc.record({ kind: fc.constantFrom("mustMatch", "mustNotMatch"), filter });
const some = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: 1, maxLength: 3 });

const writeOptions = { preconditions: some(precondition), metadata, requestId: text, validateOnly: flag, awaitEnforcementMs: uint32 };
const enforcement: fc.Arbitrary<Enforcement> = fc.record({ affected: uint32, acknowledged: uint32, lapsed: uint32, pending: uint32 });
const check = { object: objectRef, permission: name, subject: subjectRef, context, contextualTuples: some(tuple), explain: flag };
const item: fc.Arbitrary<BatchCheckItem> = fc.record(check, { requiredKeys: ["object", "permission", "subject"] });

const lookup = { context, contextualTuples: some(tuple), consistency };
const pagedLookup = { ...lookup, idPrefix: id, pageSize: uint32, cursor: text, countOnly: flag };
const verdict = { allowed: fc.boolean(), missingFields: fc.array(name, { maxLength: 3 }) };
const lookupPage = { zookie, instant, count: fc.record({ allowed: uint32, conditional: uint32 }), cursor: text };

/** Trees of a few levels: each level's children are of the level below. */
function tree<T>(node: (children: fc.Arbitrary<T[]>) => fc.Arbitrary<T>): fc.Arbitrary<T> {
  let made = node(fc.constant([]));
  for (let level = 0; level < 3; level++) made = node(fc.array(made, { maxLength: 2 }));
  return made;
}

const explanation = tree<Explanation>((children) =>
  fc.record(
    {
      kind: fc.constantFrom("permission", "relation", "union", "intersection", "exclusion", "arrow", "tuple", "self", "nil", "identity", "cycle", "memo"),
      answer: fc.constantFrom("allowed", "denied", "conditional", "undecided"),
      object: objectRef, member: text, tuple, note: text, missingFields: some(name), children,
    },
    { requiredKeys: ["kind", "answer", "children"] },
  ),
);

const decision: fc.Arbitrary<Decision> = fc.record(
  { allowed: fc.boolean(), missingFields: fc.array(name, { maxLength: 3 }), zookie, instant, validForMs: uint32, explanation },
  { requiredKeys: ["allowed", "missingFields", "zookie", "instant"] },
);

const expandNode = tree<ExpandNode>((children) =>
  fc.record({
    kind: fc.constantFrom("union", "intersection", "exclusion", "leaf"),
    object: objectRef, member: name, children, subjects: children.chain(expandSubjects),
  }),
);

/** Subjects of which these nodes are the expansion, and one that has none. */
function expandSubjects(expanded: ExpandNode[]): fc.Arbitrary<ExpandSubject[]> {
  const plain = fc.record({ subject: subjectRef, condition, expiresAt: instant }, { requiredKeys: ["subject"] }) as fc.Arbitrary<ExpandSubject>;
  return fc.tuple(plain, ...expanded.map((node) => plain.map((subject) => ({ ...subject, expanded: node }))));
}

const change: fc.Arbitrary<TupleChange> = fc.record({ kind: fc.constantFrom("write", "delete"), tuple });

const words = fc.string({ unit: "binary", minLength: 1, maxLength: 12 });
const schemaChange: fc.Arbitrary<SchemaChange> = fc.record(
  {
    element: fc.constantFrom("definition", "relation", "permission", "condition"),
    kind: fc.constantFrom("added", "removed", "widened", "narrowed", "changed", "equivalent", "documented"),
    name: text, indirect: flag, causes: some(text), from: text, to: text, allows: some(text), forbids: some(text),
    parameters: some(fc.record({ name: text, from: text, to: text }, { requiredKeys: ["name"] })),
  },
  { requiredKeys: ["element", "kind", "name"] },
);

const quotas: fc.Arbitrary<Quotas> = fc.record({ tuples: uint32, requestsPerSecond: uint32 }, optional);
const named = fc.record({ name: text, quotas }, { requiredKeys: ["name"] }) as fc.Arbitrary<CreateTenantRequest>;
const tenant = fc.record({ name: text, createdAt: instant, quotas, tuples: uint32 }, { requiredKeys: ["name", "quotas", "tuples"] }) as fc.Arbitrary<Tenant>;

const holdId = fc.integer({ min: 1, max: 0xffff_ffff });
const hold = fc.record(
  { id: holdId, object: objectRef, permission: name, subject: subjectRef, context, contextName: text, explain: flag, last: fc.constantFrom("allowed", "denied", "conditional") },
  { requiredKeys: ["id", "object", "permission", "subject"] },
) as fc.Arbitrary<Hold>;

const problem = fc.record({ code: fc.constantFrom(...errorCodes), message: text });
const stateKeys = { id: holdId, missingFields: fc.array(name, { maxLength: 3 }), validForMs: uint32, explanation };
const heldState = fc.oneof(
  fc.record({ ...stateKeys, allowed: fc.boolean() }, { requiredKeys: ["id", "allowed", "missingFields"] }),
  fc.record({ ...stateKeys, allowed: fc.constant(false), error: problem }, { requiredKeys: ["id", "allowed", "missingFields", "error"] }),
) as fc.Arbitrary<HeldState>;
const cause = fc.record({ kind: fc.constantFrom("tuple", "schema", "context", "time", "sweep", "resume", "expiry", "condition"), zookie, metadata }, { requiredKeys: ["kind"] });
const flip = fc.tuple(heldState, cause).map(([state, why]) => ({ ...state, cause: why }));

const memberKeys = { id: holdId, member: id, missingFields: fc.constant([] as string[]), validForMs: uint32, cause };
const memberState = fc.oneof(
  fc.record({ ...memberKeys, allowed: fc.boolean(), missingFields: fc.array(name, { maxLength: 3 }) }, { requiredKeys: ["id", "member", "allowed", "missingFields"] }),
  fc.record({ ...memberKeys, allowed: fc.constant(false), excluded: fc.constant(true) }, { requiredKeys: ["id", "member", "allowed", "missingFields", "excluded"] }),
) as fc.Arbitrary<MemberState>;
const heldLookup = fc.oneof(
  fc.record({ kind: fc.constant("objects" as const), type: name, permission: name, subject: subjectRef }),
  fc.record({ kind: fc.constant("subjects" as const), object: objectRef, permission: name, subjectType: name, subjectRelation: name }, { requiredKeys: ["kind", "object", "permission", "subjectType"] }),
);
const lookupHold = fc.record({ id: holdId, what: heldLookup, context, contextName: text }, { requiredKeys: ["id", "what"] }) as fc.Arbitrary<LookupHold>;

const heldAnswer = fc.constantFrom("allowed", "denied", "conditional");
const reached = fc.record({ zookie, instant });
const previewCheck = fc.record({ object: objectRef, permission: name, subject: subjectRef, context }, { requiredKeys: ["object", "permission", "subject"] });

/** A request and a response of every rpc, under its name in `Service`. */
export const arbitraries = {
  writeTuples: {
    request: fc.record({ operations: fc.array(operation, { maxLength: 4 }), ...writeOptions }, { requiredKeys: ["operations"] }) as fc.Arbitrary<WriteTuplesRequest>,
    response: fc.record({ zookie, changed: uint32, enforcement }, { requiredKeys: ["zookie", "changed"] }) as fc.Arbitrary<WriteTuplesResponse>,
  },
  deleteTuples: {
    request: fc.record({ filters: fc.array(filter, { maxLength: 3 }), limit: uint32, ...writeOptions }, { requiredKeys: ["filters"] }) as fc.Arbitrary<DeleteTuplesRequest>,
    response: fc.record({ zookie, deleted: uint32, more: fc.boolean(), enforcement }, { requiredKeys: ["zookie", "deleted", "more"] }) as fc.Arbitrary<DeleteTuplesResponse>,
  },
  readTuples: {
    request: fc.record({ filter: fc.oneof(filter, fc.constant({})), pageSize: uint32, cursor: text, consistency }, { requiredKeys: ["filter"] }) as fc.Arbitrary<ReadTuplesRequest>,
    response: fc.record({ zookie, tuples: fc.array(tuple, { maxLength: 4 }), cursor: text }, { requiredKeys: ["zookie", "tuples"] }) as fc.Arbitrary<ReadTuplesResponse>,
  },
  importTuples: {
    request: fc.oneof(
      fc.record({ kind: fc.constant("begin"), importId: text, schemaZookie: zookie, metadata, skipProblems: flag }, { requiredKeys: ["kind"] }),
      fc.array(tuple, { maxLength: 4 }).chain((list) =>
        fc.record({ kind: fc.constant("tuples"), tuples: fc.constant(list), positions: fc.array(uint32, { minLength: Math.max(1, list.length), maxLength: Math.max(1, list.length) }) }, { requiredKeys: ["kind", "tuples"] }),
      ),
    ) as fc.Arbitrary<ImportTuplesRequest>,
    response: fc.record({
      zookie, imported: uint32, changed: uint32, chunks: uint32, skipped: uint32,
      problems: fc.array(fc.record({ position: uint32, code: fc.constantFrom(...errorCodes), message: text }), { maxLength: 3 }),
    }) as fc.Arbitrary<ImportTuplesResponse>,
  },
  exportTuples: {
    request: fc.record({ filter: fc.oneof(filter, fc.constant({})), cursor: text, consistency }, { requiredKeys: ["filter"] }) as fc.Arbitrary<ExportTuplesRequest>,
    response: fc.record({ zookie, tuples: fc.array(tuple, { maxLength: 4 }), cursor: text }, { requiredKeys: ["zookie", "tuples"] }) as fc.Arbitrary<ExportTuplesResponse>,
  },
  watchTuples: {
    request: fc.record({ after: zookie, fromEarliest: flag, filters: some(filter), schemaChanges: flag, checkpointMs: uint32 }, optional) as fc.Arbitrary<WatchTuplesRequest>,
    response: fc.oneof(
      fc.record(
        { kind: fc.constant("commit"), zookie, instant, metadata: fc.oneof(metadata, fc.constant({})), operations: fc.array(change, { maxLength: 3 }), schema: text, last: fc.boolean() },
        { requiredKeys: ["kind", "instant", "metadata", "operations", "last"] },
      ),
      fc.record({ kind: fc.constant("checkpoint"), zookie, instant }),
    ) as fc.Arbitrary<WatchEvent>,
  },
  live: {
    request: fc.oneof(
      fc.record({ kind: fc.constant("open"), leaseMs: uint32, resumeStream: text }, { requiredKeys: ["kind"] }),
      fc.record({ kind: fc.constant("hold"), holds: fc.array(hold, { maxLength: 3 }) }),
      fc.record({ kind: fc.constant("lookup"), lookups: fc.array(lookupHold, { maxLength: 3 }) }),
      fc.record({ kind: fc.constant("release"), ids: fc.array(uint32, { maxLength: 3 }) }),
      fc.record({ kind: fc.constant("setContext"), name: text, context }),
      fc.record({ kind: fc.constant("ping"), nonce: text }),
      fc.record({ kind: fc.constant("acknowledge"), zookie }),
      fc.record({ kind: fc.constant("uses"), uses: fc.array(fc.record({ id: uint32, count: uint32, member: text }, { requiredKeys: ["id", "count"] }), { maxLength: 3 }) }),
    ) as fc.Arbitrary<LiveRequest>,
    response: fc.oneof(
      fc.record({ kind: fc.constant("opened"), stream: text, leaseMs: uint32 }),
      fc.record({ kind: fc.constant("states"), zookie, instant, states: fc.array(heldState, { maxLength: 3 }) }),
      fc.record({ kind: fc.constant("flips"), zookie, instant, flips: fc.array(flip, { maxLength: 3 }) }),
      fc.record({ kind: fc.constant("members"), zookie, instant, members: fc.array(memberState, { maxLength: 3 }) }),
      fc.record({ kind: fc.constant("refused"), refused: fc.array(fc.tuple(holdId, problem).map(([id, why]) => ({ id, ...why })), { maxLength: 3 }) }),
      fc.record({ kind: fc.constant("checkpoint"), zookie, instant, nonce: text, leaseMs: uint32 }, { requiredKeys: ["kind", "zookie", "instant"] }),
      fc.record({ kind: fc.constant("draining"), reconnectAfterMs: uint32 }),
    ) as fc.Arbitrary<LiveResponse>,
  },
  previewChange: {
    request: fc.record({ operations: some(operation), schemaText: text, checks: some(previewCheck), limit: uint32 }, optional) as fc.Arbitrary<PreviewChangeRequest>,
    response: fc.record({
      zookie, instant, evaluated: uint32, more: fc.boolean(),
      changes: fc.array(
        fc.tuple(
          previewCheck,
          fc.record(
            { before: heldAnswer, after: heldAnswer, beforeError: fc.constantFrom(...errorCodes), afterError: fc.constantFrom(...errorCodes), holds: uint32 },
            { requiredKeys: ["before", "after", "holds"] },
          ),
        ).map(([asked, answers]) => ({ ...asked, ...answers })),
        { maxLength: 3 },
      ),
    }) as fc.Arbitrary<PreviewChangeResponse>,
  },
  listHolds: {
    request: fc.record({ tenant: text, decisions: fc.record({ stream: text, object: objectRef, permission: name, subject: subjectRef }, optional) }, optional) as fc.Arbitrary<ListHoldsRequest>,
    response: fc.record({
      instant,
      streams: fc.array(
        fc.record(
          { stream: text, tenant: text, principal: text, peer: text, openedAt: instant, connected: fc.boolean(), leaseMs: uint32, trustsForMs: uint32, holds: uint32, due: uint32, untold: uint32, unacknowledged: uint32, sent: reached, acknowledged: reached },
          { requiredKeys: ["stream", "tenant", "principal", "openedAt", "connected", "leaseMs", "trustsForMs", "holds", "due", "untold", "unacknowledged"] },
        ),
        { maxLength: 3 },
      ),
      decisions: fc.array(
        fc.record(
          { tenant: text, object: objectRef, permission: name, subject: subjectRef, context, answer: heldAnswer, error: fc.constantFrom(...errorCodes), due: fc.boolean(), holds: uint32, honoured: uint32 },
          { requiredKeys: ["tenant", "object", "permission", "subject", "due", "holds", "honoured"] },
        ),
        { maxLength: 3 },
      ),
    }) as fc.Arbitrary<ListHoldsResponse>,
  },
  check: {
    request: fc.record({ ...check, consistency }, { requiredKeys: ["object", "permission", "subject"] }) as fc.Arbitrary<CheckRequest>,
    response: decision,
  },
  batchCheck: {
    request: fc.record({ items: fc.array(item, { maxLength: 3 }), consistency }, { requiredKeys: ["items"] }) as fc.Arbitrary<BatchCheckRequest>,
    response: fc.record({
      zookie,
      results: fc.array(fc.oneof(fc.record({ decision }), fc.record({ error: fc.record({ code: fc.constantFrom(...errorCodes), message: text }) })), { maxLength: 3 }),
    }) as fc.Arbitrary<BatchCheckResponse>,
  },
  expand: {
    request: fc.record({ object: objectRef, permission: name, deep: flag, consistency }, { requiredKeys: ["object", "permission"] }) as fc.Arbitrary<ExpandRequest>,
    response: fc.record({ zookie, tree: expandNode }) as fc.Arbitrary<ExpandResponse>,
  },
  lookupObjects: {
    request: fc.record(
      { objectType: type, permission: name, subject: subjectRef, within: fc.record({ relation: name, subject: subjectRef }), ...pagedLookup },
      { requiredKeys: ["objectType", "permission", "subject"] },
    ) as fc.Arbitrary<LookupObjectsRequest>,
    response: fc.record({ ...lookupPage, results: fc.array(fc.record({ object: objectRef, ...verdict }), { maxLength: 4 }) }, { requiredKeys: ["zookie", "instant", "results"] }) as fc.Arbitrary<LookupObjectsResponse>,
  },
  lookupSubjects: {
    request: fc.record(
      { object: objectRef, permission: name, subjectType: type, subjectRelation: name, ...pagedLookup },
      { requiredKeys: ["object", "permission", "subjectType"] },
    ) as fc.Arbitrary<LookupSubjectsRequest>,
    response: fc.record(
      { ...lookupPage, results: fc.array(fc.record({ subject: subjectRef, ...verdict, excluded: fc.array(fc.record({ subject: subjectRef, conditional: fc.boolean() }), { maxLength: 3 }) }), { maxLength: 4 }) },
      { requiredKeys: ["zookie", "instant", "results"] },
    ) as fc.Arbitrary<LookupSubjectsResponse>,
  },
  lookupPermissions: {
    request: fc.record({ object: objectRef, subject: subjectRef, relations: flag, ...lookup }, { requiredKeys: ["object", "subject"] }) as fc.Arbitrary<LookupPermissionsRequest>,
    response: fc.record({ zookie, instant, results: fc.array(fc.record({ permission: name, ...verdict }), { maxLength: 4 }) }) as fc.Arbitrary<LookupPermissionsResponse>,
  },
  readSchema: {
    request: fc.record({ consistency }, optional) as fc.Arbitrary<ReadSchemaRequest>,
    response: fc.record({ text, zookie }) as fc.Arbitrary<ReadSchemaResponse>,
  },
  diffSchema: {
    request: fc.record({ text, fromText: text }, { requiredKeys: ["text"] }) as fc.Arbitrary<DiffSchemaRequest>,
    response: fc.record({ changes: fc.array(schemaChange, { maxLength: 3 }), zookie, orphans: words }, { requiredKeys: ["changes"] }) as fc.Arbitrary<DiffSchemaResponse>,
  },
  writeSchema: {
    request: fc.record({ text, metadata, validateOnly: flag, awaitEnforcementMs: uint32 }, { requiredKeys: ["text"] }) as fc.Arbitrary<WriteSchemaRequest>,
    response: fc.record({ zookie, changed: fc.boolean(), enforcement }, { requiredKeys: ["zookie", "changed"] }) as fc.Arbitrary<WriteSchemaResponse>,
  },
  ...auditArbitraries({ text, name, zookie, instant, metadata, decision, objectRef, subjectRef, flag, uint32 }),
  createTenant: { request: named, response: tenant },
  listTenants: { request: fc.constant({}), response: fc.record({ tenants: fc.array(tenant, { maxLength: 4 }) }) as fc.Arbitrary<ListTenantsResponse> },
  deleteTenant: { request: fc.record({ name: text }) as fc.Arbitrary<DeleteTenantRequest>, response: fc.constant({}) },
  setTenantQuotas: { request: named, response: tenant },
};
