import type { LiveStatus } from "../decisions/live-decisions.js";
import type { LiveObserver } from "../decisions/port.js";
import type { CacheStatus } from "../evaluation/cache/relation-cache.js";
import type { EvaluationObserver } from "../evaluation/observer.js";
import type { Instant } from "../base/clock.js";
import type { AuditObserver, AuditStatus } from "../model/audit-status.js";
import type { StoreObserver } from "../storage/observer.js";
import type { Head, StoreCondition } from "../storage/store.js";

/** How the database stands at one moment, for health checks and figures. */
export interface DatabaseStatus {
  readonly store: StoreCondition;
  readonly head: Head;
  readonly horizon: Head;
  readonly now: Instant;
  readonly watchers: number;
  /** By how many revisions the slowest watcher is behind head. */
  readonly watchLag: number;
  /** Since the start. */
  readonly schemasCompiled: number;
  readonly cache: CacheStatus;
  readonly live: LiveStatus;
  /** Absent: no decision log is kept. */
  readonly audit?: AuditStatus;
}

/** Hears what the layers of the database do. */
export interface DatabaseObserver extends StoreObserver, EvaluationObserver, LiveObserver, AuditObserver {}
