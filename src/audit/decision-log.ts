import { mkdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import { abortError, onAbort, throwIfAborted } from "../base/abort.js";
import { assert } from "../base/assert.js";
import { capDelay, type Clock, type Instant } from "../base/clock.js";
import { asError, UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Recorder } from "../base/recorder.js";
import type {
  Attribution, AuditEntry, AuditKind, AuditMode, AuditRecord, GetCheckpointResponse, ProveDecisionRequest, ProveDecisionResponse, QueryDecisionsRequest, QueryDecisionsResponse,
  TailDecisionsRequest, TailEvent,
} from "../model/audit.js";
import type { WrittenRecords } from "../model/audit-status.js";
import { CheckpointJournal, type WrittenCheckpoint } from "./checkpoint-journal.js";
import { checkOrigin, isSignedBy, signCheckpoint } from "./checkpoint.js";
import { checkpointsFileName } from "./checkpoints-file.js";
import { AuditCursors } from "./cursor.js";
import { type ConnectLog, LogThread, startLogWorker } from "./log/log-thread.js";
import type { LogFigures, OpenOrder, Opened, TreeState } from "./log/protocol.js";
import { Outbox } from "./outbox.js";
import { cutPayload, hashFields, isTooLong } from "./payload.js";
import { openSigningKey, type SigningKey } from "./signing-key.js";
import { Turns } from "./turns.js";

export interface DecisionLogOptions {
  readonly mode: Exclude<AuditMode, "off">;
  /** The log's name, which its checkpoints carry. */
  readonly origin: string;
  /** Of the program. */
  readonly version: string;
  readonly clock: Clock;
  /** Default: `signing-key.pem` in the folder. It is made where it is not there. */
  readonly signingKeyFile?: string;
  /** Context fields of which salted hashes are recorded. Default: none. */
  readonly hashedFields?: readonly string[];
  /** Of decisions that are no live ones one in so many is recorded. Default: 1, all. */
  readonly oneIn?: number;
  /** Records are deleted that are older, or that are more bytes, salts included, before compression. Default: none are. */
  readonly retention?: { readonly ageMs?: number; readonly bytes?: number };
  /** Default: `limits.auditCheckpointMs`; `Infinity`: only when asked, and at the end. */
  readonly checkpointMs?: number;
  /** Told of each checkpoint, which is on the disk by then. */
  onCheckpoint?(text: string): void;
  /** Told of each batch that has come to the disk. */
  onWritten?(written: WrittenRecords): void;
  /** Hears of what failed where nobody waits for it. */
  report(error: Error): void;
  /** What a test puts in the place of the thread, and of the index's shape, and of the pauses after a failure. */
  readonly connect?: ConnectLog;
  readonly shape?: OpenOrder["shape"];
  readonly retryMs?: { readonly min: number; readonly max: number };
}

export interface DecisionLogStatus {
  readonly mode: AuditMode;
  readonly origin: string;
  /** The key that signs: base64 of the 32 bytes. */
  readonly key: string;
  /** How many records there have ever been; those below `kept` were deleted. */
  readonly size: number;
  readonly kept: number;
  readonly redacted: number;
  /** Of what is kept, before compression. */
  readonly bytes: number;
  readonly segments: number;
  /** Handed over and not yet on the disk. */
  readonly backlogBytes: number;
  /** Why nothing is being written. */
  readonly failure?: string;
  readonly checkpoint?: { readonly size: number; readonly at: Instant };
  /** Since the log was opened: entries taken, left out by sampling, and with fields cut; batches written, and failed; grants refused. */
  readonly recorded: number;
  readonly sampledOut: number;
  readonly cut: number;
  readonly batches: number;
  readonly failures: number;
  readonly grantsRefused: number;
}

const defaultShape = { runRecords: limits.auditRunRecordsMax, fanIn: limits.auditSegmentsMergedMax, levelMax: limits.auditSegmentLevelMax };

/** What sampling leaves out; of live decisions a hold without its end would tell nothing. */
const sampled: ReadonlySet<AuditKind> = new Set(["check", "batch_item", "lookup"]);

/** What a caller makes as many of as it asks: while the backlog is full a denial waits too, or whoever is denied would fill the memory. What is taken away never does. */
const asked: ReadonlySet<AuditKind> = new Set(["check", "batch_item", "lookup", "hold"]);

/**
 * The decision log. On this thread an entry becomes text, and waits in the `Outbox`; in a thread of its own it becomes a record (`log/`). Checkpoints are
 * signed here, since the key has no business anywhere else.
 */
export class DecisionLog implements Recorder<AuditEntry> {
  readonly #options: DecisionLogOptions;
  readonly #thread: LogThread;
  readonly #outbox: Outbox;
  readonly #journal: CheckpointJournal;
  readonly #key: SigningKey;
  readonly #cursors: AuditCursors;
  readonly #checkpoints = new Turns();
  readonly #hashedFields: readonly string[];
  readonly #oneIn: number;
  readonly #counts = { recorded: 0, sampledOut: 0, cut: 0 };
  /** Called when records have come to the disk, or a checkpoint has. */
  readonly #followers = new Set<() => void>();
  readonly #timer: NodeJS.Timeout | undefined;
  #tails = 0;
  #tending = false;
  #figures: LogFigures;
  #closed: Promise<void> | undefined;

  /**
   * Opens the log in the folder, creating it where there is none.
   * @throws `store_in_use`, `store_corrupt`, `store_format_newer`, `invalid_file` of the key, `invalid_request` of the origin, `audit_unavailable`
   */
  static async open(folder: string, options: DecisionLogOptions): Promise<DecisionLog> {
    checkOrigin(options.origin);
    assert(Number.isSafeInteger(options.oneIn ?? 1) && (options.oneIn ?? 1) >= 1, "one in so many is recorded");
    // Resolved: of a relative path in a folder that is gone Node.js tries the parts for ever.
    await mkdir(resolve(folder), { recursive: true, mode: 0o700 });
    const path = join(folder, checkpointsFileName);
    const begun = await stat(path).then(({ size }) => size > 0, () => false);
    const thread = new LogThread(options.connect ?? startLogWorker, (error) => options.report(error));
    let journal: CheckpointJournal | undefined;
    try {
      // LevelDB's lock is had first: the files beside it are this process's from then on.
      const opened = await thread.call("open", { folder, create: !begun, shape: options.shape ?? defaultShape });
      journal = await CheckpointJournal.open(path);
      await thread.call("check", stateOf(journal.last));
      const key = await openSigningKey(options.signingKeyFile ?? join(folder, "signing-key.pem"));
      const log = new DecisionLog({ folder, thread, journal, key, opened }, options);
      await log.#begin(opened);
      return log;
    } catch (error) {
      await journal?.close();
      await thread.call("close", undefined).catch(() => undefined);
      await thread.terminate();
      throw error;
    }
  }

  private constructor(parts: { readonly folder: string; readonly thread: LogThread; readonly journal: CheckpointJournal; readonly key: SigningKey; readonly opened: Opened }, options: DecisionLogOptions) {
    const { folder, thread, journal, key, opened } = parts;
    this.#options = options;
    this.#thread = thread;
    this.#journal = journal;
    this.#key = key;
    this.#cursors = new AuditCursors(options.origin, key);
    this.#hashedFields = options.hashedFields ?? [];
    this.#oneIn = options.oneIn ?? 1;
    this.#figures = opened.figures;
    this.#outbox = new Outbox(opened.sequence, {
      blocking: options.mode === "block",
      write: async ({ sequence, payloads, salts }) => {
        const [begun, records] = [performance.now(), payloads.count];
        this.#advance(await thread.call("append", { sequence, payloads: payloads.pack(), ...(salts.size > 0 && { salts }) }));
        options.onWritten?.({ records, seconds: (performance.now() - begun) / 1_000 });
      },
      reopen: async () => {
        const again = await thread.call("open", { folder, create: false, shape: options.shape ?? defaultShape });
        await thread.call("check", stateOf(journal.last));
        this.#advance(again.figures);
        return again.sequence;
      },
      report: (error) => options.report(error),
      ...(options.retryMs && { retryMs: options.retryMs }),
    });
    const { checkpointMs = limits.auditCheckpointMs } = options;
    if (checkpointMs !== Number.POSITIVE_INFINITY) this.#timer = setInterval(() => void this.#tend(), capDelay(checkpointMs)).unref();
  }

  get status(): DecisionLogStatus {
    const { failure, backlogBytes, batches, failures, refused } = this.#outbox;
    const { mode, origin } = this.#options;
    const last = this.#journal.last?.parsed;
    return {
      mode,
      origin,
      key: this.#key.publicKey,
      ...this.#figures,
      backlogBytes,
      ...(failure && { failure: failure.message }),
      ...(last && { checkpoint: { size: last.size, at: last.at } }),
      ...this.#counts,
      batches,
      failures,
      grantsRefused: refused,
    };
  }

  /** @throws (rejects) `audit_unavailable`; `closed` for grants after the end */
  record(entry: AuditEntry, grants: boolean): Promise<void> | undefined {
    if (this.#closed !== undefined) return this.#afterEnd(grants);
    if (this.#oneIn > 1 && sampled.has(entry.kind) && Math.random() * this.#oneIn >= 1) {
      this.#counts.sampledOut++;
      return undefined;
    }
    this.#counts.recorded++;
    const waits = grants || (this.#outbox.isFull && asked.has(entry.kind));
    const hashed = this.#hashedFields.length > 0 ? hashFields(entry, this.#hashedFields) : undefined;
    const shown = hashed?.entry ?? entry;
    const text = JSON.stringify(shown);
    if (!isTooLong(text)) return this.#outbox.put(hashed === undefined ? { text } : { text, salt: hashed.salt }, waits);
    this.#counts.cut++;
    return this.#outbox.put({ text: cutPayload(shown), ...(hashed && { salt: hashed.salt }) }, waits);
  }

  /**
   * @param tenant its records alone; undefined: all
   * @param reader who is given the cursor, and may go on with it
   * @throws `invalid_cursor`, `cursor_expired`
   */
  async query(request: QueryDecisionsRequest, tenant: string | undefined, signal?: AbortSignal, reader = ""): Promise<QueryDecisionsResponse> {
    const { filter, pageSize = limits.auditPageRecordsDefault, cursor, oldestFirst = false } = request;
    const query = { tenant, reader, filter, oldestFirst };
    const now = this.#options.clock.now();
    const from = cursor === undefined ? undefined : this.#cursors.decode(cursor, query, now);
    const limit = Math.min(pageSize, limits.auditPageRecordsMax);
    const order = { filter, oldestFirst, limit, ...(tenant !== undefined && { tenant }), ...(from !== undefined && { start: from.next }) };
    const { records, next } = await this.#thread.call("search", order, signal);
    return { records, ...(next !== undefined && { cursor: this.#cursors.encode({ next, begun: from?.begun ?? now }, query) }) };
  }

  /**
   * Matching records in order, as fast as they are taken: nothing is kept for a slow reader but the place where he is.
   * @throws `record_unknown` where it was to begin with what is not kept any more, or retention has overtaken it; `overloaded`; the signal's reason
   */
  async *tail({ filter, fromIndex, follow = false }: TailDecisionsRequest, tenant: string | undefined, signal?: AbortSignal): AsyncGenerator<TailEvent, void> {
    throwIfAborted(signal);
    if (this.#tails >= limits.auditTailsMax) throw new UsherError("overloaded", `${limits.auditTailsMax} tails of the decision log are open: end one, or retry later`);
    this.#tails++;
    try {
      let next = fromIndex ?? this.#figures.size;
      requireKept(next, this.#figures.kept);
      let told = follow ? this.#journal.last : undefined;
      for (;;) {
        const checkpoint = follow ? this.#journal.last : await this.#checkpointNow();
        const end = follow ? this.#figures.size : (checkpoint?.parsed.size ?? 0);
        while (next < end) {
          const order = { filter, start: next, end, oldestFirst: true, limit: limits.auditPageRecordsMax, ...(tenant !== undefined && { tenant }) };
          const found = await this.#thread.call("search", order, signal);
          // What is passed over in silence would be taken for what did not match.
          requireKept(next, found.kept);
          if (found.records.length > 0) yield { kind: "records", records: found.records };
          next = found.next ?? end;
        }
        if (checkpoint !== undefined && checkpoint !== told) yield { kind: "checkpoint", checkpoint: checkpoint.text };
        told = checkpoint;
        if (!follow) return;
        await this.#growth(end, told, signal);
      }
    } finally {
      this.#tails--;
    }
  }

  /** In the order of the indexes. @throws `record_unknown` */
  records(indexes: readonly number[], tenant?: string): Promise<readonly AuditRecord[]> {
    return this.#thread.call("records", { indexes, ...(tenant !== undefined && { tenant }) });
  }

  /** Of all that is on the disk. @throws `record_unknown` where the size cannot be proven to be a beginning of it */
  async checkpoint(fromSize?: number): Promise<GetCheckpointResponse> {
    const { text, parsed } = await this.#checkpointNow();
    const consistency = fromSize === undefined ? [] : await this.#thread.call("consistency", { from: fromSize, size: parsed.size });
    return { checkpoint: text, key: this.#key.publicKey, consistency };
  }

  /** In the tree of the size that is asked for, or of the last checkpoint, or of a new one where that is older. @throws `record_unknown` */
  async prove({ index, size }: ProveDecisionRequest, tenant?: string): Promise<ProveDecisionResponse> {
    const last = this.#journal.last;
    const { text, parsed } = last !== undefined && last.parsed.size > index ? last : await this.#checkpointNow();
    const { record, path } = await this.#thread.call("inclusion", { index, size: size ?? parsed.size, ...(tenant !== undefined && { tenant }) });
    return { record, path, checkpoint: text, key: this.#key.publicKey };
  }

  /** Erases records; resolves to how many were not already. @throws `record_unknown`, `invalid_request` for what tells of the log itself; then none is */
  async redact(indexes: readonly number[], reason: string, tenant: string | undefined, by: Attribution): Promise<number> {
    assert(indexes.length <= limits.redactPerCallMax, "so many are redacted at once");
    const { redacted, figures } = await this.#thread.call("redact", { indexes, reason, attribution: by, ...(tenant !== undefined && { tenant }) });
    this.#advance(figures);
    return redacted;
  }

  /** Deletes what retention does not keep. By itself it is done after each checkpoint of the timer. */
  async retain(): Promise<void> {
    const { retention, clock } = this.#options;
    if (retention?.ageMs === undefined && retention?.bytes === undefined) return;
    this.#advance(await this.#thread.call("retain", { now: clock.now(), ...retention }));
  }

  /** Resolves once all that was recorded before is on the disk. @throws `audit_unavailable` */
  flush(): Promise<void> {
    return this.#outbox.flush();
  }

  /** Writes what is left, that it ends, and a last checkpoint. @throws `audit_unavailable`: something could not be written */
  close(): Promise<void> {
    return (this.#closed ??= this.#end());
  }

  async #begin({ last, key, oneIn }: Opened): Promise<void> {
    const { mode, origin, version, clock } = this.#options;
    const at = clock.now();
    const put = (entry: AuditEntry) => void this.#outbox.put({ text: JSON.stringify(entry) }, false);
    put({ kind: "start", at, clean: last === undefined || last.kind === "stop", ...(last && { lastAt: last.at }), mode, origin, version });
    const { publicKey } = this.#key;
    if (key !== publicKey) put({ kind: "key", at, key: publicKey, ...(key !== undefined && { before: key }) });
    if (oneIn !== this.#oneIn) put({ kind: "sampling", at, oneIn: this.#oneIn });
    try {
      await this.#outbox.flush();
      const before = this.#journal.last;
      if (before === undefined || !isSignedBy(before.parsed, publicKey)) await this.#checkpointNow();
    } catch (error) {
      clearInterval(this.#timer);
      await this.#outbox.close().catch(() => undefined);
      throw error;
    }
  }

  async #end(): Promise<void> {
    clearInterval(this.#timer);
    void this.#outbox.put({ text: JSON.stringify({ kind: "stop", at: this.#options.clock.now() } satisfies AuditEntry) }, false);
    for (const wake of [...this.#followers]) wake();
    try {
      await this.#outbox.close();
      await this.#checkpointNow();
    } finally {
      await this.#checkpoints.run(() => this.#journal.close());
      await this.#thread.call("close", undefined).catch((error: unknown) => this.#options.report(asError(error)));
      await this.#thread.terminate();
    }
  }

  #afterEnd(grants: boolean): Promise<void> | undefined {
    const error = new UsherError("closed", "the decision log is closed: what happens after that is not recorded");
    if (grants) return Promise.reject(error);
    this.#options.report(error);
    return undefined;
  }

  async #tend(): Promise<void> {
    if (this.#tending) return;
    this.#tending = true;
    try {
      await this.#checkpointNow();
      await this.retain();
    } catch (error) {
      // While the disk fails the outbox says so, once.
      if (this.#outbox.failure === undefined && this.#closed === undefined) this.#options.report(asError(error));
    } finally {
      this.#tending = false;
    }
  }

  /** The last one, where nothing was added since. */
  #checkpointNow(): Promise<WrittenCheckpoint> {
    return this.#checkpoints.run(async () => {
      const { size, root } = await this.#thread.call("tree", undefined);
      const last = this.#journal.last;
      if (last !== undefined && last.parsed.size === size && isSignedBy(last.parsed, this.#key.publicKey)) return last;
      const { origin, clock } = this.#options;
      const text = signCheckpoint({ origin, size, root: Buffer.from(root, "hex"), at: clock.now() }, this.#key);
      const written = await this.#journal.append(text);
      this.#wakeFollowers();
      this.#options.onCheckpoint?.(text);
      return written;
    });
  }

  #advance(figures: LogFigures): void {
    this.#figures = figures;
    this.#wakeFollowers();
  }

  #wakeFollowers(): void {
    for (const wake of [...this.#followers]) wake();
  }

  /** Resolves once there is more than that. @throws the signal's reason; `closed` */
  async #growth(size: number, checkpoint: WrittenCheckpoint | undefined, signal: AbortSignal | undefined): Promise<void> {
    while (this.#figures.size <= size && this.#journal.last === checkpoint) {
      throwIfAborted(signal);
      if (this.#closed !== undefined) throw new UsherError("closed", "the decision log is closed");
      await new Promise<void>((resolve, reject) => {
        const wake = () => {
          this.#followers.delete(wake);
          unhear();
          resolve();
        };
        const unhear = onAbort(signal, () => {
          this.#followers.delete(wake);
          unhear();
          reject(abortError(signal!));
        });
        this.#followers.add(wake);
      });
    }
  }
}

function stateOf(checkpoint: WrittenCheckpoint | undefined): TreeState | undefined {
  return checkpoint && { size: checkpoint.parsed.size, root: Buffer.from(checkpoint.parsed.root).toString("hex") };
}

/** @throws `record_unknown` */
function requireKept(index: number, kept: number): void {
  if (index < kept) throw new UsherError("record_unknown", `record ${index} is not kept any more: begin with ${kept}`);
}
