import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Client, credentials, type ClientReadableStream } from "@grpc/grpc-js";

import { UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { connect, touch, type Usher } from "../../src/index.js";
import { methods } from "../../src/model/wire/methods.js";
import { asIs, eventually } from "../server/wire.js";
import { ServerProcess } from "./server-process.js";

const schema = "definition user {}\ndefinition doc { relation viewer: user }";

/** What a call may end with when its server goes away under it. */
const gone: readonly string[] = ["closed", "server_unreachable", "outcome_unknown", "cancelled", "store_unavailable"];

/** Writers and askers that go on until told to stop, whatever happens to the server, and what they were told. */
class Load {
  readonly acknowledged: string[] = [];
  readonly failures = new Map<string, number>();
  checks = 0;
  #next = 0;
  #stopped = false;
  readonly #lanes: Promise<void>[];

  constructor(usher: Usher, lanes: number) {
    const write = async () => {
      const id = String(this.#next++);
      await usher.write([touch(`doc:${id}#viewer@user:ana`)]);
      this.acknowledged.push(id);
    };
    const check = async () => {
      await usher.check("doc:0", "viewer", "user:ana");
      this.checks++;
    };
    this.#lanes = Array.from({ length: lanes }, (_, lane) => this.#run(lane % 2 === 0 ? write : check));
  }

  /** Resolves once every call has been answered: a call that hangs, hangs this. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
  }

  async #run(call: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      try {
        await call();
      } catch (error) {
        assert.ok(error instanceof UsherError && gone.includes(error.code), String(error));
        this.failures.set(error.code, (this.failures.get(error.code) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }
}

describe("a server process", () => {
  let folder: string;
  let server: ServerProcess;
  let usher: Usher;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-serve-"));
    server = new ServerProcess(join(folder, "data"));
    await server.start();
    usher = await connect(server.address);
    await usher.writeSchema(schema);
  });
  afterEach(async () => {
    await usher.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function assertKept(ids: readonly string[]): Promise<void> {
    // A client whose server was gone waits a little before it tries to connect again.
    await eventually(async () => assert.equal((await usher.readSchema()).text, schema));
    for (let at = 0; at < ids.length; at += 1_000) {
      const items = ids.slice(at, at + 1_000).map((id) => ({ object: `doc:${id}`, permission: "viewer", subject: "user:ana" }) as const);
      const { results } = await usher.batchCheck(items);
      for (const [i, result] of results.entries()) assert.ok("decision" in result && result.decision.allowed, `an acknowledged write of ${items[i]?.object} is gone`);
    }
  }

  it("loses no acknowledged write and leaves no call without an answer when it is told to stop under load", async () => {
    const load = new Load(usher, 16);
    await eventually(() => assert.ok(load.acknowledged.length > 50 && load.checks > 50));
    server.signal("SIGTERM");
    assert.equal(await server.ended(), 0, server.log);
    await load.stop();
    assert.match(server.log, /"msg":"draining"[^]*"msg":"stopped"/);
    assert.ok(!server.log.includes('"internal"'), server.log);
    await server.start();
    await assertKept(load.acknowledged);
  });

  it("loses no acknowledged write when it is killed and started again under load, over and over", async () => {
    const load = new Load(usher, 16);
    for (let kill = 0; kill < 3; kill++) {
      const { length } = load.acknowledged;
      await eventually(() => assert.ok(load.acknowledged.length > length + 30));
      server.signal("SIGKILL");
      assert.equal(await server.ended(), "SIGKILL");
      await server.start();
    }
    const { length } = load.acknowledged;
    await eventually(() => assert.ok(load.acknowledged.length > length + 30));
    await load.stop();
    await assertKept(load.acknowledged);
  });

  it("ends at once at the second signal, though a drain would take long", async () => {
    const load = new Load(usher, 4);
    server.signal("SIGSTOP");
    server.signal("SIGTERM");
    server.signal("SIGINT");
    server.signal("SIGCONT");
    assert.equal(await server.ended(), 130);
    await load.stop();
    await server.start();
    await assertKept(load.acknowledged);
  });

  it("bears a watcher that hangs with bounded memory, delays nobody, and gives it everything once it reads", async () => {
    const writes = 40;
    const events = 500;
    const client = new Client(server.address, credentials.createInsecure());
    const hanging: ClientReadableStream<Buffer> = client.makeServerStreamRequest(methods.watchTuples.path, asIs, asIs, methods.watchTuples.request.encode({ checkpointMs: 1_000 }));
    hanging.on("error", () => undefined);
    // One message, and then no more.
    await new Promise((resolve) => hanging.once("data", resolve));
    hanging.pause();

    const healthy = usher.watch({})[Symbol.asyncIterator]();
    const heard = (async () => {
      let changes = 0;
      while (changes < writes * events) {
        const next = await healthy.next();
        assert.ok(next.done !== true && next.value.kind === "commit");
        changes += next.value.operations.length;
      }
      await healthy.return?.();
      return changes;
    })();
    await eventually(async () => assert.equal(await server.metric("usher_watchers"), 2));
    const padding = "x".repeat(600);
    for (let write = 0; write < writes; write++) {
      await usher.write(Array.from({ length: events }, (_, i) => touch(`doc:${padding}${write}-${i}#viewer@user:ana`)));
    }
    assert.equal(await heard, writes * events);
    assert.ok((await server.metric("usher_watch_lag_revisions")) > 0, "the hanging watcher is seen");
    assert.ok((await server.metric("usher_stream_buffer_bytes")) <= limits.streamBufferBytesMax + limits.messageBytesMax);
    assert.equal((await usher.check("doc:x", "viewer", "user:ana")).allowed, false);

    const seen = new Set<string>();
    for await (const bytes of hanging) {
      const event = methods.watchTuples.response.decode(bytes as Buffer);
      if (event.kind === "commit") for (const { tuple } of event.operations) seen.add(tuple.object.id);
      if (seen.size === writes * events) break;
    }
    assert.equal(seen.size, writes * events);
    client.close();
  });

  it("answers its probes, and refuses a configuration that contradicts itself before it opens anything", async () => {
    assert.deepEqual([await server.probe("/healthz"), await server.probe("/readyz"), await server.probe("/readyz/writes")], [200, 200, 200]);
    const other = new ServerProcess(join(folder, "other"));
    await assert.rejects(other.start("--horizon", "1s", "--tls-key", "k"), /invalid_configuration.*2 things are wrong/);
    assert.equal(await other.ended(), 4);
  });

  it("keeps in memory what it was told that it may, and refuses more than its heap can hold", async () => {
    const other = new ServerProcess(join(folder, "other"));
    await other.start("--memory-budget", "2MiB");
    assert.equal(await other.metric("usher_cache_budget_bytes"), 2_097_152);
    await other.stop();
    await assert.rejects(other.start("--memory-budget", "1000GiB"), /invalid_configuration.*`--memory-budget` is `1000GiB`/);
    assert.equal(await other.ended(), 4);
  });
});
