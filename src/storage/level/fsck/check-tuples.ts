import { limits } from "../../../base/limits.js";
import type { TupleShape } from "../../../model/schema/schema.js";
import { tupleIdentity } from "../../../model/tuple.js";
import type { Revision, TenantId } from "../../../model/zookie.js";
import type { TupleKey } from "../../store.js";
import {
  counterKey, headKey, keyspaceRange, keyTenant, logKey, parseCounterKey, parseIdentity, pastKey, type Side, shapeText, splitPastKey,
} from "../keys.js";
import type { RawOperation } from "../raw.js";
import { decodeRow, type Row } from "../row.js";
import { seal, sealJson, unsealJson } from "../seal.js";
import type { Counters, ShapeCount } from "../state.js";
import { shapeOf } from "../../../model/schema/shape.js";
import { attempt, chunks, type Entry, lookUp, shown, sound, type Survey } from "./survey.js";

/** How many versions the tables have that a commit after the horizon must have made or ended: the log is held against it. */
export interface VersionCount {
  readonly written: number;
  readonly ended: number;
}

/** A tuple's row by one order, and where it is by the other. */
interface Placed {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly tenant: TenantId;
  readonly identity: TupleKey;
  /** Of a version that ended. */
  readonly since?: Revision;
  readonly other: Buffer;
}

type Kind = "head" | "past";

const spaces = {
  head: { object: "headByObject", subject: "headBySubject" },
  past: { object: "pastByObject", subject: "pastBySubject" },
} as const;

/**
 * The index by object is the truth, the index by subject follows from it row by row, and the counters count it. A row by object that
 * is damaged is made good from its sound twin by subject; one that is missing is not: a tuple is not brought back by an index.
 */
export async function checkTuples(survey: Survey): Promise<VersionCount> {
  const counts: Counters = new Map();
  const written = await checkForward(survey, "head", ({ tenant }, { tuple }) => count(counts, tenant, shapeOf(tuple)));
  const history = new History(survey);
  const ended = await checkForward(survey, "past", (placed, row) => history.see(placed, row));
  await history.end();
  await checkReverse(survey, "head", written.twins);
  await checkReverse(survey, "past", ended.twins);
  await checkCounters(survey, counts);
  return { written: written.recent, ended: ended.recent };
}

interface Forward {
  /** Rows of a version that was written (head) or ended (past) after the horizon. */
  readonly recent: number;
  /** Rows that have a twin, sound or not. */
  readonly twins: number;
}

async function checkForward(survey: Survey, kind: Kind, see: (placed: Placed, row: Row) => void | Promise<void>): Promise<Forward> {
  const { horizon } = survey.meta;
  let recent = 0;
  let twins = 0;
  for await (const chunk of chunks(survey, keyspaceRange(spaces[kind].object))) {
    const placed = await place(survey, kind, "object", chunk);
    const others = await lookUp(survey, placed.map(({ other }) => other));
    for (const [i, row] of placed.entries()) {
      if (others[i] !== undefined) twins++;
      const body = await reconcile(survey, row, others[i]);
      const decoded = body && attempt(() => decodeRow(row.key, seal(row.key, body), row.identity));
      if (decoded === undefined) continue;
      if ((kind === "head" ? decoded.tuple.since : (decoded.until ?? 0)) > horizon.revision) recent++;
      await see(row, decoded);
    }
  }
  return { recent, twins };
}

/** Holds a row against its twin; the body that both should have, where one of them has it. */
async function reconcile({ findings }: Survey, { key, value, identity, other }: Placed, twin: Buffer | undefined): Promise<Buffer | undefined> {
  const body = sound(key, value);
  const twinBody = sound(other, twin);
  const name = tupleIdentity(identity);
  if (body === undefined) {
    const operations: RawOperation[] = twinBody === undefined ? [] : [{ type: "put", key, value: seal(key, twinBody) }];
    await findings.add("forward_damaged", name, operations);
    return twinBody;
  }
  if (twinBody !== undefined && twinBody.equals(body)) return body;
  await findings.add(twin === undefined ? "reverse_missing" : "reverse_differs", name, [{ type: "put", key: other, value: seal(other, body) }]);
  return body;
}

/** Rows by subject that no row by object stands for. Where there are as many of them as are twins, there is none, and nothing is looked up. */
async function checkReverse(survey: Survey, kind: Kind, twins: number): Promise<void> {
  let rows = 0;
  for await (const chunk of chunks(survey, keyspaceRange(spaces[kind].subject))) rows += (await place(survey, kind, "subject", chunk)).length;
  if (rows === twins) return;
  for await (const chunk of chunks(survey, keyspaceRange(spaces[kind].subject))) {
    const placed = chunk.flatMap(([key, value]) => attempt(() => placeOf(kind, "subject", key, value)) ?? []).filter(({ tenant }) => survey.standing.has(tenant));
    const others = await lookUp(survey, placed.map(({ other }) => other));
    for (const [i, { key, identity }] of placed.entries()) {
      if (others[i] === undefined) await survey.findings.add("reverse_orphan", tupleIdentity(identity), [{ type: "del", key }]);
    }
  }
}

/** The rows of tenants that stand. */
async function place(survey: Survey, kind: Kind, side: Side, chunk: readonly Entry[]): Promise<Placed[]> {
  const placed: Placed[] = [];
  for (const [key, value] of chunk) {
    const row = attempt(() => placeOf(kind, side, key, value));
    if (row === undefined) await survey.findings.add("row_unknown", shown(key));
    else if (survey.standing.has(row.tenant)) placed.push(row);
    else if (!survey.ended.has(row.tenant)) await survey.findings.add("tenant_leftover", shown(key), [{ type: "del", key }]);
  }
  return placed;
}

/** Undefined where the key is not one that would be made of what it says. */
function placeOf(kind: Kind, side: Side, key: Buffer, value: Buffer): Placed | undefined {
  const twin = side === "object" ? "subject" : "object";
  const tenant = keyTenant(key);
  if (kind === "head") {
    const identity = parseIdentity(side, key, key.length);
    if (!headKey(side, tenant, identity).equals(key)) return undefined;
    return { key, value, tenant, identity, other: headKey(twin, tenant, identity) };
  }
  const { identityEnd, since } = splitPastKey(key);
  const identity = parseIdentity(side, key, identityEnd);
  if (!pastKey(side, tenant, identity, since).equals(key)) return undefined;
  return { key, value, tenant, identity, since, other: pastKey(twin, tenant, identity, since) };
}

interface Version {
  readonly placed: Placed;
  readonly until: Revision;
}

/** Versions that ended, in the order of their keys: those of one tuple follow each other, and none overlaps the next, or the one that stands. */
class History {
  readonly #survey: Survey;
  #last: Version | undefined;
  #pending: Version[] = [];

  constructor(survey: Survey) {
    this.#survey = survey;
  }

  async see(placed: Placed, { tuple, until }: Row): Promise<void> {
    const { since = 0, identity } = placed;
    if (until === undefined || tuple.since !== since || until <= since || until > this.#survey.meta.head.revision) {
      await this.#survey.findings.add("history_malformed", `${tupleIdentity(identity)} since ${since}`);
      return;
    }
    if (this.#last && sameTuple(this.#last.placed, placed) && this.#last.until > since) {
      await this.#survey.findings.add("history_malformed", `${tupleIdentity(identity)} since ${since}, where the version before it stood until ${this.#last.until}`);
    }
    this.#last = { placed, until };
    this.#pending.push(this.#last);
    if (this.#pending.length >= limits.fsckLookupRowsMax) await this.end();
  }

  /** Holds the versions that are left against the tuples that stand, and against the log that will collect them. */
  async end(): Promise<void> {
    const versions = this.#pending;
    this.#pending = [];
    const heads = versions.map(({ placed: { tenant, identity } }) => headKey("object", tenant, identity));
    const standing = await lookUp(this.#survey, heads);
    const commits = await lookUp(this.#survey, versions.map(({ until }) => logKey(until)));
    for (const [i, { placed, until }] of versions.entries()) {
      const [head, value] = [heads[i], standing[i]];
      const row = head && value && attempt(() => decodeRow(head, value, placed.identity));
      const name = `${tupleIdentity(placed.identity)} until ${until}`;
      if (row && row.tuple.since < until) await this.#survey.findings.add("history_malformed", `${name}, where the tuple stands since ${row.tuple.since}`);
      if (until > this.#survey.meta.horizon.revision || commits[i] !== undefined) continue;
      await this.#survey.findings.add("history_leftover", name, [placed.key, placed.other].map((key): RawOperation => ({ type: "del", key })));
    }
  }
}

function sameTuple(a: Placed, b: Placed): boolean {
  return a.tenant === b.tenant && tupleIdentity(a.identity) === tupleIdentity(b.identity);
}

function count(counts: Counters, tenant: TenantId, shape: TupleShape): void {
  let ofTenant = counts.get(tenant);
  if (ofTenant === undefined) counts.set(tenant, (ofTenant = new Map<string, ShapeCount>()));
  const text = shapeText(shape);
  ofTenant.set(text, { shape, count: (ofTenant.get(text)?.count ?? 0) + 1 });
}

async function checkCounters(survey: Survey, counts: Counters): Promise<void> {
  const wrong = (key: Buffer, shape: TupleShape, was: unknown, is: number) => {
    const operation: RawOperation = is === 0 ? { type: "del", key } : { type: "put", key, value: sealJson(key, is) };
    const name = `${shape.objectType}#${shape.relation}@${shape.subjectType}${shape.subjectRelation === "" ? "" : `#${shape.subjectRelation}`}`;
    return survey.findings.add("counter_wrong", `${name}: ${String(was)}, and ${is} stand`, [operation]);
  };
  for await (const chunk of chunks(survey, keyspaceRange("counter"))) {
    for (const [key, value] of chunk) {
      const parsed = attempt(() => parseCounterKey(key));
      if (parsed === undefined || !survey.standing.has(parsed.tenant)) continue;
      const text = shapeText(parsed.shape);
      const is = counts.get(parsed.tenant)?.get(text)?.count ?? 0;
      const was = attempt(() => unsealJson(key, value));
      if (was !== is) await wrong(key, parsed.shape, was, is);
      counts.get(parsed.tenant)?.delete(text);
    }
  }
  for (const [tenant, ofTenant] of counts) {
    for (const { shape, count: is } of ofTenant.values()) await wrong(counterKey(tenant, shape), shape, undefined, is);
  }
}
