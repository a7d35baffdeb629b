import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { machineTime, SteadyClock } from "../../../src/base/clock.js";
import { UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { parseAddress } from "../../../src/model/wire/address.js";
import { addKey, removeKey } from "../../../src/server/access/keys-file.js";
import { loadTls } from "../../../src/server/access/tls.js";
import { serve } from "../../../src/server/server.js";
import { authority, certificate, writePair } from "../access/certificates.js";
import { Place } from "../access/place.js";
import { Desk } from "../desk.js";
import { eventually } from "../wire.js";
import { ask, codeOf, Probe, type Asked } from "./probe.js";

describe("the HTTP host's door", () => {
  let probe: Probe;
  let place: Place;

  const http = () => ({ address: "127.0.0.1:0", adapters: [(probe = new Probe())] });
  const put = (path: string, key: string | undefined, more: Asked = {}) =>
    ask(place.server.httpAddress ?? "", path, { body: 1, ...more, headers: { ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...more.headers } });

  afterEach(async () => place.close());

  describe("with keys", () => {
    beforeEach(async () => (place = await Place.open({ http: http() })));

    it("lets a key in as its principal, in its tenant", async () => {
      const key = await place.key("billing", "a", ["read"]);
      assert.equal((await put("/probe/x", key)).status, 200);
      assert.deepEqual(probe.asked.map(({ call: { principal, tenant } }) => [principal, tenant]), [["billing", "a"]]);
      assert.equal((await put("/probe/x", key, { headers: { "usher-tenant": "a" } })).status, 200);
    });

    it("refuses who has no key, a wrong one, two, or one in another form, in the same words as over gRPC", async () => {
      const key = await place.key("billing", "a", ["read"]);
      const wrong = [undefined, `${key}x`, "usher_nobody_x"];
      for (const each of wrong) {
        const refused = await put("/probe/x", each);
        assert.deepEqual([refused.status, codeOf(refused), refused.headers["www-authenticate"]], [401, "unauthenticated", "Bearer"]);
      }
      for (const authorization of [[`Bearer ${key}`, `Bearer ${key}`], `Basic ${key}`, key]) {
        assert.equal((await put("/probe/x", undefined, { headers: { authorization } })).status, 401);
      }
      assert.equal(probe.asked.length, 0);
      assert.equal(place.events.filter(({ outcome }) => outcome === "refused").length, 6);
    });

    it("refuses a role and a tenant that are not the key's", async () => {
      const key = await place.key("reader", "a", ["read"]);
      const role = await put("/write", key);
      assert.deepEqual([role.status, codeOf(role)], [403, "permission_denied"]);
      assert.match(role.text, /role `write`, which `POST \/write` takes/);
      const tenant = await put("/probe/x", key, { headers: { "usher-tenant": "b" } });
      assert.deepEqual([tenant.status, codeOf(tenant)], [403, "permission_denied"]);
      assert.equal(probe.asked.length, 0);
    });

    it("holds a tenant to its rate", async () => {
      const key = await place.key("busy", "a", ["read"]);
      await place.database.setTenantQuotas({ name: "a", quotas: { requestsPerSecond: 1 } }, {});
      const statuses = [await put("/probe/x", key), await put("/probe/x", key), await put("/probe/x", key)].map(({ status }) => status);
      assert.ok(statuses.includes(429), String(statuses));
    });

    it("refuses before it reads: what was sent stays with its sender", async () => {
      const socket = connect(parseAddress(place.server.httpAddress ?? ""));
      socket.on("error", () => undefined);
      socket.write(`POST /probe/x HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: ${limits.messageBytesMax}\r\n\r\n`);
      const [bytes] = (await once(socket, "data")) as [Buffer];
      assert.match(bytes.toString(), /^HTTP\/1\.1 401 /);
      socket.destroy();
    });

    it("ends a call whose key is revoked, and answers a write that was done all the same", async () => {
      let free: () => void = () => undefined;
      probe.handle = () => new Promise((resolve) => (free = () => resolve({ body: "done" })));
      for (const [path, status] of [["/probe/x", 401], ["/write", 200]] as const) {
        const before = probe.asked.length;
        const answer = put(path, await place.key("leaver", "a", ["read", "write"]));
        await eventually(() => assert.equal(probe.asked.length, before + 1));
        await removeKey(place.keys, "leaver");
        await place.access.reload();
        free();
        assert.equal((await answer).status, status, path);
      }
    });

    it("forgets a call when it has ended, however it did", async () => {
      let held = 0;
      const admit = place.access.admit.bind(place.access);
      place.access.admit = (...args) => {
        const caller = admit(...args);
        held++;
        return { ...caller, release: () => void held-- };
      };
      const key = await place.key("billing", "a", ["read"]);
      assert.equal((await put("/probe/x", key)).status, 200);
      assert.equal((await put("/probe/x", key, { body: Buffer.from("{") })).status, 400);
      const gone = new AbortController();
      probe.handle = () => new Promise(() => gone.abort());
      await assert.rejects(put("/probe/x", key, { signal: gone.signal }));
      await eventually(() => assert.equal(held, 0));
    });

    it("shows what is open to everybody", async () => {
      assert.equal((await ask(place.server.httpAddress ?? "", "/open", { method: "GET" })).status, 200);
    });
  });

  describe("with TLS", () => {
    let folder: string;

    beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "usher-http-"))));
    afterEach(async () => rm(folder, { recursive: true }));

    it("serves HTTPS, with the certificate that is in force, and knows clients by theirs", async () => {
      const [ca, clients] = [await authority("here"), await authority("clients")];
      const files = writePair(folder, "server", await certificate(ca, "one"));
      const clientCa = writePair(folder, "clients", clients).cert;
      const tls = await loadTls({ ...files, clientCa }, new SteadyClock(machineTime));
      place = await Place.open({ http: http(), tls });
      const client = await certificate(clients, "gateway", { uri: "spiffe://example/gateway" });
      await addKey(place.keys, { id: "gateway", proof: { kind: "certificate", name: "URI:spiffe://example/gateway" }, tenant: "a", roles: new Set(["read"]) });
      await place.access.reload();
      const shown = { ca: ca.cert, ...client };
      assert.equal((await put("/probe/x", undefined, { tls: shown })).status, 200);
      assert.equal(probe.asked[0]?.call.principal, "gateway");
      await assert.rejects(put("/probe/x", undefined, { tls: { ca: ca.cert } }));
      const unknown = await certificate(clients, "nobody");
      assert.equal((await put("/probe/x", undefined, { tls: { ca: ca.cert, ...unknown } })).status, 401);

      const next = await authority("next");
      writePair(folder, "server", await certificate(next, "two"));
      await tls.reload();
      await assert.rejects(put("/probe/x", undefined, { tls: shown }), /certificate/);
      assert.equal((await put("/probe/x", undefined, { tls: { ca: next.cert, ...client } })).status, 200);
    });

    it("is refused on an address that others reach, without keys and TLS, unless something else guards it", async () => {
      place = await Place.open();
      const bare = { address: "127.0.0.1:0", onError: assert.fail, http: { address: "0.0.0.0:0", adapters: [] } };
      const refused = (error: UsherError) => error.code === "invalid_configuration" && /neither TLS nor keys/.test(error.message);
      await assert.rejects(serve(new Desk(), bare), refused);
      await assert.rejects(serve(new Desk(), { ...bare, access: place.access }), (error: UsherError) => /no TLS/.test(error.message));
      await (await serve(new Desk(), { ...bare, insecure: true })).close(0);
    });
  });
});
