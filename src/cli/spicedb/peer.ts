import { Client, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { abortError, onAbort, throwIfAborted } from "../../base/abort.js";
import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { contextToStruct } from "../../model/wire/struct.js";
import type { CheckText } from "../../model/tuple-text.js";
import { writeObject, writeSubject, type RelationshipMessage } from "../../server/adapters/authzed/references.js";
import type { SpiceDbConnection } from "./connection.js";
import { spiceDbFailure } from "./failure.js";
import { calls, type AnswerMessage, type Call, type CheckMessage, type QuestionMessage, type WatchMessage } from "./messages.js";

/** `WatchKind`: relationships, schemas, checkpoints. */
const everyKind = [1, 2, 3];

/** After these a watch would fail in the same way, whatever it asks for. */
const notOfItsKinds: readonly string[] = ["server_unreachable", "deadline_exceeded", "overloaded", "unauthenticated", "permission_denied", "cancelled", "zookie_expired"];

/** A running SpiceDB, as its client. Every method rejects with a `UsherError`. */
export class SpiceDb {
  readonly name: string;
  readonly #client: Client;
  readonly #authorization: string | undefined;
  readonly #deadlineMs: number;

  constructor({ name, address, security }: SpiceDbConnection, deadlineMs: number = limits.callMsDefault) {
    this.name = name;
    this.#deadlineMs = deadlineMs;
    this.#authorization = security.authorization;
    this.#client = new Client(address, security.credentials, {
      ...security.channelOptions,
      // What a transaction held comes as one message, and SpiceDB itself bounds how much that may be.
      "grpc.max_receive_message_length": -1,
      "grpc.keepalive_time_ms": limits.keepaliveMs,
      "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
      "grpc.initial_reconnect_backoff_ms": limits.reconnectMsMin,
      "grpc.max_reconnect_backoff_ms": limits.reconnectMsMax,
      "grpc.enable_http_proxy": 0,
      "grpc.service_config_disable_resolution": 1,
    });
  }

  /** The newest schema, and the revision at which it was read. @throws `schema_missing` */
  async readSchema(signal?: AbortSignal): Promise<{ readonly text: string; readonly token: string }> {
    const { schemaText: text, readAt } = await this.#unary(calls.readSchema, {}, signal);
    if (!readAt?.token) throw new UsherError("invalid_request", `\`${this.name}\` does not tell the revision of its schema: it is too old, take SpiceDB 1.30 or later`);
    return { text, token: readAt.token };
  }

  /** All relationships at one revision: that of the token, else the newest. What breaks off is gone on with where it was. */
  async *exportAll(token: string | undefined, signal: AbortSignal): AsyncGenerator<readonly RelationshipMessage[], void> {
    let cursor: string | undefined;
    let method = calls.exportAll;
    for (let failures = 0; ; ) {
      const consistency = token === undefined ? { fullyConsistent: true } : { atExactSnapshot: { token } };
      const from = cursor === undefined ? { consistency } : { optionalCursor: { token: cursor } };
      try {
        for await (const { relationships, afterResultCursor } of this.#stream(method, { ...from, optionalLimit: limits.pageTuplesMax }, signal)) {
          yield relationships;
          if (afterResultCursor?.token) cursor = afterResultCursor.token;
          failures = 0;
        }
        return;
      } catch (error) {
        if (!(error instanceof UsherError)) throw error;
        if (error.details["status"] === status[status.UNIMPLEMENTED] && method === calls.exportAll) method = calls.exportAllBefore;
        else if (error.code !== "server_unreachable" || cursor === undefined || ++failures > limits.recoveriesMax) throw error;
        else await pause(Math.min(limits.reconnectMsMin * 2 ** failures, limits.reconnectMsMax), signal);
      }
    }
  }

  /**
   * What was committed after the revision, in order, as it happens. Where the store behind SpiceDB cannot tell of schemas or checkpoints it is
   * watched without. @throws `zookie_expired` or `invalid_request` where the revision is not known any more
   */
  async *watch(token: string, signal: AbortSignal): AsyncGenerator<WatchMessage, void> {
    let heard = false;
    try {
      for await (const message of this.#stream(calls.watch, { optionalStartCursor: { token }, optionalUpdateKinds: everyKind }, signal)) {
        heard = true;
        yield message;
      }
    } catch (error) {
      if (heard || !(error instanceof UsherError) || notOfItsKinds.includes(error.code)) throw error;
      yield* this.#stream(calls.watch, { optionalStartCursor: { token }, optionalUpdateKinds: [] }, signal);
    }
  }

  /** Many questions at the newest revision. One that it could not answer has the reason in place of its answer. */
  async checkMany(questions: readonly CheckText[]): Promise<readonly (AnswerMessage | { readonly error: string })[]> {
    const { pairs } = await this.#unary(calls.checkMany, { consistency: { fullyConsistent: true }, items: questions.map(questionMessage) });
    if (pairs.length !== questions.length) throw new UsherError("internal", `\`${this.name}\` answered ${pairs.length} of ${questions.length} questions`);
    return pairs.map(({ item, error }) => item ?? { error: error?.message ?? "no answer" });
  }

  /** One question, with how its answer came about. */
  check(question: CheckText): Promise<CheckMessage> {
    return this.#unary(calls.check, { ...questionMessage(question), consistency: { fullyConsistent: true }, withTracing: true });
  }

  close(): void {
    this.#client.close();
  }

  #unary<Request extends object, Response extends object>({ path, request, response }: Call<Request, Response>, message: Request, signal?: AbortSignal): Promise<Response> {
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      let release: () => void = ignore;
      const sent = this.#client.makeUnaryRequest(path, asIs, asIs, request.encode(message), this.#metadata(), { deadline: Date.now() + this.#deadlineMs }, (error: ServiceError | null, bytes?: Buffer) => {
        release();
        if (error === null) resolve(response.decode(bytes ?? Buffer.alloc(0)));
        else reject(this.#failure(error, signal));
      });
      release = onAbort(signal, () => sent.cancel());
    });
  }

  async *#stream<Request extends object, Response extends object>({ path, request, response }: Call<Request, Response>, message: Request, signal: AbortSignal): AsyncGenerator<Response, void> {
    throwIfAborted(signal);
    const stream = this.#client.makeServerStreamRequest(path, asIs, asIs, request.encode(message), this.#metadata(), {});
    const release = onAbort(signal, () => stream.cancel());
    // Cancelling makes the stream emit an error after its reader is gone.
    stream.on("error", ignore);
    try {
      for await (const bytes of stream) yield response.decode(bytes as Buffer);
    } catch (thrown) {
      throw this.#failure(thrown, signal);
    } finally {
      release();
      stream.cancel();
    }
  }

  #metadata(): Metadata {
    const metadata = new Metadata();
    if (this.#authorization !== undefined) metadata.set("authorization", this.#authorization);
    return metadata;
  }

  #failure(thrown: unknown, signal: AbortSignal | undefined): Error {
    if (signal?.aborted) return abortError(signal);
    return isServiceError(thrown) ? spiceDbFailure(this.name, thrown) : asError(thrown);
  }
}

/** @throws `cancelled` when the signal aborts meanwhile */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  await new Promise<void>((resolve) => {
    const forget = onAbort(signal, done);
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      forget();
      resolve();
    }
  });
  throwIfAborted(signal);
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && "code" in thrown && "details" in thrown && typeof thrown.code === "number";
}

function questionMessage({ object, permission, subject, context }: CheckText): QuestionMessage {
  return { resource: writeObject(object), permission, subject: writeSubject(subject), ...(Object.keys(context).length > 0 && { context: contextToStruct(context, "context") }) };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function ignore(): void {
  // Nothing is to be done.
}
