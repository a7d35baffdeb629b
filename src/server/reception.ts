import type { Metadata } from "@grpc/grpc-js";

import { UsherError } from "../base/errors.js";
import type { WriteTuplesRequest } from "../model/service.js";
import type { Role } from "../model/role.js";
import type { Converter } from "../model/wire/methods.js";
import type { Caller } from "./access/access.js";
import type { Gate } from "./access/gate.js";
import type { Admission, CallClass } from "./admission.js";
import { classOf, classOfWrite } from "./admission.js";
import type { Failing } from "./failure.js";
import type { ServerObserver } from "./telemetry/observer.js";
import { requestIdOf } from "./telemetry/request-id.js";
import type { CallSpan, Traces } from "./telemetry/traces.js";
import { Uploads } from "./uploads.js";

const packagePrefix = "/usher.v1.";

/** What the reception needs to know of an rpc, or of a route over HTTP. */
export interface Rpc extends Failing {
  /** `/usher.v1.PermissionService/Check`; of a route `POST /access/v1/evaluation`. */
  readonly path: string;
  readonly role: Role;
  readonly writes: boolean;
  /** What its calls are worth under overload, or how that is seen in a request; absent: `classOf` says. */
  readonly callClass?: CallClass | ((request: unknown) => CallClass);
}

/** An rpc as handlers need it: what it is asked is read, and what it answers is written. */
export interface ServedMethod<Request, Response> extends Rpc {
  readonly request: Pick<Converter<Request>, "decode">;
  readonly response: Pick<Converter<Response>, "encode">;
}

/** What all calls of an rpc have in common. */
interface Kind {
  /** `PermissionService/Check`; of what is not our own the path, `envoy.service.auth.v3.Authorization/Check`, `POST /access/v1/evaluation`. */
  readonly method: string;
  readonly streams: boolean;
  /** Where the request decides, how. */
  readonly callClass: CallClass | ((request: unknown) => CallClass);
}

/**
 * Where every call comes in and goes out: it gets its id and its span, is let in or refused, and is counted when it ends.
 */
export class Reception {
  readonly observer: ServerObserver;
  /** Who calls is asked there, before anything else of the call is looked at. */
  readonly gate: Gate;
  readonly uploads = new Uploads();
  readonly #admission: Admission;
  readonly #traces: Traces;
  readonly #kinds = new Map<Rpc, Kind>();

  constructor(observer: ServerObserver, gate: Gate, admission: Admission, traces: Traces) {
    this.observer = observer;
    this.gate = gate;
    this.#admission = admission;
    this.#traces = traces;
  }

  begin(rpc: Rpc, metadata: Metadata, streams: boolean): Visit {
    const kind = this.#kinds.get(rpc) ?? this.#meet(rpc, streams);
    this.observer.onBegin(kind.method, streams);
    return new Visit(rpc, kind, requestIdOf(metadata), this, this.#admission, this.#traces.begin(rpc.path, metadata));
  }

  #meet(rpc: Rpc, streams: boolean): Kind {
    const method = rpc.path.startsWith(packagePrefix) ? rpc.path.slice(packagePrefix.length) : rpc.path.replace(/^\//, "");
    const kind = { method, streams, callClass: rpc.callClass ?? classOf(rpc, streams) ?? ((request: unknown) => classOfWrite(request as WriteTuplesRequest)) };
    this.#kinds.set(rpc, kind);
    return kind;
  }
}

/** One call from its arrival to its end. */
export class Visit {
  readonly requestId: string;
  readonly #rpc: Rpc;
  readonly #kind: Kind;
  readonly #reception: Reception;
  readonly #admission: Admission;
  readonly #span: CallSpan | undefined;
  readonly #start = performance.now();
  #admitted: CallClass | undefined;

  constructor(rpc: Rpc, kind: Kind, requestId: string, reception: Reception, admission: Admission, span: CallSpan | undefined) {
    this.#rpc = rpc;
    this.#kind = kind;
    this.requestId = requestId;
    this.#reception = reception;
    this.#admission = admission;
    this.#span = span;
  }

  /**
   * Lets the call in and decodes its request; the other way round where the class is seen in the request alone.
   * @throws `quota_exceeded`, `overloaded`, and what `decode` throws
   */
  admit<Request>(caller: Caller, decode: () => Request): Request {
    const { callClass } = this.#kind;
    if (typeof callClass === "string") {
      this.#enter(caller, callClass);
      return decode();
    }
    const request = decode();
    this.#enter(caller, callClass(request));
    return request;
  }

  /** Runs the body as part of the call's trace. */
  run<T>(body: () => T): T {
    return this.#span === undefined ? body() : this.#span.run(body);
  }

  /** @param thrown what ended it otherwise than well */
  end(thrown?: unknown): void {
    if (this.#admitted !== undefined) this.#admission.leave(this.#admitted);
    const code = thrown === undefined ? "ok" : thrown instanceof UsherError ? thrown.code : "internal";
    this.#span?.end(code, this.requestId);
    this.#reception.observer.onEnd({
      method: this.#kind.method,
      requestId: this.requestId,
      code,
      seconds: (performance.now() - this.#start) / 1_000,
      streams: this.#kind.streams,
      thrown,
    });
  }

  #enter(caller: Caller, callClass: CallClass): void {
    this.#reception.gate.charge(caller, this.#rpc, callClass);
    try {
      this.#admission.enter(callClass);
    } catch (thrown) {
      this.#reception.observer.onShed(callClass);
      throw thrown;
    }
    this.#admitted = callClass;
  }
}
