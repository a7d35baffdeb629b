import { asError, UsherError } from "../base/errors.js";
import { toFailure, type ErrorReporter, type Failure } from "./statuses.js";

/**
 * Whatever a handler threw, as its answer. An error without a code, and one that says `internal`, is a
 * bug: it is reported here with all it says, and the client is told nothing of it.
 */
export function answerFailure(thrown: unknown, path: string, report: ErrorReporter): Failure {
  if (thrown instanceof UsherError && thrown.code !== "internal") return toFailure(thrown);
  report(asError(thrown), path);
  return toFailure(new UsherError("internal", "the server failed; its log says why"));
}
