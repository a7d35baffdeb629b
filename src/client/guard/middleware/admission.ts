import { UsherError, type ErrorCode } from "../../../base/errors.js";
import type { ObjectLike, SubjectLike } from "../../references.js";
import type { Guard, HoldOptions } from "../guard.js";

/** What a request needs. */
export interface Requirement extends Omit<HoldOptions, "signal"> {
  readonly object: ObjectLike;
  readonly permission: string;
  readonly subject: SubjectLike;
}

/** A response of `node:http`, as far as it is used: Express and Fastify have it too. */
export interface OutgoingResponse {
  readonly destroyed: boolean;
  once(event: "close", listener: () => void): unknown;
  destroy(error?: Error): unknown;
}

/** Why a request is not let in. */
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
 * Lets a request in for as long as its permission holds: when that ends the response is destroyed, whatever has been sent of it, and when the response
 * is over the hold is released. Resolves to a refusal where it is not let in; undefined: it is.
 */
export async function admit(guard: Guard, requirement: () => Requirement, response: OutgoingResponse): Promise<Refusal | undefined> {
  const over = new AbortController();
  response.once("close", () => over.abort());
  if (response.destroyed) over.abort();
  try {
    const { object, permission, subject, ...options } = requirement();
    const hold = await guard.hold(object, permission, subject, { ...options, signal: over.signal });
    if (over.signal.aborted) {
      hold.release();
      return { status: 503, code: "cancelled" };
    }
    over.signal.addEventListener("abort", () => hold.release(), { once: true });
    hold.signal.addEventListener("abort", () => response.destroy(), { once: true });
    // It may have ended before this listened.
    if (hold.signal.aborted) {
      response.destroy();
      return { status: 403, code: "permission_denied" };
    }
    return undefined;
  } catch (thrown) {
    const code = thrown instanceof UsherError ? thrown.code : "internal";
    return { status: unknown.has(code) ? 503 : 403, code };
  }
}
