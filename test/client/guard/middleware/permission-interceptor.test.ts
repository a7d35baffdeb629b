import assert from "node:assert/strict";

import {
  makeGenericClientConstructor, credentials, Metadata, Server, ServerCredentials, status,
  type ClientDuplexStream, type ClientReadableStream, type ClientUnaryCall, type ClientWritableStream,
  type ServerDuplexStream, type ServerReadableStream, type ServerUnaryCall, type ServerWritableStream,
  type sendUnaryData, type ServiceError,
} from "@grpc/grpc-js";

import { permissionInterceptor } from "../../../../src/client/guard/middleware/permission-interceptor.js";
import { until } from "../../browser/site.js";
import { guards, onGuardedSite, type GuardedSite } from "./site.js";

interface Message {
  readonly node?: string;
  readonly text?: string;
}

const json = {
  requestSerialize: (message: Message) => Buffer.from(JSON.stringify(message)),
  requestDeserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as Message,
  responseSerialize: (message: Message) => Buffer.from(JSON.stringify(message)),
  responseDeserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as Message,
};
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({ path: `/nodes.v1.Logs/${name}`, requestStream, responseStream, ...json });
const definition = {
  read: method("Read", false, false),
  tail: method("Tail", false, true),
  append: method("Append", true, false),
  follow: method("Follow", true, true),
  health: method("Health", false, false),
};

/** What the handlers have been called for and have heard, in order, a word each. */
class Handlers {
  readonly log: string[] = [];
  answerRead: (() => void) | undefined;
  /** Messages of `tail`: written, and those of them that have left. */
  readonly tailed = { written: 0, left: 0 };

  readonly read = (call: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>) => {
    this.#opened("read", call);
    this.answerRead = () => answer(null, { text: "lines" });
  };

  readonly tail = (call: ServerWritableStream<Message, Message>) => {
    this.#opened("tail", call);
    const message = { text: call.request.text ?? "line" };
    const left = (error?: Error | null) => (this.tailed.left += error ? 0 : 1);
    const write = () => {
      while (!call.destroyed && (this.tailed.written++, call.write(message, left)));
      if (!call.destroyed) call.once("drain", () => setTimeout(write, 2));
    };
    write();
  };

  readonly append = (call: ServerReadableStream<Message, Message>, answer: sendUnaryData<Message>) => {
    this.#opened("append", call);
    call.on("data", ({ text }: Message) => this.log.push(`append heard ${text}`)).on("end", () => answer(null, { text: "kept" }));
  };

  readonly follow = (call: ServerDuplexStream<Message, Message>) => {
    this.#opened("follow", call);
    call.on("data", (message: Message) => call.write(message)).on("end", () => call.end());
  };

  readonly health = (_call: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>) => answer(null, { text: "serving" });

  #opened(name: string, call: { on(event: "cancelled", heard: () => void): unknown }): void {
    this.log.push(name);
    call.on("cancelled", () => this.log.push(`${name} cancelled`));
  }
}

/** The clients' end. A call of one request is of `node:n1` unless said otherwise; a stream of requests says it in its metadata. */
interface LogsClient {
  read(message: Message, metadata: Metadata, done: Done): ClientUnaryCall;
  tail(message: Message, metadata: Metadata): ClientReadableStream<Message>;
  append(metadata: Metadata, done: Done): ClientWritableStream<Message>;
  follow(metadata: Metadata): ClientDuplexStream<Message, Message>;
  health(message: Message, done: Done): ClientUnaryCall;
  close(): void;
}

type Done = (error: ServiceError | null, message?: Message) => void;

interface CallSite {
  readonly site: GuardedSite;
  readonly client: LogsClient;
  readonly handlers: Handlers;
}

async function onCallSite(where: (typeof guards)[number], body: (on: CallSite) => Promise<void>): Promise<void> {
  await onGuardedSite(where, async (site) => {
    const handlers = new Handlers();
    const interceptor = permissionInterceptor(
      site.guard,
      ({ metadata, message }) => site.requirement((message as Message | undefined)?.node ?? textOf(metadata, "node"), textOf(metadata, "user")),
      { open: [definition.health.path] },
    );
    const server = new Server({ interceptors: [interceptor] });
    const { read, tail, append, follow, health } = handlers;
    server.addService(definition, { read, tail, append, follow, health });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
    );
    const client = new (makeGenericClientConstructor(definition, "nodes.v1.Logs"))(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as LogsClient;
    try {
      await body({ site, client, handlers });
    } finally {
      client.close();
      server.forceShutdown();
    }
  });
}

function textOf(metadata: Metadata, key: string): string | undefined {
  return metadata.get(key)[0]?.toString();
}

function as(user: string, node = "n1"): Metadata {
  const metadata = new Metadata();
  metadata.set("user", user);
  metadata.set("node", node);
  return metadata;
}

/** How a call ended, and what it was told until then. */
class Outcome {
  readonly told: Message[] = [];
  code: status | undefined;
  details: string | undefined;

  /** Of a call that answers once. */
  readonly done: Done = (error, message) => {
    if (message !== undefined) this.told.push(message);
    this.code = error?.code ?? status.OK;
    this.details = error?.details;
  };

  /** Of a stream. */
  static of(call: ClientReadableStream<Message> | ClientDuplexStream<Message, Message>): Outcome {
    const outcome = new Outcome();
    call.on("data", (message: Message) => outcome.told.push(message));
    call.on("error", (error: ServiceError) => outcome.done(error)).on("end", () => (outcome.code ??= status.OK));
    return outcome;
  }

  get end(): [status | undefined, string | undefined] {
    return [this.code, this.details];
  }

  async over(): Promise<this> {
    await until(() => this.code !== undefined);
    return this;
  }

  async more(): Promise<void> {
    const before = this.told.length;
    await until(() => this.told.length > before + 5);
  }
}

/** One call of each kind, under way. */
function openAll({ client }: CallSite, user: string, node = "n1") {
  const [read, append] = [new Outcome(), new Outcome()];
  client.read({ node }, as(user), read.done);
  const appending = client.append(as(user, node), append.done).on("error", () => undefined);
  const following = client.follow(as(user, node));
  return { read, append, appending, following, tail: Outcome.of(client.tail({ node }, as(user))), follow: Outcome.of(following) };
}

const denied = [status.PERMISSION_DENIED, "permission_denied"];

describe("a server of `@grpc/grpc-js` with `permissionInterceptor`", () => {
  for (const where of guards) {
    const whose = where === "embedded" ? "an embedded" : "a remote";

    it(`ends each kind of call when its permission ends, and nobody else's, with a guard of ${whose} database`, async () => {
      await onCallSite(where, async (on) => {
        const { site, handlers } = on;
        const ana = openAll(on, "ana");
        const bob = Outcome.of(on.client.tail({ node: "n1" }, as("bob")));
        ana.appending.write({ text: "before" });
        ana.following.write({ text: "before" });
        await Promise.all([ana.tail.more(), bob.more(), until(() => handlers.log.includes("append heard before") && handlers.log.includes("read") && ana.follow.told.length === 1)]);
        assert.equal(site.guard.size, 2);
        assert.deepEqual(await site.revoke("ana"), { affected: 1, acknowledged: 1 });
        if (where === "embedded") assert.equal(handlers.log.filter((word) => word.endsWith("cancelled")).length, 4, "handlers hear of it before the writer does");
        handlers.answerRead?.();
        for (const outcome of [ana.read, ana.tail, ana.append, ana.follow]) assert.deepEqual((await outcome.over()).end, denied);
        assert.deepEqual(ana.read.told, [], "what was revoked while it ran is not answered");
        for (const kind of ["read", "tail", "append", "follow"]) assert.equal(handlers.log.filter((word) => word === `${kind} cancelled`).length, 1);
        await until(() => site.guard.size === 1);
        await bob.more();
        assert.equal(bob.code, undefined);
        await site.revoke("bob");
        assert.deepEqual((await bob.over()).end, denied);
        await until(() => site.guard.size === 0);
      });
    });

    it(`refuses who may not, or where nobody can say, and calls no handler then, with a guard of ${whose} database`, async () => {
      await onCallSite(where, async (on) => {
        for (const { read, append, tail, follow } of [openAll(on, "eve"), openAll(on, "ana", "n2")]) {
          for (const outcome of [read, append, tail, follow]) assert.deepEqual((await outcome.over()).end, denied);
        }
        await until(() => on.site.guard.size === 0);
        on.site.guard.close();
        const { read, append, tail, follow } = openAll(on, "ana");
        for (const outcome of [read, append, tail, follow]) assert.deepEqual((await outcome.over()).end, [status.UNAVAILABLE, "closed"]);
        assert.deepEqual(on.handlers.log, []);
      });
    });
  }

  it("ends a stream with `UNAVAILABLE` when nobody can say any more", async () => {
    await onCallSite("embedded", async ({ site, client }) => {
      const tail = Outcome.of(client.tail({ node: "n1" }, as("ana")));
      await tail.more();
      site.guard.close();
      assert.deepEqual((await tail.over()).end, [status.UNAVAILABLE, "closed"]);
    });
  });

  it("gives back what was held when a call is over, or its client has gone", async () => {
    await onCallSite("embedded", async (on) => {
      const { site, client, handlers } = on;
      const read = new Outcome();
      client.read({ node: "n1" }, as("ana"), read.done);
      await until(() => handlers.answerRead !== undefined);
      assert.equal(site.guard.size, 1);
      handlers.answerRead?.();
      assert.deepEqual((await read.over()).told, [{ text: "lines" }]);
      const append = new Outcome();
      client.append(as("ana"), append.done).end({ text: "one" });
      assert.deepEqual((await append.over()).told, [{ text: "kept" }]);
      await until(() => site.guard.size === 0);
      const tail = client.tail({ node: "n1" }, as("ana"));
      const gone = Outcome.of(tail);
      await gone.more();
      tail.cancel();
      await until(() => site.guard.size === 0);
      assert.deepEqual(await site.revoke("ana"), { affected: 0, acknowledged: 0 });
    });
  });

  it("calls no handler for a client that went away before it was let in", async () => {
    await onCallSite("embedded", async ({ site, client, handlers }) => {
      const letIn = site.keepWaiting();
      const tail = client.tail({ node: "n1" }, as("ana"));
      const gone = Outcome.of(tail);
      await until(() => site.asked === 1);
      tail.cancel();
      await gone.over();
      const health = new Outcome();
      client.health({}, health.done);
      assert.deepEqual((await health.over()).told, [{ text: "serving" }], "what is open waits for nobody; and the cancellation came before it");
      letIn();
      await until(() => site.guard.size === 0);
      const bob = Outcome.of(client.tail({ node: "n1" }, as("bob")));
      await bob.more();
      assert.deepEqual(handlers.log, ["tail"]);
    });
  });

  it("sends a slow client one message at most of what had not left", async () => {
    await onCallSite("embedded", async ({ site, client, handlers: { log, tailed } }) => {
      const call = client.tail({ node: "n1", text: "x".repeat(1_000_000) }, as("ana"));
      const outcome = Outcome.of(call);
      call.pause();
      await until(() => tailed.written > tailed.left + 1);
      await site.revoke("ana");
      assert.deepEqual(log, ["tail", "tail cancelled"]);
      const { written, left } = tailed;
      call.resume();
      assert.deepEqual((await outcome.over()).end, denied);
      assert.ok(outcome.told.length <= left + 1 && left + 1 < written, `${outcome.told.length} were told, ${left} of ${written} had left`);
    });
  });
});
