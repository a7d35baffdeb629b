import { randomBytes } from "node:crypto";
import { resolve } from "node:path";

import { machineTime, SteadyClock, type TimeSources } from "../../base/clock.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { StoreObserver } from "../observer.js";
import type { StoreIdentity } from "../store.js";
import { asStoreError } from "./failure.js";
import { removeCheckpoints } from "./backup/backups.js";
import { metaKey } from "./keys.js";
import { createFolder, levelFolder, type Marker, readMarker, restoreUnfinished, writeMarker } from "./marker.js";
import { type ChainPoint, putMeta, putTenant } from "./meta.js";
import { type OpenRaw, openClassicLevel, type RawDatabase } from "./raw.js";
import { noHash } from "./record.js";
import { scrubBeforeOpening, type TableFile } from "./scrub.js";
import { corrupt, readState, type State } from "./state.js";
import { type Formats, knownFormats, upgradeRows } from "./upgrade.js";
import { LevelStore } from "./level-store.js";

export interface LevelStoreOptions {
  /** Default: this machine's. */
  readonly time?: TimeSources;
  /** So many random bytes, for the identity of a new store. */
  readonly random?: (count: number) => Uint8Array;
  /** How far back snapshots, logs and request ids reach; may be `Infinity`. Default: `limits.horizonMsDefault`. */
  readonly horizonMs?: number;
  /** How often maintenance runs; `Infinity`: only by `maintain()`. Default: `limits.maintenanceMs`. */
  readonly maintenanceMs?: number;
  /** The operator's word that the clock is right, though it stands behind the last commit's instant. */
  readonly acceptClock?: boolean;
  /** How many bytes of tables are verified before the store opens; the rest is in a thread. Default: `limits.scrubAtOpenBytesMax`. */
  readonly scrubBytes?: number;
  /** Opens LevelDB; a test puts itself in between. */
  readonly openRaw?: OpenRaw;
  /** Hears what a listener threw, or background work. Default: throws it where nothing catches it, since it is a bug. */
  readonly report?: (error: Error) => void;
  /** Hears of each group that was committed. */
  readonly observer?: StoreObserver;
  /** Upgrade the store where it has an older format. */
  readonly upgrade?: boolean;
  /** Default: those of this version. */
  readonly formats?: Formats;
}

/**
 * Opens the store in the folder, creating it where the folder is empty or not there.
 * @throws `store_in_use`, `not_a_store`, `store_format_newer`, `store_format_older`, `restore_unfinished`, `store_corrupt`, `clock_behind`,
 * `store_unavailable`
 */
export async function openLevelStore(folder: string, options: LevelStoreOptions = {}): Promise<LevelStore> {
  const { random = randomBytes, openRaw = openClassicLevel, formats = knownFormats } = options;
  try {
    const path = resolve(folder);
    const marker = (await readMarker(path, formats.newest)) ?? (await beginCreation(path, random, formats.newest));
    if (marker.restoring) throw restoreUnfinished(path);
    const unscrubbed = marker.complete ? await scrubBeforeOpening(levelFolder(path), options.scrubBytes ?? limits.scrubAtOpenBytesMax) : [];
    const raw = await openRaw(levelFolder(path), { create: !marker.complete });
    try {
      return await openRows({ path, marker, raw, unscrubbed }, options);
    } catch (error) {
      await raw.close();
      throw error;
    }
  } catch (error) {
    throw asStoreError(error, "open the store", "then start again");
  }
}

interface OpenedFiles {
  readonly path: string;
  readonly marker: Marker;
  readonly raw: RawDatabase;
  readonly unscrubbed: readonly TableFile[];
}

async function openRows({ path, marker, raw, unscrubbed }: OpenedFiles, options: LevelStoreOptions): Promise<LevelStore> {
  const { time = machineTime, openRaw = openClassicLevel, report = throwOutside, formats = knownFormats, observer } = options;
  if (!marker.complete) await completeCreation(path, raw, marker, time);
  await removeCheckpoints(path);
  const { newest } = formats;
  const upgraded = await upgradeRows(path, raw, marker, formats, options.upgrade ?? false);
  const state = await readState(raw, newest);
  checkAgainstMarker(state, upgraded);
  const clock = openClock(time, state.head, options.acceptClock ?? false);
  const { horizonMs = limits.horizonMsDefault, maintenanceMs = limits.maintenanceMs } = options;
  return new LevelStore({ folder: path, raw, state, unscrubbed, clock, horizonMs, openRaw, report, ...(observer && { observer }) }, maintenanceMs);
}

async function beginCreation(folder: string, random: (count: number) => Uint8Array, format: number): Promise<Marker> {
  await createFolder(folder);
  const hex = () => Buffer.from(random(4)).toString("hex");
  const marker: Marker = { format, store: hex(), timeline: hex(), complete: false, revision: 0, hash: noHash.toString("hex") };
  await writeMarker(folder, marker);
  return marker;
}

/** The first batch makes the store; a creation that a crash cut short after it finds it made. */
async function completeCreation(folder: string, raw: RawDatabase, marker: Marker, time: TimeSources): Promise<void> {
  const snapshot = raw.snapshot();
  const [made] = await raw.getMany([metaKey("identity")], snapshot).finally(() => snapshot.close());
  if (made === undefined) {
    const start: ChainPoint = { revision: 0, instant: Math.floor(time.wallMs()), hash: noHash.toString("hex") };
    const rows = [
      putMeta("format", marker.format),
      putMeta("identity", { store: marker.store, timeline: marker.timeline }),
      putMeta("head", start),
      putMeta("mark", start),
      putMeta("horizon", { revision: 0, instant: 0 }),
      putTenant("default", 1),
    ];
    await raw.batch(rows, { sync: true });
  }
  await writeMarker(folder, { ...marker, complete: true });
}

/** What the marker's writer knew to be durable must still be there. */
function checkAgainstMarker({ identity, head }: State, marker: Marker): void {
  if (!sameIdentity(identity, marker)) throw corrupt("its file `STORE` is of another store");
  if (head.revision < marker.revision || (head.revision === marker.revision && head.hash !== marker.hash)) {
    throw corrupt(`revision ${marker.revision}, which was durable, is not in it any more; its newest is ${head.revision}`);
  }
}

function sameIdentity(a: StoreIdentity, b: StoreIdentity): boolean {
  return a.store === b.store && a.timeline === b.timeline;
}

function openClock(time: TimeSources, head: ChainPoint, accept: boolean): SteadyClock {
  const behind = head.instant - time.wallMs();
  if (behind > limits.clockJumpMsMax && !accept) {
    throw new UsherError(
      "clock_behind",
      `the clock stands ${Math.round(behind / 1000)} s behind the last commit, of ${new Date(head.instant).toISOString()}: set it right, or accept it`,
    );
  }
  return new SteadyClock(time, head.instant);
}

function throwOutside(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}
