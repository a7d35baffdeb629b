import type { IncomingMessage, ServerResponse } from "node:http";

import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { formatObject, quote } from "../../model/object.js";
import { formatSubject } from "../../model/subject.js";
import type { Guard } from "../guard/guard.js";
import { machineGuardTime, type GuardTime } from "../guard/guard-time.js";
import type { LiveTokens } from "./live-tokens.js";
import { OpenStream, type StreamPort } from "./open-stream.js";
import type { StandingAnswer, StandingQuestion } from "./standing-answer.js";

export interface BrowserStreamOptions {
  /** For how long a browser trusts what it was told without hearing more; it adds to the guard's own lease. Default: 10 seconds. */
  readonly leaseMs?: number;
  /** For how long a stream goes on after its token has expired, while the browser fetches another. Default: 5 seconds. */
  readonly graceMs?: number;
  /** Streams at once. Default: 1,000. */
  readonly maxStreams?: number;
  /** Default: the machine's clocks and timers. */
  readonly time?: GuardTime;
}

/**
 * A handler of `node:http`, Express, or Fastify's raw request and response: streams to a browser whether its user is allowed what its token names,
 * and each change. The token is `Authorization: Bearer …` or `?token=…`, which stands in the logs of proxies: prefer the header.
 * @throws `invalid_request` for a bound out of bounds
 */
export function browserStream(guard: Guard, tokens: LiveTokens, options: BrowserStreamOptions = {}): (request: IncomingMessage, response: ServerResponse) => void {
  const streams = new BrowserStreams(guard, tokens, options);
  return (request, response) => void streams.answer(request, response);
}

/** The streams of one handler. They share one listener of each of the guard's events. */
class BrowserStreams {
  readonly #tokens: LiveTokens;
  readonly #port: StreamPort;
  readonly #max: number;
  readonly #streams = new Set<OpenStream>();
  readonly #answers = new Map<string, Set<StandingAnswer>>();

  constructor(guard: Guard, tokens: LiveTokens, options: BrowserStreamOptions) {
    this.#tokens = tokens;
    this.#max = bounded("maxStreams", options.maxStreams ?? limits.browserStreamsMax, 1, limits.browserStreamsMax);
    this.#port = {
      guard,
      time: options.time ?? machineGuardTime,
      leaseMs: bounded("leaseMs", options.leaseMs ?? limits.browserLeaseMsDefault, limits.leaseMsMin, limits.leaseMsMax),
      graceMs: bounded("graceMs", options.graceMs ?? limits.browserGraceMs, 0, limits.leaseMsMax),
    };
    guard.on("revoked", (change) => this.#look(change));
    guard.on("granted", (change) => this.#look(change));
    guard.on("lapsed", () => this.#lookAtAll());
    guard.on("closed", () => this.#closeAll());
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let stream: OpenStream;
    try {
      if (request.method !== "GET") throw new UsherError("invalid_request", `the method is ${quote(request.method)}: a live stream is asked for with \`GET\``);
      const token = this.#tokens.read(tokenOf(request));
      if (this.#streams.size >= this.#max) throw new UsherError("overloaded", `there are ${this.#max} live streams, as many as may be: come back later`);
      stream = new OpenStream(this.#port, response, token);
    } catch (error) {
      return refuse(response, error, request.method === "GET" ? undefined : 405);
    }
    this.#add(stream);
    response.once("close", () => this.#end(stream));
    response.on("error", () => this.#end(stream));
    try {
      await stream.open();
    } catch (error) {
      this.#end(stream);
      refuse(response, error, 503);
    }
  }

  #add(stream: OpenStream): void {
    this.#streams.add(stream);
    for (const answer of stream.answers) {
      const key = keyOf(answer.question);
      const sharing = this.#answers.get(key) ?? new Set();
      this.#answers.set(key, sharing.add(answer));
    }
  }

  #end(stream: OpenStream, why?: UsherError): void {
    stream.close(why);
    if (!this.#streams.delete(stream)) return;
    for (const answer of stream.answers) {
      const key = keyOf(answer.question);
      const sharing = this.#answers.get(key);
      sharing?.delete(answer);
      if (sharing?.size === 0) this.#answers.delete(key);
    }
  }

  #look(question: StandingQuestion): void {
    for (const answer of [...(this.#answers.get(keyOf(question)) ?? [])]) answer.look();
  }

  #lookAtAll(): void {
    for (const { answers } of [...this.#streams]) for (const answer of answers) answer.look();
  }

  /** Their holds do not allow any more: browsers are told that first. */
  #closeAll(): void {
    this.#lookAtAll();
    for (const stream of [...this.#streams]) this.#end(stream, new UsherError("closed", "the guard is closed"));
  }
}

function tokenOf({ headers, url = "" }: IncomingMessage): string {
  const bearer = /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  const query = url.indexOf("?");
  const token = bearer ?? (query < 0 ? null : new URLSearchParams(url.slice(query)).get("token"));
  if (token) return token;
  throw new UsherError("unauthenticated", "there is no live token: give one as `Authorization: Bearer …` or `?token=…`");
}

/** One that went away hears nothing. */
function refuse(response: ServerResponse, thrown: unknown, status?: number): void {
  if (response.headersSent || response.destroyed) return;
  const error = asError(thrown);
  const { code, message } = error instanceof UsherError ? error : new UsherError("internal", "the live stream has failed");
  response.writeHead(status ?? (code === "unauthenticated" ? 401 : 503), {
    "content-type": "application/json",
    "cache-control": "no-store",
    ...(status === 405 ? { allow: "GET" } : {}),
    ...(code === "unauthenticated" ? { "www-authenticate": "Bearer" } : {}),
  });
  response.end(JSON.stringify({ code, message }));
}

function keyOf({ object, permission, subject }: StandingQuestion): string {
  return `${formatObject(object)}\n${permission}\n${formatSubject(subject)}`;
}

function bounded(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsherError("invalid_request", `${quote(name)} is ${quote(value)}: it must be a whole number from ${min} to ${max}`);
}
