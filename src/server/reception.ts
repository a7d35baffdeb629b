import type { Metadata } from "@grpc/grpc-js";

import { UsherError } from "../base/errors.js";
import type { WriteTuplesRequest } from "../model/service.js";
import type { Gate } from "./access/gate.js";
import type { Admission, CallClass } from "./admission.js";
import { classOf, classOfWrite } from "./admission.js";
import type { ServerObserver } from "./telemetry/observer.js";
import { requestIdOf } from "./telemetry/request-id.js";
import type { CallSpan, Traces } from "./telemetry/traces.js";

const packagePrefix = "/usher.v1.";

/** What the reception needs to know of an rpc. */
interface Rpc {
  readonly path: string;
  readonly writes: boolean;
}

/**
 * Where every call comes in and goes out: it gets its id and its span, is let in or refused, and is counted when it ends.
 */
export class Reception {
  readonly observer: ServerObserver;
  /** Who calls is asked there, before anything else of the call is looked at. */
  readonly gate: Gate;
  readonly #admission: Admission;
  readonly #traces: Traces;

  constructor(observer: ServerObserver, gate: Gate, admission: Admission, traces: Traces) {
    this.observer = observer;
    this.gate = gate;
    this.#admission = admission;
    this.#traces = traces;
  }

  begin(rpc: Rpc, metadata: Metadata, streams: boolean): Visit {
    const method = rpc.path.slice(packagePrefix.length);
    this.observer.onBegin(method, streams);
    return new Visit(method, streams, classOf(rpc, streams), requestIdOf(metadata), this.observer, this.#admission, this.#traces.begin(method, metadata));
  }
}

/** One call from its arrival to its end. */
export class Visit {
  readonly requestId: string;
  readonly #method: string;
  readonly #streams: boolean;
  readonly #observer: ServerObserver;
  readonly #admission: Admission;
  readonly #span: CallSpan | undefined;
  readonly #start = performance.now();
  /** Undefined: the request decides. */
  readonly #class: CallClass | undefined;
  #admitted: CallClass | undefined;

  constructor(method: string, streams: boolean, callClass: CallClass | undefined, requestId: string, observer: ServerObserver, admission: Admission, span: CallSpan | undefined) {
    this.#method = method;
    this.#streams = streams;
    this.#class = callClass;
    this.requestId = requestId;
    this.#observer = observer;
    this.#admission = admission;
    this.#span = span;
  }

  /** Lets the call in and decodes its request; the other way round where the class is seen in the request alone. @throws `overloaded`, and what `decode` throws */
  admit<Request>(decode: () => Request): Request {
    if (this.#class !== undefined) {
      this.#enter(this.#class);
      return decode();
    }
    const request = decode();
    this.#enter(classOfWrite(request as WriteTuplesRequest));
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
    this.#observer.onEnd({
      method: this.#method,
      requestId: this.requestId,
      code,
      seconds: (performance.now() - this.#start) / 1_000,
      streams: this.#streams,
      thrown,
    });
  }

  #enter(callClass: CallClass): void {
    try {
      this.#admission.enter(callClass);
    } catch (thrown) {
      this.#observer.onShed(callClass);
      throw thrown;
    }
    this.#admitted = callClass;
  }
}
