import { abortError, onAbort } from "../../../base/abort.js";
import { UsherError, type ErrorCode } from "../../../base/errors.js";
import type { ObjectLike, SubjectLike } from "../../references.js";
import type { Guard, HoldOptions } from "../guard.js";

/** What a request needs. */
export interface Requirement extends Omit<HoldOptions, "signal"> {
  readonly object: ObjectLike;
  readonly permission: string;
  readonly subject: SubjectLike;
}

/** What carries a request: a response, a socket, a call. */
export interface Passage {
  /** Aborts when it is over, for whichever reason. */
  readonly over: AbortSignal;
  /** Ends it in this call: its permission has ended. Only what was let in is ended. */
  readonly end: (why: Refusal) => void;
}

/** Why a request is not let in, or shown out. */
export interface Refusal {
  /** 403: it may not; 503: nobody can say now. */
  readonly status: 403 | 503;
  readonly code: ErrorCode;
}

/** What says nothing of the permission, and may be otherwise later. */
const unknown: ReadonlySet<ErrorCode> = new Set([
  "server_unreachable", "lease_lapsed", "deadline_exceeded", "overloaded", "closed", "cancelled", "store_unavailable", "unauthenticated", "internal",
]);

/**
 * Lets a request in for as long as its permission holds: when that ends the passage is ended, and when the passage is over the hold is released.
 * Resolves to a refusal where it is not let in; undefined: it is.
 */
export async function admit(guard: Guard, requirement: () => Requirement | Promise<Requirement>, { over, end }: Passage): Promise<Refusal | undefined> {
  try {
    const { object, permission, subject, ...options } = await requirement();
    const hold = await guard.hold(object, permission, subject, { ...options, signal: over });
    const ended = over.aborted ? over : hold.signal;
    // Either may have ended before this listens.
    if (ended.aborted) {
      hold.release();
      return refusalOf(abortError(ended));
    }
    onAbort(over, () => hold.release());
    onAbort(hold.signal, () => end(refusalOf(hold.signal.reason)));
    return undefined;
  } catch (thrown) {
    return refusalOf(thrown);
  }
}

function refusalOf(thrown: unknown): Refusal {
  const code = thrown instanceof UsherError ? thrown.code : "internal";
  return { status: unknown.has(code) ? 503 : 403, code };
}
