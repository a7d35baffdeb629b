import { UsherError } from "../../../base/errors.js";
import type { Consistency, Service } from "../../../model/service.js";

export interface TokenMessage {
  readonly token: string;
}

export interface ConsistencyMessage {
  readonly minimizeLatency?: boolean;
  readonly atLeastAsFresh?: TokenMessage | null;
  readonly atExactSnapshot?: TokenMessage | null;
  readonly fullyConsistent?: boolean;
}

/** What becomes of a ZedToken that this store never gave: it is refused, or the newest snapshot is read. */
export const foreignZedTokens = ["reject", "latest"] as const;

export type ForeignZedTokens = (typeof foreignZedTokens)[number];

const requirements = ["minimizeLatency", "atLeastAsFresh", "atExactSnapshot", "fullyConsistent"] as const;

/** Undefined: the newest snapshot, which is what is answered fastest as well. @throws `invalid_request` */
export function readConsistency(message: ConsistencyMessage | null | undefined): Consistency | undefined {
  if (message === null || message === undefined) return undefined;
  const [sent, ...others] = requirements.filter((requirement) => Object.hasOwn(message, requirement));
  if (others.length > 0) throw refused("sets more than one requirement: give one");
  if (sent === "atLeastAsFresh") return { kind: "atLeast", zookie: message.atLeastAsFresh?.token ?? "" };
  if (sent === "atExactSnapshot") return { kind: "exact", zookie: message.atExactSnapshot?.token ?? "" };
  if (sent !== undefined && message[sent] !== true) throw refused("has a requirement that is false: set it to true, or leave it out");
  return undefined;
}

function refused(why: string): UsherError {
  return new UsherError("invalid_request", `field \`consistency\` ${why}`, { details: { field: "consistency" } });
}

/** The reads of a service, each at one snapshot. */
export type Reads = Pick<Service, "check" | "batchCheck" | "expand" | "lookupObjects" | "lookupSubjects" | "readTuples" | "readSchema">;

/**
 * The same reads; with `latest` those at a token that was stored before the move to this store read the newest snapshot, which is fresher than any of then. Tokens
 * of ours are held to as always: one that lies before the horizon, or on a timeline that a restore left, is no foreign one.
 */
export function readsOf(service: Service, foreign: ForeignZedTokens): Reads {
  if (foreign === "reject") return service;
  return {
    check: (request, call) => orLatest(request, (asked) => service.check(asked, call)),
    batchCheck: (request, call) => orLatest(request, (asked) => service.batchCheck(asked, call)),
    expand: (request, call) => orLatest(request, (asked) => service.expand(asked, call)),
    lookupObjects: (request, call) => orLatest(request, (asked) => service.lookupObjects(asked, call)),
    lookupSubjects: (request, call) => orLatest(request, (asked) => service.lookupSubjects(asked, call)),
    readTuples: (request, call) => orLatest(request, (asked) => service.readTuples(asked, call)),
    readSchema: (request, call) => orLatest(request, (asked) => service.readSchema(asked, call)),
  };
}

async function orLatest<Request extends { readonly consistency?: Consistency }, Response>(request: Request, read: (request: Request) => Promise<Response>): Promise<Response> {
  try {
    return await read(request);
  } catch (error) {
    const foreign = error instanceof UsherError && (error.code === "invalid_zookie" || error.code === "zookie_of_other_store");
    if (!foreign || request.consistency === undefined) throw error;
    return read({ ...request, consistency: { kind: "latest" } });
  }
}
