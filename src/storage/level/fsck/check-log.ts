import { limits } from "../../../base/limits.js";
import { tupleIdentity } from "../../../model/tuple.js";
import type { Revision, TenantId } from "../../../model/zookie.js";
import type { Commit, StoredChange } from "../../store.js";
import {
  headKey, keyspaceRange, logKey, parseLogKey, parseSchemaKey, parseTenantLogKey, parseTimeLogKey, pastKey, schemaKey, tenantLogKey, timeLogKey, keyTenant,
} from "../keys.js";
import type { ChainPoint } from "../meta.js";
import type { RawOperation } from "../raw.js";
import { decodeRecord } from "../record.js";
import { decodeRow, type Row } from "../row.js";
import { seal, sealEmpty } from "../seal.js";
import { verifyLink } from "../state.js";
import { sameVersion } from "../version.js";
import type { VersionCount } from "./check-tuples.js";
import { attempt, chunks, type Entry, lookUp, shown, sound, type Survey } from "./survey.js";

/**
 * The log: a chain without gap from the horizon to the head; each commit after the horizon found by tenant, by time and by its
 * schema; each version that it wrote or ended in the tables as the log has it. There are as many versions in the tables as the
 * log accounts for, so that one that no commit wrote shows as well.
 */
export async function checkLog(survey: Survey, tables: VersionCount): Promise<void> {
  const walk = new LogWalk(survey);
  for await (const chunk of chunks(survey, keyspaceRange("log"))) await walk.see(chunk);
  await walk.end();
  await checkCounts(survey, tables, walk);
  await checkTenantIndex(survey);
  await checkTimeIndex(survey);
  await checkSchemas(survey);
}

async function checkCounts({ findings }: Survey, tables: VersionCount, log: VersionCount): Promise<void> {
  const unlogged = tables.written - log.written;
  if (unlogged > 0) await findings.add("version_unlogged", `${unlogged} tuples stand since a revision whose commit does not have them`, [], unlogged);
  const unended = tables.ended - log.ended;
  if (unended > 0) await findings.add("version_unlogged", `${unended} versions ended by a commit that does not have them`, [], unended);
}

/** A version that a change has written or ended, and where it may be. */
interface Expected {
  readonly change: StoredChange;
  readonly revision: Revision;
  readonly head: Place;
  readonly written: Place;
  readonly ended: Place | undefined;
}

/** A version's key by object, and by subject: where the one is damaged, the other tells. */
interface Place {
  readonly key: Buffer;
  readonly twin: Buffer;
}

class LogWalk implements VersionCount {
  readonly #survey: Survey;
  #last: ChainPoint | undefined;
  #before: Commit | undefined;
  /** Versions of the tables that a commit after the horizon has written, and stand; and that one has ended. */
  written = 0;
  ended = 0;

  constructor(survey: Survey) {
    this.#survey = survey;
  }

  async see(chunk: readonly Entry[]): Promise<void> {
    const commits: Commit[] = [];
    for (const [key, value] of chunk) {
      const commit = await this.#link(key, value);
      if (commit && commit.revision > this.#survey.meta.horizon.revision && this.#survey.standing.has(commit.tenant)) commits.push(commit);
      if (commit) await this.#time(commit);
    }
    await this.#indexes(commits);
    for (const commit of commits) await this.#versions(commit);
  }

  async end(): Promise<void> {
    const { head, horizon } = this.#survey.meta;
    await this.#time(undefined);
    const last = this.#last ?? (head.revision === horizon.revision ? head : undefined);
    if (last?.revision === head.revision && last.hash === head.hash) return;
    await this.#survey.findings.add("head_mismatch", `head is revision ${head.revision}, and the log ends at ${last?.revision ?? horizon.revision}`);
  }

  /** The commit, whether or not it follows from the one before. */
  async #link(key: Buffer, value: Buffer): Promise<Commit | undefined> {
    const { findings, meta } = this.#survey;
    const record = attempt(() => decodeRecord(parseLogKey(key), key, value));
    if (record === undefined) {
      await findings.add("row_damaged", `the log's ${shown(key)}`);
      return undefined;
    }
    const { commit, hash, previous } = record;
    const first: ChainPoint = { revision: Math.min(commit.revision - 1, meta.horizon.revision), instant: 0, hash: previous.toString("hex") };
    const next = attempt(() => verifyLink(this.#last ?? first, record));
    if (next === undefined) await findings.add("log_broken", `revision ${commit.revision} does not follow from revision ${(this.#last ?? first).revision}`);
    this.#last = { revision: commit.revision, instant: commit.instant, hash: hash.toString("hex") };
    const { mark } = meta;
    if (mark.revision === commit.revision && mark.hash !== this.#last.hash) await findings.add("log_broken", `revision ${commit.revision} is not the one that was verified`);
    return commit;
  }

  /** Of the commits of one instant the last is led to. */
  async #time(next: Commit | undefined): Promise<void> {
    const before = this.#before;
    this.#before = next;
    if (before === undefined || before.instant === next?.instant || before.revision <= this.#survey.meta.horizon.revision) return;
    const key = timeLogKey(before.instant, before.revision);
    const [value] = await lookUp(this.#survey, [key]);
    if (sound(key, value) === undefined) await this.#survey.findings.add("time_index_missing", `revision ${before.revision}`, [putEmpty(key)]);
  }

  async #indexes(commits: readonly Commit[]): Promise<void> {
    const keys = commits.map(({ tenant, revision }) => tenantLogKey(tenant, revision));
    const values = await lookUp(this.#survey, keys);
    const schemas = await lookUp(this.#survey, commits.map(({ tenant, revision }) => schemaKey(tenant, revision)));
    for (const [i, { tenant, revision, schema }] of commits.entries()) {
      const key = keys[i] as Buffer;
      if (sound(key, values[i]) === undefined) await this.#survey.findings.add("log_index_missing", `revision ${revision} of tenant ${tenant}`, [putEmpty(key)]);
      if (schema === undefined) continue;
      const at = schemaKey(tenant, revision);
      if (sound(at, schemas[i])?.toString() === schema) continue;
      await this.#survey.findings.add("schema_missing", `of revision ${revision}`, [{ type: "put", key: at, value: seal(at, Buffer.from(schema)) }]);
    }
  }

  async #versions({ tenant, revision, changes }: Commit): Promise<void> {
    const expected = changes.map((change): Expected => ({
      change,
      revision,
      head: { key: headKey("object", tenant, change.tuple), twin: headKey("subject", tenant, change.tuple) },
      written: pastPlace(tenant, change, revision),
      ended: change.replaced === undefined ? undefined : pastPlace(tenant, change, change.replaced),
    }));
    for (let at = 0; at < expected.length; at += limits.fsckLookupRowsMax) await this.#compare(expected.slice(at, at + limits.fsckLookupRowsMax));
  }

  async #compare(expected: readonly Expected[]): Promise<void> {
    const heads = await this.#rows(expected, ({ head }) => head);
    // Most versions of a log stand: the others alone are looked for in the history.
    const written = await this.#rows(expected, ({ change, revision, written: place }, i) => (change.kind === "delete" || heads[i]?.tuple.since === revision ? undefined : place));
    const ended = await this.#rows(expected, ({ ended: place }) => place);
    for (const [i, each] of expected.entries()) {
      await this.#compareWritten(each, heads[i], written[i]);
      if (each.ended) await this.#compareEnded(each, ended[i]);
    }
  }

  /** What is at a place of each, where there is one. */
  async #rows(expected: readonly Expected[], placeOf: (each: Expected, index: number) => Place | undefined): Promise<(Row | undefined)[]> {
    const wanted = expected.flatMap((each, index) => {
      const place = placeOf(each, index);
      return place === undefined ? [] : [{ index, place, change: each.change }];
    });
    const values = await lookUp(this.#survey, wanted.map(({ place }) => place.key));
    const rows = new Array<Row | undefined>(expected.length);
    for (const [i, { index, place, change }] of wanted.entries()) {
      const value = values[i];
      const row = decoded(place.key, value, change);
      rows[index] = row ?? (value && decoded(place.twin, (await lookUp(this.#survey, [place.twin]))[0], change));
    }
    return rows;
  }

  async #compareWritten({ change, revision }: Expected, head: Row | undefined, past: Row | undefined): Promise<void> {
    const { findings } = this.#survey;
    const name = `${tupleIdentity(change.tuple)} at revision ${revision}`;
    if (change.kind === "delete") {
      if (head && head.tuple.since <= revision) await findings.add("version_missing", `${name}: deleted, and it stands since ${head.tuple.since}`);
      return;
    }
    const stands = head?.tuple.since === revision;
    if (stands) this.written++;
    const row = stands ? head : past;
    if (row === undefined) await findings.add("version_missing", `${name}: written, and nothing has it`);
    else if (!sameVersion(row.tuple, change.tuple)) await findings.add("version_missing", `${name}: written otherwise than it is`);
  }

  async #compareEnded({ change, revision }: Expected, row: Row | undefined): Promise<void> {
    if (row?.until === revision) this.ended++;
    else await this.#survey.findings.add("version_missing", `${tupleIdentity(change.tuple)} at revision ${revision}: its version since ${change.replaced} is not in the history`);
  }
}

function pastPlace(tenant: TenantId, { tuple }: StoredChange, since: Revision): Place {
  return { key: pastKey("object", tenant, tuple, since), twin: pastKey("subject", tenant, tuple, since) };
}

function decoded(key: Buffer, value: Buffer | undefined, { tuple }: StoredChange): Row | undefined {
  return value && attempt(() => decodeRow(key, value, tuple));
}

function putEmpty(key: Buffer): RawOperation {
  return { type: "put", key, value: sealEmpty(key) };
}

/** The commits that rows of an index lead to; undefined where one leads to none. */
async function commitsOf(survey: Survey, revisions: readonly Revision[]): Promise<(Commit | undefined)[]> {
  const values = await lookUp(survey, revisions.map(logKey));
  return revisions.map((revision, i) => {
    const value = values[i];
    return value && attempt(() => decodeRecord(revision, logKey(revision), value).commit);
  });
}

async function checkTenantIndex(survey: Survey): Promise<void> {
  for await (const chunk of chunks(survey, keyspaceRange("logByTenant"))) {
    const standing = chunk.filter(([key]) => survey.standing.has(keyTenant(key)));
    const commits = await commitsOf(survey, standing.map(([key]) => parseTenantLogKey(key)));
    for (const [i, [key]] of standing.entries()) {
      if (commits[i]?.tenant !== keyTenant(key)) await survey.findings.add("log_index_orphan", shown(key), [{ type: "del", key }]);
    }
  }
}

async function checkTimeIndex(survey: Survey): Promise<void> {
  for await (const chunk of chunks(survey, keyspaceRange("logByTime"))) {
    const places = chunk.map(([key]) => parseTimeLogKey(key));
    const commits = await commitsOf(survey, places.map(({ revision }) => revision));
    for (const [i, [key]] of chunk.entries()) {
      if (commits[i]?.instant !== places[i]?.instant) await survey.findings.add("time_index_orphan", shown(key), [{ type: "del", key }]);
    }
  }
}

/** A schema of before the horizon may be in force still, its commit gone. */
async function checkSchemas(survey: Survey): Promise<void> {
  for await (const chunk of chunks(survey, keyspaceRange("schema"))) {
    for (const [key, value] of chunk) {
      const { tenant, revision } = parseSchemaKey(key);
      if (!survey.standing.has(tenant)) continue;
      if (sound(key, value) === undefined && revision <= survey.meta.horizon.revision) await survey.findings.add("row_damaged", `the schema of revision ${revision}`);
      if (revision <= survey.meta.horizon.revision) continue;
      const [commit] = await commitsOf(survey, [revision]);
      if (commit?.schema === undefined || commit.tenant !== tenant) await survey.findings.add("schema_orphan", `of revision ${revision}`);
    }
  }
}
