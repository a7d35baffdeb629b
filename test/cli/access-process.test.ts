import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { connect, type Usher } from "../../src/client/usher.js";
import { authority, certificate, writePair } from "../server/access/certificates.js";
import { has } from "../server/access/has.js";
import { usher } from "./command-line.js";

const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

describe("a server process with keys and TLS", function () {
  this.timeout(60_000);

  let folder: string;
  let keys: string;
  let child: ChildProcess;
  let stderr: string;
  let address: string;
  let ca: string;
  let key: string;
  const clients: Usher[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-guarded-"));
    keys = join(folder, "keys.yaml");
    const root = await authority("ca");
    ca = root.cert;
    const files = writePair(folder, "server", await certificate(root, "server"));
    key = (await usher(["key", "create", "--file", keys, "--roles", "read,write,schema", "--id", "k"])).stdout.trim();
    child = spawn(process.execPath, [main, "serve", "--data", join(folder, "data"), "--address", "0.0.0.0:0", "--keys", keys, "--tls-cert", files.cert, "--tls-key", files.key], { stdio: ["ignore", "pipe", "pipe"] });
    stderr = "";
    child.stderr?.on("data", (text: Buffer) => (stderr += text.toString()));
    const line = String((await createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]().next()).value);
    address = `localhost:${/0\.0\.0\.0:(\d+)/.exec(line)?.[1]}`;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    const exit = once(child, "close");
    child.kill("SIGTERM");
    assert.deepEqual((await exit)[0], 0, stderr);
    await rm(folder, { recursive: true });
  });

  async function client(options: Parameters<typeof connect>[1] = {}): Promise<Usher> {
    const made = await connect(address, { key, tls: { ca }, ...options });
    clients.push(made);
    return made;
  }

  async function says(words: RegExp): Promise<void> {
    for (let i = 0; i < 500 && !words.test(stderr); i++) await delay(20);
    assert.match(stderr, words);
  }

  it("lets in who has a key, ends whose key is revoked on SIGHUP, and keeps the keys where the file is broken", async () => {
    const guarded = await client();
    await guarded.writeSchema("definition user {}");
    await assert.rejects((await client({ key: "usher_k_x" })).readSchema(), has("unauthenticated"));
    const stream = guarded.watch({ checkpointMs: 3_600_000 })[Symbol.asyncIterator]();
    await stream.next();

    const text = readFileSync(keys, "utf8");
    writeFileSync(keys, `${text}  - {id: x}\n`);
    child.kill("SIGHUP");
    await says(/not reloaded.*keys\.yaml/);
    await guarded.readSchema();

    writeFileSync(keys, text);
    const other = (await usher(["key", "create", "--file", keys, "--roles", "read", "--id", "other"])).stdout.trim();
    assert.equal((await usher(["key", "revoke", "k", "--file", keys])).code, 0);
    const ended = assert.rejects(stream.next(), has("unauthenticated", /`k` was revoked/));
    child.kill("SIGHUP");
    await ended;
    await assert.rejects(guarded.readSchema(), has("unauthenticated"));
    await (await client({ key: other })).readSchema();
    assert.ok(!stderr.includes(key), "no key is ever logged");
  });

  it("is reached by the command with the same key and authority", async () => {
    writeFileSync(join(folder, "ca.pem"), ca);
    writeFileSync(join(folder, "key"), `${key}\n`);
    const words = ["--address", address, "--tls-ca", join(folder, "ca.pem"), "--key-file", join(folder, "key")];
    const schema = join(folder, "schema.zed");
    writeFileSync(schema, "definition user {}");
    assert.equal((await usher(["schema", "write", schema, ...words])).code, 0);
    assert.equal((await usher(["schema", "read", ...words])).stdout, "definition user {}\n");
    assert.match((await usher(["tenant", "list", ...words])).stderr, /permission_denied.*admin/);
  });
});

describe("a server process that nothing guards", () => {
  it("does not begin to listen on any address but loopback", async () => {
    const folder = await mkdtemp(join(tmpdir(), "usher-unguarded-"));
    const ran = await usher(["serve", "--data", join(folder, "data"), "--address", "0.0.0.0:0"]);
    assert.equal(ran.code, 4);
    assert.match(ran.stderr, /invalid_configuration.*neither TLS nor keys/);
    await rm(folder, { recursive: true });
  });
});
