import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { open, touch, UsherError, type ErrorCode, type Usher } from "../../src/index.js";

const has = (code: ErrorCode) => (error: unknown) => {
  assert.ok(error instanceof UsherError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};
const schema = "definition user {}\ndefinition doc { relation viewer: user; permission view = viewer }";

describe("tenants of an embedded database", () => {
  let folder: string;
  let usher: Usher;
  let acme: Usher;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-tenants-"));
    usher = await open(folder);
    await usher.createTenant("acme");
    acme = usher.withTenant("acme");
    await acme.writeSchema(schema);
    await acme.write([touch("doc:1#viewer@user:ana")]);
  });
  afterEach(async () => {
    await usher.close();
    await rm(folder, { recursive: true });
  });

  it("share nothing", async () => {
    await assert.rejects(usher.readSchema(), has("schema_missing"));
    await usher.writeSchema(schema);
    assert.equal(await usher.can("doc:1", "view", "user:ana"), false);
    assert.equal(await acme.can("doc:1", "view", "user:ana"), true);
  });

  it("end with their watches, the waiting and the busy ones, and with their tokens, also under the same name", async () => {
    const { zookie } = await acme.write([touch("doc:2#viewer@user:ana")]);
    const { cursor } = await acme.readPage({}, { pageSize: 1 });
    const waiting = acme.watch({ checkpointMs: 3_600_000 })[Symbol.asyncIterator]();
    await waiting.next();
    const ended = assert.rejects(waiting.next(), has("tenant_unknown"));
    const busy = acme.watch({ fromEarliest: true })[Symbol.asyncIterator]();
    await busy.next();
    await usher.deleteTenant("acme");
    await ended;
    await assert.rejects(busy.next(), has("tenant_unknown"));
    const asks: ((as: Usher) => Promise<unknown>)[] = [
      (as) => as.can("doc:1", "view", "user:ana"), (as) => as.readSchema(), (as) => as.readPage({}), (as) => as.write([touch("doc:1#viewer@user:ana")]),
      (as) => as.deleteMatching([{ objectType: "doc" }]), (as) => as.expand("doc:1", "view"), (as) => as.writeSchema(schema),
    ];
    for (const ask of asks) await assert.rejects(ask(acme), has("tenant_unknown"));

    await usher.createTenant("acme");
    await assert.rejects(acme.readSchema(), has("schema_missing"));
    await acme.writeSchema(schema);
    assert.equal(await acme.can("doc:1", "view", "user:ana"), false);
    await assert.rejects(acme.can("doc:1", "view", "user:ana", { consistency: { kind: "exact", zookie } }), has("zookie_of_other_tenant"));
    await assert.rejects(acme.watch({ after: zookie })[Symbol.asyncIterator]().next(), has("zookie_of_other_tenant"));
    await assert.rejects(acme.readPage({}, { ...(cursor !== undefined && { cursor }) }), has("zookie_of_other_tenant"));
  });

  it("answer what is on its way when they end with an answer of before, or not at all", async () => {
    const checks = Array.from({ length: 40 }, () => acme.can("doc:1", "view", "user:ana").then((allowed) => assert.equal(allowed, true), has("tenant_unknown")));
    const pages = Array.from({ length: 10 }, () => acme.readPage({}).then(({ tuples }) => assert.equal(tuples.length, 1), has("tenant_unknown")));
    await usher.deleteTenant("acme");
    await Promise.all([...checks, ...pages]);
  });
});
