import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";

import { UsherError } from "../../../base/errors.js";
import type { TenantId } from "../../../model/zookie.js";
import { asStoreError } from "../failure.js";
import { metaName, metaRange } from "../keys.js";
import { levelFolder, type Marker, readMarker, restoreUnfinished } from "../marker.js";
import { format, tenantPrefix } from "../meta.js";
import { type OpenRaw, openClassicLevel, type RawDatabase, type RawSnapshot } from "../raw.js";
import { findTables, scrubTable } from "../scrub.js";
import { unsealJson } from "../seal.js";
import { entries, newerFormat, readMeta, readMetaRow, type StoreMeta } from "../state.js";
import { endedPrefix } from "../tenants.js";
import { checkLog } from "./check-log.js";
import { checkOthers, checkRequests, checkTenants } from "./check-requests.js";
import { checkTuples } from "./check-tuples.js";
import { type Finding, Findings } from "./findings.js";
import { attempt, type Survey } from "./survey.js";

export interface FsckOptions {
  /** Makes good what follows from the rest of the store. Default: false. */
  readonly repair?: boolean;
  readonly openRaw?: OpenRaw;
  /** Told when a part of it begins. */
  readonly onPart?: (part: string) => void;
}

export interface FsckReport {
  readonly meta: StoreMeta;
  readonly findings: readonly Finding[];
  /** What was found and is left: all of it, or, where a repair was asked for, what cannot be repaired. */
  readonly left: number;
}

/**
 * Checks that a store, which must not be open, agrees with itself: tables and rows match their checksums; the index by subject, the
 * history, the counters, the log and its indexes say the same. It reads each keyspace in its order and looks up what the other ones have, in
 * bounded memory.
 * @throws `not_a_store`, `store_in_use`, `restore_unfinished`, `store_format_newer`, `store_format_older`, and `store_corrupt` where so much is wrong that nothing can be compared
 */
export async function fsck(folder: string, options: FsckOptions = {}): Promise<FsckReport> {
  const { repair = false, openRaw = openClassicLevel, onPart = () => undefined } = options;
  const path = resolve(folder);
  try {
    const marker = await requireStore(path);
    const raw = await openRaw(levelFolder(path), { create: false });
    const snapshot = raw.snapshot();
    try {
      const survey = await surveyOf(raw, snapshot, new Findings(raw, repair));
      onPart("files");
      await checkFiles(path, survey, marker);
      await checkRows(survey, onPart);
      await survey.findings.flush();
      const findings = survey.findings.list();
      return { meta: survey.meta, findings, left: findings.reduce((sum, { count, repairable }) => sum + count - (repair ? repairable : 0), 0) };
    } finally {
      await snapshot.close();
      await raw.close();
    }
  } catch (error) {
    throw asStoreError(error, "check the store", "then check it again");
  }
}

async function requireStore(folder: string): Promise<Marker> {
  const marker = await readMarker(folder);
  if (marker === undefined || !marker.complete) {
    if (marker?.restoring) throw restoreUnfinished(folder);
    throw new UsherError("not_a_store", "the folder holds no store: name the folder that a server or a program has its data in");
  }
  return marker;
}

async function surveyOf(raw: RawDatabase, snapshot: RawSnapshot, findings: Findings): Promise<Survey> {
  const meta = await readMeta(raw, snapshot);
  if (meta.format > format) throw newerFormat(meta.format, format);
  if (meta.format < format || (await readMetaRow(raw, snapshot, "upgrade")) !== undefined) {
    throw new UsherError("store_format_older", `the store has format ${meta.format}, or its upgrade has not ended: run \`usher upgrade\` first`);
  }
  const standing = new Set<TenantId>();
  for await (const [key, value] of entries(raw, snapshot, metaRange(tenantPrefix))) {
    const id = attempt(() => unsealJson(key, value) as TenantId);
    if (id !== undefined) standing.add(id);
  }
  const ended = new Set<TenantId>();
  for await (const [key] of entries(raw, snapshot, metaRange(endedPrefix))) ended.add(Number(metaName(key).slice(endedPrefix.length)));
  return { raw, snapshot, meta, standing, ended, findings };
}

async function checkRows(survey: Survey, onPart: (part: string) => void): Promise<void> {
  onPart("tenants");
  await checkTenants(survey);
  await checkOthers(survey);
  onPart("tuples");
  const tables = await checkTuples(survey);
  onPart("log");
  await checkLog(survey, tables);
  onPart("requests");
  await checkRequests(survey);
}

/** What a process that died may have left in the folder. */
const leftoverPattern = /^(STORE\.tmp|PROBE|backup-[0-9a-f]{8})$/;

async function checkFiles(folder: string, { findings, meta }: Survey, marker: Marker): Promise<void> {
  for (const table of await findTables(levelFolder(folder))) {
    const damage = await scrubTable(table).then(
      () => undefined,
      (error: unknown) => (error instanceof UsherError ? error.message : Promise.reject(error as Error)),
    );
    if (damage !== undefined) await findings.add("table_damaged", damage);
  }
  const { head, identity } = meta;
  if (identity.store !== marker.store || identity.timeline !== marker.timeline) await findings.add("head_mismatch", "the file `STORE` is of another store");
  if (head.revision < marker.revision || (head.revision === marker.revision && head.hash !== marker.hash)) {
    await findings.add("head_mismatch", `revision ${marker.revision}, which was durable, is not in it any more; its newest is ${head.revision}`);
  }
  for (const name of (await readdir(folder)).filter((each) => leftoverPattern.test(each))) {
    await findings.addFile(name, () => rm(join(folder, name), { recursive: true, force: true }));
  }
}
