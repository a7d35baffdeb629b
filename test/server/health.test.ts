import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { credentials, loadPackageDefinition, type ClientReadableStream, type ServiceClientConstructor, type ServiceError } from "@grpc/grpc-js";
import { service } from "grpc-health-check";

import type { UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { Usher } from "../../src/client/usher.js";
import { touch } from "../../src/client/references.js";
import { Database } from "../../src/database/database.js";
import { methods } from "../../src/model/wire/methods.js";
import { serve, type Server } from "../../src/server/server.js";
import { openClassicLevel } from "../../src/storage/level/raw.js";
import { Faults } from "../storage/faults.js";
import { HandClock } from "../watch/store.js";
import { eventually } from "./wire.js";

const Health = loadPackageDefinition({ Health: service })["Health"] as ServiceClientConstructor;

interface Told {
  readonly status: string;
}

const reads = "usher.v1.PermissionService";
const writes = ["usher.v1.TupleService", "usher.v1.SchemaService"];

describe("health", () => {
  let folder: string;
  let faults: Faults;
  let clock: HandClock;
  let database: Database;
  let usher: Usher;
  let server: Server;
  let client: InstanceType<ServiceClientConstructor>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-health-"));
    faults = new Faults();
    clock = new HandClock();
    database = await Database.open(folder, { openRaw: faults.wrap(openClassicLevel), time: clock, maintenanceMs: Infinity });
    usher = new Usher(database);
    await usher.writeSchema("definition user {}\ndefinition doc { relation viewer: user }");
    await usher.write([touch("doc:1#viewer@user:ana")]);
    server = await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(error), conditions: database });
    client = new Health(server.address, credentials.createInsecure());
  });

  afterEach(async () => {
    client.close();
    await server.close(100);
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });

  function check(name: string): Promise<string> {
    const method = client["check"] as (request: object, done: (error: ServiceError | null, answer?: Told) => void) => void;
    return new Promise((resolve, reject) => method.call(client, { service: name }, (error, answer) => (error ? reject(error) : resolve(answer?.status ?? ""))));
  }

  function watch(name: string): ClientReadableStream<Told> {
    const stream = (client["watch"] as (request: object) => ClientReadableStream<Told>).call(client, { service: name });
    stream.on("error", () => undefined);
    return stream;
  }

  async function next(stream: ClientReadableStream<Told>): Promise<string> {
    const [told] = (await once(stream, "data")) as [Told];
    return told.status;
  }

  const all = async () => Object.fromEntries(await Promise.all(["", reads, ...writes].map(async (name) => [name, await check(name)] as const)));

  it("serves every service of the API, and knows no other", async () => {
    for (const { path } of Object.values<{ readonly path: string }>(methods)) assert.equal(await check(path.split("/")[1] ?? ""), "SERVING", path);
    assert.equal(await check(""), "SERVING");
    await assert.rejects(check("usher.v1.Nothing"), (error: ServiceError) => Number(error.code) === 5);
    assert.equal(await next(watch("usher.v1.Nothing")), "SERVICE_UNKNOWN");
  });

  it("is not ready for writes while the disk refuses them, still answers checks, and is ready again by itself", async () => {
    const watching = watch("usher.v1.TupleService");
    assert.equal(await next(watching), "SERVING");
    const told = next(watching);
    const went: unknown[] = [];
    database.onStatus(() => went.push([database.status().store.state, server.readiness]));
    faults.decide = (call) => (call === "batch" ? "before" : "pass");
    await assert.rejects(usher.write([touch("doc:2#viewer@user:ana")]), (error: UsherError) => error.code === "outcome_unknown");
    assert.equal(await told, "NOT_SERVING");
    const unwritable = { draining: false, reads: true, writes: false };
    await eventually(() => assert.deepEqual(went, [["failed", unwritable], ["reviving", unwritable], ["ready", { ...unwritable, writes: true }]]));

    faults.decide = () => "pass";
    await eventually(async () => assert.equal(await check("usher.v1.TupleService"), "SERVING"));
    assert.equal(await usher.can("doc:1", "viewer", "user:ana"), true);
    assert.equal((await usher.write([touch("doc:2#viewer@user:ana")])).changed, 1);
    watching.cancel();
  });

  it("is ready for nothing while the store cannot be reopened, and says so of itself alone", async () => {
    const ready: boolean[] = [];
    database.onStatus(() => ready.push(server.readiness.reads));
    faults.decide = (call) => (call === "batch" || call === "open" ? "before" : "pass");
    await assert.rejects(usher.write([touch("doc:2#viewer@user:ana")]));
    await eventually(async () => assert.deepEqual(await all(), { "": "SERVING", [reads]: "NOT_SERVING", [writes[0] ?? ""]: "NOT_SERVING", [writes[1] ?? ""]: "NOT_SERVING" }));
    // Further attempts that fail in their turn do not make it look ready meanwhile.
    await eventually(() => assert.ok(ready.length >= 6));
    assert.equal(ready.lastIndexOf(true) < ready.indexOf(false), true, ready.join());
    faults.decide = () => "pass";
    await eventually(async () => assert.equal(await check(reads), "SERVING"));
    assert.equal(await usher.can("doc:1", "viewer", "user:ana"), true);
  });

  it("is not ready for writes while the clock has jumped", async () => {
    const monotonic = clock.ms;
    clock.monotonicMs = () => monotonic;
    clock.uptimeMs = () => monotonic;
    clock.ms += limits.clockJumpMsMax + 1;
    assert.equal(database.status().store.clockJumpMs, limits.clockJumpMsMax + 1);
    assert.deepEqual([await check(reads), await check("usher.v1.TupleService")], ["SERVING", "NOT_SERVING"]);
    clock.ms = monotonic;
    assert.equal(await check("usher.v1.TupleService"), "SERVING");
  });

  it("is ready for nothing once the store has ended, and lives", async () => {
    await database.close();
    assert.deepEqual(await all(), { "": "SERVING", [reads]: "NOT_SERVING", [writes[0] ?? ""]: "NOT_SERVING", [writes[1] ?? ""]: "NOT_SERVING" });
  });

  it("tells those who watch that the server stops, and lets them go", async () => {
    const streams = ["", reads].map(watch);
    for (const stream of streams) assert.equal(await next(stream), "SERVING");
    const told = streams.map(next);
    const ended = streams.map((stream) => once(stream, "end"));
    await server.close(60_000);
    assert.deepEqual(await Promise.all(told), ["NOT_SERVING", "NOT_SERVING"]);
    await Promise.all(ended);
  });

  it("takes no more than its bound of those who watch, and one more when one has left", async () => {
    const streams = Array.from({ length: limits.healthWatchersMax }, () => watch(reads));
    for (const stream of streams) assert.equal(await next(stream), "SERVING");
    const [error] = (await once(watch(reads), "error")) as [ServiceError];
    assert.equal(error.code, 14);
    streams[0]?.cancel();
    await eventually(async () => {
      const stream = watch(reads);
      const outcome = await Promise.race([next(stream), once(stream, "error").then(() => "refused")]);
      assert.equal(outcome, "SERVING");
    });
    for (const stream of streams) stream.cancel();
  });
});
