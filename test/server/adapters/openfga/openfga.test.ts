import assert from "node:assert/strict";

import { ConsistencyPreference, ErrorCode, FgaApiError, type OpenFgaClient } from "@openfga/sdk";

import { limits } from "../../../../src/base/limits.js";
import { storeCall } from "../../../../src/server/adapters/openfga/store-call.js";
import { formatStore, parseStore } from "../../../../src/server/adapters/openfga/store-text.js";
import { FgaServer } from "./fga-server.js";

const model = `model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member] or owner
    define owner: [user]
type doc-file
  relations
    define parent: [doc-file]
    define banned: [user]
    define relation: [user, user:*, group#member, user with in_hours] or relation from parent
    define can-view: relation but not banned
condition in_hours(hour: int, now: int) {
  hour < 17 || now < 3
}`;

const doc = "doc-file:plan";
const tuple = (user: string, relation: string, object = doc) => ({ user, relation, object });

describe("OpenFGA's API", function () {
  this.timeout(60_000);
  let server: FgaServer;
  let store: OpenFgaClient;

  before(async () => {
    server = await FgaServer.open();
    store = await server.store(model);
  });
  after(async () => server.close());

  const refused = async (promise: Promise<unknown>, code: string, status = 400) => {
    const error: unknown = await promise.then(
      () => assert.fail(`expected ${code}`),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof FgaApiError, String(error));
    assert.equal((error.responseData as { code: string }).code, code, JSON.stringify(error.responseData));
    assert.equal(error.statusCode, status);
  };

  const allowed = async (user: string, relation: string, object = doc, options: object = {}) => (await store.check({ user, relation, object, ...options })).allowed;

  it("makes, lists, gets and deletes stores", async () => {
    const { id, name, created_at: created } = await server.client().createStore({ name: "second store" });
    assert.match(id, /^[0-9A-Z]{26}$/);
    assert.equal(name, "second store");
    const client = server.client(id);
    assert.deepEqual(await client.getStore().then((got) => [got.id, got.name, got.created_at]), [id, name, created]);
    const first = await client.listStores({ pageSize: 1 });
    assert.equal(first.stores.length, 1);
    const others = await client.listStores({ continuationToken: first.continuation_token });
    assert.ok([...first.stores, ...others.stores].some((each) => each.id === id));
    assert.deepEqual((await client.listStores({ name })).stores.map((each) => each.id), [id]);
    await client.deleteStore();
    await refused(client.getStore(), "store_id_not_found", 404);
    await refused(client.check(tuple("user:ana", "relation")), "store_id_not_found", 404);
  });

  it("does not serve a tenant that is no store", async () => {
    await server.database.createTenant({ name: "01HZZZZZZZZZZZZZZZZZZZZZZZ" }, {});
    await server.database.writeSchema({ text: "definition user {}" }, { tenant: "01HZZZZZZZZZZZZZZZZZZZZZZZ" });
    await refused(server.client("01HZZZZZZZZZZZZZZZZZZZZZZZ").getStore(), "store_id_not_found", 404);
  });

  it("keeps a key of one tenant to its store", () => {
    assert.equal(storeCall({}, "a").tenant, "a");
    assert.equal(storeCall({ tenant: "a" }, "a").tenant, "a");
    assert.throws(() => storeCall({ tenant: "b" }, "a"), { code: "permission_denied" });
  });

  it("answers by the model in force, by an older one of the same meaning, and refuses one of another", async () => {
    const client = await server.store();
    await refused(client.check(tuple("user:ana", "relation")), "latest_authorization_model_not_found");
    const first = await server.model(client, model);
    const same = await server.model(client, model);
    await client.writeTuples([tuple("user:ana", "relation")]);
    assert.equal((await client.check(tuple("user:ana", "relation"), { authorizationModelId: first })).allowed, true);
    const other = await server.model(client, model.replace("relation but not banned", "relation"));
    await refused(client.check(tuple("user:ana", "relation"), { authorizationModelId: same }), ErrorCode.AuthorizationModelNotFound);
    await refused(client.check(tuple("user:ana", "relation"), { authorizationModelId: "01HVMMBCMGZNT3SED4Z17ECXCA" }), ErrorCode.AuthorizationModelNotFound);
    assert.equal((await client.check(tuple("user:ana", "relation"), { authorizationModelId: other })).allowed, true);
    const listed = await client.readAuthorizationModels({ pageSize: 2 });
    assert.deepEqual(listed.authorization_models.map(({ id }) => id), [other, same]);
    assert.deepEqual((await client.readAuthorizationModels({ continuationToken: listed.continuation_token ?? "" })).authorization_models.map(({ id }) => id), [first]);
    const { authorization_model: read } = await client.readAuthorizationModel({ authorizationModelId: first });
    assert.deepEqual(read?.type_definitions.map(({ type }) => type), ["user", "group", "doc-file"]);
    assert.equal(read?.conditions?.in_hours?.expression, "hour < 17 || now < 3");
    await refused(client.writeAuthorizationModel({ schema_version: "1.1", type_definitions: [{ type: "doc", relations: { viewer: { computedUserset: { relation: "nobody" } } } }] }), ErrorCode.InvalidAuthorizationModel);
  });

  it("keeps all models that are written at once", async () => {
    const client = await server.store();
    const ids = await Promise.all([1, 2, 3].map(() => server.model(client, model)));
    assert.deepEqual((await client.readAuthorizationModels()).authorization_models.map(({ id }) => id).sort(), ids.sort());
  });

  it("checks what is assigned and computed, of usersets, wildcards and contextual tuples", async () => {
    await store.writeTuples([tuple("user:lea", "owner", "group:eng"), tuple("group:eng#member", "relation"), tuple("user:*", "relation", "doc-file:public"), tuple("user:bob", "banned", "doc-file:public")]);
    assert.equal(await allowed("user:lea", "can-view"), true);
    assert.equal(await allowed("group:eng#member", "can-view"), true);
    assert.equal(await allowed("user:eve", "can-view"), false);
    assert.equal(await allowed("user:eve", "can-view", "doc-file:public"), true);
    assert.equal(await allowed("user:bob", "can-view", "doc-file:public"), false);
    assert.equal(await allowed("user:*", "can-view", "doc-file:public"), true);
    assert.equal(await allowed("user:*", "can-view"), false);
    assert.equal(await allowed("user:eve", "can-view", doc, { contextualTuples: [tuple("user:eve", "member", "group:eng")] }), true);
    assert.equal((await store.check(tuple("user:lea", "can-view"), { consistency: ConsistencyPreference.HigherConsistency })).allowed, true);
    await refused(store.check(tuple("user:lea", "nothing")), ErrorCode.ValidationError);
    await refused(store.check(tuple("lea", "can-view")), ErrorCode.ValidationError);
    await refused(store.check({ ...tuple("user:lea", "can-view"), contextualTuples: [tuple("user:eve", "can-view")] }), ErrorCode.InvalidTuple);
  });

  it("needs every parameter of a condition, though the others decide it", async () => {
    const object = "doc-file:timed";
    await store.write({ writes: [{ ...tuple("user:tim", "relation", object), condition: { name: "in_hours", context: {} } }] });
    assert.equal(await allowed("user:tim", "relation", object, { context: { hour: 9, now: 9 } }), true);
    assert.equal(await allowed("user:tim", "relation", object, { context: { hour: 20, now: 9 } }), false);
    await refused(store.check({ ...tuple("user:tim", "relation", object), context: { hour: 9 } }), ErrorCode.ValidationError);
    await refused(store.listObjects({ user: "user:tim", type: "doc-file", relation: "relation", context: { hour: 9 } }), ErrorCode.ValidationError);
    await refused(store.writeTuples([{ ...tuple("group:eng#member", "relation", object), condition: { name: "in_hours" } }]), ErrorCode.ValidationError);
  });

  it("writes all or nothing, and ignores what stands or is missing where it is told to", async () => {
    const object = "doc-file:written";
    const [ana, bo] = [tuple("user:ana", "banned", object), tuple("user:bo", "banned", object)];
    await store.writeTuples([ana]);
    const again: unknown = await store.write({ writes: [ana] }).catch((error: unknown) => error);
    assert.match(String((again as FgaApiError).apiErrorMessage), /cannot write a tuple which already exists: user: 'user:ana', relation: 'banned', object: 'doc-file:written'/);
    await refused(store.write({ writes: [bo, ana] }), ErrorCode.WriteFailedDueToInvalidInput);
    await refused(store.write({ writes: [bo], deletes: [tuple("user:cy", "banned", object)] }), ErrorCode.WriteFailedDueToInvalidInput);
    assert.deepEqual((await store.read({ object })).tuples.map(({ key }) => key), [ana]);
    await refused(store.write({ writes: [bo, bo] }), ErrorCode.CannotAllowDuplicateTuplesInOneRequest);
    await store.write({ writes: [bo, ana] }, { conflict: { onDuplicateWrites: "ignore" as never } });
    await store.write({ deletes: [bo, tuple("user:cy", "banned", object)] }, { conflict: { onMissingDeletes: "ignore" as never } });
    assert.deepEqual((await store.read({ object })).tuples.map(({ key }) => key), [ana]);
    await store.write({ writes: [tuple("user:di", "relation", object)] });
    const conditional = { ...tuple("user:di", "relation", object), condition: { name: "in_hours", context: {} } };
    await refused(store.write({ writes: [conditional] }, { conflict: { onDuplicateWrites: "ignore" as never } }), ErrorCode.WriteFailedDueToInvalidInput, 409);
    await refused(store.write({ writes: [tuple("user:ana", "can-view", object)] }), ErrorCode.ValidationError);
  });

  it("takes as many tuples, checks and rows at once as its bounds say, and not one more", async () => {
    const many = (count: number, object: string) => Array.from({ length: count }, (_, i) => tuple(`user:u${i}`, "banned", object));
    await store.writeTuples(many(limits.openfgaTuplesMax, "doc-file:many"));
    await refused(store.writeTuples(many(limits.openfgaTuplesMax + 1, "doc-file:more")), ErrorCode.ExceededEntityLimit);
    assert.equal((await store.read({ object: "doc-file:many" })).tuples.length, limits.openfgaPageDefault);
    assert.equal((await store.read({ object: "doc-file:many" }, { pageSize: limits.openfgaTuplesMax })).tuples.length, limits.openfgaTuplesMax);
    await refused(store.read({ object: "doc-file:many" }, { pageSize: limits.openfgaTuplesMax + 1 }), ErrorCode.ValidationError);
    const checks = (count: number) => ({ checks: Array.from({ length: count }, (_, i) => ({ ...tuple("user:u1", "banned", "doc-file:many"), correlationId: `c${i}` })) });
    assert.equal((await store.batchCheck(checks(limits.openfgaChecksMax))).result.length, limits.openfgaChecksMax);
    await refused(store.batchCheck(checks(limits.openfgaChecksMax + 1), { maxBatchSize: limits.openfgaChecksMax + 1 }), ErrorCode.ValidationError);
  });

  it("lists as many objects as its bound says; a stream has them all", async () => {
    const client = await server.store(model);
    const count = limits.openfgaListMax + 1;
    for (let at = 0; at < count; at += limits.openfgaTuplesMax) {
      await client.writeTuples(Array.from({ length: Math.min(limits.openfgaTuplesMax, count - at) }, (_, i) => tuple("user:ana", "banned", `doc-file:${at + i}`)));
    }
    const asked = { user: "user:ana", type: "doc-file", relation: "banned" };
    assert.equal((await client.listObjects(asked)).objects.length, limits.openfgaListMax);
    const found = new Set<string>();
    for await (const { object } of client.streamedListObjects(asked)) found.add(object);
    assert.equal(found.size, count);
  });

  it("answers each check of a batch for itself", async () => {
    const { result } = await store.batchCheck({ checks: [{ ...tuple("user:lea", "can-view"), correlationId: "good" }, { ...tuple("user:lea", "nothing"), correlationId: "wrong" }] });
    const byId = new Map(result.map((each) => [each.correlationId, each]));
    assert.equal(byId.get("good")?.allowed, true);
    assert.equal(byId.get("wrong")?.error?.input_error, ErrorCode.ValidationError);
    assert.notEqual(byId.get("wrong")?.allowed, true);
  });

  it("reads page by page, though a relation's tuples lie in several", async () => {
    const object = "doc-file:read";
    const written = [tuple("user:ana", "relation", object), tuple("user:*", "relation", object), tuple("group:eng#member", "relation", object), tuple("user:ana", "banned", object)];
    await store.writeTuples(written);
    const found: object[] = [];
    let token = "";
    do {
      const page = await store.read({ object, relation: "relation" }, { pageSize: 1, ...(token !== "" && { continuationToken: token }) });
      found.push(...page.tuples.map(({ key }) => key));
      token = page.continuation_token;
    } while (token !== "");
    assert.deepEqual(new Set(found.map((key) => JSON.stringify(key))), new Set(written.slice(0, 3).map((key) => JSON.stringify({ user: key.user, relation: key.relation, object: key.object }))));
    assert.deepEqual((await store.read({ user: "user:ana", object: "doc-file:", relation: "banned" })).tuples.filter(({ key }) => key.object === object).length, 1);
    await refused(store.read({ relation: "banned" }), ErrorCode.ValidationError);
    await refused(store.read({ object }, { continuationToken: "odd" }), ErrorCode.InvalidContinuationToken);
  });

  it("tells changes in their order, page by page, and goes on with what comes", async () => {
    const client = await server.store(model);
    const tuples = ["a", "b", "c"].map((id) => tuple(`user:${id}`, "banned"));
    await client.writeTuples(tuples);
    const first = await client.readChanges(undefined, { pageSize: 2 });
    assert.equal(first.changes.length, 2);
    const second = await client.readChanges(undefined, { pageSize: 2, continuationToken: first.continuation_token ?? "" });
    assert.deepEqual([...first.changes, ...second.changes].map(({ tuple_key: key }) => key.user), ["user:a", "user:b", "user:c"]);
    const end = await client.readChanges(undefined, { continuationToken: second.continuation_token ?? "" });
    assert.deepEqual(end.changes, []);
    await client.deleteTuples(tuples.slice(0, 1));
    const { changes } = await client.readChanges({ type: "doc-file" }, { continuationToken: end.continuation_token ?? "" });
    assert.deepEqual(changes.map(({ tuple_key: key, operation }) => [key.user, operation]), [["user:a", "TUPLE_OPERATION_DELETE"]]);
    await refused(client.readChanges(undefined, { continuationToken: "odd" }), ErrorCode.InvalidContinuationToken);
  });

  it("expands one level", async () => {
    const object = "doc-file:tree";
    await store.writeTuples([tuple("user:ana", "relation", object), tuple("doc-file:root", "parent", object)]);
    const { tree } = await store.expand({ object, relation: "can-view" });
    assert.deepEqual(tree?.root?.difference?.base.leaf?.computed, { userset: `${object}#relation` });
    const { tree: inner } = await store.expand({ object, relation: "relation" });
    const [direct, arrow] = inner?.root?.union?.nodes ?? [];
    assert.deepEqual(direct?.leaf?.users?.users, ["user:ana"]);
    assert.deepEqual(arrow?.leaf?.tupleToUserset, { tupleset: `${object}#parent`, computed: [{ userset: "doc-file:root#relation" }] });
  });

  it("keeps tuples that a later model does not allow, and does not look at them", async () => {
    const client = await server.store(model);
    await client.writeTuples([tuple("user:*", "relation"), tuple("user:ana", "banned")]);
    await server.model(client, model.replace("user:*, ", ""));
    assert.equal((await client.check(tuple("user:eve", "relation"))).allowed, false);
    assert.equal((await client.read({ object: doc, relation: "relation" })).tuples.length, 1);
    await refused(client.writeTuples([tuple("user:*", "relation", "doc-file:other")]), ErrorCode.ValidationError);
    await server.model(client, model);
    assert.equal((await client.check(tuple("user:eve", "relation"))).allowed, true);
    await server.model(client, model.replace("user:*, ", ""));
    await client.deleteTuples([tuple("user:*", "relation")]);
    await server.model(client, model.replace("user:*, ", ""));
    assert.equal((await client.check(tuple("user:eve", "relation"))).allowed, false);
  });

  it("keeps the tuples of types, relations and conditions that a later model has not, until they are back", async () => {
    const client = await server.store(model);
    const timed = { ...tuple("user:ana", "relation"), condition: { name: "in_hours", context: { hour: 9 } } };
    await client.writeTuples([timed, tuple("group:eng#member", "relation"), tuple("user:lea", "owner", "group:eng")]);
    await server.model(client, "model\n  schema 1.1\ntype user\ntype doc-file\n  relations\n    define banned: [user]\n");
    await refused(client.check(tuple("user:lea", "relation")), ErrorCode.ValidationError);
    await refused(client.check(tuple("user:lea", "owner", "group:eng")), ErrorCode.ValidationError);
    assert.equal((await client.read()).tuples.length, 3);
    await server.model(client, model);
    assert.equal((await client.check({ ...tuple("user:lea", "can-view"), context: { hour: 20, now: 9 } })).allowed, true);
    assert.equal((await client.check({ ...tuple("user:ana", "can-view"), context: { now: 9 } })).allowed, true);
    assert.equal((await client.check({ ...tuple("user:eve", "can-view"), context: { now: 9 } })).allowed, false);
  });

  it("refuses what it cannot say: a cycle through `but not`, and the objects of everybody", async () => {
    const client = await server.store("model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define odd: [user, doc#viewer]\n    define viewer: [user] but not odd\n");
    await client.writeTuples([tuple("user:ana", "viewer", "doc:1"), tuple("doc:1#viewer", "odd", "doc:1")]);
    await refused(client.check(tuple("user:ana", "viewer", "doc:1")), ErrorCode.AuthorizationModelResolutionTooComplex);
    await refused(client.listObjects({ user: "user:*", type: "doc", relation: "viewer" }), ErrorCode.ValidationError);
  });

  it("takes a model that says something twice in a relation, as OpenFGA's server does", async () => {
    const client = await server.store("model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define parent: [doc]\n    define a: [user, user]\n    define b: a and a\n    define c: a from parent or a from parent\n    define d: a but not a\n");
    await client.writeTuples([tuple("user:ana", "a", "doc:1"), tuple("doc:1", "parent", "doc:2")]);
    const see = async (relation: string, object: string) => (await client.check(tuple("user:ana", relation, object))).allowed;
    assert.deepEqual([await see("b", "doc:1"), await see("c", "doc:2"), await see("d", "doc:1"), await see("c", "doc:1")], [true, true, false, false]);
  });

  it("refuses a tuple that makes a userset part of itself", async () => {
    await refused(store.writeTuples([tuple("group:self#member", "member", "group:self")]), ErrorCode.ValidationError);
    await store.writeTuples([tuple("group:self#member", "member", "group:other")]);
  });

  it("refuses a model that takes a condition's tuples from a kind of user it still allows", async () => {
    const client = await server.store(model);
    await client.writeTuples([{ ...tuple("user:ana", "relation"), condition: { name: "in_hours", context: {} } }]);
    await refused(server.model(client, model.replace(", user with in_hours", "")), ErrorCode.InvalidAuthorizationModel);
  });

  it("keeps the newest models, as many as have room", () => {
    const packed = "x".repeat(limits.openfgaModelsBytesMax / 4);
    const models = ["a", "b", "c", "d"].map((id) => ({ id, hash: "h", packed }));
    const head = parseStore(formatStore({ name: 'a "store"', models }, "definition user {}"));
    assert.equal(head?.name, 'a "store"');
    assert.deepEqual(head?.models.map(({ id }) => id), ["b", "c", "d"]);
    assert.equal(parseStore("definition user {}"), undefined);
  });

  it("tells of a walk that goes too deep with OpenFGA's code, and denies", async () => {
    const [group, last] = [(i: number) => `group:deep${i}`, 40];
    await store.writeTuples([...Array.from({ length: last }, (_, i) => tuple(`${group(i + 1)}#member`, "member", group(i))), tuple("user:deep", "member", group(last))]);
    const see = (depth: number) => allowed("user:deep", "member", group(last - depth));
    assert.equal(await see(limits.openfgaDepthMax), true);
    await refused(see(limits.openfgaDepthMax + 1), ErrorCode.AuthorizationModelResolutionTooComplex);
    await refused(see(last), ErrorCode.AuthorizationModelResolutionTooComplex);
    // Remembered or not, asked from above or from below.
    assert.equal(await see(limits.openfgaDepthMax), true);
    await refused(see(limits.openfgaDepthMax + 1), ErrorCode.AuthorizationModelResolutionTooComplex);
  });

  it("tells of what it does not have", async () => {
    assert.equal((await fetch(`${server.url}/stores/x/assertions/y`)).status, 404);
  });
});
