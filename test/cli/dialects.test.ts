import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { connect, touch } from "../../src/index.js";
import { ask } from "../server/http/probe.js";
import { Wire } from "../server/wire.js";
import { ServerProcess } from "./server-process.js";

describe("a server process that speaks other dialects", () => {
  let folder: string;
  let server: ServerProcess;

  const path = async (name: string, text: string) => {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-dialects-"));
    server = new ServerProcess(join(folder, "data"));
  });
  afterEach(async () => {
    server.signal("SIGKILL");
    await server.ended();
    await rm(folder, { recursive: true });
  });

  it("answers AuthZEN and Envoy as its mappings say, and ends when it is told to", async () => {
    const authzen = await path("authzen.yaml", `contextualTuples: [{ object: { type: doc, id: "{resource.id}" }, relation: viewer, subject: { type: user, id: "{resource.properties.owner}" } }]`);
    const envoy = await path("envoy.yaml", `rules: [{ path: "/docs/{id}", object: { type: doc, id: "{path.id}" }, permission: viewer, subject: { type: user, id: "{source.principal}" } }]`);
    await server.start("--http-address", "127.0.0.1:0", "--http-url", "https://usher.example", "--authzen-mapping", authzen, "--envoy-mapping", envoy);
    const usher = await connect(server.address);
    await usher.writeSchema("definition user {}\ndefinition doc { relation viewer: user }");
    await usher.write([touch("doc:1#viewer@user:ana")]);
    await usher.close();
    const evaluate = async (id: string, owner: string) => {
      const body = { subject: { type: "user", id }, action: { name: "viewer" }, resource: { type: "doc", id: "1", properties: { owner } } };
      return ((await ask(server.httpAddress, "/access/v1/evaluation", { body })).body as { decision: boolean }).decision;
    };
    assert.deepEqual([await evaluate("ana", "ben"), await evaluate("ben", "ben"), await evaluate("eve", "ben")], [true, true, false]);
    const metadata = await ask(server.httpAddress, "/.well-known/authzen-configuration", { method: "GET" });
    assert.equal((metadata.body as { policy_decision_point: string }).policy_decision_point, "https://usher.example");
    const wire = new Wire(server.address);
    const { bytes } = await wire.call("/envoy.service.auth.v3.Authorization/Check", Buffer.alloc(0));
    assert.ok(bytes?.includes("invalid_request"));
    wire.close();
    assert.equal(await server.metric('usher_call_seconds_count{method="POST /access/v1/evaluation",code="ok"}'), 3);
    server.signal("SIGTERM");
    assert.equal(await server.ended(), 0);
  });

  it("does not start with a mapping that is wrong", async () => {
    const envoy = await path("envoy.yaml", "rulez: []");
    await assert.rejects(server.start("--envoy-mapping", envoy), /invalid_configuration.*`rules` is missing/s);
    assert.equal(await server.ended(), 4);
  });
});
