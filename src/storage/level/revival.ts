import { capDelay } from "../../base/clock.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { Commit } from "../store.js";
import type { Condition } from "./condition.js";
import { asStoreError } from "./failure.js";
import type { ReadGate } from "./gate.js";
import type { Handle } from "./handle.js";
import { logKey } from "./keys.js";
import { levelFolder, tryWriting } from "./marker.js";
import type { OpenRaw, RawDatabase } from "./raw.js";
import { decodeRecord } from "./record.js";
import { corrupt, readState, type State } from "./state.js";

/** What a revival works on. */
export interface RevivalPort {
  readonly folder: string;
  readonly openRaw: OpenRaw;
  readonly gate: ReadGate;
  readonly condition: Condition;
  /** As it is published. */
  state(): State;
  handle(): Handle | undefined;
  /** Takes away the handle, which nothing reads any more. */
  drop(): Handle | undefined;
  /** Publishes what was found in the store that was opened anew, and the commits that are above the published head. */
  adopt(raw: RawDatabase, found: State, missed: readonly Commit[]): void;
  /** Waits in the writers' queue: being next there, it makes the pipeline revive the store first. */
  queue(): void;
  /** Everything is served again. */
  revived(): void;
  /** The store is damaged: nothing is served any more. */
  end(damage: UsherError): void;
}

/**
 * What becomes of a store whose disk refused a batch (SEMANTICS 1). The next write, or a timer, closes what is left of the handle, opens
 * the store anew, and publishes what it finds there above the published head. Until that is tried reads go on at what is published.
 */
export class Revival {
  readonly #port: RevivalPort;
  #timer: NodeJS.Timeout | undefined;
  #delayMs: number = limits.recoveryDelayMsMin;
  #lost = false;

  constructor(port: RevivalPort) {
    this.#port = port;
  }

  /** The last attempt failed, with nothing left to read from: until one succeeds, reads are answered by nobody. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Tries by itself, ever more seldom. */
  later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#port.queue(), capDelay(this.#delayMs)).unref();
    this.#delayMs = Math.min(2 * this.#delayMs, limits.recoveryDelayMsMax);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** @throws `store_unavailable`: later perhaps; `store_corrupt`: never */
  async run(): Promise<void> {
    const { condition, gate, folder } = this.#port;
    condition.become("reviving");
    try {
      await tryWriting(folder);
      await gate.shut();
      await this.#replaceHandle();
      gate.open();
      this.#delayMs = limits.recoveryDelayMsMin;
      this.#lost = false;
      condition.become("ready");
      this.#port.revived();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): Error {
    const { condition, gate } = this.#port;
    const failure = asStoreError(error, "reopen the store after the disk failed");
    if (failure instanceof UsherError && failure.code === "store_corrupt") {
      this.#port.end(failure);
    } else {
      gate.open();
      this.#lost = this.#port.handle() === undefined;
      condition.become("failed");
      this.later();
    }
    return failure;
  }

  async #replaceHandle(): Promise<void> {
    await this.#port.drop()?.close();
    const raw = await this.#port.openRaw(levelFolder(this.#port.folder), { create: false });
    try {
      const found = await readState(raw, this.#port.state().format);
      this.#port.adopt(raw, found, await missedCommits(raw, found, this.#port.state()));
    } catch (error) {
      await raw.close();
      throw error;
    }
  }
}

/** Commits whose batch was applied although it was rejected. @throws `store_corrupt` where published ones are gone */
async function missedCommits(raw: RawDatabase, found: State, { head }: State): Promise<Commit[]> {
  const lost = corrupt(`revision ${head.revision}, which was durable, is not in it any more`);
  if (found.head.revision < head.revision) throw lost;
  if (found.head.revision === head.revision) {
    if (found.head.hash !== head.hash) throw lost;
    return [];
  }
  const snapshot = raw.snapshot();
  try {
    const revisions = Array.from({ length: found.head.revision - head.revision }, (_, i) => head.revision + 1 + i);
    const keys = revisions.map(logKey);
    const values = await raw.getMany(keys, snapshot);
    const records = revisions.map((revision, i) => decodeRecord(revision, keys[i] as Buffer, values[i] as Buffer));
    if (records[0]?.previous.toString("hex") !== head.hash) throw lost;
    return records.map(({ commit }) => commit);
  } finally {
    await snapshot.close();
  }
}
