import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { Usher } from "../client/usher.js";
import { asError, UsherError, type ErrorCode } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { LiveRequest, LiveResponse } from "../model/live.js";
import { isName } from "../model/object.js";
import { parseCheck, parseObject, parseSubject, type CheckText } from "../model/tuple-text.js";
import { HeldLines, type Lines } from "./held-lines.js";
import { readInput } from "./input.js";
import type { Output } from "./output.js";
import { Outgoing } from "./outgoing.js";

/** What passes: the server, or the way to it, may be back. */
const passing: ReadonlySet<ErrorCode> = new Set(["server_unreachable", "closed", "overloaded", "deadline_exceeded", "store_unavailable"]);

/**
 * What is to be held: `OBJECT PERMISSION SUBJECT…`, or `object#permission@subject` each, or lines of these where no word was given.
 * @throws `invalid_tuple`, `invalid_request`
 */
export async function readQuestions(words: readonly string[], stdin: Readable): Promise<CheckText[]> {
  const [first, permission, ...subjects] = words;
  const texts = words.length > 0 ? words : (await readInput("-", stdin)).split(/\r?\n/).filter((line) => line.trim() !== "" && !line.trim().startsWith("//"));
  if (texts.length === 0) throw new UsherError("invalid_request", "there is no decision to watch: give `object#permission@subject` as arguments or lines of stdin");
  if (first === undefined || permission === undefined || !isName(permission)) return texts.map(parseCheck);
  if (subjects.length === 0) throw new UsherError("invalid_request", "there is no subject: give `OBJECT PERMISSION SUBJECT…`, or `object#permission@subject`");
  return subjects.map((subject) => ({ object: parseObject(first), permission, subject: parseSubject(subject), context: {} }));
}

export async function watchDecisions(usher: Usher, questions: readonly CheckText[], { output, signal }: { readonly output: Output; readonly signal: AbortSignal }): Promise<void> {
  return watchHeld(usher, new HeldLines(questions, output), { output, signal });
}

/**
 * Holds what the lines are of until the signal aborts, over one stream after another: what breaks is opened anew, as an enforcement point does, and says
 * what it held. It acknowledges what it has printed; it lets nobody in, so it keeps no lease.
 * @throws what makes the first stream fail, and whatever does not pass
 */
export async function watchHeld(usher: Usher, lines: Lines, { output, signal }: { readonly output: Output; readonly signal: AbortSignal }): Promise<void> {
  let stream: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    const connection = new Connection(usher, signal);
    try {
      await connection.run(lines, stream);
      failures = 0;
    } catch (thrown) {
      if (signal.aborted) return;
      const error = asError(thrown);
      stream = connection.stream ?? stream;
      if (stream === undefined || !(error instanceof UsherError) || !passing.has(error.code)) throw error;
      failures = connection.complete ? 0 : failures + 1;
      output.note(`usher: ${error.code}: ${error.message}; connecting anew`);
      await delay(Math.random() * Math.min(limits.reconnectMsMax, limits.reconnectMsMin * 2 ** Math.min(failures, 16)), undefined, { signal }).catch(() => undefined);
    }
    stream = connection.stream ?? stream;
  }
}

/** One stream. */
class Connection {
  stream: string | undefined;
  /** A checkpoint has come: all that was asked was answered. */
  complete = false;
  readonly #usher: Usher;
  readonly #outgoing = new Outgoing<LiveRequest>();
  readonly #end = new AbortController();
  readonly #signal: AbortSignal;
  #timers: NodeJS.Timeout[] = [];
  /** Pings in a row that nothing has answered. */
  #unanswered = 0;
  #draining = false;

  constructor(usher: Usher, signal: AbortSignal) {
    this.#usher = usher;
    this.#signal = AbortSignal.any([signal, this.#end.signal]);
  }

  /** Returns when the server has asked to be left. */
  async run(lines: Lines, resumeStream: string | undefined): Promise<void> {
    this.#outgoing.push({ kind: "open", ...(resumeStream === undefined ? {} : { resumeStream }) });
    try {
      for await (const response of this.#usher.live(this.#outgoing, { signal: this.#signal })) await this.#take(response, lines);
      throw new UsherError("server_unreachable", "the server has ended the live stream");
    } catch (thrown) {
      if (!this.#draining || !this.#end.signal.aborted) throw thrown;
    } finally {
      for (const timer of this.#timers) clearTimeout(timer);
      this.#outgoing.end();
    }
  }

  async #take(response: LiveResponse, lines: Lines): Promise<void> {
    switch (response.kind) {
      case "opened":
        this.stream = response.stream;
        for (const request of lines.requests()) this.#outgoing.push(request);
        this.#ping();
        this.#timers.push(setInterval(() => this.#ping(), response.leaseMs / 3));
        return;
      case "checkpoint":
        this.complete = true;
        if (response.nonce !== undefined) {
          this.#unanswered = 0;
          await lines.covered(response);
        }
        // All that came before has been printed.
        this.#outgoing.push({ kind: "acknowledge", zookie: response.zookie });
        return;
      case "draining":
        this.#draining = true;
        this.#timers.push(setTimeout(() => this.#end.abort(), Math.min(response.reconnectAfterMs, limits.timerMsMax)));
        return;
      default:
        return lines.take(response);
    }
  }

  /** A server that answers nothing for a lease is not there, whatever the connection says. */
  #ping(): void {
    if (this.#unanswered++ < 3) this.#outgoing.push({ kind: "ping", nonce: randomUUID() });
    else this.#end.abort(new UsherError("deadline_exceeded", "nothing was heard of the server for the length of a lease: whoever held these decisions denies"));
  }
}
