import { Client, credentials, Metadata } from "@grpc/grpc-js";

import { tenantKey } from "../../src/model/wire/tenant.js";
import { methods } from "../../src/model/wire/methods.js";
import { parseModel } from "../../src/server/adapters/openfga/convert.js";
import { contest } from "../contest.js";
import { withFolder } from "../folder.js";
import { atLeast, type Row } from "../report.js";
import { HttpCaller } from "../servers/http-caller.js";
import { ServerProcess } from "../servers/process.js";
import type { Settings, Suite } from "../suite.js";

const model = `model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
type document
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent`;

const documents = 900;
const inFlight = 40;

/** The same checks of the same store: through OpenFGA's HTTP API, and natively over gRPC. */
export const openfga: Suite = {
  name: "openfga",
  about: "check through OpenFGA's HTTP API beside the same natively over gRPC",
  run: (settings) => withFolder((folder) => compared(folder, settings)),
};

async function compared(folder: string, settings: Settings): Promise<Row[]> {
  const server = await ServerProcess.start("openfga", folder);
  const http = new HttpCaller(await server.httpAddress(), inFlight);
  const grpc = new Client(server.address, credentials.createInsecure());
  try {
    const { id: store } = await asked<{ id: string }>(http, "/stores", { name: "bench" });
    await asked(http, `/stores/${store}/authorization-models`, parseModel(model));
    const tuples = tupleKeys();
    for (let at = 0; at < tuples.length; at += 100) await asked(http, `/stores/${store}/write`, { writes: { tuple_keys: tuples.slice(at, at + 100) } });
    const questions = Array.from({ length: 1_000 }, (_, i) => ({ document: `d${i % documents}`, user: `u${(i * 7) % 60}` }));
    const bodies = questions.map(({ document, user }) => Buffer.from(JSON.stringify({ tuple_key: { user: `user:${user}`, relation: "viewer", object: `document:${document}` } })));
    const messages = questions.map(({ document, user }) =>
      methods.check.request.encode({ object: { type: "document", id: document }, permission: "viewer", subject: { type: "user", id: user, relation: "" } }),
    );
    const metadata = new Metadata();
    metadata.set(tenantKey, store);
    const native = "Check, 40 in flight: natively, over gRPC";
    const cpuUs = () => server.cpuUs();
    return await contest(
      [
        { name: native, inFlight, cpuUs, call: (index: number) => unary(grpc, messages[index % messages.length] ?? Buffer.alloc(0), metadata) },
        {
          name: "Check, 40 in flight: OpenFGA's HTTP API",
          inFlight,
          cpuUs,
          call: (index: number) => http.post(`/stores/${store}/check`, bodies[index % bodies.length] ?? Buffer.alloc(0)),
          beside: [native],
          goals: ({ ratios }: Row) => [atLeast("rate beside native", 0.6, ratios?.[0]?.perSecond)],
        },
      ],
      settings,
    );
  } finally {
    http.close();
    grpc.close();
    await server.close();
  }
}

function tupleKeys() {
  const key = (user: string, relation: string, object: string) => ({ user, relation, object });
  return [
    ...Array.from({ length: documents }, (_, i) => key(`folder:f${i % 10}`, "parent", `document:d${i}`)),
    ...Array.from({ length: 10 }, (_, i) => key(`group:g${i}#member`, "viewer", `folder:f${i}`)),
    ...Array.from({ length: 60 }, (_, i) => key(`user:u${i}`, "member", `group:g${i % 10}`)),
  ];
}

async function asked<Answer>(http: HttpCaller, path: string, body: unknown): Promise<Answer> {
  return JSON.parse((await http.post(path, Buffer.from(JSON.stringify(body)))).toString()) as Answer;
}

function unary(client: Client, message: Buffer, metadata: Metadata): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(methods.check.path, same, same, message, metadata, (error, answer) => {
      if (error !== null) reject(error);
      else resolve(answer ?? Buffer.alloc(0));
    });
  });
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
