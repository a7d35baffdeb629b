import { UsherError } from "./errors.js";

/** Why a signal was aborted, as an error with a code: its reason where that is one, else `cancelled`. */
export function abortError(signal: AbortSignal): UsherError {
  if (signal.reason instanceof UsherError) return signal.reason;
  return new UsherError("cancelled", "the call was cancelled", { cause: signal.reason });
}

/** Ends the work of a call that nobody waits for any more. @throws the signal's reason, as `abortError` gives it */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}
