import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { FgaApiError } from "@openfga/sdk";

import { machineTime, SteadyClock } from "../../../../src/base/clock.js";
import type { Role } from "../../../../src/model/role.js";
import { createAccess, type Access } from "../../../../src/server/access/access.js";
import { createKey, hashKey } from "../../../../src/server/access/key.js";
import { addKey } from "../../../../src/server/access/keys-file.js";
import { FgaServer } from "./fga-server.js";

const model = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n";
const question = { user: "user:ana", relation: "viewer", object: "doc:1" };

describe("OpenFGA's API with keys", () => {
  let server: FgaServer;
  let access: Access;
  let file: string;

  const keyOf = async (id: string, tenant: string, roles: readonly Role[]) => {
    const key = createKey(id, randomBytes);
    await addKey(file, { id, proof: { kind: "key", hash: hashKey(key) }, tenant, roles: new Set(roles) });
    await access?.reload();
    return key;
  };
  const statusOf = async (promise: Promise<unknown>) =>
    promise.then(
      () => 200,
      (error: unknown) => (error instanceof FgaApiError ? error.statusCode : assert.fail(String(error))),
    );

  before(async () => {
    server = await FgaServer.open(async (folder) => {
      file = join(folder, "keys.yaml");
      await keyOf("first", "default", ["read"]);
      return (access = await createAccess({ file, clock: new SteadyClock(machineTime) }));
    });
  });
  after(async () => server.close());

  it("lets a key of one store ask there, and nowhere else", async () => {
    const admin = await keyOf("admin", "*", ["admin", "schema", "write", "read"]);
    const [mine, other] = [await server.client(undefined, admin).createStore({ name: "mine" }), await server.client(undefined, admin).createStore({ name: "other" })];
    for (const { id } of [mine, other]) {
      await server.model(server.client(id, admin), model);
      await server.client(id, admin).writeTuples([question]);
    }
    const reader = await keyOf("reader", mine.id, ["read"]);
    assert.equal((await server.client(mine.id, reader).check(question)).allowed, true);
    const elsewhere = server.client(other.id, reader);
    const asked = [
      () => elsewhere.check(question),
      () => elsewhere.batchCheck({ checks: [question] }),
      () => elsewhere.listObjects({ user: question.user, relation: "viewer", type: "doc" }),
      () => elsewhere.listUsers({ object: { type: "doc", id: "1" }, relation: "viewer", user_filters: [{ type: "user" }] }),
      () => elsewhere.expand({ relation: "viewer", object: "doc:1" }),
      () => elsewhere.read(),
      () => elsewhere.readChanges(),
      () => elsewhere.readAuthorizationModels(),
      () => elsewhere.getStore(),
      async () => {
        for await (const found of elsewhere.streamedListObjects({ user: question.user, relation: "viewer", type: "doc" })) assert.fail(JSON.stringify(found));
      },
    ];
    for (const ask of asked) assert.equal(await statusOf(ask()), 403, ask.toString());
    assert.equal(await statusOf(server.client(mine.id, reader).writeTuples([{ ...question, user: "user:bo" }])), 403);
    assert.equal(await statusOf(server.client(mine.id, reader).deleteStore()), 403);
    assert.equal(await statusOf(server.client(mine.id).check(question)), 401);
  });
});
