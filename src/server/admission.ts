import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { WriteTuplesRequest } from "../model/service.js";
import { methods } from "../model/wire/methods.js";

/**
 * What a call is worth under overload, the most first. A `revocation` takes permissions away and nothing else: it is never shed
 * here, and the store's queue has room for it, since the calls of all other classes together do not fill that. Neither is `live`, since
 * by holding permissions end; its streams have a bound of their own.
 */
export type CallClass = "revocation" | "write" | "check" | "read" | "stream" | "live";

interface Bound {
  /** Up to which share of `callsMax` calls of all classes this one is still admitted. */
  readonly share: number;
  /** From which multiple of the delay that is borne on it is refused. */
  readonly delays: number;
}

const bounds: Readonly<Record<CallClass, Bound>> = {
  revocation: { share: Infinity, delays: Infinity },
  write: { share: 1, delays: 4 },
  check: { share: 0.8, delays: 2 },
  read: { share: 0.6, delays: 1 },
  stream: { share: 0.5, delays: 1 },
  live: { share: Infinity, delays: Infinity },
};

export interface AdmissionOptions {
  /** Calls under way, streams not counted, at which writes are shed; the other classes earlier. */
  readonly callsMax: number;
  /** Milliseconds by which the event loop is late at present. */
  readonly delayMs: () => number;
  /** From here on reads are shed, at twice as much checks, at four times writes. */
  readonly delayMsMax: number;
  /** 0 to 1, so that those who were refused do not all come back at once. */
  readonly random: () => number;
}

/**
 * Lets calls in, or refuses them at the door, where that is cheap: the lowest class first. One total is counted, so that a flood
 * of one class leaves the room above its share to the classes above it.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  #underWay = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Calls under way that were let in and are no streams. */
  get underWay(): number {
    return this.#underWay;
  }

  /** @throws `overloaded`, with `details.retryAfterMs` */
  enter(callClass: CallClass): void {
    const { callsMax, delayMs, delayMsMax } = this.#options;
    const { share, delays } = bounds[callClass];
    if (this.#underWay >= callsMax * share) throw this.#refusal(callClass, `${this.#underWay} calls are under way`);
    if (delays !== Infinity && delayMs() >= delayMsMax * delays) throw this.#refusal(callClass, `it answers ${Math.round(delayMs())} ms late`);
    if (isCounted(callClass)) this.#underWay++;
  }

  /** Once for each `enter` that did not throw. */
  leave(callClass: CallClass): void {
    if (isCounted(callClass)) this.#underWay--;
  }

  #refusal(callClass: CallClass, why: string): UsherError {
    const retryAfterMs = Math.round(limits.retryAfterMs * (1 + this.#options.random()));
    return new UsherError("overloaded", `the server is overloaded (${why}) and takes no calls of class \`${callClass}\` now: retry in ${retryAfterMs} ms`, {
      details: { retryAfterMs: String(retryAfterMs) },
    });
  }
}

function isCounted(callClass: CallClass): boolean {
  return callClass !== "stream" && callClass !== "live";
}

/** The class that a method's calls have; undefined: it depends on the request, as `classOfWrite` says. */
export function classOf({ path, writes }: { readonly path: string; readonly writes: boolean }, streams: boolean): CallClass | undefined {
  if (path === methods.writeTuples.path) return undefined;
  if (path === methods.deleteTuples.path || path === methods.deleteTenant.path) return "revocation";
  if (path === methods.check.path || path === methods.lookupPermissions.path) return "check";
  if (path === methods.live.path) return "live";
  if (streams) return "stream";
  return writes ? "write" : "read";
}

export function classOfWrite({ operations }: WriteTuplesRequest): CallClass {
  return operations.length > 0 && operations.every(({ kind }) => kind === "delete") ? "revocation" : "write";
}
