import assert from "node:assert/strict";

import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import fc from "fast-check";

import { isErrorCode, type ErrorCode, type UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { protoRoot } from "../../src/base/proto.js";
import { decodeError, statusDetailsKey } from "../../src/model/wire/status.js";
import { methods } from "../../src/model/wire/methods.js";
import { serve, type Server } from "../../src/server/server.js";
import { statuses } from "../../src/server/statuses.js";
import { Desk } from "./desk.js";

type MethodName = keyof typeof methods;

const type = { type: "doc", id: "1" };
const subject = { type: "user", id: "ana", relation: "" };
const tuple = { object: type, relation: "viewer", subject };
const check = { object: type, permission: "view", subject };
const write = { operations: [{ kind: 2, tuple }] };
/** 2^53, the first number that has a neighbour which JavaScript takes for the same. */
const beyondCounting = 2 ** 53;

describe("malformed requests", () => {
  let desk: Desk;
  let server: Server;
  let client: Client;
  const unexpected: Error[] = [];

  before(async () => {
    desk = new Desk();
    desk.answer("importTuples", async () => ({ zookie: "z", imported: 0, changed: 0, chunks: 0, skipped: 0, problems: [] }));
    desk.answer("exportTuples", async function* () {
      yield { zookie: "z", tuples: [] };
    });
    desk.answer("backup", async function* () {
      yield { bytes: Buffer.from("b") };
    });
    desk.answer("listHolds", async function* () {
      yield { instant: 0, streams: [], decisions: [] };
    });
    desk.answer("tailDecisions", async function* () {
      yield { kind: "checkpoint", checkpoint: "c" };
    });
    desk.answer("queryDecisions", async () => ({ records: [] }));
    desk.answer("getCheckpoint", async () => ({ checkpoint: "c", key: "k", consistency: [] }));
    desk.answer("proveDecision", async ({ index }) => ({ record: { index, hash: "h" }, path: [], checkpoint: "c", key: "k" }));
    desk.answer("replayDecisions", async () => ({ outcomes: [] }));
    desk.answer("redactDecisions", async () => ({ redacted: 0 }));
    desk.answer("findLoss", async () => ({}));
    desk.answer("live", async function* (requests) {
      for await (const _ of requests) yield { kind: "opened", stream: "s", leaseMs: 1 };
    });
    desk.answer("writeTuples", async () => ({ zookie: "z", changed: 0 }));
    desk.answer("diffSchema", async () => ({ changes: [] }));
    desk.answer("previewChange", async () => ({ zookie: "z", instant: 0, changes: [], evaluated: 0, more: false }));
    desk.answer("check", async () => ({ allowed: false, missingFields: [], zookie: "z", instant: 1 }));
    desk.answer("createTenant", async () => ({ name: "a", quotas: {}, tuples: 0 }));
    desk.answer("setTenantQuotas", async () => ({ name: "a", quotas: {}, tuples: 0 }));
    desk.answer("listTenants", async () => ({ tenants: [] }));
    desk.answer("deleteTenant", async () => ({}));
    for (const method of ["deleteTuples", "readTuples", "batchCheck", "expand", "readSchema", "writeSchema"] as const) desk.answer(method, (async () => ({ zookie: "z", tuples: [], results: [], tree: { kind: "leaf", object: type, member: "m", children: [], subjects: [] } })));
    server = await serve(desk, { address: "127.0.0.1:0", onError: (error) => unexpected.push(error) });
    client = new Client(server.address, credentials.createInsecure(), { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  });

  after(async () => {
    client.close();
    await server.close(1_000);
    assert.deepEqual(unexpected, []);
  });

  /** Sends bytes as they are. */
  function send(method: MethodName, bytes: Buffer, metadata = new Metadata()): Promise<ServiceError | undefined> {
    const same = (message: Buffer) => message;
    return new Promise((resolve) => {
      if (method === "importTuples") {
        const stream = client.makeClientStreamRequest(methods[method].path, same, same, metadata, { deadline: Date.now() + 20_000 }, (error) => resolve(error ?? undefined));
        stream.on("error", () => undefined);
        stream.write(bytes);
        stream.end();
      } else if (method === "live") {
        const stream = client.makeBidiStreamRequest(methods[method].path, same, same, metadata, {});
        stream.on("data", () => (resolve(undefined), stream.cancel())).on("error", (error) => resolve(error as ServiceError)).on("end", () => resolve(undefined));
        stream.write(bytes);
        stream.end();
      } else if (method === "watchTuples" || method === "exportTuples" || method === "backup" || method === "tailDecisions") {
        const stream = client.makeServerStreamRequest(methods[method].path, same, same, bytes, metadata, {});
        stream.on("data", () => (resolve(undefined), stream.cancel())).on("error", (error) => resolve(error as ServiceError)).on("end", () => resolve(undefined));
      } else {
        client.makeUnaryRequest(methods[method].path, same, same, bytes, metadata, { deadline: Date.now() + 20_000 }, (error) => resolve(error ?? undefined));
      }
    });
  }

  function requestType(method: MethodName) {
    return protoRoot().lookupType(`usher.v1.${method[0]?.toUpperCase()}${method.slice(1)}Request`);
  }

  function encode(method: MethodName, message: object): Buffer {
    return Buffer.from(requestType(method).encode(message).finish());
  }

  async function refused(method: MethodName, bytes: Buffer, code: ErrorCode, metadata?: Metadata): Promise<UsherError> {
    const error = await send(method, bytes, metadata);
    assert.ok(error, `${method} was not refused`);
    const details: unknown = error.metadata.get(statusDetailsKey)[0];
    assert.ok(details instanceof Buffer, `no details in ${error.message}`);
    const decoded = decodeError(details);
    assert.equal(decoded?.code, code, error.message);
    assert.equal(error.code, statuses[code]);
    return decoded;
  }

  const cases: [what: string, method: MethodName, message: object, code: ErrorCode, field?: string][] = [
    ["no object", "check", { ...check, object: undefined }, "invalid_request", "object"],
    ["no subject", "check", { ...check, subject: undefined }, "invalid_request", "subject"],
    ["an empty message", "check", {}, "invalid_request", "object"],
    ["an empty id", "check", { ...check, object: { type: "doc", id: "" } }, "invalid_id"],
    ["a wildcard object", "check", { ...check, object: { type: "doc", id: "*" } }, "invalid_id"],
    ["an id that would inject a userset", "check", { ...check, subject: { type: "user", id: "x#member", relation: "" } }, "invalid_id"],
    ["an id that is too long", "check", { ...check, object: { type: "doc", id: "x".repeat(limits.idBytesMax + 1) } }, "invalid_id"],
    ["a wildcard with a relation", "check", { ...check, subject: { type: "user", id: "*", relation: "member" } }, "invalid_request"],
    ["a type that is no name", "check", { ...check, object: { type: "a b", id: "1" } }, "invalid_name"],
    ["a permission that is no name", "check", { ...check, permission: "" }, "invalid_name"],
    ["a subject relation that is no name", "check", { ...check, subject: { ...subject, relation: "1x" } }, "invalid_name"],
    ["a value without a kind", "check", { ...check, context: { fields: { a: {} } } }, "invalid_context"],
    ["a value with two kinds", "check", { ...check, context: { fields: { a: { boolValue: true, stringValue: "x" } } } }, "invalid_context"],
    ["NaN in a context", "check", { ...check, context: { fields: { a: { numberValue: Number.NaN } } } }, "invalid_context", "a"],
    ["infinity in a context", "check", { ...check, context: { fields: { a: { numberValue: Number.POSITIVE_INFINITY } } } }, "invalid_context"],
    ["a context that is too deep", "check", { ...check, context: nested(limits.contextDepthMax + 1) }, "invalid_context"],
    ["a context that is too large", "check", { ...check, context: { fields: { a: { stringValue: "x".repeat(limits.contextBytesMax) } } } }, "invalid_context"],
    ["two consistencies", "check", { ...check, consistency: { latest: true, exact: "z" } }, "invalid_request", "consistency"],
    ["a latest that is false", "check", { ...check, consistency: { latest: false } }, "invalid_request"],
    ["a contextual tuple without an object", "check", { ...check, contextualTuples: [tuple, { ...tuple, object: undefined }] }, "invalid_request", "contextual_tuples[1].object"],
    ["a batch item without a subject", "batchCheck", { items: [check, { ...check, subject: undefined }] }, "invalid_request", "items[1].subject"],
    ["an expand without an object", "expand", { permission: "view" }, "invalid_request", "object"],
    ["a lookup of objects without a subject", "lookupObjects", { objectType: "doc", permission: "view" }, "invalid_request", "subject"],
    ["a lookup of objects of no type", "lookupObjects", { permission: "view", subject }, "invalid_name"],
    ["a lookup within nothing", "lookupObjects", { objectType: "doc", permission: "view", subject, within: { relation: "parent" } }, "invalid_request", "within.subject"],
    ["a lookup of subjects of a relation that is no name", "lookupSubjects", { object: check.object, permission: "view", subjectType: "user", subjectRelation: "1x" }, "invalid_name"],
    ["a lookup of permissions without an object", "lookupPermissions", { subject }, "invalid_request", "object"],
    ["a message of an import that says nothing", "importTuples", {}, "invalid_request"],
    ["an import of a tuple without a subject", "importTuples", { batch: { tuples: [tuple, { ...tuple, subject: undefined }] } }, "invalid_request", "tuples[1].subject"],
    ["an import of an id that would inject a userset", "importTuples", { batch: { tuples: [{ ...tuple, subject: { ...subject, id: "x#member" } }] } }, "invalid_id", "tuples[0]"],
    ["an export of a filter that is none", "exportTuples", { filter: { objectId: "1" } }, "invalid_filter"],
    ["an operation of no kind", "writeTuples", { operations: [{ tuple }] }, "invalid_request", "operations[0].kind"],
    ["an operation of an unknown kind", "writeTuples", { operations: [{ kind: 9, tuple }] }, "invalid_request", "operations[0].kind"],
    ["an operation of a negative kind", "writeTuples", { operations: [{ kind: -1, tuple }] }, "invalid_request"],
    ["an operation without a tuple", "writeTuples", { operations: [{ kind: 1 }] }, "invalid_request", "operations[0].tuple"],
    ["a tuple without a relation", "writeTuples", { operations: [{ kind: 1, tuple: { ...tuple, relation: "" } }] }, "invalid_name", "operations[0]"],
    ["a condition without a name", "writeTuples", { operations: [{ kind: 1, tuple: { ...tuple, condition: {} } }] }, "invalid_name"],
    ["an expiration before 1970", "writeTuples", { operations: [{ kind: 1, tuple: { ...tuple, expiresAt: { seconds: -1 } } }] }, "invalid_request", "operations[0].expires_at"],
    ["an expiration after 9999", "writeTuples", { operations: [{ kind: 1, tuple: { ...tuple, expiresAt: { seconds: 253_402_300_800 } } }] }, "invalid_request"],
    ["nanoseconds that are a second", "writeTuples", { operations: [{ kind: 1, tuple: { ...tuple, expiresAt: { seconds: 1, nanos: 1_000_000_000 } } }] }, "invalid_request"],
    ["a precondition of no kind", "writeTuples", { ...write, preconditions: [{ filter: { objectType: "doc" } }] }, "invalid_request", "preconditions[0].kind"],
    ["a precondition without a filter", "writeTuples", { ...write, preconditions: [{ kind: 1 }] }, "invalid_request", "preconditions[0].filter"],
    ["a filter with an id and no type", "deleteTuples", { filters: [{ objectId: "1" }] }, "invalid_filter", "filters[0]"],
    ["a filter with an id and a prefix", "readTuples", { filter: { objectType: "doc", objectId: "1", objectIdPrefix: "1" } }, "invalid_filter"],
    ["a filter with an empty type", "readTuples", { filter: { objectType: "" } }, "invalid_name"],
    ["a consistency twice", "readSchema", { consistency: { atLeast: "z", exact: "z" } }, "invalid_request"],
    ["a watch filter that is none", "watchTuples", { filters: [{ subjectRelation: "member" }] }, "invalid_filter", "filters[0]"],
    ["an instant before 1970", "readSchema", { consistency: { asOf: { seconds: -1 } } }, "invalid_request", "consistency.as_of"],
    ["a zookie and an instant", "check", { ...check, consistency: { exact: "z", asOf: { seconds: 1 } } }, "invalid_request", "consistency"],
    ["a query of a kind that says nothing", "queryDecisions", { filter: { kinds: [1, 0] } }, "invalid_request", "filter.kinds"],
    ["a query of an unknown kind", "queryDecisions", { filter: { kinds: [99] } }, "invalid_request", "filter.kinds"],
    ["a query of an unknown answer", "queryDecisions", { filter: { answer: 9 } }, "invalid_request", "filter.answer"],
    ["a query of an object without an id", "queryDecisions", { filter: { object: { type: "doc" } } }, "invalid_id", "filter"],
    ["a query of a subject whose id would inject a userset", "queryDecisions", { filter: { subject: { ...subject, id: "x#member" } } }, "invalid_id", "filter"],
    ["a query from after 9999", "queryDecisions", { filter: { from: { seconds: 253_402_300_800 } } }, "invalid_request", "filter.from"],
    ["a tail from beyond what is counted", "tailDecisions", { fromIndex: beyondCounting }, "invalid_request", "from_index"],
    ["a checkpoint from beyond it", "getCheckpoint", { fromSize: beyondCounting }, "invalid_request", "from_size"],
    ["a proof of a record beyond it", "proveDecision", { index: beyondCounting }, "invalid_request", "index"],
    ["a replay of one beyond it", "replayDecisions", { indexes: [0, beyondCounting] }, "invalid_request", "indexes"],
    ["a redaction of one beyond it", "redactDecisions", { indexes: [beyondCounting], reason: "r" }, "invalid_request", "indexes"],
    ["a loss of no object", "findLoss", { permission: "view", subject }, "invalid_request", "object"],
    ["a loss of no permission", "findLoss", { object: type, permission: "", subject }, "invalid_name"],
    ["a loss of no subject", "findLoss", { object: type, permission: "view" }, "invalid_request", "subject"],
    ["a live request of no kind", "live", {}, "invalid_request"],
    ["a live request of two kinds", "live", { ping: { nonce: "n" }, acknowledge: { zookie: "z" } }, "invalid_request"],
    ["a hold that was of an unknown kind", "live", { hold: { holds: [{ id: 1, ...check }, { id: 2, ...check, last: 9 }] } }, "invalid_request", "holds[1].last"],
    ["a hold's context that is none", "live", { hold: { holds: [{ id: 1, ...check, context: { fields: { a: {} } } }] } }, "invalid_context", "holds[0]"],
    ["a lookup of no kind", "live", { lookup: { lookups: [{ id: 1 }] } }, "invalid_request", "lookups[0]"],
    ["a lookup of two kinds", "live", { lookup: { lookups: [{ id: 1, objects: { type: "doc", permission: "view" }, subjects: { permission: "view", subjectType: "user" } }] } }, "invalid_request", "lookups[0]"],
    ["a lookup's context that is none", "live", { lookup: { lookups: [{ id: 1, objects: { type: "doc", permission: "view" }, context: { fields: { a: {} } } }] } }, "invalid_context", "lookups[0]"],
    ["more lookups than a stream may have", "live", { lookup: { lookups: Array.from({ length: limits.lookupsPerStreamMax + 1 }, () => ({ id: 1, objects: { type: "doc", permission: "view" } })) } }, "request_too_large", "lookups"],
    ["a context that is not given", "live", { setContext: { name: "c" } }, "invalid_request", "context"],
    ["a named context that is too large", "live", { setContext: { name: "c", context: { fields: { a: { stringValue: "x".repeat(limits.contextBytesMax) } } } } }, "invalid_context"],
    ["more holds than a message may have", "live", { hold: { holds: Array.from({ length: limits.holdsPerMessageMax + 1 }, () => ({ id: 1 })) } }, "request_too_large", "holds"],
    ["more releases than a message may have", "live", { release: { ids: Array.from({ length: limits.holdsPerMessageMax + 1 }, () => 1) } }, "request_too_large", "ids"],
  ];

  for (const [what, method, message, code, field] of cases) {
    it(`refuses ${what} with ${code}`, async () => {
      const error = await refused(method, encode(method, message), code);
      if (field !== undefined) assert.equal(error.details["field"], field);
    });
  }

  it("names the field of a kind that was not given, and says what may be", async () => {
    const { message } = await refused("writeTuples", encode("writeTuples", { operations: [{ tuple }] }), "invalid_request");
    assert.match(message, /`operations\[0\]`: field `kind` is `0`, .*: give a kind, `create` or `touch` or `delete`/);
  });

  it("takes what is at the bounds", async () => {
    const message = { ...check, object: { type: "doc", id: "x".repeat(limits.idBytesMax) }, context: nested(limits.contextDepthMax) };
    assert.equal(await send("check", encode("check", message)), undefined);
  });

  it("refuses strings that are not UTF-8, which would else become one another's", async () => {
    const good = encode("check", { ...check, object: { type: "doc", id: "abc" } });
    const bad = Buffer.from(good);
    bad[bad.indexOf("abc") + 1] = 0xff;
    await refused("check", bad, "invalid_request");
    assert.equal(await send("check", encode("check", { ...check, object: { type: "doc", id: "a\ufffdc" } })), undefined);
  });

  it("refuses a check that is cut anywhere", async () => {
    const whole = encode("check", check);
    for (let length = 1; length < whole.length; length++) {
      const error = await send("check", whole.subarray(0, length));
      const details: unknown = error?.metadata.get(statusDetailsKey)[0];
      assert.ok(details instanceof Buffer && decodeError(details) !== undefined, `cut at ${length}`);
    }
  });

  it("refuses a message nested without end", async () => {
    let bytes = Buffer.alloc(0);
    for (let level = 0; level < 2_000; level++) bytes = Buffer.concat([Buffer.from([0x32]), varint(bytes.length), bytes]);
    const value = Buffer.concat([Buffer.from([0x0a]), varint(bytes.length + 4 + varint(bytes.length).length), Buffer.from([0x0a, 0x01, 0x61, 0x12]), varint(bytes.length), bytes]);
    await refused("check", Buffer.concat([Buffer.from([0x22]), varint(value.length), value]), "invalid_request");
  });

  it("refuses a message over the limit, and says how large it may be", async () => {
    const error = await send("writeSchema", Buffer.alloc(limits.messageBytesMax + 1));
    assert.equal(error?.code, status.RESOURCE_EXHAUSTED);
    assert.match(error?.details ?? "", new RegExp(`larger than max.*${limits.messageBytesMax}`));
  });

  it("takes a schema of the largest size in one message", async () => {
    assert.equal(await send("writeSchema", encode("writeSchema", { text: "x".repeat(limits.schemaBytesMax) })), undefined);
  });

  it("refuses a tenant that is given twice, is empty or is too long", async () => {
    for (const tenants of [["a", "b"], [""], ["x".repeat(limits.tenantBytesMax + 1)], ["a b"]]) {
      const metadata = new Metadata();
      for (const each of tenants) metadata.add("usher-tenant", each);
      await refused("check", encode("check", check), "invalid_request", metadata);
    }
  });

  it("refuses who is named as actor or session twice, not at all, at too great length, or otherwise than in print", async () => {
    const wrong = [["a", "b"], [""], ["x".repeat(limits.attributionBytesMax + 1)], ["%C3%A4".repeat(limits.attributionBytesMax / 2 + 1)], ["a%0Ab"], ["%E2%80%AEa"], ["%C3"], ["100%"]];
    for (const key of ["usher-actor", "usher-session"]) {
      for (const values of wrong) {
        const metadata = new Metadata();
        for (const each of values) metadata.add(key, each);
        await refused("check", encode("check", check), "invalid_request", metadata);
      }
      const metadata = new Metadata();
      metadata.set(key, "%C3%A4".repeat(limits.attributionBytesMax / 2));
      assert.equal(await send("check", encode("check", check), metadata), undefined);
    }
  });

  it("takes a trace for what it is, and any other text for none", async () => {
    const id = "0af7651916cd43dd8448eb211c80319c";
    const traces: [string, string | undefined][] = [[`00-${id}-b7ad6b7169203331-01`, id], [`cc-${id}-b7ad6b7169203331-01-more`, id], [`ff-${id}-b7ad6b7169203331-01`, undefined], [`00-${"0".repeat(32)}-b7ad6b7169203331-01`, undefined], ["x", undefined]];
    for (const [header, trace] of traces) {
      const metadata = new Metadata();
      metadata.set("traceparent", header);
      assert.equal(await send("check", encode("check", check), metadata), undefined);
      assert.equal(desk.asked.at(-1)?.call.traceId, trace);
    }
  });

  it("does not take metadata without end", async () => {
    const metadata = new Metadata();
    metadata.set("x-large", "x".repeat(200_000));
    assert.ok(await send("check", encode("check", check), metadata));
    assert.equal(await send("check", encode("check", check)), undefined, "the server goes on");
  });

  it("answers random bytes with a code or an answer, and goes on", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...(Object.keys(methods) as MethodName[]).filter((name) => name !== "watchTuples")), fc.uint8Array({ maxLength: 64 }), async (method, bytes) => {
        const error = await send(method, Buffer.from(bytes));
        if (error !== undefined) assertCoded(error);
      }),
      { numRuns: 500 },
    );
  });

  it("answers random values in every field with a code or an answer, and goes on", async () => {
    const value = fc.anything({ maxDepth: 3, withNullPrototype: false });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...(Object.keys(methods) as MethodName[]).filter((name) => name !== "watchTuples")), fc.infiniteStream(value), async (method, values) => {
        const error = await send(method, randomMessage(requestType(method).name, () => values.next().value));
        if (error !== undefined) assertCoded(error);
      }),
      { numRuns: 500 },
    );
  });

  function assertCoded(error: ServiceError): void {
    const details: unknown = error.metadata.get(statusDetailsKey)[0];
    const decoded = details instanceof Buffer ? decodeError(details) : undefined;
    assert.ok(decoded !== undefined && isErrorCode(decoded.code) && decoded.code !== "internal", error.message);
  }
});

/** A message with whatever the values make of each of its fields. */
function randomMessage(name: string, next: () => unknown, depth = 0): Buffer {
  const declared = protoRoot().lookupType(name.includes(".") ? name : `usher.v1.${name}`);
  const parts: Buffer[] = [];
  for (const field of declared.fieldsArray) {
    const value = next();
    if (value === undefined) continue;
    const text = Buffer.from(typeof value === "string" ? value : String(JSON.stringify(value) ?? ""), "latin1");
    const nestedType = field.resolve().resolvedType;
    if (typeof value === "number") parts.push(varint(field.id << 3), varint(Math.abs(Math.trunc(value)) % 2 ** 31 || 0));
    else if (nestedType !== null && "fields" in nestedType && depth < 4 && Array.isArray(value)) {
      const inner = randomMessage(nestedType.fullName.slice(1), next, depth + 1);
      parts.push(varint((field.id << 3) | 2), varint(inner.length), inner);
    } else parts.push(varint((field.id << 3) | 2), varint(text.length), text);
  }
  return Buffer.concat(parts);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return Buffer.from([...bytes, value]);
}

/** A Struct so deep: `{a: {a: 1}}` is 2. */
function nested(depth: number): object {
  let struct: object = { fields: { a: { numberValue: 1 } } };
  for (let level = 1; level < depth; level++) struct = { fields: { a: { structValue: struct } } };
  return struct;
}
