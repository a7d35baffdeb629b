import type { Instant } from "../../base/clock.js";
import type { LogEntry } from "../../model/audit.js";

/** A time of which records may be missing: the process before a start did not close the log. */
export interface Gap {
  /** Of the `start` record. */
  readonly index: number;
  /** Of the last record before it; absent: there was none. */
  readonly from?: Instant;
  readonly to: Instant;
}

const marks = ["start", "key", "redaction", "retention"].map((kind) => Buffer.from(`"kind":"${kind}"`));

/** The entry, where it is one that tells something of the log itself. Most are not, and need not be parsed for that. */
export function logEntryOf(payload: Buffer): LogEntry | undefined {
  if (!marks.some((mark) => payload.includes(mark))) return undefined;
  try {
    const entry = JSON.parse(payload.toString()) as LogEntry | null;
    return entry !== null && isWellFormed(entry) ? entry : undefined;
  } catch {
    // It says nothing, and that it is what was recorded is for its hash to tell.
    return undefined;
  }
}

/** Whoever wrote the log may have written anything. */
function isWellFormed(entry: LogEntry): boolean {
  switch (entry.kind) {
    case "start":
      return Number.isSafeInteger(entry.at) && Number.isSafeInteger(entry.lastAt ?? 0);
    case "key":
      return typeof entry.key === "string" && typeof (entry.before ?? "") === "string";
    case "redaction":
      return Array.isArray(entry.records);
    case "retention":
      return Number.isSafeInteger(entry.below);
    default:
      return false;
  }
}
