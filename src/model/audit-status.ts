import type { Instant } from "../base/clock.js";

/** How the decision log stands at one moment. */
export interface AuditStatus {
  /** Records that it ever had: the index of the next. */
  readonly size: number;
  /** What it keeps, before compression. */
  readonly bytes: number;
  /** Recorded, and not yet written. */
  readonly backlogBytes: number;
  /** Entries taken since the start. */
  readonly recordsTotal: number;
  /** Since the start: batches that could not be written at once. */
  readonly failuresTotal: number;
  /** Absent: none was signed yet. */
  readonly lastCheckpointAt?: Instant;
  /** By how much it grows a day, at its rate of late; see `base/daily-rate.ts`. */
  readonly bytesPerDay: number;
}

/** Records that were written together. */
export interface WrittenRecords {
  readonly records: number;
  /** From their being handed over to be written until all were on the disk. */
  readonly seconds: number;
}

/** Hears what the decision log does, for figures. It must be quick, and must not throw. */
export interface AuditObserver {
  onRecords(written: WrittenRecords): void;
}
