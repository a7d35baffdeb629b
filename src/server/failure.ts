import { asError, UsherError } from "../base/errors.js";
import { toFailure, type ErrorReporter, type Failure } from "./statuses.js";

/** Of an rpc, what its failures are named by. */
export interface Failing {
  readonly path: string;
  /** As its callers know errors; absent: as ours do. */
  readonly toFailure?: (error: UsherError) => Failure;
}

/**
 * Whatever a handler threw, as its answer. An error without a code, and one that says `internal`, is a
 * bug: it is reported here with all it says, and the client is told nothing of it.
 */
export function answerFailure(thrown: unknown, rpc: Failing, report: ErrorReporter): Failure {
  const answer = rpc.toFailure ?? toFailure;
  if (thrown instanceof UsherError && thrown.code !== "internal") return answer(thrown);
  report(asError(thrown), rpc.path);
  return answer(new UsherError("internal", "the server failed; its log says why"));
}
