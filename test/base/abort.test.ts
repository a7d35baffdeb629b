import assert from "node:assert/strict";
import { getEventListeners } from "node:events";

import { onAbort, throwIfEnded } from "../../src/base/abort.js";
import { UsherError } from "../../src/base/errors.js";

describe("listening to a signal's abort", () => {
  it("is one listener of the signal, however many listen, and none once they have ended", () => {
    const { signal } = new AbortController();
    const forget = Array.from({ length: 50 }, () => onAbort(signal, () => undefined));
    assert.equal(getEventListeners(signal, "abort").length, 1);
    for (const each of forget) each();
    assert.equal(getEventListeners(signal, "abort").length, 0);
    onAbort(signal, () => undefined);
    assert.equal(getEventListeners(signal, "abort").length, 1);
  });

  it("tells those who still listen, once each, and the same function as often as it was given", () => {
    const controller = new AbortController();
    const told: string[] = [];
    const tell = () => told.push("twice");
    onAbort(controller.signal, tell);
    onAbort(controller.signal, tell);
    const forget = onAbort(controller.signal, () => told.push("gone"));
    forget();
    forget();
    const leaving = onAbort(controller.signal, () => {
      told.push("leaves");
      leaving();
    });
    controller.abort();
    controller.abort();
    assert.deepEqual(told, ["twice", "twice", "leaves"]);
  });

  it("is nothing without a signal", () => {
    onAbort(undefined, () => assert.fail())();
  });
});

describe("a call that has ended", () => {
  const ended = (call: Parameters<typeof throwIfEnded>[0]) => assert.throws(() => throwIfEnded(call), (error) => error instanceof UsherError && error.code === "cancelled");

  it("says so by its signal, or without one being made", () => {
    ended({ signal: AbortSignal.abort() });
    ended({ signal: AbortSignal.abort(), aborted: true });
    throwIfEnded({});
    throwIfEnded({ signal: new AbortController().signal });
    throwIfEnded({ aborted: false, get signal(): AbortSignal { return assert.fail("nobody needs it"); } });
  });
});
