import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { credentials, loadPackageDefinition, Metadata, status, type Client, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

import { protoFolder } from "../../../../src/base/proto.js";
import { UsherError } from "../../../../src/base/errors.js";
import { limits } from "../../../../src/base/limits.js";
import { Database } from "../../../../src/database/database.js";
import { parseTuple } from "../../../../src/model/tuple-text.js";
import { loadEnvoyMapping, type EnvoyMapping } from "../../../../src/server/adapters/envoy/mapping.js";
import { serve, type Server, type ServerOptions } from "../../../../src/server/server.js";
import { unobservedServer } from "../../../../src/server/telemetry/observer.js";
import { Place } from "../../access/place.js";
import { Desk } from "../../desk.js";
import { Wire } from "../../wire.js";

/** As another implementation reads the same protos. */
interface Answer {
  readonly status: { readonly code: number; readonly message: string };
  readonly http_response?: "ok_response" | "denied_response";
  readonly ok_response?: { readonly headers: readonly HeaderOption[]; readonly headers_to_remove: readonly string[]; readonly response_headers_to_add: readonly HeaderOption[] };
  readonly denied_response?: { readonly status: { readonly code: string }; readonly headers: readonly HeaderOption[]; readonly body: string };
  readonly dynamic_metadata: { readonly fields: Readonly<Record<string, { readonly stringValue?: string; readonly listValue?: { readonly values: readonly { readonly stringValue: string }[] } }>> };
}

interface HeaderOption {
  readonly header: { readonly key: string; readonly value: string };
  readonly append: { readonly value: boolean };
}

type AuthorizationClient = Client & { Check(request: object, metadata: Metadata, options: object, answered: (error: ServiceError | null, answer: Answer) => void): void };

interface Packages {
  readonly envoy: { readonly service: { readonly auth: { readonly v3: { readonly Authorization: new (address: string, security: ReturnType<typeof credentials.createInsecure>) => AuthorizationClient } } } };
}

const { envoy } = loadPackageDefinition(loadSync("envoy/service/auth/v3/external_auth.proto", { includeDirs: [protoFolder], keepCase: true, enums: String, longs: String, oneofs: true, defaults: true })) as unknown as Packages;

/** Envoy, as far as it asks. */
class Proxy {
  readonly #client: AuthorizationClient;

  constructor(address: string) {
    this.#client = new envoy.service.auth.v3.Authorization(address, credentials.createInsecure());
  }

  check(attributes: object | undefined, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
    return new Promise((resolve, reject) => {
      this.#client.Check(attributes === undefined ? {} : { attributes }, metadata, { deadline: Date.now() + 20_000 }, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });
  }

  /** A request of somebody. */
  ask(method: string, path: string, user?: string, more: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const source = { principal: "spiffe://example/web", address: { socket_address: { address: "10.1.2.3", port_value: 5_000 } } };
    const metadata_context = user === undefined ? undefined : { filter_metadata: { "envoy.filters.http.jwt_authn": { fields: { payload: { structValue: { fields: { sub: { stringValue: user } } } } } } } };
    return this.check({ source, request: { http: { method, path, host: "api.example", headers } }, metadata_context, ...more });
  }

  close(): void {
    this.#client.close();
  }
}

const schema = `
caveat inside(ip ipaddress, tail int) { ip.in_cidr("10.0.0.0/8") && tail < 100 }
definition user {}
definition service {}
definition node {
  relation operator: user | user with inside | service
  permission view_logs = operator
  permission restart = operator
  permission loop = operator - odd
  relation odd: node#loop
}`;

const mappingText = `
rules:
  - method: [GET, HEAD]
    path: /nodes/{id}/logs
    object: { type: node, id: "{path.id}" }
    permission: view_logs
    subject: { type: user, id: "{metadata:envoy.filters.http.jwt_authn/payload/sub}" }
    context: { ip: "{source.address}", tail: 5 }
    allowed:
      headers: { x-usher-user: "{subject.type}:{subject.id}", x-usher-zookie: "{zookie}", x-usher-team: "{extension.team}", x-usher-node: "{path.id}" }
      remove: [authorization]
      responseHeaders: { x-request: "{request_id}" }
    denied: { status: 404, body: "no such node" }
  - method: POST
    path: /nodes/{id}/restart
    headers: { x-confirm: "yes" }
    object: { type: node, id: "{path.id}" }
    permission: restart
    subject: { type: service, id: "{source.principal}" }
  - path: /nodes/{id}/restart
    object: { type: node, id: "{path.id}" }
    permission: restart
    subject: { type: user, id: "{header.x-user}" }
  - path: /loop/{id}
    object: { type: node, id: "{path.id}" }
    permission: loop
    subject: { type: user, id: "{header.x-user}" }
  - path: /gone/{id}
    object: { type: planet, id: "{path.id}" }
    permission: restart
    subject: { type: user, id: "{header.x-user}" }
  - path: /team
    object: { type: node, id: "{extension.node}" }
    permission: restart
    subject: { type: user, id: "{header.x-user}" }
denied: { status: 403, headers: { x-request: "{request_id}" } }
unmatched: { status: 404 }
unidentified: { status: 401, headers: { www-authenticate: Bearer } }
`;

const headersOf = (options: readonly HeaderOption[] = []) => Object.fromEntries(options.map(({ header: { key, value } }) => [key, value]));
const fieldsOf = ({ dynamic_metadata: { fields } }: Answer) => Object.fromEntries(Object.entries(fields).map(([name, { stringValue, listValue }]) => [name, stringValue ?? listValue?.values.map((each) => each.stringValue)]));

describe("Envoy's external authorization", () => {
  let folder: string;
  let mapping: EnvoyMapping;
  let database: Database;
  let server: Server;
  let proxy: Proxy;
  let counted: string[];

  const open = async (service: Database | Desk, options: Partial<ServerOptions> = {}) => {
    counted = [];
    server = await serve(service, { address: "127.0.0.1:0", onError: () => undefined, envoy: mapping, observer: { ...unobservedServer, onDecision: (answer) => counted.push(answer) }, ...options });
    proxy = new Proxy(server.address);
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-envoy-"));
    await writeFile(join(folder, "envoy.yaml"), mappingText);
    mapping = await loadEnvoyMapping(join(folder, "envoy.yaml"));
    database = await Database.open(join(folder, "data"));
    await database.writeSchema({ text: schema }, {});
    const tuples = ["node:n1#operator@user:ana", "node:n1#operator@user:ben[inside]", 'node:n1#operator@service:spiffe://example/web', "node:n1#odd@node:n1#loop"];
    await database.writeTuples({ operations: tuples.map((text) => ({ kind: "touch", tuple: parseTuple(text) })) }, {});
  });
  after(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => open(database));
  afterEach(async () => {
    proxy.close();
    await server.close(100);
  });

  it("lets through what the check allows, with headers set and taken out", async () => {
    const answer = await proxy.ask("GET", "/nodes/n1/logs?tail=5", "ana", { context_extensions: { team: "sre" } });
    const { zookie } = await database.check({ object: { type: "node", id: "n1" }, permission: "view_logs", subject: { type: "user", id: "ana", relation: "" } }, {});
    assert.deepEqual([answer.status.code, answer.http_response], [status.OK, "ok_response"]);
    assert.deepEqual(headersOf(answer.ok_response?.headers), { "x-usher-user": "user:ana", "x-usher-zookie": zookie, "x-usher-team": "sre", "x-usher-node": "n1" });
    for (const { append } of answer.ok_response?.headers ?? []) assert.deepEqual(append, { value: false });
    assert.deepEqual(answer.ok_response?.headers_to_remove, ["authorization"]);
    const { request_id: requestId, ...fields } = fieldsOf(answer);
    assert.deepEqual(fields, { decision: "allowed", object: "node:n1", permission: "view_logs", subject: "user:ana", zookie });
    assert.deepEqual(headersOf(answer.ok_response?.response_headers_to_add), { "x-request": requestId });
    assert.deepEqual(counted, ["allowed"]);
  });

  it("takes out a header that it has nothing to set in: what the client wrote there is not ours", async () => {
    const { ok_response: ok } = await proxy.ask("GET", "/nodes/n1/logs", "ana", {}, { "x-usher-team": "admins" });
    assert.ok(!("x-usher-team" in headersOf(ok?.headers)));
    assert.deepEqual(ok?.headers_to_remove, ["authorization", "x-usher-team"]);
  });

  it("denies what the check denies, as the rule says, or else the mapping", async () => {
    const own = await proxy.ask("GET", "/nodes/n1/logs", "eve");
    assert.deepEqual([own.status, own.http_response, own.denied_response?.status.code, own.denied_response?.body], [{ code: status.PERMISSION_DENIED, message: "denied", details: [] }, "denied_response", "NotFound", "no such node"]);
    const general = await proxy.ask("PUT", "/nodes/n1/restart", undefined, {}, { "x-user": "eve" });
    assert.deepEqual([general.denied_response?.status.code, headersOf(general.denied_response?.headers)], ["Forbidden", { "x-request": fieldsOf(general)["request_id"] }]);
    assert.deepEqual([fieldsOf(general)["decision"], fieldsOf(general)["subject"]], ["denied", "user:eve"]);
  });

  it("gives the context, and denies what is conditional", async () => {
    assert.equal((await proxy.ask("GET", "/nodes/n1/logs", "ben")).status.code, status.OK);
    const outside = { source: { address: { socket_address: { address: "192.0.2.1", port_value: 1 } } } };
    assert.equal((await proxy.ask("GET", "/nodes/n1/logs", "ben", outside)).status.message, "denied");
    const nowhere = await proxy.ask("GET", "/nodes/n1/logs", "ben", { source: undefined });
    assert.deepEqual([nowhere.status.message, fieldsOf(nowhere)["missing_fields"]], ["conditional", ["ip"]]);
    const named = await proxy.ask("GET", "/nodes/n1/logs", "ben", { source: { address: { socket_address: { address: "somewhere", port_value: 1 } } } });
    assert.deepEqual([named.status.code, named.status.message], [status.PERMISSION_DENIED, "invalid_context"]);
    assert.deepEqual(counted, ["allowed", "denied", "conditional", "error"]);
  });

  it("takes the first rule that matches, by method, path and headers", async () => {
    const confirmed = await proxy.ask("POST", "/nodes/n1/restart", undefined, {}, { "x-confirm": "yes", "x-user": "eve" });
    assert.deepEqual([confirmed.status.code, fieldsOf(confirmed)["subject"]], [status.OK, "service:spiffe://example/web"]);
    const other = await proxy.ask("POST", "/nodes/n1/restart", undefined, {}, { "x-confirm": "YES", "x-user": "ana" });
    assert.equal(fieldsOf(other)["subject"], "user:ana");
    const raw = { request: { http: { method: "POST", path: "/nodes/n1/restart", header_map: { headers: [{ key: "X-User", raw_value: Buffer.from("ana") }] } } } };
    assert.equal((await proxy.check(raw)).status.code, status.OK);
    const twice = { request: { http: { method: "POST", path: "/nodes/n1/restart", header_map: { headers: [{ key: "x-user", value: "eve" }, { key: "x-user", value: "ana" }] } } } };
    assert.equal((await proxy.check(twice)).status.code, status.PERMISSION_DENIED);
  });

  it("denies where no rule matches, or where it is no request over HTTP", async () => {
    for (const [method, path] of [["DELETE", "/nodes/n1/logs"], ["GET", "/nodes/n1"], ["GET", "/nodes//logs"], ["GET", "/nodes/n1/logs/"], ["GET", "/nodes/x/../n1/logs"], ["GET", "/nodes/%2e/logs"]] as const) {
      const answer = await proxy.ask(method, path, "ana");
      assert.deepEqual([answer.status.message, answer.denied_response?.status.code], ["unmatched", "NotFound"], path);
    }
    for (const attributes of [undefined, {}, { request: {} }]) assert.equal((await proxy.check(attributes)).status.message, "invalid_request");
    assert.deepEqual(counted, []);
  });

  it("asks who it is, where nothing says so, and does not try the next rule", async () => {
    const empty = { metadata_context: { filter_metadata: { "envoy.filters.http.jwt_authn": { fields: { payload: { stringValue: "x" } } } } } };
    const several = { metadata_context: { filter_metadata: { "envoy.filters.http.jwt_authn": { fields: { payload: { structValue: { fields: { sub: { listValue: { values: [{ stringValue: "ana" }, { stringValue: "eve" }] } } } } } } } } } };
    for (const more of [{}, empty, several]) {
      const answer = await proxy.ask("GET", "/nodes/n1/logs", undefined, more, { "x-user": "ana" });
      assert.deepEqual([answer.status, answer.denied_response?.status.code, headersOf(answer.denied_response?.headers)], [{ code: status.UNAUTHENTICATED, message: "unidentified", details: [] }, "Unauthorized", { "www-authenticate": "Bearer" }]);
    }
  });

  it("denies, and does not fail, what a client brings about", async () => {
    const cases: readonly (readonly [path: string, user: string, reason: string])[] = [
      ["/nodes/n%201/restart", "ana", "invalid_id"],
      ["/nodes/*/restart", "ana", "invalid_id"],
      ["/nodes/n1/restart", "*", "invalid_id"],
      ["/nodes/n1/restart", "sre#member", "invalid_id"],
      [`/nodes/${"x".repeat(limits.idBytesMax + 1)}/restart`, "ana", "invalid_id"],
      ["/loop/n1", "ana", "cycle_through_exclusion"],
      ["/gone/n1", "ana", "unknown_type"],
      ["/team", "ana", "invalid_id"],
    ];
    for (const [path, user, reason] of cases) {
      const answer = await proxy.ask("PUT", path, undefined, {}, { "x-user": user });
      assert.deepEqual([answer.status.code, answer.status.message], [status.PERMISSION_DENIED, reason], path);
    }
    const large = { metadata_context: { filter_metadata: { "envoy.filters.http.jwt_authn": { fields: { payload: { stringValue: "x".repeat(limits.contextBytesMax) } } } } } };
    assert.equal((await proxy.ask("GET", "/nodes/n1/logs", undefined, large)).status.message, "invalid_context");
    const wire = new Wire(server.address);
    const { error, bytes } = await wire.call("/envoy.service.auth.v3.Authorization/Check", Buffer.from([0x0a, 0xff]));
    assert.equal(error, null);
    assert.ok(bytes?.includes("invalid_request"));
    wire.close();
  });

  it("fails where the server does, so that the proxy decides", async () => {
    proxy.close();
    await server.close(0);
    const desk = new Desk();
    await open(desk);
    for (const [code, expected] of [["store_unavailable", status.UNAVAILABLE], ["overloaded", status.RESOURCE_EXHAUSTED], ["schema_missing", status.FAILED_PRECONDITION], ["internal", status.INTERNAL]] as const) {
      desk.answer("check", async () => Promise.reject(new UsherError(code, "it is down")));
      await assert.rejects(proxy.ask("GET", "/nodes/n1/logs", "ana"), (error: ServiceError) => error.code === expected);
    }
  });

  it("takes a key of the role `read`, in its tenant, and counts as checks do", async () => {
    proxy.close();
    await server.close(0);
    const place = await Place.open();
    const reader = await place.key("proxy", "a", ["read"]);
    const writer = await place.key("writer", "a", ["write"]);
    const methods: string[] = [];
    const desk = new Desk();
    desk.answer("check", async () => ({ allowed: true, missingFields: [], zookie: "z", instant: 1 }));
    await open(desk, { access: place.access, observer: { ...unobservedServer, onEnd: ({ method, code }) => methods.push(`${method} ${code}`) } });
    const http = { request: { http: { method: "PUT", path: "/nodes/n1/restart", headers: { "x-user": "ana" } } } };
    assert.equal((await proxy.check(http, { authorization: `Bearer ${reader}` })).status.code, status.OK);
    assert.deepEqual(desk.asked.map(({ call: { tenant, principal } }) => [tenant, principal]), [["a", "proxy"]]);
    await assert.rejects(proxy.check(http, { authorization: `Bearer ${writer}` }), (error: ServiceError) => error.code === status.PERMISSION_DENIED);
    await assert.rejects(proxy.check(http), (error: ServiceError) => error.code === status.UNAUTHENTICATED);
    const name = "envoy.service.auth.v3.Authorization/Check";
    assert.deepEqual(methods, [`${name} ok`, `${name} permission_denied`, `${name} unauthenticated`]);
    await place.close();
  });

  it("is not there without a mapping", async () => {
    proxy.close();
    await server.close(0);
    await open(database, { envoy: undefined as unknown as EnvoyMapping });
    await assert.rejects(proxy.ask("GET", "/nodes/n1/logs", "ana"), (error: ServiceError) => error.code === status.UNIMPLEMENTED);
  });
});
