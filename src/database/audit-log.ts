import { join } from "node:path";

import { DecisionLog } from "../audit/decision-log.js";
import { Witness } from "../audit/witness.js";
import { DailyRate } from "../base/daily-rate.js";
import { limits } from "../base/limits.js";
import type { Recorder } from "../base/recorder.js";
import type {
  Attribution, AuditEntry, AuditMode, AuditRecord, GetCheckpointResponse, ProveDecisionRequest, ProveDecisionResponse, QueryDecisionsRequest, QueryDecisionsResponse, TailDecisionsRequest, TailEvent,
} from "../model/audit.js";
import type { AuditObserver, AuditStatus } from "../model/audit-status.js";
import type { Store } from "../storage/store.js";

/** The decision log, as far as the database needs it. A tenant that is named sees its own records alone. */
export interface AuditLog extends Recorder<AuditEntry> {
  /** @param reader who is given the cursor, and may go on with it. @throws `invalid_cursor`, `cursor_expired` */
  query(request: QueryDecisionsRequest, tenant: string | undefined, signal?: AbortSignal, reader?: string): Promise<QueryDecisionsResponse>;
  tail(request: TailDecisionsRequest, tenant: string | undefined, signal?: AbortSignal): AsyncIterable<TailEvent>;
  /** In the order of the indexes. @throws `record_unknown` */
  records(indexes: readonly number[], tenant: string | undefined): Promise<readonly AuditRecord[]>;
  checkpoint(fromSize: number | undefined): Promise<GetCheckpointResponse>;
  prove(request: ProveDecisionRequest, tenant: string | undefined): Promise<ProveDecisionResponse>;
  redact(indexes: readonly number[], reason: string, tenant: string | undefined, by: Attribution): Promise<number>;
  readonly standing: AuditStatus;
  close(): Promise<void>;
}

export interface AuditOptions {
  readonly mode: Exclude<AuditMode, "off">;
  /** Default: `audit` in the database's folder. */
  readonly folder?: string;
  /** The Ed25519 key that signs, PEM, made where there is none. Default: `audit-signing-key.pem` in the database's folder, out of the log's own. */
  readonly keyFile?: string;
  /** Default: `limits.auditCheckpointMs`. */
  readonly checkpointMs?: number;
  /** Each checkpoint is posted there. */
  readonly witness?: string;
  readonly retention?: { readonly ageMs?: number; readonly bytes?: number };
  /** Context fields of which salted hashes are recorded. */
  readonly hashedFields?: readonly string[];
  /** Of checks and lookups one in so many is recorded. Default: all. */
  readonly oneIn?: number;
  /** Of the program, for the record. */
  readonly version: string;
}

/** @throws `store_in_use`, `store_corrupt`, `store_format_newer`, `invalid_file` of the key, `invalid_configuration` of the witness, `audit_unavailable` */
export async function openAuditLog(data: string, store: Store, options: AuditOptions, report: (error: Error) => void, observer: Partial<AuditObserver> | undefined): Promise<AuditLog> {
  const { witness: url, keyFile, folder, ...rest } = options;
  const witness = url === undefined ? undefined : new Witness({ url, onFailure: report });
  const log = await DecisionLog.open(folder ?? join(data, "audit"), {
    ...rest,
    origin: `usherdb/${store.identity.store}-${store.identity.timeline}`,
    signingKeyFile: keyFile ?? join(data, "audit-signing-key.pem"),
    clock: store.clock,
    onCheckpoint: (text) => witness?.send(text),
    onWritten: (written) => observer?.onRecords?.(written),
    report,
  });
  return new WitnessedLog(log, witness);
}

/** The log on disk, with who is told of its checkpoints, and its figures. */
class WitnessedLog implements AuditLog {
  readonly #log: DecisionLog;
  readonly #witness: Witness | undefined;
  readonly #rate = new DailyRate(performance.now());
  #bytes: number;

  constructor(log: DecisionLog, witness: Witness | undefined) {
    this.#log = log;
    this.#witness = witness;
    this.#bytes = log.status.bytes;
  }

  /** The rate is that of between the times when this was asked. */
  get standing(): AuditStatus {
    const { size, bytes, backlogBytes, recorded, failures, checkpoint } = this.#log.status;
    const now = performance.now();
    this.#rate.add(Math.max(0, bytes - this.#bytes), now);
    this.#bytes = bytes;
    return { size, bytes, backlogBytes, recordsTotal: recorded, failuresTotal: failures, bytesPerDay: this.#rate.perDay(now), ...(checkpoint && { lastCheckpointAt: checkpoint.at }) };
  }

  record(entry: AuditEntry, grants: boolean): Promise<void> | undefined {
    return this.#log.record(entry, grants);
  }

  query(request: QueryDecisionsRequest, tenant: string | undefined, signal?: AbortSignal, reader?: string): Promise<QueryDecisionsResponse> {
    return this.#log.query(request, tenant, signal, reader);
  }

  tail(request: TailDecisionsRequest, tenant: string | undefined, signal?: AbortSignal): AsyncIterable<TailEvent> {
    return this.#log.tail(request, tenant, signal);
  }

  records(indexes: readonly number[], tenant: string | undefined): Promise<readonly AuditRecord[]> {
    return this.#log.records(indexes, tenant);
  }

  checkpoint(fromSize: number | undefined): Promise<GetCheckpointResponse> {
    return this.#log.checkpoint(fromSize);
  }

  prove(request: ProveDecisionRequest, tenant: string | undefined): Promise<ProveDecisionResponse> {
    return this.#log.prove(request, tenant);
  }

  redact(indexes: readonly number[], reason: string, tenant: string | undefined, by: Attribution): Promise<number> {
    return this.#log.redact(indexes, reason, tenant, by);
  }

  async close(): Promise<void> {
    try {
      await this.#log.close();
    } finally {
      await this.#witness?.close(limits.witnessMs);
    }
  }
}
