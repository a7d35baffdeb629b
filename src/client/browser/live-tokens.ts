import { createHmac, timingSafeEqual } from "node:crypto";

import { z } from "zod";

import type { Clock, Instant } from "../../base/clock.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { formatObject, quote, type ObjectRef } from "../../model/object.js";
import { formatSubject, type SubjectRef } from "../../model/subject.js";
import { parseObject, parseSubject } from "../../model/tuple-text.js";
import { toQuestion } from "../guard/question.js";
import type { ObjectLike, SubjectLike } from "../references.js";

/** What a browser may hear of. */
export interface BrowserQuestion {
  readonly object: ObjectLike;
  readonly permission: string;
}

/** A token as it was read. */
export interface LiveToken {
  readonly subject: SubjectRef;
  readonly questions: readonly { readonly object: ObjectRef; readonly permission: string }[];
  readonly exp: Instant;
  /** How long it is taken from now on, in milliseconds. */
  readonly remainingMs: number;
}

/** What is signed is set apart from whatever else the program may sign with the same secret. */
const purpose = "usher-live-1.";

const payloadShape = z.object({
  subject: z.string(),
  questions: z.array(z.object({ object: z.string(), permission: z.string() })),
  exp: z.number(),
});

/**
 * Short-lived tokens with which a browser hears of its own user's permissions, and does nothing else: no key leaves the service, and what may be
 * heard of is signed. A token is not secret from its user.
 *
 *     {"subject":"user:ana","questions":[{"object":"node:n1","permission":"restart"}],"exp":1700000060000}
 *     → base64url(that) "." base64url(HMAC-SHA-256(secret, "usher-live-1." base64url(that)))
 */
export class LiveTokens {
  readonly #secret: Buffer;
  readonly #clock: Clock;

  /**
   * @param secret 32 random bytes or more, the same in every process of the service
   * @throws `invalid_configuration` for a shorter one
   */
  constructor(secret: string | Uint8Array, clock: Clock = { now: () => Date.now() }) {
    this.#secret = Buffer.from(secret as Uint8Array);
    this.#clock = clock;
    if (this.#secret.length >= limits.browserSecretBytesMin) return;
    throw new UsherError("invalid_configuration", `the secret of live tokens has ${this.#secret.length} bytes: give ${limits.browserSecretBytesMin} random bytes or more`);
  }

  /**
   * For a user whom the service has authenticated.
   * @throws `invalid_request` for what is out of bounds, `invalid_id`, `invalid_name`, `request_too_large`
   */
  issue(subject: SubjectLike, questions: readonly BrowserQuestion[], { ttlMs = limits.browserTokenMsDefault }: { readonly ttlMs?: number } = {}): string {
    if (!Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > limits.browserTokenMsMax) {
      throw new UsherError("invalid_request", `\`ttlMs\` is ${quote(ttlMs)}: it must be a whole number from 1 to ${limits.browserTokenMsMax}`);
    }
    if (questions.length < 1 || questions.length > limits.browserQuestionsMax) {
      throw new UsherError("invalid_request", `the token is for ${questions.length} questions: it must be for 1 to ${limits.browserQuestionsMax}`);
    }
    const checked = new Map(questions.map(({ object, permission }) => toQuestion(object, permission, subject, {})).map(({ key, question }) => [key, question]));
    const asked = [...checked.values()];
    const payload = {
      subject: formatSubject((asked[0] as { subject: SubjectRef }).subject),
      questions: asked.map(({ object, permission }) => ({ object: formatObject(object), permission })),
      exp: this.#clock.now() + ttlMs,
    };
    const body = Buffer.from(JSON.stringify(payload)).toString("base64url");
    const token = `${body}.${this.#sign(body)}`;
    if (token.length <= limits.browserTokenBytesMax) return token;
    throw new UsherError("request_too_large", `the token has ${token.length} bytes, more than ${limits.browserTokenBytesMax}: name fewer questions in it`);
  }

  /** @throws `unauthenticated` for what this service did not sign, or not for now */
  read(token: string): LiveToken {
    const now = this.#clock.now();
    const [body, signature, ...more] = token.length > limits.browserTokenBytesMax ? [] : token.split(".");
    if (!body || !signature || more.length > 0) throw new UsherError("unauthenticated", "the live token is malformed: give one that `LiveTokens.issue` made");
    // The texts are compared, not what they decode to: base64 writes some bytes in more than one way, and this takes only its own.
    const given = Buffer.from(signature);
    const expected = Buffer.from(this.#sign(body));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new UsherError("unauthenticated", "the live token was not signed with this service's secret: ask the service for another");
    }
    const { subject, questions, exp } = this.#payload(body);
    if (!(exp > now)) throw new UsherError("unauthenticated", "the live token has expired: ask the service for another");
    return {
      subject: parseSubject(subject),
      questions: questions.map(({ object, permission }) => ({ object: parseObject(object), permission })),
      exp,
      remainingMs: exp - now,
    };
  }

  #payload(body: string): z.infer<typeof payloadShape> {
    try {
      return payloadShape.parse(JSON.parse(Buffer.from(body, "base64url").toString()));
    } catch (cause) {
      throw new UsherError("unauthenticated", "the live token says nothing that can be read: give one that `LiveTokens.issue` made", { cause });
    }
  }

  #sign(body: string): string {
    return createHmac("sha256", this.#secret).update(purpose + body).digest("base64url");
  }
}
