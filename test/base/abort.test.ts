import assert from "node:assert/strict";
import { getEventListeners } from "node:events";

import { onAbort } from "../../src/base/abort.js";

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
