import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, connect as dial, type Server as NetServer, type Socket } from "node:net";
import { join } from "node:path";
import { Server, ServerCredentials, status, type handleServerStreamingCall, type handleUnaryCall } from "@grpc/grpc-js";
import { Running, type Place } from "./command-line.js";
import { calls, type Call, type ExportMessage, type ExportRequestMessage, type WatchMessage } from "../../src/cli/spicedb/messages.js";
import type { RelationshipMessage } from "../../src/server/adapters/authzed/references.js";

/** A follower of one place into another, with the state in the latter's folder. */
export function follow(address: string, into: Place, ...options: readonly string[]): Running {
  const words = ["follow", `spicedb://${address}`, "--spicedb-insecure", "--state", join(into.folder, "state.json"), ...options];
  return new Running(words, { environment: { USHER_ADDRESS: into.address } });
}

/** Until it is so; fails after a while. */
export async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`it did not come to be that ${what}`);
}

/** What the place holds, in order. */
export async function tuplesOf(place: Place): Promise<string> {
  return (await place.usher("tuple", "export")).stdout.split("\n").sort().join("\n").trim();
}

/** A way to a server that can be cut and laid again, at one address. */
export class Wire {
  readonly address: string;
  readonly #server: NetServer;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(server: NetServer, address: string) {
    this.#server = server;
    this.address = address;
  }

  static async to(target: string): Promise<Wire> {
    const port = Number(target.slice(target.lastIndexOf(":") + 1));
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const wire = new Wire(server, `127.0.0.1:${(server.address() as { port: number }).port}`);
    server.on("connection", (socket) => wire.#join(socket, port));
    return wire;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  lay(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #join(socket: Socket, port: number): void {
    if (this.#isCut) return void socket.destroy();
    const other = dial(port, "127.0.0.1");
    for (const [from, to] of [[socket, other], [other, socket]] as const) {
      this.#sockets.add(from);
      from.on("error", () => undefined).on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}

type Stream<Request extends object, Response extends object> = { readonly request: Request; write(message: Response): boolean; end(): void };

/** A SpiceDB that says what it is told to: what a real one would not say on demand. */
export class FakeSpiceDb {
  schema = "";
  token = "t0";
  relationships: readonly RelationshipMessage[] = [];
  /** How a watch that asks for kinds is refused, as one of an old store is. */
  refusesKinds = false;
  /** So often an export breaks off, before each further batch of one relationship; the cursor is the number of those that were sent. */
  breaks = 0;
  /** It has the export under its former name alone. */
  isOld = false;
  /** Tokens that a watch does not know any more. */
  forgotten = new Set<string>();
  /** What each watch began with. */
  readonly starts: string[] = [];
  key: string | undefined;
  readonly #server = new Server();
  #watch: ((message: WatchMessage) => void) | undefined;
  address = "";

  static async open(credentials = ServerCredentials.createInsecure()): Promise<FakeSpiceDb> {
    const fake = new FakeSpiceDb();
    fake.#serve();
    const port = await new Promise<number>((resolve, reject) => fake.#server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound))));
    fake.address = `127.0.0.1:${port}`;
    return fake;
  }

  async send(message: Partial<WatchMessage>): Promise<void> {
    await eventually(async () => this.#watch !== undefined, "there is a watch");
    if (message.changesThrough) this.token = message.changesThrough.token;
    this.#watch?.({ updates: [], schemaUpdated: false, isCheckpoint: false, ...message });
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #serve(): void {
    const readSchema: handleUnaryCall<object, object> = (call, callback) => {
      if (this.key !== undefined && call.metadata.get("authorization")[0] !== `Bearer ${this.key}`) callback({ code: status.PERMISSION_DENIED, details: "invalid preshared key: invalid token" });
      else callback(null, { schemaText: this.schema, readAt: { token: this.token } });
    };
    this.#add(calls.readSchema, { unary: readSchema });
    const exportFrom = (call: Stream<ExportRequestMessage, ExportMessage>) => {
      const from = Number(call.request.optionalCursor?.token ?? 0);
      const isBroken = this.breaks > 0 && from < this.relationships.length;
      const to = isBroken ? from + 1 : this.relationships.length;
      call.write({ relationships: this.relationships.slice(from, to), afterResultCursor: { token: `${to}` } });
      if (!isBroken) return call.end();
      this.breaks--;
      fail(call, status.UNAVAILABLE, "it went away");
    };
    this.#add(calls.exportAll, { stream: (call) => (this.isOld ? fail(call, status.UNIMPLEMENTED, "unknown method") : exportFrom(call)) });
    this.#add(calls.exportAllBefore, { stream: exportFrom });
    this.#add(calls.watch, {
      stream: (call) => {
        const { optionalStartCursor, optionalUpdateKinds } = call.request;
        if (this.refusesKinds && optionalUpdateKinds.length > 0) return fail(call, status.INTERNAL, "watch error: schema watch unsupported");
        this.starts.push(optionalStartCursor.token);
        if (this.forgotten.has(optionalStartCursor.token)) return fail(call, status.OUT_OF_RANGE, "invalid zedtoken: revision has expired");
        this.#watch = (message) => call.write(message);
      },
    });
  }

  #add<Request extends object, Response extends object>(
    { path, request, response }: Call<Request, Response>,
    handler: { readonly unary?: handleUnaryCall<object, object>; readonly stream?: (call: Stream<Request, Response>) => void },
  ): void {
    const method = {
      path,
      requestStream: false,
      responseStream: handler.stream !== undefined,
      requestSerialize: (message: object) => request.encode(message as Request),
      requestDeserialize: (bytes: Buffer) => request.decode(bytes),
      responseSerialize: (message: object) => response.encode(message as Response),
      responseDeserialize: (bytes: Buffer) => response.decode(bytes),
    };
    this.#server.addService({ call: method }, { call: (handler.unary ?? handler.stream) as handleUnaryCall<object, object> & handleServerStreamingCall<object, object> });
  }
}

function fail(call: object, code: status, details: string): void {
  (call as { emit(event: "error", error: object): void }).emit("error", { code, details });
}

/** `document:1#viewer@user:ana`, unchecked. */
export function relationship(text: string): RelationshipMessage {
  const [, objectType = "", objectId = "", relation = "", subjectType = "", subjectId = ""] = /^([^:]*):([^#]*)#([^@]*)@([^:]*):(.*)$/.exec(text) ?? [];
  return { resource: { objectType, objectId }, relation, subject: { object: { objectType: subjectType, objectId: subjectId }, optionalRelation: "" } };
}
