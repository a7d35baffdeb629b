import { Counter, Gauge, type Registry } from "prom-client";

import type { DatabaseStatus } from "../../database/status.js";
import type { StoreState } from "../../storage/store.js";
import type { Readiness } from "../health.js";
import type { ServerLoad } from "../server.js";

/** How everything stands when a scrape asks. */
export interface Figures {
  readonly database: DatabaseStatus;
  readonly load: ServerLoad;
  readonly readiness: Readiness;
}

const states: readonly StoreState[] = ["ready", "failed", "reviving", "ended"];

/** A name, what it says, and where its value stands. */
type Series = readonly [name: string, help: string, value: (figures: Figures) => number];

/** Gauges that are read rather than kept; NaN: there is no value yet. */
const gauges: readonly Series[] = [
  ["usher_head_revision", "The newest commit.", ({ database }) => database.head.revision],
  ["usher_horizon_age_seconds", "How far back snapshots and watches reach, once something has been collected.", ({ database: { now, horizon } }) => (horizon.instant === 0 ? Number.NaN : (now - horizon.instant) / 1_000)],
  ["usher_store_writable", "1: writes are taken.", ({ database }) => Number(database.store.writable)],
  ["usher_store_scrub_age_seconds", "Since the files of the store were last found sound.", ({ database: { now, store } }) => (store.scrubbedAt === undefined ? Number.NaN : (now - store.scrubbedAt) / 1_000)],
  ["usher_clock_jump_seconds", "How far the wall clock stands ahead of the store's, where that is more than is followed.", ({ database }) => database.store.clockJumpMs / 1_000],
  ["usher_writes_queued", "Writes and maintenance steps that wait.", ({ database }) => database.store.writesQueued],
  ["usher_reads_in_flight", "Batches of reads in LevelDB's hands.", ({ database }) => database.store.readsInFlight],
  ["usher_reads_waiting", "Batches of reads that wait for their turn.", ({ database }) => database.store.readsWaiting],
  ["usher_watchers", "Watch streams that the database feeds.", ({ database }) => database.watchers],
  ["usher_watch_lag_revisions", "By how many commits the slowest watcher is behind.", ({ database }) => database.watchLag],
  ["usher_streams", "Streams that are open, live ones not counted.", ({ load }) => load.streams],
  ["usher_live_streams", "Live streams that are open.", ({ load }) => load.liveStreams],
  ["usher_stream_buffer_bytes", "Written to streams and not yet taken by their clients.", ({ load }) => load.streamBytes],
  ["usher_event_loop_delay_seconds", "By how much the event loop stays late; what overload is judged by.", ({ load }) => load.loopDelayMs / 1_000],
  ["usher_ready_reads", "1: checks and reads are answered.", ({ readiness }) => Number(readiness.reads)],
  ["usher_ready_writes", "1: writes are answered.", ({ readiness }) => Number(readiness.writes)],
  ["usher_cache_bytes", "What the relation cache and the memo hold, estimated.", ({ database }) => database.cache.bytes],
  ["usher_cache_budget_bytes", "What they may hold.", ({ database }) => database.cache.bytesMax],
  ["usher_holds", "Holds of all live streams, and of those that broke while their leases last.", ({ database }) => database.live.holds],
  ["usher_live_decisions", "Decisions that are kept true: who asks the same shares one.", ({ database }) => database.live.decisions],
  ["usher_live_keys", "Keys that they rest on.", ({ database }) => database.live.keys],
  ["usher_audit_size", "Records that the decision log ever had.", ({ database: { audit } }) => audit?.size ?? Number.NaN],
  ["usher_audit_bytes", "What the decision log keeps, before compression.", ({ database: { audit } }) => audit?.bytes ?? Number.NaN],
  ["usher_audit_backlog_bytes", "Recorded, and not yet written.", ({ database: { audit } }) => audit?.backlogBytes ?? Number.NaN],
  ["usher_audit_bytes_per_day", "By how much the decision log grows a day, if it goes on as in the last minutes.", ({ database: { audit } }) => audit?.bytesPerDay ?? Number.NaN],
  ["usher_audit_checkpoint_age_seconds", "Since the decision log was last signed.", ({ database: { now, audit } }) => (audit?.lastCheckpointAt === undefined ? Number.NaN : Math.max(0, now - audit.lastCheckpointAt) / 1_000)],
];

/** Counts since the start, kept by those who count. */
const counters: readonly Series[] = [
  ["usher_schemas_compiled_total", "Schemas compiled.", ({ database }) => database.schemasCompiled],
  ["usher_cache_turns_total", "How often the budget was full, and what had not been in use was forgotten.", ({ database }) => database.cache.turns],
  ["usher_cache_read_hits_total", "Keys and lists that memory had.", ({ database }) => database.cache.readHits],
  ["usher_cache_read_misses_total", "Keys and lists that were loaded from the store.", ({ database }) => database.cache.readMisses],
  ["usher_cache_fills_discarded_total", "Loads that were thrown away since a commit had overtaken them.", ({ database }) => database.cache.fillsDiscarded],
  ["usher_memo_hits_total", "Subproblems whose result was at hand.", ({ database }) => database.cache.memoHits],
  ["usher_memo_misses_total", "Subproblems that were walked.", ({ database }) => database.cache.memoMisses],
  ["usher_live_walks_total", "Evaluations of live decisions.", ({ database }) => database.live.walks],
  ["usher_live_findings_total", "Live decisions that the sweep found otherwise than they stood, and held lookups that had missed somebody: bugs.", ({ database }) => database.live.findings],
  ["usher_sweep_failures_total", "How often the thread of the sweep could not be had, or ended too early.", ({ database }) => database.live.sweepFailures],
  ["usher_audit_records_total", "Entries that the decision log has taken.", ({ database: { audit } }) => audit?.recordsTotal ?? 0],
  ["usher_audit_failures_total", "Batches of the decision log that could not be written at once.", ({ database: { audit } }) => audit?.failuresTotal ?? 0],
  ["usher_evaluations_pinned_total", "Evaluations that were finished on a snapshot of the store: commits, or a small budget, had got in their way.", ({ database }) => database.cache.pinned],
];

export function addConditionMetrics(registry: Registry, figures: () => Figures | undefined): void {
  for (const [name, help, value] of gauges) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const now = figures();
        if (now !== undefined) this.set(value(now));
      },
    });
  }
  new Gauge({
    name: "usher_store_state",
    help: "1 for the state that the store is in.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      const now = figures();
      for (const state of states) if (now !== undefined) this.set({ state }, Number(now.database.store.state === state));
    },
  });
  for (const [name, help, value] of counters) {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        const now = figures();
        this.reset();
        if (now !== undefined) this.inc(value(now));
      },
    });
  }
}
