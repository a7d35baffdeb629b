import { capDelay, type Clock, type Instant } from "../../base/clock.js";
import { limits } from "../../base/limits.js";
import type { Commit, Head } from "../store.js";
import type { Pin } from "./handle.js";
import {
  logKey, parseLogKey, parseRequestAgeKey, parseTimeLogKey, pastKey, requestAgeKey, schemaKey, type Side, tenantLogKey, timeLogKey,
} from "./keys.js";
import { type ChainPoint, putMeta } from "./meta.js";
import type { Apply } from "./pipeline.js";
import type { RawOperation } from "./raw.js";
import { decodeRecord } from "./record.js";
import { first } from "./scan.js";
import { unsealJson } from "./seal.js";
import type { State } from "./state.js";

/** What maintenance works on. */
export interface MaintenancePort {
  readonly clock: Clock;
  readonly horizonMs: number;
  readonly state: State;
  /** Runs a task between two groups of commits, with a pin of what is published then. */
  between(task: (apply: Apply, pin: Pin) => Promise<void>): Promise<void>;
  /** Renews, in the background, what the folder's marker says is durable. */
  witness(): void;
  /** Something that ran by itself failed; the next run tries again. */
  report(error: unknown): void;
}

/**
 * Moves the horizon and collects what lies behind it (SEMANTICS 17). The horizon is durable before
 * anything is deleted; each deleting batch states it again, with the verified mark, so that a batch
 * that damage has lost cannot leave deletions without their horizon. The log drives it: each change of
 * a commit at or below the horizon names the version that it ended, which is what is collected, with
 * the commit's own rows. What lives at head is never touched. It goes in small steps through the
 * writers' queue; who holds a snapshot holds LevelDB's, and sees no deletion.
 */
export class Maintenance {
  #port: MaintenancePort;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(port: MaintenancePort) {
    this.#port = port;
  }

  /** Runs every `everyMs`, without keeping the process alive. */
  start(everyMs: number): void {
    if (this.#stopped || everyMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => {
      this.run()
        .catch((error: unknown) => this.#port.report(error))
        .finally(() => this.start(everyMs));
    }, capDelay(everyMs)).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** One run to its end; while one is running, that one. */
  run(): Promise<void> {
    this.#running ??= this.#collect().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #collect(): Promise<void> {
    this.#port.witness();
    const oldest = this.#port.clock.now() - this.#port.horizonMs;
    if (!Number.isFinite(oldest)) return;
    await this.#port.between((apply, pin) => this.#moveHorizon(apply, pin, oldest));
    await this.#repeat((pin) => this.#collectCommits(pin));
    await this.#repeat((pin) => collectRequests(pin, oldest));
  }

  /** To the revision that was head at the instant. */
  async #moveHorizon(apply: Apply, pin: Pin, oldest: Instant): Promise<void> {
    const { state } = this.#port;
    const found = await first(pin, { gte: timeLogKey(0, 0), lt: timeLogKey(Math.max(0, oldest) + 1, 0), reverse: true, snapshot: pin.snapshot });
    if (found === undefined) return;
    const horizon: Head = parseTimeLogKey(found[0]);
    if (horizon.revision <= state.horizon.revision) return;
    const mark = horizon.revision > state.mark.revision ? await this.#chainPoint(pin, horizon.revision) : state.mark;
    await apply([putMeta("horizon", horizon), putMeta("mark", mark)]);
    state.horizon = horizon;
    state.mark = mark;
  }

  async #chainPoint(pin: Pin, revision: number): Promise<ChainPoint> {
    const { head } = this.#port.state;
    if (revision === head.revision) return head;
    const next = await readCommit(pin, revision + 1);
    const { instant } = (await readCommit(pin, revision)).commit;
    return { revision, instant, hash: next.previous.toString("hex") };
  }

  /** A step finds what to delete, at most so much at a time; nothing: that was all. */
  async #repeat(step: (pin: Pin) => Promise<RawOperation[]>): Promise<void> {
    let done = false;
    while (!done) {
      await this.#port.between(async (apply, pin) => {
        const deletions = await step(pin);
        done = deletions.length === 0;
        const { horizon, mark } = this.#port.state;
        if (!done) await apply([putMeta("horizon", horizon), putMeta("mark", mark), ...deletions]);
      });
    }
  }

  async #collectCommits(pin: Pin): Promise<RawOperation[]> {
    const deletions: RawOperation[] = [];
    const iterator = pin.handle.raw.iterate({ gt: logKey(0), lte: logKey(this.#port.state.horizon.revision), snapshot: pin.snapshot });
    try {
      for (let commits = 0; commits < limits.maintenanceCommitsMax && deletions.length < limits.maintenanceRowsMax; commits++) {
        const [entry] = await iterator.next(1);
        if (entry === undefined) break;
        const { commit } = decodeRecord(parseLogKey(entry[0]), entry[0], entry[1]);
        deletions.push(...rowsBehind(commit), ...(commit.schema === undefined ? [] : await supersededSchemas(pin, commit)));
      }
    } finally {
      await iterator.close();
    }
    return deletions;
  }
}

async function readCommit(pin: Pin, revision: number): Promise<ReturnType<typeof decodeRecord>> {
  const key = logKey(revision);
  const [value] = await pin.handle.raw.getMany([key], pin.snapshot);
  return decodeRecord(revision, key, value ?? Buffer.alloc(0));
}

const sides: readonly Side[] = ["object", "subject"];

/** The rows of a commit at or behind the horizon: its own, and the versions that it ended. */
function rowsBehind({ tenant, revision, instant, changes }: Commit): RawOperation[] {
  const keys = [logKey(revision), tenantLogKey(tenant, revision), timeLogKey(instant, revision)];
  for (const { tuple, replaced } of changes) {
    if (replaced !== undefined) keys.push(...sides.map((side) => pastKey(side, tenant, tuple, replaced)));
  }
  return keys.map((key) => ({ type: "del", key }));
}

/** Those that the commit's schema took the place of; its own stays, until one behind the horizon takes its place. */
async function supersededSchemas(pin: Pin, { tenant, revision }: Commit): Promise<RawOperation[]> {
  const found = await first(pin, { gte: schemaKey(tenant, 0), lt: schemaKey(tenant, revision), reverse: true, snapshot: pin.snapshot });
  return found === undefined ? [] : [{ type: "del", key: found[0] }];
}

/** Outcomes of request ids older than the horizon, unless the id was used anew since. */
async function collectRequests(pin: Pin, oldest: Instant): Promise<RawOperation[]> {
  const { raw } = pin.handle;
  const none = Buffer.alloc(1);
  const iterator = raw.iterate({ gte: requestAgeKey(0, none), lt: requestAgeKey(Math.max(0, oldest), none), snapshot: pin.snapshot });
  try {
    const ages = (await iterator.next(limits.maintenanceRowsMax)).map(([key]) => ({ key, ...parseRequestAgeKey(key) }));
    const values = await raw.getMany(ages.map(({ request }) => request), pin.snapshot);
    return ages.flatMap(({ key, instant, request }, i): RawOperation[] => {
      const value = values[i];
      const current = value !== undefined && (unsealJson(request, value) as { instant: Instant }).instant === instant;
      return current ? [{ type: "del", key }, { type: "del", key: request }] : [{ type: "del", key }];
    });
  } finally {
    await iterator.close();
  }
}
