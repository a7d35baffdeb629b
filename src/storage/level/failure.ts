import { asError, UsherError } from "../../base/errors.js";

/**
 * What LevelDB or the file system threw, as an error with a code of ours; a bug of ours, which has none,
 * stays what it is. LevelDB wraps the cause of a failed opening, so the innermost code counts.
 * @param remedy what comes once the disk is well: an open store recovers by itself; what was to be done once is to be done again
 */
export function asStoreError(thrown: unknown, doing: string, remedy = "the store recovers by itself"): Error {
  const cause = innermost(thrown);
  const code = errorCode(cause);
  if (thrown instanceof UsherError || code === undefined) return asError(thrown);
  if (code === "LEVEL_LOCKED") {
    return new UsherError("store_in_use", `${doing}: the store is open in another process, or twice in this one: close it there first`, { cause: thrown });
  }
  if (code === "LEVEL_CORRUPTION" || isMissingPart(cause)) {
    return new UsherError("store_corrupt", `${doing}: ${cause.message}: restore the store from a backup`, { cause: thrown });
  }
  if (code === "LEVEL_ABORTED") return new UsherError("cancelled", `${doing}: the caller cancelled it`);
  return new UsherError("store_unavailable", `${doing}: ${cause.message}: see to the disk; ${remedy}`, { cause: thrown });
}

function innermost(thrown: unknown): Error {
  const error = asError(thrown);
  return error.cause === undefined ? error : innermost(error.cause);
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** A file that LevelDB's own index names and that is not there, or its index itself. */
function isMissingPart(error: Error): boolean {
  return /No such file|does not exist \(create_if_missing/.test(error.message);
}
