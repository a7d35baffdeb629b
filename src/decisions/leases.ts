import { limits } from "../base/limits.js";
import { UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";

/** The longest lease that was ever given, kept over restarts: who revokes after one must know how long earlier leases may last. */
export interface LeaseRecord {
  /** Milliseconds; 0: none was given. */
  readonly maxMs: number;
  /** Durable when it resolves. */
  raise(ms: number): Promise<void>;
}

/** Of a database without a folder, or without clients of an earlier run. */
export function leasesInMemory(): LeaseRecord {
  return {
    maxMs: 0,
    raise: async () => undefined,
  };
}

/** For how long after a lease was sent its client may believe in it: what both clocks may drift apart comes on top. */
export function outlives(leaseMs: number): number {
  return leaseMs * (1 + limits.leaseDriftPerMilleMax / 1_000);
}

/** @throws `invalid_request` */
export function checkLease(ms: number | undefined): number {
  if (ms === undefined) return limits.leaseMsDefault;
  if (Number.isInteger(ms) && ms >= limits.leaseMsMin && ms <= limits.leaseMsMax) return ms;
  throw new UsherError("invalid_request", `lease ${quote(ms)} must be ${limits.leaseMsMin} to ${limits.leaseMsMax} whole milliseconds`);
}
