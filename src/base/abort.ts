import { UsherError } from "./errors.js";

/** Why a signal was aborted, as an error with a code: its reason where that is one, else `cancelled`. */
export function abortError(signal: AbortSignal): UsherError {
  if (signal.reason instanceof UsherError) return signal.reason;
  return new UsherError("cancelled", "the call was cancelled", { cause: signal.reason });
}

/** The one listener that a signal has, and all that it tells. */
interface Hearing {
  readonly listeners: Set<() => void>;
  readonly tell: () => void;
}

const hearings = new WeakMap<AbortSignal, Hearing>();

/**
 * Hears of the signal's abort until the function that it returns is called. Many calls may share a signal, such as that of a whole
 * process: it gets one listener for all of them, since Node.js takes more than ten for a leak and says so.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined) return () => undefined;
  const { listeners, tell } = hearings.get(signal) ?? listenTo(signal);
  // A function of its own, so that a listener that is given twice is two.
  const own = () => listener();
  listeners.add(own);
  return () => {
    if (!listeners.delete(own) || listeners.size > 0) return;
    signal.removeEventListener("abort", tell);
    hearings.delete(signal);
  };
}

function listenTo(signal: AbortSignal): Hearing {
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const each of [...listeners]) each();
  };
  const hearing = { listeners, tell };
  hearings.set(signal, hearing);
  signal.addEventListener("abort", tell);
  return hearing;
}

/** What may be ended before its time, and says so by a signal. */
export interface Abortable {
  readonly signal?: AbortSignal;
  /** Whether that has happened, where the signal is made only once somebody asks for it. */
  readonly aborted?: boolean;
}

/** The same of a call whose signal nobody needs otherwise. @throws as `throwIfAborted` */
export function throwIfEnded(call: Abortable): void {
  if (call.aborted ?? call.signal?.aborted) throwIfAborted(call.signal);
}

/** Ends the work of a call that nobody waits for any more. @throws the signal's reason, as `abortError` gives it */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}
