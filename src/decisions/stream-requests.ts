import { setImmediate } from "node:timers/promises";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { checkContext } from "../model/context.js";
import type { HeldAnswer, HeldLookup, Hold, HoldUse, LiveRequest, LookupHold, RefusedHold } from "../model/live.js";
import { checkName, checkType, object, quote } from "../model/object.js";
import { isWildcard, subject, wildcardId } from "../model/subject.js";
import type { Asked } from "./live-decision.js";
import { askedWith, LiveHold } from "./live-hold.js";
import { LiveLookup } from "./live-lookup.js";
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
        return this.#each(requireCount(request.holds, "holds", limits.holdsPerMessageMax), (hold) => this.#take(hold));
      case "lookup":
        return this.#each(requireCount(request.lookups, "lookups", limits.lookupsPerStreamMax), (lookup) => this.#lookup(lookup));
      case "release":
        for (const id of requireCount(request.ids, "ids", limits.holdsPerMessageMax)) this.#release(id);
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
      case "uses":
        for (const use of requireCount(request.uses, "uses", limits.holdsPerMessageMax)) this.#use(use);
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

  /** Takes each claim, or refuses it. */
  async #each<Claim extends { readonly id: number }>(claims: readonly Claim[], take: (claim: Claim) => void): Promise<void> {
    let taken = 0;
    for (const claim of claims) {
      if (++taken % holdsAtOnce === 0) await setImmediate();
      if (this.#stream.departed) return;
      try {
        take(claim);
      } catch (error) {
        if (!(error instanceof UsherError)) throw error;
        this.#refuse({ id: checkHoldId(claim?.id), code: error.code, message: error.message });
      }
    }
  }

  #refuse(refused: RefusedHold): void {
    const stream = this.#stream;
    stream.refused.push(refused);
    stream.wake();
    if (stream.refused.length > limits.refusedWaitingMax) throw new UsherError("overloaded", `${limits.refusedWaitingMax} refusals are not read: read them, and correct what is sent`);
  }

  #use({ id, count, member }: HoldUse): void {
    if (!Number.isInteger(count) || count < 1 || count > 4_294_967_295) throw new UsherError("invalid_request", `a hold was used ${quote(count)} times: say 1 to 4294967295`);
    const hold = member === undefined ? this.#stream.holds.get(id) : this.#member(id, member);
    if (hold !== undefined) hold.uses += count;
  }

  #member(id: number, member: string): LiveHold | undefined {
    const lookup = this.#stream.lookups.get(id);
    return member === wildcardId ? lookup?.wildcard : lookup?.members.get(member);
  }

  #release(id: number): void {
    const hold = this.#stream.holds.get(id);
    if (hold !== undefined) this.#registry.release(hold);
    const lookup = this.#stream.lookups.get(id);
    if (lookup !== undefined) this.#registry.releaseLookup(lookup);
  }

  #lookup(given: LookupHold): void {
    const stream = this.#stream;
    const id = this.#freeId(given?.id);
    if (stream.lookups.size >= limits.lookupsPerStreamMax) throw new UsherError("overloaded", `the stream has ${limits.lookupsPerStreamMax} lookups, as many as may be: release some, or open another`);
    const { contextName } = given;
    const context = given.context === undefined ? undefined : checkContext(given.context, "the context of a lookup");
    const what = checkLookup(given.what);
    if (contextName !== undefined) this.#context(contextName);
    this.#registry.lookups.hold(new LiveLookup(stream, { id, what, context, contextName }));
  }

  #freeId(given: number): number {
    const id = checkHoldId(given);
    if (this.#stream.holds.has(id) || this.#stream.lookups.has(id)) throw new UsherError("invalid_request", `hold ${quote(String(id))} is held already: release it first, or choose another id`);
    return id;
  }

  #take(given: Hold): void {
    const stream = this.#stream;
    const id = this.#freeId(given?.id);
    if (stream.size >= limits.holdsPerStreamMax) throw new UsherError("overloaded", `the stream has ${limits.holdsPerStreamMax} holds, as many as may be: release some, or open another`);
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

/** The same of a lookup. */
function checkLookup(what: HeldLookup): HeldLookup {
  if (what?.kind === "objects") {
    const { type, permission, subject: who } = what;
    const checked = subject(who?.type, who?.id, who?.relation ?? "");
    if (isWildcard(checked)) throw new UsherError("invalid_request", `subject ${quote(`${checked.type}:*`)} is a wildcard: a lookup of objects is about one subject`);
    return { kind: "objects", type: checkType(type), permission: checkName(permission, "permission"), subject: checked };
  }
  if (what?.kind !== "subjects") throw new UsherError("invalid_request", `a lookup is of ${quote((what as HeldLookup | undefined)?.kind)}: it is of \`objects\` or \`subjects\``);
  const { object: about, permission, subjectType, subjectRelation = "" } = what;
  return {
    kind: "subjects",
    object: object(about?.type, about?.id),
    permission: checkName(permission, "permission"),
    subjectType: checkType(subjectType),
    ...(subjectRelation === "" ? {} : { subjectRelation: checkName(subjectRelation, "relation") }),
  };
}

/** @throws `invalid_request`: there is nobody to refuse it to */
function checkHoldId(id: number): number {
  if (Number.isInteger(id) && id >= 1 && id <= 4_294_967_295) return id;
  throw new UsherError("invalid_request", `hold id ${quote(id)} must be 1 to 4294967295`);
}

function requireCount<Item>(list: readonly Item[], what: string, max: number): readonly Item[] {
  const given: unknown = list;
  if (!Array.isArray(given)) throw new UsherError("invalid_request", `\`${what}\` is ${quote(list)}: pass a list`);
  if (list.length > max) throw new UsherError("request_too_large", `the message has ${list.length} ${what}: at most ${max} are taken at once`);
  return list;
}
