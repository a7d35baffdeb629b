import assert from "node:assert/strict";
import { EventEmitter } from "node:events";

import { Metadata } from "@grpc/grpc-js";

import { UsherError } from "../../src/base/errors.js";
import { Cancellation, IncomingCall } from "../../src/server/incoming.js";

/** What grpc-js says of a call. */
class SpokenCall extends EventEmitter {
  readonly #deadline: number;

  constructor(deadline = Infinity) {
    super();
    this.#deadline = deadline;
  }

  getDeadline(): number {
    return this.#deadline;
  }
}

function cancellationOf(call: SpokenCall): Cancellation {
  return new Cancellation(call as unknown as ConstructorParameters<typeof Cancellation>[0]);
}

function codeOf(reason: unknown): string | undefined {
  return reason instanceof UsherError ? reason.code : undefined;
}

describe("the end of a call before its answer", () => {
  it("aborts the signal, whether it was asked for before or after", () => {
    for (const early of [true, false]) {
      const call = new SpokenCall();
      const cancellation = cancellationOf(call);
      if (early) assert.equal(cancellation.signal.aborted, false);
      call.emit("cancelled");
      assert.equal(cancellation.aborted, true);
      assert.equal(cancellation.signal.aborted, true);
      assert.equal(codeOf(cancellation.signal.reason), "cancelled");
      assert.equal(cancellation.signal, cancellation.signal);
      assert.throws(() => cancellation.throwIfAborted(), cancellation.reason as UsherError);
    }
  });

  it("is the deadline's, where that has passed", () => {
    const call = new SpokenCall(Date.now() - 1);
    const cancellation = cancellationOf(call);
    call.emit("cancelled");
    assert.equal(codeOf(cancellation.reason), "deadline_exceeded");
  });

  it("has one reason, the first", () => {
    const call = new SpokenCall();
    const cancellation = cancellationOf(call);
    cancellation.abort(new UsherError("unauthenticated", "the key was revoked"));
    call.emit("cancelled");
    assert.equal(codeOf(cancellation.reason), "unauthenticated");
    assert.equal(codeOf(cancellation.signal.reason), "unauthenticated");
  });

  it("is none once it has been answered", () => {
    const call = new SpokenCall();
    const cancellation = cancellationOf(call);
    const { signal } = cancellation;
    cancellation.release();
    call.emit("cancelled");
    assert.equal(signal.aborted, false);
    cancellation.throwIfAborted();
  });

  it("is told to the service with who calls, and of which tenant", () => {
    const call = new SpokenCall();
    const cancellation = cancellationOf(call);
    const metadata = new Metadata();
    const release = () => undefined;
    const [named, unnamed] = [new IncomingCall({ principal: "p", tenant: "a", release }, cancellation, metadata, "r1"), new IncomingCall({ principal: "", release }, cancellation, metadata, "r2")];
    assert.deepEqual([named.principal, named.tenant, named.requestId, named.aborted], ["p", "a", "r1", false]);
    for (const absent of ["tenant", "actor", "session"]) assert.equal(absent in unnamed, false);
    assert.equal(unnamed.traceId, undefined);
    call.emit("cancelled");
    assert.deepEqual([named.aborted, named.signal.aborted], [true, true]);
  });
});
