import { Metadata, status, type ServerInterceptingCallInterface, type ServerInterceptor } from "@grpc/grpc-js";

import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { GateCall } from "./access/gate.js";
import { answerFailure } from "./failure.js";
import type { Reception, Rpc } from "./reception.js";
import type { ErrorReporter } from "./statuses.js";
import { requestIdKey } from "./telemetry/request-id.js";

type Listener = Parameters<ServerInterceptingCallInterface["start"]>[0];

/** Of a call that has not come yet. */
const noMetadata = new Metadata();

/** Load balancers ask it, and have no keys. */
const healthPrefix = "/grpc.health.v1.";

/** What every call at the door shares. */
interface Doorway {
  readonly reception: Reception;
  readonly report: ErrorReporter;
  /** Those that are served, by their paths. */
  readonly rpcs: ReadonlyMap<string, Rpc>;
  /** Calls that need no key and whose request has not come yet, the oldest first. */
  readonly unread: Set<Door>;
}

/**
 * Stops a call before its request is read, where handlers are asked only once all of it is in memory: else whoever reaches
 * the port could fill that with thousands of requests of the size that messages may have. While a refusal waits, HTTP/2 leaves all but
 * the first 64 KiB of its request with the sender; that is a window of the stream's own, so it holds up no other call on the
 * connection, which a proxy's callers may share. Health, which needs no key, is read, of so many calls at a time; the oldest gives way.
 */
export function doorInterceptor(reception: Reception, report: ErrorReporter, rpcs: readonly Rpc[]): ServerInterceptor {
  const doorway: Doorway = { reception, report, rpcs: new Map(rpcs.map((rpc) => [rpc.path, rpc])), unread: new Set() };
  // The type of interceptors names a class of the library; only its interface is ever called.
  return ({ path, requestStream, responseStream }, call) => new Door(call, path, requestStream || responseStream, doorway) as unknown as ReturnType<ServerInterceptor>;
}

class Door implements ServerInterceptingCallInterface, GateCall {
  metadata = noMetadata;
  readonly #call: ServerInterceptingCallInterface;
  readonly #path: string;
  readonly #streams: boolean;
  readonly #doorway: Doorway;
  /** Of a call that is refused; aborts where it is cancelled while its answer waits. */
  #refused: AbortController | undefined;

  constructor(call: ServerInterceptingCallInterface, path: string, streams: boolean, doorway: Doorway) {
    this.#call = call;
    this.#path = path;
    this.#streams = streams;
    this.#doorway = doorway;
  }

  start(listener: Listener): void {
    const { unread } = this.#doorway;
    this.#call.start({
      onReceiveMetadata: (metadata) => this.#arrive(metadata, listener),
      onReceiveMessage: (message) => listener.onReceiveMessage(message),
      onReceiveHalfClose: () => {
        unread.delete(this);
        listener.onReceiveHalfClose();
      },
      onCancel: () => {
        unread.delete(this);
        this.#refused?.abort(new UsherError("cancelled", "the client cancelled the call"));
        listener.onCancel();
      },
    });
  }

  #arrive(metadata: Metadata, listener: Listener): void {
    this.metadata = metadata;
    if (this.#path.startsWith(healthPrefix)) this.#admitUnread();
    else if (!this.#doorway.reception.gate.knows(this)) return void this.#refuse();
    listener.onReceiveMetadata(metadata);
  }

  #admitUnread(): void {
    const { unread } = this.#doorway;
    unread.add(this);
    if (unread.size <= limits.healthUnreadMax) return;
    for (const oldest of unread) {
      unread.delete(oldest);
      return oldest.sendStatus({ code: status.RESOURCE_EXHAUSTED, details: "too many ask for the health at once: ask again" });
    }
  }

  async #refuse(): Promise<void> {
    const { reception, report, rpcs } = this.#doorway;
    const rpc = rpcs.get(this.#path);
    const visit = rpc && reception.begin(rpc, this.metadata, this.#streams);
    const { signal } = (this.#refused = new AbortController());
    const error = await reception.gate.refusal(this, signal);
    const thrown: unknown = signal.aborted ? signal.reason : error;
    const failure = answerFailure(thrown, rpc ?? { path: this.#path }, report);
    if (visit !== undefined) failure.metadata.set(requestIdKey, visit.requestId);
    visit?.end(thrown);
    this.sendStatus(failure);
  }

  sendMetadata(metadata: Metadata): void {
    this.#call.sendMetadata(metadata);
  }

  sendMessage(message: unknown, callback: () => void): void {
    this.#call.sendMessage(message, callback);
  }

  sendStatus(sent: Parameters<ServerInterceptingCallInterface["sendStatus"]>[0]): void {
    this.#call.sendStatus(sent);
  }

  startRead(): void {
    this.#call.startRead();
  }

  getPeer(): string {
    return this.#call.getPeer();
  }

  getDeadline(): ReturnType<ServerInterceptingCallInterface["getDeadline"]> {
    return this.#call.getDeadline();
  }

  getHost(): string {
    return this.#call.getHost();
  }

  getAuthContext(): ReturnType<ServerInterceptingCallInterface["getAuthContext"]> {
    return this.#call.getAuthContext();
  }

  getConnectionInfo(): ReturnType<ServerInterceptingCallInterface["getConnectionInfo"]> {
    return this.#call.getConnectionInfo();
  }

  getMetricsRecorder(): ReturnType<ServerInterceptingCallInterface["getMetricsRecorder"]> {
    return this.#call.getMetricsRecorder();
  }
}
