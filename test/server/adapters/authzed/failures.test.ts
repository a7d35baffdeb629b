import assert from "node:assert/strict";
import { promisify } from "node:util";

import { v1 } from "@authzed/authzed-node";
import { Client, credentials, status } from "@grpc/grpc-js";

import { errorCodes, UsherError } from "../../../../src/base/errors.js";
import { serve, type Server } from "../../../../src/server/server.js";
import { statuses } from "../../../../src/server/statuses.js";
import type { CallRecord } from "../../../../src/server/telemetry/observer.js";
import { unobservedServer } from "../../../../src/server/telemetry/observer.js";
import { Place } from "../../access/place.js";
import { Desk } from "../../desk.js";
import { clientOf, question, refuses, told } from "./spice.js";

const request = question("doc:1#view@user:ana");

describe("failures, as SpiceDB's clients are told of them", () => {
  let desk: Desk;
  let server: Server;
  let client: v1.ZedClientInterface;
  let reported: string[];

  beforeEach(async () => {
    desk = new Desk();
    reported = [];
    server = await serve(desk, { address: "127.0.0.1:0", onError: (_, path) => reported.push(path) });
    client = clientOf(server, "key");
  });
  afterEach(async () => {
    client.close();
    await server.close(100);
  });

  const thrown = async (error: Error) => {
    desk.answer("check", async () => {
      throw error;
    });
    return client.promises.checkPermission(request).then(
      () => assert.fail("it was not refused"),
      (refusal: unknown) => told(refusal),
    );
  };

  it("have a reason that SpiceDB has, or none, and our code beside it", async () => {
    const reasons = new Set(Object.keys(v1.ErrorReason).map((name) => `ERROR_REASON_${name}`));
    for (const code of errorCodes) {
      if (code === "internal") continue;
      const answer = await thrown(new UsherError(code, "what is wrong", { details: { line: "3" } }));
      assert.ok(reasons.has(answer.reason), `${code}: ${answer.reason}`);
      assert.deepEqual([answer.domain, answer.metadata], ["authzed.com", { usher_code: code, line: "3" }]);
      if (answer.reason === "ERROR_REASON_UNSPECIFIED" && !code.startsWith("zookie")) assert.equal(answer.code, statuses[code], code);
    }
    assert.deepEqual(reported, []);
  });

  it("tell nothing of a bug", async () => {
    const answer = await thrown(new Error("secret"));
    assert.deepEqual([answer.code, answer.metadata], [status.INTERNAL, { usher_code: "internal" }]);
    assert.deepEqual(reported, ["/authzed.api.v1.PermissionsService/CheckPermission"]);
  });

  it("tell of what is not served", async () => {
    await assert.rejects(client.promises.bulkCheckPermission(v1.BulkCheckPermissionRequest.create()), { code: status.UNIMPLEMENTED });
  });

  it("tell of a message that cannot be read", async () => {
    const raw = new Client(server.address, credentials.createInsecure());
    const same = (bytes: Buffer) => bytes;
    try {
      const broken = promisify((answered: (error: Error | null, bytes?: Buffer) => void) => {
        raw.makeUnaryRequest("/authzed.api.v1.PermissionsService/CheckPermission", same, same, Buffer.from([0x12, 0x7f, 0x01]), answered);
      });
      await refuses(broken(), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
    } finally {
      raw.close();
    }
  });
});

describe("keys, for SpiceDB's clients", () => {
  let place: Place;
  let ended: CallRecord[];
  const clients: v1.ZedClientInterface[] = [];

  beforeEach(async () => {
    ended = [];
    place = await Place.open({ observer: { ...unobservedServer, onEnd: (record) => ended.push(record) } });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await place.close();
  });

  const calls = (key: string) => {
    const client = clientOf(place.server, key);
    clients.push(client);
    return client.promises;
  };
  const write = v1.WriteRelationshipsRequest.create({
    updates: [{ operation: v1.RelationshipUpdate_Operation.TOUCH, relationship: { resource: { objectType: "doc", objectId: "1" }, relation: "viewer", subject: { object: { objectType: "user", objectId: "ana" }, optionalRelation: "" } } }],
  });
  const schema = v1.WriteSchemaRequest.create({ schema: "definition user {}\ndefinition doc { relation viewer: user\n permission view = viewer }\ndefinition more {}" });

  it("are asked for before anything is read", async () => {
    const refusal = await refuses(calls("usher_wrong").checkPermission(request), status.UNAUTHENTICATED, "ERROR_REASON_UNSPECIFIED");
    assert.equal(refusal.metadata["usher_code"], "unauthenticated");
    assert.deepEqual(ended.map(({ method, code }) => [method, code]), [["authzed.api.v1.PermissionsService/CheckPermission", "unauthenticated"]]);
  });

  it("may do what their roles say", async () => {
    const reader = calls(await place.key("reader", "a", ["read"]));
    const writer = calls(await place.key("writer", "a", ["read", "write"]));
    const maker = calls(await place.key("maker", "a", ["schema"]));
    await refuses(reader.writeRelationships(write), status.PERMISSION_DENIED, "ERROR_REASON_UNSPECIFIED");
    await refuses(writer.writeSchema(schema), status.PERMISSION_DENIED, "ERROR_REASON_UNSPECIFIED");
    await refuses(maker.checkPermission(request), status.PERMISSION_DENIED, "ERROR_REASON_UNSPECIFIED");
    await refuses(reader.deleteRelationships(v1.DeleteRelationshipsRequest.create({ relationshipFilter: v1.RelationshipFilter.create({ resourceType: "doc" }) })), status.PERMISSION_DENIED, "ERROR_REASON_UNSPECIFIED");
    await maker.writeSchema(schema);
    await writer.writeRelationships(write);
    assert.equal((await reader.checkPermission(request)).permissionship, v1.CheckPermissionResponse_Permissionship.HAS_PERMISSION);
  });

  it("belong to a tenant, and see no other", async () => {
    await calls(await place.key("writer", "a", ["write"])).writeRelationships(write);
    const other = calls(await place.key("other", "b", ["read"]));
    assert.equal((await other.checkPermission(request)).permissionship, v1.CheckPermissionResponse_Permissionship.NO_PERMISSION);
    const found = await other.lookupResources(v1.LookupResourcesRequest.create({ resourceObjectType: "doc", permission: "view", subject: { object: { objectType: "user", objectId: "ana" }, optionalRelation: "" } }));
    assert.deepEqual(found, []);
  });
});
