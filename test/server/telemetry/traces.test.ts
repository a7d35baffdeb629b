import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";

import {
  context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags,
  type Attributes, type Context, type ContextManager, type Span, type SpanContext, type SpanOptions, type SpanStatus, type TextMapPropagator, type Tracer,
} from "@opentelemetry/api";

import { UsherError } from "../../../src/base/errors.js";
import type { CheckRequest } from "../../../src/model/service.js";
import { methods } from "../../../src/model/wire/methods.js";
import { serve, type Server } from "../../../src/server/server.js";
import { Traces } from "../../../src/server/telemetry/traces.js";
import { Metadata } from "@grpc/grpc-js";
import { Desk } from "../desk.js";
import { eventually, Wire } from "../wire.js";

const check: CheckRequest = { object: { type: "doc", id: "s3cret" }, permission: "view", subject: { type: "user", id: "s3cret", relation: "" } };
const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentId = "b7ad6b7169203331";

interface Recorded {
  readonly name: string;
  readonly kind: SpanKind | undefined;
  readonly attributes: Attributes;
  readonly parent: SpanContext | undefined;
  status?: SpanStatus;
  ended: boolean;
}

/** A provider as a program registers one, in so far as the API asks for it. */
class Recorder {
  readonly spans: Recorded[] = [];

  getTracer(): Tracer {
    const startSpan = (name: string, options: SpanOptions = {}, parent: Context = ROOT_CONTEXT) => this.#start(name, options, parent);
    return { startSpan, startActiveSpan: () => assert.fail("is not used") };
  }

  #start(name: string, { kind, attributes = {} }: SpanOptions, parent: Context): Span {
    const recorded: Recorded = { name, kind, attributes: { ...attributes }, parent: trace.getSpanContext(parent), ended: false };
    this.spans.push(recorded);
    const spanContext = { traceId, spanId: String(this.spans.length).padStart(16, "0"), traceFlags: TraceFlags.SAMPLED };
    const span: Span = {
      ...trace.wrapSpanContext(spanContext),
      spanContext: () => spanContext,
      setAttribute: (key, value) => {
        if (value !== undefined) recorded.attributes[key] = value;
        return span;
      },
      setAttributes: () => span, addEvent: () => span, addLink: () => span, addLinks: () => span, updateName: () => span,
      recordException: () => undefined, isRecording: () => true,
      setStatus: (status) => {
        recorded.status = status;
        return span;
      },
      end: () => void (recorded.ended = true),
    };
    return span;
  }
}

/** `00-<trace>-<span>-01`, as in W3C Trace Context. */
const w3c: TextMapPropagator = {
  fields: () => ["traceparent"],
  inject: () => undefined,
  extract: (at, carrier, getter) => {
    const [given] = [getter.get(carrier, "traceparent")].flat();
    const [, id, span] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(given ?? "") ?? [];
    return id === undefined || span === undefined ? at : trace.setSpanContext(at, { traceId: id, spanId: span, traceFlags: TraceFlags.SAMPLED, isRemote: true });
  },
};

function contextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (at, body, self, ...args) => storage.run(at, () => body.apply(self, args)),
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}

describe("traces", () => {
  it("are none while no provider is registered", () => {
    assert.equal(new Traces().begin("PermissionService/Check", new Metadata()), undefined);
  });

  describe("with a provider", () => {
    let recorder: Recorder;
    let desk: Desk;
    let server: Server;
    let wire: Wire;

    beforeEach(async () => {
      recorder = new Recorder();
      trace.setGlobalTracerProvider(recorder);
      propagation.setGlobalPropagator(w3c);
      context.setGlobalContextManager(contextManager());
      desk = new Desk();
      server = await serve(desk, { address: "127.0.0.1:0", onError: () => undefined });
      wire = new Wire(server.address);
    });
    afterEach(async () => {
      wire.close();
      await server.close(100);
      for (const api of [trace, propagation, context]) api.disable();
    });

    it("have a span a call, in the caller's trace, in whose context the work is done", async () => {
      let inside: SpanContext | undefined;
      desk.answer("check", async () => {
        await Promise.resolve();
        inside = trace.getSpanContext(context.active());
        return { allowed: true, missingFields: [], zookie: "z", instant: 1 };
      });
      await wire.call(methods.check.path, methods.check.request.encode(check), { traceparent: `00-${traceId}-${parentId}-01`, "x-request-id": "r1" });
      await eventually(() => assert.equal(recorder.spans[0]?.ended, true));
      const [span] = recorder.spans;
      assert.deepEqual([span?.name, span?.kind, span?.parent?.traceId, span?.parent?.spanId], ["usher.v1.PermissionService/Check", SpanKind.SERVER, traceId, parentId]);
      assert.deepEqual(span?.attributes, { "rpc.system": "grpc", "rpc.service": "usher.v1.PermissionService", "rpc.method": "Check", "usher.code": "ok", "usher.request_id": "r1" });
      assert.equal(inside?.spanId, "1".padStart(16, "0"));
    });

    it("name a route over HTTP by its template", () => {
      new Traces().begin("POST /stores/:store/check", new Metadata())?.end("ok", "r1");
      const [span] = recorder.spans;
      assert.deepEqual([span?.name, span?.attributes["http.request.method"], span?.attributes["http.route"]], ["POST /stores/:store/check", "POST", "/stores/:store/check"]);
    });

    it("say by its code that a call failed, and nothing of what was asked", async () => {
      desk.answer("check", async () => {
        throw new UsherError("tuple_exists", "tuple `doc:s3cret` stands");
      });
      await wire.call(methods.check.path, methods.check.request.encode(check));
      await eventually(() => assert.equal(recorder.spans[0]?.ended, true));
      assert.deepEqual(recorder.spans[0]?.status, { code: SpanStatusCode.ERROR, message: "tuple_exists" });
      assert.equal(recorder.spans[0]?.parent, undefined);
      assert.ok(!JSON.stringify(recorder.spans).includes("s3cret"));
    });

    it("begin anew where the caller's trace cannot be read", async () => {
      desk.answer("check", async () => ({ allowed: true, missingFields: [], zookie: "z", instant: 1 }));
      await wire.call(methods.check.path, methods.check.request.encode(check), { traceparent: "nonsense" });
      assert.equal(recorder.spans[0]?.parent, undefined);
    });
  });
});
