import { asError, UsherError } from "../../base/errors.js";

/** What LevelDB or the file system threw, as an error with a code of ours; a bug of ours, which has none, stays what it is. */
export function asLogError(thrown: unknown, doing: string): Error {
  const cause = innermost(thrown);
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
  // That LevelDB finds none has no code.
  const missing = /No such file|does not exist \(create_if_missing/.test(cause.message);
  if (thrown instanceof UsherError || (code === undefined && !missing)) return asError(thrown);
  if (code === "LEVEL_LOCKED") {
    return new UsherError("store_in_use", `${doing}: the decision log is open in another process, or twice in this one: close it there first`, { cause: thrown });
  }
  if (code === "LEVEL_CORRUPTION" || missing) {
    return new UsherError("store_corrupt", `${doing}: the decision log is damaged: ${cause.message}: keep the folder as evidence, and restore it from a copy, or begin another`, { cause: thrown });
  }
  return new UsherError("audit_unavailable", `${doing}: ${cause.message}: see to the disk; the decision log recovers by itself`, { cause: thrown });
}

function innermost(thrown: unknown): Error {
  const error = asError(thrown);
  return error.cause === undefined ? error : innermost(error.cause);
}
