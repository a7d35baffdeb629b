import { randomBytes } from "node:crypto";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { UsherError } from "../../base/errors.js";
import { quote } from "../../model/object.js";
import { makeDurableCheckpoint } from "./checkpoint.js";
import { metaKey } from "./keys.js";
import { levelFolder, type Marker, readMarker, writeMarker } from "./marker.js";
import { format, putMeta } from "./meta.js";
import { type OpenRaw, openClassicLevel, type RawDatabase, type RawOperation, type RawSnapshot } from "./raw.js";
import { corrupt, newerFormat, readMeta, readMetaRow } from "./state.js";

/**
 * Brings a store's rows from one format to the next, in bounded steps. A step reads a snapshot that shows all the steps before it,
 * and names the place where the next one begins; its rows and that place are one batch, so that a crash goes on where it was.
 * The rows `identity`, `ancestors`, `head`, `format` and `upgrade` are the same in every format: the way back rests on them.
 */
export interface Migration {
  /** To the format above it. */
  readonly from: number;
  /** @param cursor from the step before; absent: the first. */
  step(raw: RawDatabase, snapshot: RawSnapshot, cursor: string | undefined): Promise<MigrationStep>;
}

export interface MigrationStep {
  readonly operations: readonly RawOperation[];
  /** Absent: that was the last step. */
  readonly cursor?: string;
}

/** Which formats a version knows. */
export interface Formats {
  readonly newest: number;
  readonly migrations: readonly Migration[];
}

/** The first format is the only one there has been. */
export const knownFormats: Formats = { newest: format, migrations: [] };

/** The folder, inside the store's own, in which what an upgrade began with is kept until it is confirmed: `before-format-2`. */
const keptPrefix = "before-format-";

function keptFolder(folder: string, to: number): string {
  return join(folder, `${keptPrefix}${to}`);
}

/**
 * Upgrades the rows where they are of an older format. Before the first step the store as it is is kept beside it, by links, which
 * costs neither time nor, at first, space. An upgrade that was begun is always gone on with.
 * @throws `store_format_newer`, `store_format_older` where `allowed` is not given, `store_corrupt`, what LevelDB throws
 */
export async function upgradeRows(folder: string, raw: RawDatabase, marker: Marker, formats: Formats, allowed: boolean): Promise<Marker> {
  const found = await atSnapshot(raw, async (snapshot) => ({ ...(await readMeta(raw, snapshot)), upgrade: await readMetaRow(raw, snapshot, "upgrade") }));
  if (found.format > formats.newest) throw newerFormat(found.format, formats.newest);
  if (found.format < formats.newest && !allowed) throw olderFormat(found.format, formats.newest);
  if (found.upgrade !== undefined) await migrate(raw, migrationFrom(formats, found.upgrade.from), found.upgrade.cursor);
  for (let from = found.format; from < formats.newest; from++) {
    const migration = migrationFrom(formats, from);
    await keep(folder, marker, from);
    await raw.batch([putMeta("format", from + 1), putMeta("upgrade", { from })], { sync: true });
    await migrate(raw, migration, undefined);
  }
  if (marker.format === formats.newest) return marker;
  const upgraded = { ...marker, format: formats.newest };
  await writeMarker(folder, upgraded);
  return upgraded;
}

function olderFormat(found: number, newest: number): UsherError {
  return new UsherError(
    "store_format_older",
    `the store has format ${found}, and this version writes ${newest}: run \`usher upgrade\`, which keeps a way back, or open it with the version that wrote it`,
  );
}

function migrationFrom({ migrations }: Formats, from: number): Migration {
  const found = migrations.find((migration) => migration.from === from);
  if (found !== undefined) return found;
  throw new UsherError("store_format_older", `the store has format ${from}, which this version has forgotten: upgrade it with an earlier version first`);
}

/** Anew where there is one: the upgrade has not begun, so what is there is of an attempt after which more may have been written. */
async function keep(folder: string, marker: Marker, from: number): Promise<void> {
  const kept = keptFolder(folder, from + 1);
  await rm(kept, { recursive: true, force: true });
  await makeDurableCheckpoint(levelFolder(folder), levelFolder(kept));
  await writeMarker(kept, { ...marker, format: from });
}

async function migrate(raw: RawDatabase, migration: Migration, begin: string | undefined): Promise<void> {
  for (let cursor = begin; ; ) {
    const step = await atSnapshot(raw, (snapshot) => migration.step(raw, snapshot, cursor));
    cursor = step.cursor;
    if (cursor === undefined) {
      await raw.batch([...step.operations, { type: "del", key: metaKey("upgrade") }], { sync: true });
      return;
    }
    await raw.batch([...step.operations, putMeta("upgrade", { from: migration.from, cursor })], { sync: true });
  }
}

async function atSnapshot<Result>(raw: RawDatabase, task: (snapshot: RawSnapshot) => Promise<Result>): Promise<Result> {
  const snapshot = raw.snapshot();
  try {
    return await task(snapshot);
  } finally {
    await snapshot.close();
  }
}

/** What upgrades of a store have kept, the newest format last. */
export async function keptFormats(folder: string): Promise<number[]> {
  const kept: number[] = [];
  for (const name of await readdir(folder)) {
    const to = Number(name.slice(keptPrefix.length));
    if (name.startsWith(keptPrefix) && Number.isSafeInteger(to) && (await readMarker(join(folder, name), to)) !== undefined) kept.push(to - 1);
  }
  return kept.sort((a, b) => a - b);
}

/** Gives up the ways back, and with them the space that they take. The store must not be open. */
export async function confirmUpgrade(folder: string): Promise<void> {
  for (const from of await keptFormats(folder)) await rm(keptFolder(folder, from + 1), { recursive: true });
}

export interface GoBackOptions {
  /** Also where commits since the upgrade are lost by it. */
  readonly discard: boolean;
  /** Default, each: those of an opening. */
  readonly openRaw?: OpenRaw;
  readonly formats?: Formats;
  readonly random?: (count: number) => Uint8Array;
}

/** Where a store has gone back to. */
export interface WentBack {
  readonly format: number;
  readonly revision: number;
  /** Commits since the upgrade, which are lost. */
  readonly lost: number;
}

/**
 * Puts the store as it was before its newest upgrade back in its place; the store must not be open. Where commits are lost by
 * that, what was given since is of a timeline that has ended, so that no zookie means another commit than the one it was given for.
 * Cut short, it is begun again.
 * @throws `invalid_request` where there is nothing to go back to, or commits would be lost; `store_corrupt`, `store_in_use`
 */
export async function goBack(folder: string, options: GoBackOptions): Promise<WentBack> {
  const from = (await keptFormats(folder)).at(-1);
  const marker = await readMarker(folder, (options.formats ?? knownFormats).newest);
  if (from === undefined || marker === undefined) {
    throw new UsherError("invalid_request", `folder ${quote(folder)} keeps nothing of before an upgrade: restore a backup instead`);
  }
  const kept = keptFolder(folder, from + 1);
  const before = await readMarker(kept, from);
  if (before === undefined) throw corrupt("what its upgrade kept is gone");
  if (!(await readdir(kept)).includes("level")) return finish(folder, kept, before, 0);
  const lost = await prepare(folder, kept, before, options);
  const ready = (await readMarker(kept, from)) ?? before;
  await writeMarker(folder, { ...marker, restoring: true });
  await rm(levelFolder(folder), { recursive: true, force: true });
  await rename(levelFolder(kept), levelFolder(folder));
  return finish(folder, kept, ready, lost);
}

async function finish(folder: string, kept: string, before: Marker, lost: number): Promise<WentBack> {
  await writeMarker(folder, before);
  await rm(kept, { recursive: true });
  return { format: before.format, revision: before.revision, lost };
}

/** Makes the kept store ready to take the other's place, with a timeline of its own where commits are lost. Resolves to how many. */
async function prepare(folder: string, kept: string, before: Marker, { openRaw = openClassicLevel, random = randomBytes, discard }: GoBackOptions): Promise<number> {
  const current = await readMarker(folder, Number.MAX_SAFE_INTEGER);
  if (current?.restoring) return 0;
  const now = await withRaw(openRaw, levelFolder(folder), headOf);
  return withRaw(openRaw, levelFolder(kept), async (raw) => {
    const then = await headOf(raw);
    const lost = now.head.revision - then.head.revision;
    if (lost > 0 && !discard) {
      throw new UsherError("invalid_request", `${lost} commits were made since the upgrade, and would be lost: say so with \`--discard\`, or take a backup first`);
    }
    const { revision, hash } = then.head;
    const fork = lost > 0 && then.identity.timeline === now.identity.timeline;
    const timeline = fork ? Buffer.from(random(4)).toString("hex") : then.identity.timeline;
    if (fork) {
      const ancestors = [...then.ancestors, { timeline: then.identity.timeline, fork: revision }];
      await raw.batch([putMeta("identity", { store: then.identity.store, timeline }), putMeta("ancestors", ancestors)], { sync: true });
    }
    await writeMarker(kept, { ...before, timeline, revision, hash });
    return lost;
  });
}

async function headOf(raw: RawDatabase) {
  return atSnapshot(raw, async (snapshot) => ({ ...(await readMeta(raw, snapshot)), ancestors: (await readMetaRow(raw, snapshot, "ancestors")) ?? [] }));
}

async function withRaw<Result>(openRaw: OpenRaw, level: string, task: (raw: RawDatabase) => Promise<Result>): Promise<Result> {
  const raw = await openRaw(level, { create: false });
  try {
    return await task(raw);
  } finally {
    await raw.close();
  }
}
