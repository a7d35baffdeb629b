import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Gauge, Registry } from "prom-client";

import { errorCodes, UsherError } from "../../../src/base/errors.js";
import { remove, touch } from "../../../src/client/references.js";
import { connect, type Usher } from "../../../src/client/usher.js";
import { Database } from "../../../src/database/database.js";
import { methods } from "../../../src/model/wire/methods.js";
import { serve, type Server } from "../../../src/server/server.js";
import { Endpoint } from "../../../src/server/telemetry/endpoint.js";
import { Metrics } from "../../../src/server/telemetry/metrics.js";
import { eventually } from "../wire.js";

describe("metrics", () => {
  let folder: string;
  let database: Database;
  let server: Server;
  let metrics: Metrics;
  let endpoint: Endpoint;
  let usher: Usher;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-metrics-"));
    metrics = new Metrics("1.2.3", () => ({ database: database.status(), load: server.load, readiness: server.readiness }));
    database = await Database.open(folder, { observer: metrics });
    server = await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(error), observer: metrics, conditions: database });
    endpoint = await Endpoint.open({ address: "127.0.0.1:0", registry: metrics.registry, readiness: () => server.readiness, token: "t0ken" });
    usher = await connect(server.address);
  });
  after(async () => {
    await usher.close();
    await endpoint.close();
    await server.close(100);
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });

  const get = (path: string, headers: Record<string, string> = { authorization: "Bearer t0ken" }, method = "GET") => fetch(`http://${endpoint.address}${path}`, { headers, method });

  /** The value of one series as it is written: `usher_checks_total{answer="allowed"}`. */
  async function value(series: string): Promise<number> {
    const text = await (await get("/metrics")).text();
    const line = text.split("\n").find((each) => each.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1) ?? Number.NaN);
  }

  it("count what is done, by method, code and answer", async () => {
    await usher.writeSchema("caveat late(hour int) { hour > 20 }\ndefinition user {}\ndefinition doc { relation viewer: user | user with late }");
    await usher.write([touch("doc:1#viewer@user:ana"), touch("doc:1#viewer@user:cy[late]")]);
    await usher.check("doc:1", "viewer", "user:ana");
    await usher.check("doc:1", "viewer", "user:cy");
    await usher.batchCheck([
      { object: "doc:1", permission: "viewer", subject: "user:bo" },
      { object: "doc:1", permission: "nothing", subject: "user:bo" },
    ]);
    await assert.rejects(usher.check("nothing:1", "viewer", "user:ana"), (error: UsherError) => error.code === "unknown_type");
    for (const [answer, count] of [["allowed", 1], ["conditional", 1], ["denied", 1], ["error", 1]] as const) assert.equal(await value(`usher_checks_total{answer="${answer}"}`), count, answer);
    await eventually(async () => assert.equal(await value('usher_call_seconds_count{method="PermissionService/Check",code="ok"}'), 2));
    assert.equal(await value('usher_call_seconds_count{method="PermissionService/Check",code="unknown_type"}'), 1);
    assert.equal(await value("usher_commits_total"), 2);
    assert.equal(await value("usher_commit_group_size_count"), 2);
    assert.equal(await value("usher_commit_group_seconds_count"), 2);
    assert.equal(await value("usher_evaluation_passes_count"), 3);
    assert.ok((await value("usher_evaluation_reads_sum")) >= 3);
    assert.equal(await value('usher_evaluation_reads_bucket{le="0"}'), 0);
    assert.equal(await value("usher_head_revision"), 2);
    assert.ok((await value("usher_schemas_compiled_total")) >= 1);
  });

  it("tell what memory had and what was loaded or walked", async () => {
    const names = ["usher_cache_read_hits_total", "usher_cache_read_misses_total", "usher_memo_hits_total", "usher_memo_misses_total", 'usher_evaluation_reads_bucket{le="0"}'];
    const figures = () => Promise.all(names.map(value));
    const cold = await figures();
    await usher.check("doc:2", "viewer", "user:ana");
    const once = await figures();
    assert.ok((once[1] ?? 0) > (cold[1] ?? 0), "loaded");
    assert.ok((once[3] ?? 0) > (cold[3] ?? 0), "walked");
    assert.equal(once[4], cold[4]);
    await usher.check("doc:2", "viewer", "user:ana");
    const again = await figures();
    assert.equal(again[1], once[1], "nothing more was loaded");
    assert.ok((again[0] ?? 0) + (again[2] ?? 0) > (once[0] ?? 0) + (once[2] ?? 0), "memory had it");
    assert.equal(again[4], (once[4] ?? 0) + 1);
    const { bytes, bytesMax } = database.status().cache;
    assert.ok(bytes > 0 && bytes < bytesMax);
    assert.deepEqual([await value("usher_cache_bytes"), await value("usher_cache_budget_bytes")], [bytes, bytesMax]);
    for (const name of ["usher_cache_turns_total", "usher_cache_fills_discarded_total", "usher_evaluations_pinned_total"]) assert.equal(await value(name), 0, name);
  });

  it("tell how everything stands", async () => {
    for (const [series, expected] of [
      ['usher_store_state{state="ready"}', 1], ['usher_store_state{state="failed"}', 0], ["usher_store_writable", 1], ["usher_ready_reads", 1], ["usher_ready_writes", 1],
      ["usher_clock_jump_seconds", 0], ["usher_writes_queued", 0], ["usher_watchers", 0], ["usher_watch_lag_revisions", 0], ["usher_streams", 0], ["usher_live_streams", 0], ["usher_stream_buffer_bytes", 0],
      ['usher_build_info{version="1.2.3"}', 1],
    ] as const) {
      assert.equal(await value(series), expected, series);
    }
    for (const series of ["usher_store_scrub_age_seconds", "usher_event_loop_delay_seconds", "process_resident_memory_bytes"]) assert.ok((await value(series)) >= 0, series);
    const watching = usher.watch({ checkpointMs: 1_000 })[Symbol.asyncIterator]();
    await watching.next();
    assert.deepEqual([await value("usher_watchers"), await value("usher_streams"), await value('usher_calls_under_way{method="TupleService/WatchTuples"}')], [1, 1, 1]);
    await watching.return?.();
    await eventually(async () => assert.deepEqual([await value("usher_watchers"), await value("usher_streams"), await value('usher_calls_under_way{method="TupleService/WatchTuples"}')], [0, 0, 0]));
  });

  it("tell of commits that ended live decisions: how many were evaluated, and how soon that was pushed and acknowledged", async () => {
    await usher.write([touch("doc:7#viewer@user:ana"), touch("doc:7#viewer@user:bo")]);
    const guard = usher.guard({ leaseMs: 1_000 });
    const holds = await Promise.all(["user:ana", "user:bo"].map((who) => guard.hold("doc:7", "viewer", who)));
    await usher.write([touch("doc:8#viewer@user:ana")]);
    assert.deepEqual([await value("usher_commit_walks_count"), await value("usher_commit_walks_sum")], [0, 0], "nobody was concerned");
    await usher.write([remove("doc:7#viewer@user:ana"), remove("doc:7#viewer@user:bo")], { awaitEnforcementMs: 5_000 });
    assert.ok(holds.every(({ allowed }) => !allowed));
    assert.deepEqual([await value("usher_commit_walks_count"), await value("usher_commit_walks_sum")], [1, 2]);
    assert.deepEqual([await value('usher_revocation_seconds_count{until="pushed"}'), await value('usher_revocation_seconds_count{until="acknowledged"}')], [2, 1]);
    assert.equal(await value('usher_flips_total{kind="tuple",revoked="true"}'), 2);
    guard.close();
  });

  it("tell how the decision log stands, and of none where none is kept", async () => {
    for (const name of ["usher_audit_size", "usher_audit_bytes", "usher_audit_backlog_bytes", "usher_audit_bytes_per_day", "usher_audit_checkpoint_age_seconds"]) assert.ok(Number.isNaN(await value(name)), name);
    assert.deepEqual([await value("usher_audit_records_total"), await value("usher_audit_failures_total"), await value("usher_audit_flush_seconds_count")], [0, 0, 0]);
    const status = database.status();
    const audit = { size: 7, bytes: 1_000, backlogBytes: 10, recordsTotal: 5, failuresTotal: 1, lastCheckpointAt: status.now - 2_000, bytesPerDay: 86_400 };
    const kept = new Metrics("1", () => ({ database: { ...status, audit }, load: server.load, readiness: server.readiness }));
    kept.onRecords({ records: 5, seconds: 0.01 });
    const text = await kept.registry.metrics();
    const lines = ["usher_audit_size 7", "usher_audit_bytes 1000", "usher_audit_backlog_bytes 10", "usher_audit_records_total 5", "usher_audit_failures_total 1", "usher_audit_checkpoint_age_seconds 2", "usher_audit_bytes_per_day 86400", "usher_audit_flush_seconds_count 1"];
    for (const line of lines) assert.ok(text.includes(`\n${line}\n`), line);
  });

  it("have labels of our own words alone: no tenant, no type, no id, whatever is asked", async () => {
    await assert.rejects(usher.check("secret_type:secret", "secret_relation", "secret_type:secret"));
    const other = await connect(server.address, { tenant: "secret-tenant" });
    await assert.rejects(other.check("doc:1", "viewer", "user:ana"));
    await other.close();
    const text = await (await get("/metrics")).text();
    for (const word of ["secret", "ana", "doc"]) assert.ok(!new RegExp(`\\{[^}]*\\b${word}`).test(text), word);
    const known = new Set<string>([...Object.values<{ path: string }>(methods).map(({ path }) => path.slice("/usher.v1.".length)), "ok", ...errorCodes]);
    for (const [, method = "", code = ""] of text.matchAll(/^usher_call_seconds_count\{method="([^"]*)",code="([^"]*)"\}/gm)) assert.ok(known.has(method) && known.has(code), `${method} ${code}`);
  });

  it("are in a registry of their own", () => {
    const other = new Metrics("0", () => undefined);
    assert.notEqual(other.registry, metrics.registry);
    other.onDecision("allowed");
  });

  describe("the endpoint", () => {
    it("answers the probes without a token and metrics with it alone", async () => {
      for (const path of ["/healthz", "/readyz", "/readyz/writes"]) assert.equal((await get(path, {})).status, 200, path);
      for (const authorization of ["", "Bearer", "Bearer wrong", "Bearer t0ken ", "t0ken"].filter((each) => each.trim() === each)) assert.equal((await get("/metrics", { authorization })).status, 401, authorization);
      assert.equal((await get("/metrics", {})).status, 401);
      assert.equal((await get("/metrics")).status, 200);
    });

    it("answers nothing else, and only those who read", async () => {
      assert.equal((await get("/")).status, 404);
      assert.equal((await get("/metrics/x")).status, 404);
      for (const method of ["POST", "PUT", "DELETE"]) assert.equal((await get("/metrics", undefined, method)).status, 405);
      assert.equal((await get("/healthz?probe=1")).status, 200);
    });

    it("says that the server is not ready when it is not", async () => {
      const other = await Endpoint.open({ address: "127.0.0.1:0", registry: metrics.registry, readiness: () => ({ draining: false, reads: true, writes: false }) });
      const statusOf = async (path: string) => (await fetch(`http://${other.address}${path}`)).status;
      assert.deepEqual([await statusOf("/healthz"), await statusOf("/readyz"), await statusOf("/readyz/writes"), await statusOf("/metrics")], [200, 200, 503, 200]);
      await other.close();
    });

    it("outlives figures that cannot be gathered", async () => {
      const broken = new Registry();
      new Gauge({ name: "broken", help: "Fails.", registers: [broken], collect: () => assert.fail("secret") });
      const other = await Endpoint.open({ address: "127.0.0.1:0", registry: broken, readiness: () => server.readiness });
      const answered = await fetch(`http://${other.address}/metrics`);
      assert.deepEqual([answered.status, await answered.text()], [500, "the figures could not be gathered\n"]);
      assert.equal((await fetch(`http://${other.address}/healthz`)).status, 200);
      await other.close();
    });

    it("names an address that is in use, or is none", async () => {
      const open = (address: string) => Endpoint.open({ address, registry: metrics.registry, readiness: () => server.readiness });
      await assert.rejects(open(endpoint.address), (error: UsherError) => error.code === "address_in_use" && error.message.includes("metricsAddress"));
      await assert.rejects(open("192.0.2.1:0"), (error: UsherError) => error.code === "invalid_configuration");
    });
  });
});
