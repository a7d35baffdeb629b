import fc from "fast-check";

import type { Context } from "../../src/model/context.js";
import type { TupleFilter } from "../../src/model/filter.js";
import type { Metadata, Operation, Precondition } from "../../src/model/service.js";
import type { Tuple } from "../../src/model/tuple.js";
import type { TupleKey, Write } from "../../src/storage/store.js";
import { nameOf, shapeOf } from "./model-store.js";

/** The manual clock of these tests starts here; expirations lie on both sides of what it will show. */
export const epoch = 1_700_000_000_000;

/** Few of each, so that they meet; names that are prefixes of others, and ids whose order by UTF-16 is not that by bytes. */
const types = fc.constantFrom("doc", "docs");
const ids = fc.oneof({ weight: 5, arbitrary: fc.constantFrom("1", "10") }, { weight: 1, arbitrary: fc.constantFrom("a:b", "\u{1f600}", "\uffee") });
const relations = fc.constantFrom("view", "viewer");
const subjectIds = fc.oneof({ weight: 5, arbitrary: fc.constantFrom("ana", "ana2") }, { weight: 1, arbitrary: fc.constantFrom("\u{1f600}", "\uffee", "*") });

/** Plain objects, as callers have them. */
function record<Fields extends object>(model: { [Field in keyof Fields]: fc.Arbitrary<Fields[Field]> }): fc.Arbitrary<Fields> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<Fields>;
}

const objects = record({ type: types, id: ids });
const subjects = record({ type: fc.constantFrom("user", "users"), id: subjectIds, relation: fc.constantFrom("", "", "member") })
  .map((subject) => (subject.id === "*" ? { ...subject, relation: "" } : subject));

export const tupleKeys: fc.Arbitrary<TupleKey> = record({ object: objects, relation: relations, subject: subjects });

const contexts = fc.constantFrom<Context>({}, { limit: 1 }, { limit: 2, ["__proto__"]: null }, { nested: [{ a: "\ud800", b: [true, 1.5] }] });
const conditions = record({ name: fc.constantFrom("small", "onhost"), context: contexts });
const expirations = fc.constantFrom(epoch - 1, epoch + 500, epoch + 2_000, epoch + 1e9);

export const tuples: fc.Arbitrary<Tuple> = fc
  .tuple(tupleKeys, fc.option(conditions, { freq: 3, nil: undefined }), fc.option(expirations, { freq: 3, nil: undefined }))
  .map(([key, condition, expiresAt]) => ({
    ...key,
    ...(condition === undefined ? {} : { condition }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }));

/** Every combination of fields that is well formed. */
export const filters: fc.Arbitrary<TupleFilter> = record({
    object: fc.option(
      fc.record({ objectType: types, relation: relations, id: fc.oneof(ids.map((id) => ({ objectId: id })), fc.constantFrom("1", "a", "\u{1f600}").map((id) => ({ objectIdPrefix: id }))) }, { requiredKeys: ["objectType"], noNullPrototype: true }),
      { nil: undefined },
    ),
    subject: fc.option(
      fc.record({ subjectType: fc.constantFrom("user", "users"), subjectId: subjectIds, subjectRelation: fc.constantFrom("", "member") }, { requiredKeys: ["subjectType"], noNullPrototype: true }),
      { nil: undefined },
    ),
  })
  .map(({ object, subject }) => {
    const { id, ...rest } = object ?? { id: undefined };
    return { ...rest, ...id, ...subject };
  });

const operations: fc.Arbitrary<Operation[]> = fc.uniqueArray(
  record({ kind: fc.constantFrom("create", "touch", "touch", "delete"), tuple: tuples }).map(({ kind, tuple }) =>
    kind === "delete" ? { kind, tuple: { object: tuple.object, relation: tuple.relation, subject: tuple.subject } } : { kind, tuple },
  ),
  { selector: ({ tuple }) => nameOf(tuple), maxLength: 6 },
);

const preconditions: fc.Arbitrary<Precondition[]> = fc.array(
  record({ kind: fc.constantFrom("mustMatch", "mustNotMatch"), filter: filters }),
  { maxLength: 2 },
);

/** A schema here is the list of the relations and conditions that it admits. */
const schemas = fc.constantFrom("view viewer small onhost", "view viewer small onhost ", "view small", "viewer").map((text) => ({
  text,
  admits: (shape: ReturnType<typeof shapeOf>) => {
    const names = text.split(" ");
    return names.includes(shape.relation) && (shape.condition === "" || names.includes(shape.condition));
  },
}));

export const tenants = fc.constantFrom(1, 1, 2);

const rarely = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

export const writes: fc.Arbitrary<Write> = record({
    tenant: tenants,
    principal: fc.constantFrom("", "billing"),
    request: fc.option(record({ requestId: fc.constantFrom("r1", "r2", "r\0\ud800"), requestHash: fc.constantFrom("h1", "h1", "h2") }), { freq: 2, nil: undefined }),
    preconditions: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, preconditions),
    operations,
    erase: rarely(record({ filters: fc.array(filters, { minLength: 1, maxLength: 2 }), limit: fc.integer({ min: 1, max: 8 }) })),
    schema: rarely(schemas),
    expectSchema: rarely(fc.constantFrom(0, 0, 1, 2)),
    metadata: fc.constantFrom<Metadata>({}, { reason: "offboarded", ["__proto__"]: "\ud800" }),
    validateOnly: fc.constantFrom(false, false, false, true),
  })
  .map(({ request, erase, schema, expectSchema, ...rest }) => ({
    ...rest,
    ...request,
    ...(erase === undefined ? {} : { erase }),
    ...(schema === undefined ? {} : { schema }),
    ...(expectSchema === undefined ? {} : { expectSchema }),
  }));
