import type { Instant } from "../../src/base/clock.js";
import type { ErrorCode } from "../../src/base/errors.js";
import type { TupleFilter } from "../../src/model/filter.js";
import type { TupleShape } from "../../src/model/schema/schema.js";
import type { StoredTuple, Tuple } from "../../src/model/tuple.js";
import type { Revision, TenantId } from "../../src/model/zookie.js";
import type { Commit, Head, StoredChange, TupleKey, Write, WriteOutcome } from "../../src/storage/store.js";

export type ModelAnswer = { outcome: WriteOutcome } | { code: ErrorCode };

/** A tenant's tuples by identity. */
type Tuples = ReadonlyMap<string, StoredTuple>;

/**
 * What a store must do, written as plainly as can be: a whole copy of everything for each revision.
 * It shares nothing with a store but the types.
 */
export class ModelStore {
  head: Head;
  horizon: Head = { revision: 0, instant: 0 };
  readonly commits: Commit[] = [];
  #states: Map<TenantId, Tuples>[] = [new Map<TenantId, Tuples>()];
  #schemas: { tenant: TenantId; revision: Revision; text: string }[] = [];
  #requests = new Map<string, { hash: string; instant: Instant; outcome: WriteOutcome }>();
  #horizonMs: number;

  constructor(head: Head, horizonMs: number) {
    this.head = head;
    this.#horizonMs = horizonMs;
  }

  write(write: Write, now: Instant): ModelAnswer {
    const instant = Math.max(now, this.head.instant);
    const request = JSON.stringify([write.tenant, write.principal, write.requestId]);
    const kept = this.#requests.get(request);
    const remembers = write.requestId !== undefined && !write.validateOnly;
    if (remembers && kept && kept.instant + this.#horizonMs >= instant) {
      return kept.hash === write.requestHash ? { outcome: { ...kept.outcome, repeated: true } } : { code: "request_id_reused" };
    }
    const answer = this.#attempt(write, instant);
    if (remembers && "outcome" in answer) this.#requests.set(request, { hash: write.requestHash ?? "", instant, outcome: answer.outcome });
    return answer;
  }

  tuplesAt(tenant: TenantId, revision: Revision): Tuples {
    return this.#states[revision]?.get(tenant) ?? new Map<string, StoredTuple>();
  }

  schemaAt(tenant: TenantId, revision: Revision): { text: string; revision: Revision } | undefined {
    const found = this.#schemas.findLast((schema) => schema.tenant === tenant && schema.revision <= revision);
    return found && { text: found.text, revision: found.revision };
  }

  list(tenant: TenantId, revision: Revision, filter: TupleFilter): StoredTuple[] {
    return sorted(filter, [...this.tuplesAt(tenant, revision).values()].filter((tuple) => fits(filter, tuple)));
  }

  revisionAt(instant: Instant): Revision {
    return this.commits.findLast((commit) => commit.instant <= instant)?.revision ?? 0;
  }

  maintain(now: Instant): void {
    const revision = this.revisionAt(now - this.#horizonMs);
    if (revision > this.horizon.revision) this.horizon = { revision, instant: this.commits[revision - 1]?.instant ?? 0 };
  }

  #attempt(write: Write, instant: Instant): ModelAnswer {
    const { tenant } = write;
    const before = this.tuplesAt(tenant, this.head.revision);
    const schema = this.schemaAt(tenant, this.head.revision);
    if (write.expectSchema !== undefined && write.expectSchema !== (schema?.revision ?? 0)) return { code: "schema_changed" };
    for (const { kind, filter } of write.preconditions) {
      const found = [...before.values()].some((tuple) => fits(filter, tuple) && !expired(tuple, instant));
      if (found !== (kind === "mustMatch")) return { code: "precondition_failed" };
    }
    const revision = this.head.revision + 1;
    const after = new Map(before);
    const touched: string[] = [];
    for (const { kind, tuple } of write.operations) {
      const name = nameOf(tuple);
      const standing = after.get(name);
      if (kind === "create" && standing && !expired(standing, instant)) return { code: "tuple_exists" };
      if (kind === "delete" ? !standing : kind === "touch" && standing && same(standing, tuple)) continue;
      touched.push(name);
      if (kind === "delete") after.delete(name);
      else after.set(name, { ...tuple, since: revision });
    }
    const more = erase(write, after, touched);
    const text = write.schema && write.schema.text !== schema?.text ? write.schema.text : undefined;
    if (text !== undefined && [...after.values()].some((tuple) => !write.schema?.admits(shapeOf(tuple)))) return { code: "schema_orphans_tuples" };

    const changes = touched.flatMap((name) => changeOf(before.get(name), after.get(name)));
    const nothing = write.validateOnly || (changes.length === 0 && text === undefined);
    if (!nothing) this.#commit(write, { revision, instant }, after, changes, text);
    return { outcome: { ...this.head, changed: changes.length + (text === undefined ? 0 : 1), more, repeated: false } };
  }

  #commit({ tenant, principal, metadata }: Write, at: Head, tuples: Tuples, changes: StoredChange[], schema: string | undefined): void {
    this.#states[at.revision] = new Map(this.#states[at.revision - 1]).set(tenant, tuples);
    if (schema !== undefined) this.#schemas.push({ tenant, revision: at.revision, text: schema });
    this.commits.push({ ...at, tenant, principal, metadata, changes, ...(schema === undefined ? {} : { schema }) });
    this.head = at;
  }
}

function erase(write: Write, after: Map<string, StoredTuple>, touched: string[]): boolean {
  if (write.erase === undefined) return false;
  const matched = new Set<string>();
  for (const filter of write.erase.filters) {
    const found = [...after.values()].filter((tuple) => fits(filter, tuple));
    for (const tuple of sorted(filter, found)) matched.add(nameOf(tuple));
  }
  const erased = [...matched].slice(0, write.erase.limit);
  for (const name of erased) {
    after.delete(name);
    // Of one that the write itself wrote, its last change counts.
    if (touched.includes(name)) touched.splice(touched.indexOf(name), 1);
    touched.push(name);
  }
  return matched.size > erased.length;
}

function changeOf(before: StoredTuple | undefined, after: StoredTuple | undefined): StoredChange[] {
  const replaced = before === undefined ? {} : { replaced: before.since };
  if (after) return [{ kind: "write", tuple: withoutSince(after), ...replaced }];
  return before ? [{ kind: "delete", tuple: withoutSince(before), ...replaced }] : [];
}

function withoutSince(tuple: StoredTuple): Tuple {
  return Object.fromEntries(Object.entries(tuple).filter(([field]) => field !== "since")) as unknown as Tuple;
}

export function nameOf({ object, relation, subject }: TupleKey): string {
  return [object.type, object.id, relation, subject.type, subject.id, subject.relation].join("\0");
}

function same(a: Tuple, b: Tuple): boolean {
  return a.expiresAt === b.expiresAt && JSON.stringify(a.condition) === JSON.stringify(b.condition);
}

function expired(tuple: Tuple, instant: Instant): boolean {
  return tuple.expiresAt !== undefined && tuple.expiresAt <= instant;
}

export function shapeOf({ object, relation, subject, condition, expiresAt }: Tuple): TupleShape {
  return {
    objectType: object.type,
    relation,
    subjectType: subject.type,
    subjectRelation: subject.relation,
    wildcard: subject.id === "*",
    condition: condition === undefined ? "" : condition.name,
    expiring: expiresAt !== undefined,
  };
}

function fits(filter: TupleFilter, { object, relation, subject }: Tuple): boolean {
  const agrees = (wanted: string | undefined, found: string) => wanted === undefined || wanted === found;
  return (
    agrees(filter.objectType, object.type) &&
    agrees(filter.objectId, object.id) &&
    object.id.startsWith(filter.objectIdPrefix ?? "") &&
    agrees(filter.relation, relation) &&
    agrees(filter.subjectType, subject.type) &&
    agrees(filter.subjectId, subject.id) &&
    agrees(filter.subjectRelation, subject.relation)
  );
}

/** As the contract of `Snapshot.list` orders them. */
function sorted(filter: TupleFilter, tuples: StoredTuple[]): StoredTuple[] {
  const subjectAlone = filter.subjectType !== undefined && filter.objectType === undefined;
  const bySubject = subjectAlone || (filter.subjectId !== undefined && filter.objectId === undefined);
  const fields = ({ object, relation, subject }: Tuple) =>
    bySubject
      ? [subject.type, subject.id, subject.relation, object.type, relation, object.id]
      : [object.type, object.id, relation, subject.type, subject.relation, subject.id];
  return tuples.sort((a, b) => {
    const [left, right] = [fields(a), fields(b)];
    return left.map((field, i) => Buffer.compare(Buffer.from(field), Buffer.from(right[i] ?? ""))).find((order) => order !== 0) ?? 0;
  });
}
