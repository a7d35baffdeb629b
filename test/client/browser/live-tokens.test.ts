import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

import { UsherError, type ErrorCode } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { LiveTokens } from "../../../src/client/browser/live-tokens.js";

const secret = "0123456789abcdef0123456789abcdef";
const question = { object: "node:n1", permission: "restart" };

const is = (code: ErrorCode, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UsherError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  return true;
};

function setUp() {
  const clock = { at: 1_700_000_000_000, now: () => clock.at };
  return { clock, tokens: new LiveTokens(secret, clock) };
}

describe("live tokens", () => {
  it("say who may hear of what, until when", () => {
    const { clock, tokens } = setUp();
    const token = tokens.issue("user:ana", [question, { object: { type: "node", id: "a/b:c" }, permission: "read" }, question]);
    clock.at += 10_000;
    assert.deepEqual(tokens.read(token), {
      subject: { type: "user", id: "ana", relation: "" },
      questions: [{ object: { type: "node", id: "n1" }, permission: "restart" }, { object: { type: "node", id: "a/b:c" }, permission: "read" }],
      exp: 1_700_000_060_000,
      remainingMs: 50_000,
    });
  });

  it("end in the millisecond in which they expire", () => {
    const { clock, tokens } = setUp();
    const token = tokens.issue("user:ana", [question], { ttlMs: 1_000 });
    clock.at += 999;
    assert.equal(tokens.read(token).remainingMs, 1);
    clock.at += 1;
    assert.throws(() => tokens.read(token), is("unauthenticated", /has expired/));
  });

  it("are refused with any one bit changed", () => {
    const { tokens } = setUp();
    const bytes = Buffer.from(tokens.issue("user:ana", [question]));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.throws(() => tokens.read(changed.toString("latin1")), is("unauthenticated", /malformed|not signed/), `bit ${bit}`);
    }
  });

  it("are refused cut short, made longer, empty, and signed by others or for another purpose", () => {
    const { clock, tokens } = setUp();
    const token = tokens.issue("user:ana", [question]);
    const [body = "", signature = ""] = token.split(".");
    const bare = createHmac("sha256", secret).update(body).digest("base64url");
    for (const wrong of ["", ".", "a", `${body}.`, `.${signature}`, `${token}.x`, `${token}=`, `${token} `, token.slice(0, -1), `${body}.${bare}`, "a".repeat(limits.browserTokenBytesMax + 1)]) {
      assert.throws(() => tokens.read(wrong), is("unauthenticated", /malformed|not signed/), wrong.slice(0, 50));
    }
    const others = new LiveTokens(`${secret}!`, clock);
    assert.throws(() => others.read(token), is("unauthenticated", /not signed/));
  });

  it("are refused with a payload that is no payload, though it is signed", () => {
    const { tokens } = setUp();
    for (const payload of ["", "{", "null", "{}", '{"subject":"user:ana","questions":[],"exp":"9"}']) {
      const body = Buffer.from(payload).toString("base64url");
      const signature = createHmac("sha256", secret).update(`usher-live-1.${body}`).digest("base64url");
      assert.throws(() => tokens.read(`${body}.${signature}`), is("unauthenticated", /malformed|nothing that can be read/), payload);
    }
  });

  it("keep to their bounds", () => {
    const { tokens } = setUp();
    const questions = (count: number) => Array.from({ length: count }, (_, i) => ({ object: `n:${i}`, permission: "p" }));
    assert.equal(tokens.read(tokens.issue("user:ana", questions(limits.browserQuestionsMax))).questions.length, limits.browserQuestionsMax);
    assert.throws(() => tokens.issue("user:ana", questions(limits.browserQuestionsMax + 1)), is("invalid_request", /101 questions/));
    assert.throws(() => tokens.issue("user:ana", []), is("invalid_request", /0 questions/));
    assert.equal(tokens.read(tokens.issue("user:ana", [question])).remainingMs, limits.browserTokenMsDefault);
    assert.equal(tokens.read(tokens.issue("user:ana", [question], { ttlMs: limits.browserTokenMsMax })).remainingMs, limits.browserTokenMsMax);
    for (const ttlMs of [0, -1, 1.5, Number.NaN, limits.browserTokenMsMax + 1]) {
      assert.throws(() => tokens.issue("user:ana", [question], { ttlMs }), is("invalid_request", /`ttlMs`/));
    }
    const long = questions(20).map(({ object, permission }) => ({ object: object + "x".repeat(500), permission }));
    assert.throws(() => tokens.issue("user:ana", long), is("request_too_large", /fewer questions/));
    assert.throws(() => new LiveTokens(secret.slice(1)), is("invalid_configuration", /31 bytes/));
  });

  it("name no wildcard, and nothing that is no reference", () => {
    const { tokens } = setUp();
    assert.throws(() => tokens.issue("user:*", [question]), is("invalid_request", /wildcard/));
    assert.throws(() => tokens.issue("user", [question]), UsherError);
    assert.throws(() => tokens.issue({ type: "user", id: "ana#member" }, [question]), is("invalid_id", /ana#member/));
    assert.throws(() => tokens.issue("user:ana", [{ object: "node:n1", permission: "Re start" }]), is("invalid_name", /Re start/));
  });
});
