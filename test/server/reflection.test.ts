import assert from "node:assert/strict";

import { credentials, loadPackageDefinition, type ClientDuplexStream, type ServiceClientConstructor } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import protobuf from "protobufjs";

import { methods } from "../../src/model/wire/methods.js";
import { serve, type Server } from "../../src/server/server.js";
import { Desk } from "./desk.js";
import { eventually } from "./wire.js";

interface ReflectionResponse {
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] };
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Buffer[] };
  readonly error_response?: { readonly error_code: number };
}

/** As far as the protocol is used here. */
const protocol = `
  syntax = "proto3"; package grpc.reflection.v1;
  service ServerReflection { rpc ServerReflectionInfo(stream ServerReflectionRequest) returns (stream ServerReflectionResponse); }
  message ServerReflectionRequest { oneof message_request { string file_containing_symbol = 4; string list_services = 7; } }
  message ServerReflectionResponse { oneof message_response { FileDescriptorResponse file_descriptor_response = 4; ListServiceResponse list_services_response = 6; ErrorResponse error_response = 7; } }
  message FileDescriptorResponse { repeated bytes file_descriptor_proto = 1; }
  message ListServiceResponse { repeated ServiceResponse service = 1; }
  message ServiceResponse { string name = 1; }
  message ErrorResponse { int32 error_code = 1; string error_message = 2; }
`;

function reflectionClient(address: string) {
  const json = protobuf.parse(protocol, { keepCase: true }).root.toJSON();
  const loaded = loadPackageDefinition(fromJSON(json, { keepCase: true, oneofs: true }));
  const constructor = ((loaded["grpc"] as Record<string, Record<string, Record<string, unknown>>>)["reflection"]?.["v1"]?.["ServerReflection"]) as ServiceClientConstructor;
  return new constructor(address, credentials.createInsecure());
}

describe("reflection", () => {
  let server: Server;
  let client: InstanceType<ServiceClientConstructor>;

  beforeEach(async () => {
    server = await serve(new Desk(), { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
    client = reflectionClient(server.address);
  });
  afterEach(async () => {
    client.close();
    await server.close(100);
  });

  function open(): ClientDuplexStream<object, ReflectionResponse> {
    const method = client["ServerReflectionInfo"] as () => ClientDuplexStream<object, ReflectionResponse>;
    return method.call(client);
  }

  async function ask(request: object): Promise<ReflectionResponse> {
    const stream = open();
    stream.write(request);
    stream.end();
    for await (const response of stream) return response as ReflectionResponse;
    throw new Error("no answer");
  }

  it("lists every service that the server speaks", async () => {
    const { list_services_response: list } = await ask({ list_services: "*" });
    const names = new Set(list?.service.map(({ name }) => name));
    for (const { path } of Object.values<{ readonly path: string }>(methods)) assert.ok(names.has(path.split("/")[1] ?? ""), path);
    assert.ok(names.has("grpc.health.v1.Health"));
  });

  it("gives the files by which a call can be made", async () => {
    const { file_descriptor_response: files } = await ask({ file_containing_symbol: "usher.v1.PermissionService" });
    // Names stand in a descriptor as they are.
    const all = Buffer.concat(files?.file_descriptor_proto ?? []);
    for (const name of ["usher.v1", "PermissionService", "CheckRequest", "CheckResponse", "missing_fields"]) assert.ok(all.includes(name), name);
  });

  it("knows nothing else", async () => {
    assert.equal((await ask({ file_containing_symbol: "usher.v1.Secret" })).error_response?.error_code, 5);
  });

  it("lets go of open streams when the server stops", async () => {
    const stream = open();
    stream.on("error", () => undefined);
    let ended = false;
    stream.on("end", () => (ended = true)).resume();
    stream.write({ list_services: "*" });
    await new Promise((resolve) => stream.once("data", resolve));
    await server.close(60_000);
    await eventually(() => assert.ok(ended));
  });

  it("is not there where it is not wanted", async () => {
    const other = await serve(new Desk(), { address: "127.0.0.1:0", onError: (error) => assert.fail(error), reflection: false });
    client.close();
    client = reflectionClient(other.address);
    await assert.rejects(ask({ list_services: "*" }), (error: { code?: number }) => error.code === 12);
    await other.close(100);
  });
});
