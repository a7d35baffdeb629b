import {
  ServerInterceptingCall,
  status,
  type Metadata,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerListener,
} from "@grpc/grpc-js";

import type { Guard } from "../guard.js";
import { admit, type Refusal, type Requirement } from "./admission.js";

/** A call of gRPC, before its handler has heard of it. */
export interface GrpcRequest {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly metadata: Metadata;
  /** The request, where a method takes one. A stream of requests is let in before its first, and has none here. */
  readonly message: unknown;
  /** Who called, by TLS, and from where. */
  readonly call: Pick<ServerInterceptingCallInterface, "getAuthContext" | "getHost" | "getPeer">;
}

export interface PermissionInterceptorOptions {
  /** Methods that need no permission, such as `/grpc.health.v1.Health/Check`. All others do. */
  readonly open?: readonly string[];
}

/**
 * For servers of `@grpc/grpc-js`: lets a call through to its handler while its permission holds. It is refused, or ended, with `PERMISSION_DENIED`, or
 * with `UNAVAILABLE` where nobody can say whether it may. A handler hears of that as of a call that its client has cancelled.
 *
 *     const server = new Server({ interceptors: [permissionInterceptor(guard, ({ metadata, message }) => ({ object: nodeOf(message), permission: "view_logs", subject: userOf(metadata) }))] });
 */
export function permissionInterceptor(
  guard: Guard,
  requirement: (request: GrpcRequest) => Requirement | Promise<Requirement>,
  { open = [] }: PermissionInterceptorOptions = {},
): ServerInterceptor {
  const isOpen = new Set(open);
  return ({ path, requestStream }, call) => {
    if (isOpen.has(path)) return new ServerInterceptingCall(call);
    const ask = (metadata: Metadata, message: unknown) => requirement({ path, metadata, message, call });
    return new GuardedCall(call, requestStream, (guarded, metadata, message) => admit(guard, () => ask(metadata, message), guarded));
  };
}

type Admission = (call: GuardedCall, metadata: Metadata, message: unknown) => Promise<Refusal | undefined>;
type CallListener = Parameters<ServerInterceptingCallInterface["start"]>[0];

/** One call. Once it has ended, nothing passes in either direction. */
class GuardedCall extends ServerInterceptingCall {
  readonly #call: ServerInterceptingCallInterface;
  readonly #over = new AbortController();
  #cancel: () => void = () => undefined;
  #ended = false;

  constructor(call: ServerInterceptingCallInterface, requestStream: boolean, admission: Admission) {
    super(call, { start: (next) => next(this.#listener(requestStream, admission)) });
    this.#call = call;
  }

  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** One message at most is on its way to the client then, since a stream waits for each to have left: that may still arrive. */
  readonly end = ({ status: refused, code }: Refusal): void => {
    if (this.#ended) return;
    this.#ended = true;
    this.#call.sendStatus({ code: refused === 403 ? status.PERMISSION_DENIED : status.UNAVAILABLE, details: code });
    this.#cancel();
  };

  override start(listener: CallListener): void {
    let cancelled = false;
    this.#cancel = () => {
      if (cancelled) return;
      cancelled = true;
      listener.onCancel();
    };
    super.start({
      onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
      onReceiveMessage: (message) => listener.onReceiveMessage(message),
      onReceiveHalfClose: () => listener.onReceiveHalfClose(),
      onCancel: () => this.#cancel(),
    });
  }

  override sendMetadata(metadata: Metadata): void {
    if (!this.#ended) super.sendMetadata(metadata);
  }

  override sendMessage(message: unknown, sent: () => void): void {
    if (!this.#ended) super.sendMessage(message, sent);
  }

  override sendStatus(answer: Parameters<ServerInterceptingCallInterface["sendStatus"]>[0]): void {
    if (!this.#ended) super.sendStatus(answer);
  }

  /** A handler of one request is called with it, a handler of a stream with the metadata: that is kept back until it is let in. */
  #listener(requestStream: boolean, admission: Admission): ServerListener {
    let received: Metadata;
    let admitted = false;
    const letIn = async (message: unknown, next: () => void) => {
      const refusal = await admission(this, received, message);
      admitted = refusal === undefined;
      if (refusal !== undefined) return this.end(refusal);
      if (!this.#ended) next();
    };
    return {
      onReceiveMetadata: (metadata, next) => {
        received = metadata;
        if (requestStream) void letIn(undefined, () => next(metadata));
        else next(metadata);
      },
      onReceiveMessage: (message, next) => {
        if (this.#ended) return;
        if (requestStream || admitted) next(message);
        else void letIn(message, () => next(message));
      },
      onReceiveHalfClose: (next) => {
        if (!this.#ended) next();
      },
      onCancel: () => this.#over.abort(),
    };
  }
}
