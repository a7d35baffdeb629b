import assert from "node:assert/strict";

import { UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { ProtoCodec } from "../../../src/base/proto.js";
import type { Hold, LiveRequest, LiveResponse } from "../../../src/model/live.js";
import { methods } from "../../../src/model/wire/methods.js";

const { request, response } = methods.live;
const requestCodec = new ProtoCodec<object>("usher.v1.LiveRequest");
const responseCodec = new ProtoCodec<object>("usher.v1.LiveResponse");

const hold: Hold = { id: 1, object: { type: "doc", id: "1" }, permission: "view", subject: { type: "user", id: "ana", relation: "" } };
const instant = { seconds: 1, nanos: 0 };

const carried = (asked: LiveRequest) => request.decode(request.encode(asked));
const told = (answered: LiveResponse) => response.decode(response.encode(answered));
const has = (code: string, words = /./) => (error: unknown) => error instanceof UsherError && error.code === code && words.test(error.message);

describe("live streams on the wire", () => {
  it("carry as many holds and releases as a message may have, and no more", () => {
    const max = limits.holdsPerMessageMax;
    const holds = Array.from({ length: max }, (_, i) => ({ ...hold, id: i + 1 }));
    assert.deepEqual(carried({ kind: "hold", holds }), { kind: "hold", holds });
    assert.throws(() => request.encode({ kind: "hold", holds: [...holds, hold] }), has("request_too_large", /`holds` has 10001 entries/));
    const ids = holds.map(({ id }) => id);
    assert.deepEqual(carried({ kind: "release", ids }), { kind: "release", ids });
    assert.throws(() => request.encode({ kind: "release", ids: [...ids, 1] }), has("request_too_large"));
  });

  it("refuse what a field cannot hold", () => {
    for (const id of [-1, 0.5, 2 ** 32, Number.NaN]) {
      assert.throws(() => request.encode({ kind: "hold", holds: [hold, { ...hold, id }] }), has("invalid_request", /`holds\[1\]`/));
      assert.throws(() => request.encode({ kind: "release", ids: [id] }), has("invalid_request"));
    }
    assert.deepEqual(carried({ kind: "release", ids: [2 ** 32 - 1] }), { kind: "release", ids: [2 ** 32 - 1] });
    assert.throws(() => request.encode({ kind: "open", leaseMs: -1 }), has("invalid_request"));
    assert.throws(() => request.encode({ kind: "ping", nonce: "\ud800" }), has("invalid_request"));
    assert.throws(() => request.encode({ kind: "else" } as never), has("invalid_request"));
    assert.throws(() => request.encode({ kind: "hold", holds: [{ ...hold, last: "else" as never }] }), has("invalid_request"));
  });

  it("keep an empty context, and one that is set apart from one that is not", () => {
    const holds = [{ ...hold, context: {} }, { ...hold, id: 2 }];
    assert.deepEqual(carried({ kind: "hold", holds }), { kind: "hold", holds });
    assert.deepEqual(carried({ kind: "setContext", name: "c", context: {} }), { kind: "setContext", name: "c", context: {} });
  });

  it("leave it to where a hold is taken to refuse it by itself", () => {
    const wrong = { ...hold, object: { type: "a b", id: "" }, permission: "", subject: { type: "user", id: "x#member", relation: "1x" } };
    assert.deepEqual(carried({ kind: "hold", holds: [wrong, hold] }), { kind: "hold", holds: [wrong, hold] });
    const absent = request.decode(requestCodec.encode({ hold: { holds: [{ id: 0 }] } }));
    assert.deepEqual(absent, { kind: "hold", holds: [{ id: 0, object: { type: "", id: "" }, permission: "", subject: { type: "", id: "", relation: "" } }] });
  });

  it("refuse a message of no kind, and one of two", () => {
    assert.throws(() => request.decode(Buffer.alloc(0)), has("invalid_request", /no kind that is known: give one of `open`, `hold`/));
    assert.throws(() => request.decode(Buffer.from([15 << 3, 1])), has("invalid_request", /no kind/));
    assert.throws(() => request.decode(Buffer.concat([request.encode({ kind: "ping", nonce: "n" }), request.encode({ kind: "acknowledge", zookie: "z" })])), has("invalid_request", /two kinds/));
    assert.throws(() => response.decode(Buffer.alloc(0)), has("internal", /no kind/));
  });

  it("never make an answer of what has none", () => {
    const empty = response.decode(responseCodec.encode({ states: { zookie: "z", instant, states: [{}] } }));
    assert.deepEqual(empty, { kind: "states", zookie: "z", instant: 1_000, states: [{ id: 0, allowed: false, missingFields: [] }] });
    const broken = [
      { states: { zookie: "z", instant, states: [{ allowed: true, id: 1, error: { code: "depth_exceeded", message: "m" } }] } },
      { states: { zookie: "z", states: [{ id: 1 }] } },
      { flips: { zookie: "z", instant, flips: [{ cause: 0 }], causes: [{ kind: 1 }] } },
      { flips: { zookie: "z", instant, flips: [{ state: { id: 1 } }] } },
      { flips: { zookie: "z", instant, flips: [{ state: { id: 1 }, cause: 1 }], causes: [{ kind: 1 }] } },
      { flips: { zookie: "z", instant, flips: [{ state: { id: 1 } }], causes: [{}] } },
      { flips: { zookie: "z", instant, flips: [{ state: { id: 1 } }], causes: [{ kind: 99 }] } },
    ];
    for (const each of broken) assert.throws(() => response.decode(responseCodec.encode(each)), has("internal"), JSON.stringify(each));
  });

  it("send what ended many answers once, and tell each of it", () => {
    const metadata = { why: "w".repeat(limits.metadataBytesMax - 10) };
    const causes = [{ kind: "tuple", zookie: "y", metadata }, { kind: "tuple", zookie: "x" }, { kind: "time" }] as const;
    const flips = Array.from({ length: limits.liveMessageStatesMax }, (_, i) => ({ id: i + 1, allowed: false, missingFields: [], cause: causes[i % 3] ?? assert.fail() }));
    const message: LiveResponse = { kind: "flips", zookie: "z", instant: 5, flips };
    assert.ok(response.encode(message).length < 2 * limits.metadataBytesMax + 32 * flips.length);
    assert.deepEqual(told(message), message);
    const apart: LiveResponse = { ...message, flips: [{ ...flips[0] ?? assert.fail(), cause: { ...causes[0], metadata: { why: "else" } } }, ...flips] };
    assert.deepEqual(told(apart), apart, "the same commit with other metadata is none");
  });

  it("take a code that this side does not know for a bug, which denies as well", () => {
    const error = { code: "of_tomorrow", message: "m" };
    const states = response.decode(responseCodec.encode({ states: { zookie: "z", instant, states: [{ id: 1, error }] } }));
    assert.deepEqual(states, { kind: "states", zookie: "z", instant: 1_000, states: [{ id: 1, allowed: false, missingFields: [], error: { code: "internal", message: "m" } }] });
    assert.deepEqual(response.decode(responseCodec.encode({ refused: { refused: [{ id: 1, ...error }] } })), { kind: "refused", refused: [{ id: 1, code: "internal", message: "m" }] });
  });

  it("say of a validity rather less than more", () => {
    const state = { id: 1, allowed: true, missingFields: [] };
    for (const [given, expected] of [[1.9, 1], [-5, 0], [1e12, 0xffff_ffff]] as const) {
      assert.deepEqual(told({ kind: "states", zookie: "z", instant: 5, states: [{ ...state, validForMs: given }] }), { kind: "states", zookie: "z", instant: 5, states: [{ ...state, validForMs: expected }] });
    }
  });

  it("carry what a write waits for, 0 too, and what came of it", () => {
    const { writeTuples } = methods;
    for (const awaitEnforcementMs of [0, limits.awaitEnforcementMsMax]) {
      assert.deepEqual(writeTuples.request.decode(writeTuples.request.encode({ operations: [], awaitEnforcementMs })), { operations: [], awaitEnforcementMs });
    }
    assert.throws(() => writeTuples.request.encode({ operations: [], awaitEnforcementMs: 0.5 }), has("invalid_request", /await_enforcement_ms/));
    const none = { zookie: "z", changed: 1, enforcement: { affected: 0, acknowledged: 0, lapsed: 0, pending: 0 } };
    assert.deepEqual(writeTuples.response.decode(writeTuples.response.encode(none)), none, "nobody was affected, which is told");
  });
});
