import assert from "node:assert/strict";
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connect, touch } from "../../src/index.js";

/** The command as a process: what only a process has, namely exit codes, signals, pipes. */
const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

interface Started {
  readonly child: ChildProcess;
  /** The next line of stdout. */
  line(): Promise<string>;
  readonly exit: Promise<{ code: number | null; signal: string | null; stderr: string }>;
}

describe("the process", () => {
  let folder: string;
  const running: ChildProcess[] = [];

  function start(words: readonly string[], environment: Record<string, string> = {}): Started {
    const child = spawn(process.execPath, [main, ...words], { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
    running.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const exit = once(child, "close").then(([code, signal]) => ({ code: code as number | null, signal: signal as string | null, stderr }));
    return { child, exit, line: async () => String((await lines.next()).value) };
  }

  async function startServer(data: string): Promise<Started & { address: string }> {
    const server = start(["serve", "--data", join(folder, data), "--address", "127.0.0.1:0"]);
    const line = await server.line();
    assert.match(line, /^usher listening on 127\.0\.0\.1:\d+, data in /);
    return { ...server, address: /127\.0\.0\.1:\d+/.exec(line)?.[0] ?? "" };
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-process-"));
  });
  after(async () => {
    for (const child of running) child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  it("serves, streams, denies by its exit code, and ends cleanly when told to", async () => {
    const server = await startServer("served");
    const environment = { USHER_ADDRESS: server.address };
    const usher = await connect(server.address);
    const { zookie } = await usher.writeSchema("definition user {}\ndefinition doc { relation viewer: user }");

    const watch = start(["watch", "--json", "--after", zookie], environment);
    await usher.write([touch("doc:1#viewer@user:ana")], { metadata: { reason: "hired" } });
    const event = JSON.parse(await watch.line()) as { kind: string; metadata: unknown; operations: { kind: string; tuple: string }[] };
    assert.deepEqual([event.kind, event.metadata], ["commit", { reason: "hired" }]);
    assert.deepEqual(event.operations.map(({ kind, tuple }) => `${kind} ${tuple}`), ["write doc:1#viewer@user:ana"]);
    watch.child.kill("SIGINT");
    assert.deepEqual(await watch.exit, { code: 0, signal: null, stderr: "" });

    const denied = start(["check", "doc:1", "viewer", "user:bo"], environment);
    assert.equal(await denied.line(), "denied");
    assert.equal((await denied.exit).code, 1);

    const second = start(["serve", "--data", join(folder, "other"), "--address", server.address]);
    const inUse = await second.exit;
    assert.equal(inUse.code, 4);
    assert.match(inUse.stderr, /^usher: address_in_use: [^\n]*\n$/);

    await usher.close();
    server.child.kill("SIGTERM");
    const { code, signal, stderr } = await server.exit;
    assert.deepEqual([code, signal], [0, null]);
    const events = stderr.trim().split("\n").map((text) => (JSON.parse(text) as { msg: string }).msg);
    assert.deepEqual([events[0], ...events.slice(-2)], ["serving", "draining", "stopped"]);
  });

  it("refuses a folder that another process serves, an address that others reach, and a folder that is no store", async () => {
    const server = await startServer("held");
    const refusedBy = async (...words: string[]) => {
      const { code, stderr } = await start(["serve", ...words]).exit;
      assert.equal(code, 4, stderr);
      return stderr;
    };
    assert.match(await refusedBy("--data", join(folder, "held"), "--address", "127.0.0.1:0"), /^usher: store_in_use: /);
    assert.match(await refusedBy("--data", join(folder, "open"), "--address", "0.0.0.0:0"), /^usher: invalid_configuration: /);
    server.child.kill("SIGINT");
    assert.equal((await server.exit).code, 0);
  });

  it("ends hard at the second signal", async () => {
    const server = await startServer("hard");
    // Both wait while the process is stopped, so that the second comes before the first has done its work.
    server.child.kill("SIGSTOP");
    server.child.kill("SIGTERM");
    server.child.kill("SIGINT");
    server.child.kill("SIGCONT");
    assert.equal((await server.exit).code, 130);
  });

  it("goes quietly when its reader goes", async () => {
    const server = await startServer("pipe");
    const usher = await connect(server.address);
    await usher.writeSchema("definition user {}\ndefinition doc { relation viewer: user }");
    for (let batch = 0; batch < 5; batch++) await usher.write(Array.from({ length: 1_000 }, (_, i) => touch(`doc:${batch}#viewer@user:${"x".repeat(100)}${i}`)));
    await usher.close();
    const read = start(["tuple", "read"], { USHER_ADDRESS: server.address });
    await read.line();
    read.child.stdout?.destroy();
    assert.deepEqual(await read.exit, { code: 0, signal: null, stderr: "" });
    server.child.kill("SIGTERM");
    assert.equal((await server.exit).code, 0);
  });

  it("does not pass off an output that cannot be written as an answer", async function () {
    const full = "/dev/full";
    if (!existsSync(full)) this.skip();
    const file = await open(full, "w");
    const ends = async (words: readonly string[], stdio: StdioOptions) => {
      const child = spawn(process.execPath, [main, ...words], { stdio });
      running.push(child);
      const told: Buffer[] = [];
      child.stderr?.on("data", (chunk: Buffer) => told.push(chunk));
      const [code] = (await once(child, "close")) as [number | null];
      return { code, stderr: Buffer.concat(told).toString() };
    };
    try {
      const version = await ends(["version"], ["ignore", file.fd, "pipe"]);
      assert.equal(version.code, 4);
      assert.match(version.stderr, /^usher: invalid_file: the output cannot be written: [^\n]*\n$/);
      assert.equal((await ends(["check", "nonsense"], ["ignore", "pipe", file.fd])).code, 4);
    } finally {
      await file.close();
    }
  });

  it("says that what listens is no server of its kind, or does not answer in time", async () => {
    const mute = createServer((socket) => socket.on("error", () => undefined));
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    const address = mute.address();
    assert.ok(typeof address === "object" && address !== null);
    const { code, stderr } = await start(["check", "a:b", "c", "d:e", "--address", `127.0.0.1:${address.port}`, "--timeout", "300ms"]).exit;
    assert.equal(code, 4);
    assert.match(stderr, /^usher: (deadline_exceeded|server_unreachable): /);
    mute.close();
  });

  it("runs validation files without a server", async () => {
    const file = join(folder, "validation.yaml");
    await writeFile(file, "schema: |-\n  definition user {}\n  definition doc { relation viewer: user }\nassertions:\n  assertTrue: ['doc:1#viewer@user:ana']\n");
    const ran = start(["test", file]);
    assert.match(await ran.line(), /^✗ /);
    assert.equal((await ran.exit).code, 1);
  });
});
