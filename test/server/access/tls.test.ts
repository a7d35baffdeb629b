import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { machineTime, SteadyClock } from "../../../src/base/clock.js";
import { hashKey } from "../../../src/server/access/key.js";
import { createAccess } from "../../../src/server/access/access.js";
import { addKey } from "../../../src/server/access/keys-file.js";
import { loadTls, type TlsFiles } from "../../../src/server/access/tls.js";
import { Remote } from "../../../src/client/remote.js";
import type { CheckRequest } from "../../../src/model/service.js";
import { serve, type Server, type ServerOptions } from "../../../src/server/server.js";
import { Desk } from "../desk.js";
import { authority, certificate, type Pair, writePair } from "./certificates.js";
import { has } from "./has.js";

const request: CheckRequest = { object: { type: "doc", id: "1" }, permission: "view", subject: { type: "user", id: "ana", relation: "" } };
const decision = { allowed: true, missingFields: [], zookie: "z", instant: 1 };
const clock = new SteadyClock(machineTime);

describe("TLS", () => {
  let folder: string;
  let ca: Pair;
  let stranger: Pair;
  let serverPair: Pair;
  let files: TlsFiles;
  let desk: Desk;
  const open: { close(graceMs: number): Promise<void> }[] = [];
  const remotes: Remote[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-tls-"));
    [ca, stranger] = [await authority("ca"), await authority("stranger")];
    serverPair = await certificate(ca, "server");
    writeFileSync(join(folder, "ca.pem"), ca.cert);
    desk = new Desk();
    desk.answer("check", async () => decision);
  });
  beforeEach(() => {
    files = writePair(folder, "server", serverPair);
    desk.asked.length = 0;
  });
  afterEach(async () => {
    for (const remote of remotes.splice(0)) await remote.close();
    for (const server of open.splice(0)) await server.close(0);
  });
  after(() => rm(folder, { recursive: true }));

  async function start(options: Partial<ServerOptions> = {}): Promise<Server> {
    const server = await serve(desk, { address: "127.0.0.1:0", onError: (error) => assert.fail(error), ...options });
    open.push(server);
    return server;
  }

  function client(server: Server, tls: ConstructorParameters<typeof Remote>[1] = {}): Remote {
    const remote = new Remote(server.address, { deadlineMs: 5_000, ...tls });
    remotes.push(remote);
    return remote;
  }

  async function keysFile(name: string): Promise<string> {
    const file = join(folder, name);
    await addKey(file, { id: "k", proof: { kind: "key", hash: hashKey("usher_k_A") }, tenant: "default", roles: new Set(["read"]) });
    await addKey(file, { id: "gateway", proof: { kind: "certificate", name: "URI:spiffe://example/gateway" }, tenant: "a", roles: new Set(["read"]) });
    await addKey(file, { id: "named", proof: { kind: "certificate", name: "CN=billing" }, tenant: "b", roles: new Set(["write"]) });
    return file;
  }

  it("is spoken with a client that knows the authority, and with no other", async () => {
    const server = await start({ tls: await loadTls(files, clock) });
    assert.deepEqual(await client(server, { tls: { ca: ca.cert } }).check(request, {}), decision);
    await assert.rejects(client(server, { tls: { ca: stranger.cert } }).check(request, {}), has("server_unreachable"));
    await assert.rejects(client(server, { tls: true }).check(request, {}), has("server_unreachable"));
    await assert.rejects(client(server).check(request, {}), has("server_unreachable"));
    await assert.rejects(client(server, { tls: { ca: ca.cert, serverName: "elsewhere" } }).check(request, {}), has("server_unreachable"));
    assert.equal(desk.asked.length, 1);
  });

  it("asks for a client's certificate where it is told an authority, and knows the client by it", async () => {
    const access = await createAccess({ file: await keysFile("mutual.yaml"), clock });
    const tls = await loadTls({ ...files, clientCa: join(folder, "ca.pem") }, clock);
    const server = await start({ tls, access });
    const known = await certificate(ca, "gw", { uri: "spiffe://example/gateway" });
    const as = (pair: Pair) => client(server, { tls: { ca: ca.cert, cert: pair.cert, key: pair.key } });
    await as(known).check(request, {});
    const asked = desk.asked.at(-1)?.call;
    assert.deepEqual([asked?.principal, asked?.tenant], ["gateway", "a"]);
    await assert.rejects(as(await certificate(ca, "billing")).check(request, {}), has("permission_denied", /`named`/));
    await assert.rejects(as(await certificate(ca, "other")).check(request, {}), has("unauthenticated", /certificate/));
    await assert.rejects(as(await certificate(stranger, "gw", { uri: "spiffe://example/gateway" })).check(request, {}), has("server_unreachable"));
    await assert.rejects(as(await certificate(ca, "gw", { uri: "spiffe://example/gateway", days: -1 })).check(request, {}), has("server_unreachable"));
    await assert.rejects(client(server, { tls: { ca: ca.cert } }).check(request, {}), has("server_unreachable"));
    assert.equal(desk.asked.length, 1, "none of them reached the service");
  });

  it("does not make a wrong key good by a right certificate", async () => {
    const access = await createAccess({ file: await keysFile("both.yaml"), clock });
    const server = await start({ access, tls: await loadTls({ ...files, clientCa: join(folder, "ca.pem") }, clock) });
    const { cert, key } = await certificate(ca, "gw", { uri: "spiffe://example/gateway" });
    await assert.rejects(client(server, { key: `usher_k_${"A".repeat(43)}`, tls: { ca: ca.cert, cert, key } }).check(request, {}), has("unauthenticated", /key is not valid/));
  });

  it("refuses an expired certificate, and one that is not yet valid, at the start", async () => {
    await assert.rejects(loadTls(writePair(folder, "old", await certificate(ca, "old", { days: -1 })), clock), has("certificate_expired", /old/));
    const early = { now: () => Date.now() - 300 * 86_400_000 };
    await assert.rejects(loadTls(files, early), has("certificate_expired", /not valid before/));
    writePair(folder, "oldca", await certificate(ca, "oldca", { days: -1 }));
    await assert.rejects(loadTls({ ...files, clientCa: join(folder, "oldca.pem") }, clock), has("certificate_expired", /oldca/));
  });

  it("warns of a certificate that expires within a month, and of a key that everybody may read", async () => {
    assert.deepEqual((await loadTls(files, clock)).warnings, []);
    const soon = writePair(folder, "soon", await certificate(ca, "soon", { days: 29 }));
    chmodSync(soon.key, 0o644);
    const { warnings } = await loadTls(soon, clock);
    assert.match(warnings[0] ?? "", /soon.*expires/);
    assert.match(warnings[1] ?? "", /read by everybody/);
  });

  it("refuses files that are missing, no PEM, or do not belong together", async () => {
    const other = writePair(folder, "other", await certificate(ca, "other"));
    const text = join(folder, "text.pem");
    writeFileSync(text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (const wrong of [
      { ...files, cert: join(folder, "none.pem") }, { ...files, key: join(folder, "none.key") }, { ...files, cert: files.key }, { ...files, key: files.cert },
      { ...files, key: other.key }, { ...files, cert: text }, { ...files, clientCa: files.key },
    ]) await assert.rejects(loadTls(wrong, clock), has("invalid_configuration"));
  });

  it("takes a new certificate for connections from then on, and keeps the old one where the new one is wrong", async () => {
    const tls = await loadTls(files, clock);
    const server = await start({ tls });
    const standing = client(server, { tls: { ca: ca.cert } });
    await standing.check(request, {});
    writePair(folder, "server", await certificate(stranger, "server"));
    await tls.reload();
    await standing.check(request, {});
    await client(server, { tls: { ca: stranger.cert } }).check(request, {});
    await assert.rejects(client(server, { tls: { ca: ca.cert, serverName: "localhost" } }).check(request, {}), has("server_unreachable"));
    writePair(folder, "server", await certificate(ca, "server", { days: -1 }));
    await assert.rejects(tls.reload(), has("certificate_expired"));
    await client(server, { tls: { ca: stranger.cert } }).check(request, {});
  });

  describe("where it is needed", () => {
    it("is on every address but loopback, with keys, unless the operator says otherwise", async () => {
      const access = await createAccess({ file: await keysFile("needed.yaml"), clock });
      const tls = await loadTls(files, clock);
      const address = "0.0.0.0:0";
      await assert.rejects(start({ address }), has("invalid_configuration", /neither TLS nor keys/));
      await assert.rejects(start({ address, tls }), has("invalid_configuration", /no keys/));
      await assert.rejects(start({ address, access }), has("invalid_configuration", /no TLS/));
      await start({ address, access, tls });
      await start({ address, insecure: true });
      await start({ access });
    });

    it("is with a client that would send a key to another machine in the clear", async () => {
      for (const address of ["db.example:50051", "10.0.0.1:50051", "127.0.0.1.example:50051"]) {
        assert.throws(() => new Remote(address, { key: "usher_k_A" }), has("invalid_configuration", /in the clear/));
        await new Remote(address, { key: "usher_k_A", insecure: true }).close();
        await new Remote(address, { key: "usher_k_A", tls: true }).close();
      }
      for (const address of ["localhost:1", "127.0.0.1:1", "[::1]:1"]) await new Remote(address, { key: "usher_k_A" }).close();
    });

    it("is refused to a client with half a certificate, and a key with a line break", () => {
      assert.throws(() => new Remote("localhost:1", { tls: { cert: serverPair.cert } }), has("invalid_configuration"));
      assert.throws(() => new Remote("localhost:1", { tls: { ca: "no PEM", cert: "x", key: "y" } }), has("invalid_configuration"));
      assert.throws(() => new Remote("localhost:1", { key: "usher_k\r\nx: y" }), has("invalid_configuration"));
    });
  });
});
