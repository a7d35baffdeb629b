import { setImmediate } from "node:timers/promises";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { checkContext } from "../model/context.js";
import type { HeldAnswer, Hold, LiveRequest } from "../model/live.js";
import { checkName, object, quote } from "../model/object.js";
import { isWildcard, subject } from "../model/subject.js";
import type { Asked } from "./live-decision.js";
import { askedWith, LiveHold } from "./live-hold.js";
import type { LiveStream } from "./live-stream.js";
import type { Registry } from "./registry.js";

/** Holds are taken in steps of so many, so that a message of thousands stalls nobody. */
const holdsAtOnce = 250;

const heldAnswers: readonly HeldAnswer[] = ["allowed", "denied", "conditional"];

/** Does what a stream asks. A hold that cannot be taken is refused by itself; a message that cannot be meant ends the stream. */
export class StreamRequests {
  readonly #stream: LiveStream;
  readonly #registry: Registry;

  constructor(stream: LiveStream, registry: Registry) {
    this.#stream = stream;
    this.#registry = registry;
  }

  /** @throws `invalid_request`, `request_too_large`, `invalid_context`, the codes of zookies */
  async take(request: LiveRequest): Promise<void> {
    switch (request.kind) {
      case "hold":
        return this.#hold(request.holds);
      case "release":
        requireCount(request.ids, "ids");
        for (const id of request.ids) {
          const hold = this.#stream.holds.get(id);
          if (hold !== undefined) this.#registry.release(hold);
        }
        return;
      case "setContext":
        return this.#setContext(request.name, request.context);
      case "ping":
        if (typeof request.nonce !== "string" || request.nonce === "" || Buffer.byteLength(request.nonce) > limits.nonceBytesMax) {
          throw new UsherError("invalid_request", `the nonce of a ping must be 1 to ${limits.nonceBytesMax} bytes of text`);
        }
        this.#stream.nonce = request.nonce;
        this.#stream.wake();
        return;
      case "acknowledge":
        this.#registry.acknowledge(this.#stream, request.zookie);
        return;
      case "open":
        throw new UsherError("invalid_request", "a live stream is opened once, by its first message");
      default:
        throw new UsherError("invalid_request", `a live request is of kind ${quote((request as LiveRequest).kind)}, which is none`);
    }
  }

  async #hold(holds: readonly Hold[]): Promise<void> {
    requireCount(holds, "holds");
    let taken = 0;
    for (const hold of holds) {
      if (++taken % holdsAtOnce === 0) await setImmediate();
      if (this.#stream.departed) return;
      try {
        this.#take(hold);
      } catch (error) {
        if (!(error instanceof UsherError)) throw error;
        this.#stream.refused.push({ id: checkHoldId(hold?.id), code: error.code, message: error.message });
        this.#stream.wake();
        if (this.#stream.refused.length > limits.refusedWaitingMax) throw new UsherError("overloaded", `${limits.refusedWaitingMax} refusals are not read: read them, and correct what is sent`);
      }
    }
  }

  #take(given: Hold): void {
    const stream = this.#stream;
    const id = checkHoldId(given?.id);
    if (stream.holds.has(id)) throw new UsherError("invalid_request", `hold ${quote(String(id))} is held already: release it first, or choose another id`);
    if (stream.holds.size >= limits.holdsPerStreamMax) throw new UsherError("overloaded", `the stream has ${limits.holdsPerStreamMax} holds, as many as may be: release some, or open another`);
    this.#registry.requireRoom();
    const { contextName, last, explain = false } = given;
    if (last !== undefined && !heldAnswers.includes(last)) throw new UsherError("invalid_request", `the last answer of a hold is ${quote(last)}: it is one of ${heldAnswers.map(quote).join(", ")}`);
    const asked = checkAsked(given);
    const named = contextName === undefined ? undefined : this.#context(contextName);
    const decision = this.#registry.decision(stream.tenant, askedWith(asked, named?.context));
    const hold = new LiveHold(stream, decision, { id, asked, contextName, explain, told: last });
    stream.holds.set(id, hold);
    named?.holds.add(hold);
    this.#registry.attach(hold);
  }

  async #setContext(name: string, context: unknown): Promise<void> {
    const named = this.#context(name);
    named.context = checkContext(context, `the context ${quote(name)}`);
    const stream = this.#stream;
    // Nothing is complete before the last of them has gone over.
    stream.due++;
    let moved = 0;
    for (const hold of named.holds) {
      if (++moved % holdsAtOnce === 0) await setImmediate();
      if (stream.departed) break;
      const decision = this.#registry.decision(stream.tenant, askedWith(hold.asked, named.context));
      if (decision !== hold.decision) this.#registry.move(hold, decision);
    }
    stream.due--;
    stream.wake();
  }

  #context(name: string) {
    const { contexts } = this.#stream;
    if (typeof name !== "string" || name === "" || Buffer.byteLength(name) > limits.idBytesMax) throw new UsherError("invalid_request", `the name of a context must be 1 to ${limits.idBytesMax} bytes of text`);
    const known = contexts.get(name);
    if (known !== undefined) return known;
    if (contexts.size >= limits.contextsPerStreamMax) throw new UsherError("overloaded", `the stream has ${limits.contextsPerStreamMax} contexts, as many as may be`);
    const made = { context: {}, holds: new Set<LiveHold>() };
    contexts.set(name, made);
    return made;
  }
}

/** What is asked, well-formed; whether the schema has it is found when it is evaluated. Each field is read once. */
function checkAsked({ object: about, permission, subject: who, context }: Hold): Asked {
  const checked = subject(who?.type, who?.id, who?.relation ?? "");
  if (isWildcard(checked)) throw new UsherError("invalid_request", `subject ${quote(`${checked.type}:*`)} is a wildcard: a hold is about one subject`);
  return {
    object: object(about?.type, about?.id),
    permission: checkName(permission, "permission"),
    subject: checked,
    ...(context === undefined ? {} : { context: checkContext(context, "the context of a hold") }),
  };
}

/** @throws `invalid_request`: there is nobody to refuse it to */
function checkHoldId(id: number): number {
  if (Number.isInteger(id) && id >= 1 && id <= 4_294_967_295) return id;
  throw new UsherError("invalid_request", `hold id ${quote(id)} must be 1 to 4294967295`);
}

function requireCount(list: readonly unknown[], what: string): void {
  if (!Array.isArray(list)) throw new UsherError("invalid_request", `\`${what}\` is ${quote(list)}: pass a list`);
  if (list.length > limits.holdsPerMessageMax) throw new UsherError("request_too_large", `the message has ${list.length} ${what}: at most ${limits.holdsPerMessageMax} are taken at once`);
}
