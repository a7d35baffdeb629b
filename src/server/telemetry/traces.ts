import { context, propagation, ProxyTracerProvider, SpanKind, SpanStatusCode, trace, type Attributes, type Context, type Span, type TextMapGetter, type Tracer } from "@opentelemetry/api";
import type { Metadata } from "@grpc/grpc-js";

/** What the API hands out until a program registers a provider of its own. */
const none = new ProxyTracerProvider().getDelegate();

const fromMetadata: TextMapGetter<Metadata> = {
  keys: (metadata) => Object.keys(metadata.getMap()),
  get: (metadata, key) => {
    const values = metadata.get(key).filter((value) => typeof value === "string");
    return values.length === 0 ? undefined : values;
  },
};

/** The span of one call, and the context to run it in. */
export class CallSpan {
  readonly #span: Span;
  readonly #context: Context;

  constructor(span: Span, parent: Context) {
    this.#span = span;
    this.#context = trace.setSpan(parent, span);
  }

  run<T>(body: () => T): T {
    return context.with(this.#context, body);
  }

  /** @param code `ok`, or an error's code. Attributes never hold what was asked. */
  end(code: string, requestId: string): void {
    this.#span.setAttribute("usher.code", code);
    this.#span.setAttribute("usher.request_id", requestId);
    if (code !== "ok") this.#span.setStatus({ code: SpanStatusCode.ERROR, message: code });
    this.#span.end();
  }
}

/**
 * Spans through OpenTelemetry's API: whoever embeds the server and registers a provider gets them, and who does not pays one
 * comparison a call. The caller's trace is taken from the metadata by the propagator that is registered.
 */
export class Traces {
  readonly #tracer: Tracer = trace.getTracer("usherdb");

  /** @param path `/usher.v1.PermissionService/Check`, or `POST /access/v1/evaluation` */
  begin(path: string, metadata: Metadata): CallSpan | undefined {
    const provider = trace.getTracerProvider();
    if (provider instanceof ProxyTracerProvider && provider.getDelegate() === none) return undefined;
    const parent = propagation.extract(context.active(), metadata, fromMetadata);
    const span = this.#tracer.startSpan(path.replace(/^\//, ""), { kind: SpanKind.SERVER, attributes: attributesOf(path) }, parent);
    return new CallSpan(span, parent);
  }
}

function attributesOf(path: string): Attributes {
  const [, service, rpc] = /^\/([^/]+)\/(.+)$/.exec(path) ?? [];
  if (service !== undefined && rpc !== undefined) return { "rpc.system": "grpc", "rpc.service": service, "rpc.method": rpc };
  const [method = "", route = ""] = path.split(" ");
  return { "http.request.method": method, "http.route": route };
}
