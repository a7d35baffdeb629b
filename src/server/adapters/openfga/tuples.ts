import { isDeepStrictEqual } from "node:util";

import { UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import type { TupleFilter } from "../../../model/filter.js";
import { quote } from "../../../model/object.js";
import type { Call, Operation, Precondition, Service } from "../../../model/service.js";
import { tupleIdentity, type Tuple } from "../../../model/tuple.js";
import type { Asked } from "./bodies.js";
import { Refusal } from "./failures.js";
import { nativeName, relationOf } from "./names.js";
import { nativeObject, nativeSubject, nativeTuple, parseObject, parseUser, tupleKeyOf } from "./references.js";
import type { StoreState, Stores } from "./store.js";

/** All or nothing. What stands already, or does not, fails it, unless it is to be ignored. */
export async function write(service: Service, stores: Stores, asked: Asked<"write">, call: Call): Promise<object> {
  const writes = asked.writes?.tuple_keys ?? [];
  const deletes = asked.deletes?.tuple_keys ?? [];
  const count = writes.length + deletes.length;
  if (count === 0) throw new Refusal("invalid_write_input", "there is nothing to write and nothing to delete: name a tuple");
  if (count > limits.openfgaTuplesMax) throw new Refusal("exceeded_entity_limit", `there are ${count} tuples: at most ${limits.openfgaTuplesMax} are written at once`);
  return stores.answer(call, asked.authorization_model_id, async (model) => {
    for (const key of writes) {
      model.requireTuple(key, "validation_error");
      if (key.user === `${key.object}#${key.relation}`) throw new Refusal("validation_error", `tuple ${quote(`${key.object}#${key.relation}@${key.user}`)} says of a userset that it is part of itself: leave it out`);
    }
    const created = writes.map(nativeTuple);
    const deleted = deletes.map(nativeTuple);
    requireDistinct([...created, ...deleted]);
    await writeOnce(service, created, deleted, asked, call);
    return {};
  });
}

function requireDistinct(tuples: readonly Tuple[]): void {
  const seen = new Set<string>();
  for (const identity of tuples.map(tupleIdentity)) {
    if (seen.has(identity)) throw new Refusal("cannot_allow_duplicate_tuples_in_one_request", `tuple ${quote(identity)} is in the request twice: send it once`);
    seen.add(identity);
  }
}

/** A tuple that came between the look and the write is looked for again. */
async function writeOnce(service: Service, created: readonly Tuple[], deleted: readonly Tuple[], { writes, deletes }: Asked<"write">, call: Call): Promise<void> {
  const ignoring = writes?.on_duplicate === "ignore";
  for (let left: number = limits.schemaRetriesMax; ; left--) {
    const absent = ignoring ? await absentOf(service, created, call) : created;
    const operations = [...absent.map((tuple): Operation => ({ kind: "create", tuple })), ...deleted.map((tuple): Operation => ({ kind: "delete", tuple }))];
    const preconditions = deletes?.on_missing === "ignore" ? [] : deleted.map((tuple): Precondition => ({ kind: "mustMatch", filter: filterOf(tuple) }));
    if (operations.length === 0) return;
    try {
      await service.writeTuples({ operations, preconditions }, call);
      return;
    } catch (error) {
      if (ignoring && left > 0 && error instanceof UsherError && error.code === "tuple_exists") continue;
      throw toldOfWrite(error, created, deleted);
    }
  }
}

/** In OpenFGA's words. A relation that no model has had holds no tuple, so that none can be deleted from it. */
function toldOfWrite(error: unknown, created: readonly Tuple[], deleted: readonly Tuple[]): unknown {
  if (!(error instanceof UsherError)) return error;
  const refuse = (what: string, tuples: readonly Tuple[]) => new Refusal("write_failed_due_to_invalid_input", `cannot ${what}: ${tuples.length === 1 ? keyText(tuples) : `one of ${tuples.length}, of which none was written or deleted`}`);
  switch (error.code) {
    case "tuple_exists":
      return refuse("write a tuple which already exists", created);
    case "precondition_failed":
    case "unknown_relation":
    case "unknown_type":
      return refuse("delete a tuple which does not exist", deleted);
    default:
      return error;
  }
}

function keyText(tuples: readonly Tuple[]): string {
  return tuples.map(tupleKeyOf).map(({ user, relation, object }) => `user: '${user}', relation: '${relation}', object: '${object}'`).join("; ");
}

async function absentOf(service: Service, tuples: readonly Tuple[], call: Call): Promise<Tuple[]> {
  const absent: Tuple[] = [];
  for (const tuple of tuples) {
    const { tuples: [standing] } = await service.readTuples({ filter: filterOf(tuple), pageSize: 1 }, call);
    if (standing === undefined) absent.push(tuple);
    else if (!isDeepStrictEqual(standing.condition, tuple.condition)) {
      throw new Refusal("write_failed_due_to_invalid_input", `tuple ${quote(tupleIdentity(tuple))} stands with another condition: delete it first`, 409);
    }
  }
  return absent;
}

function filterOf({ object, relation, subject }: Tuple): TupleFilter {
  return { objectType: object.type, objectId: object.id, relation, subjectType: subject.type, subjectId: subject.id, subjectRelation: subject.relation };
}

/** When a tuple was written is not told by a read: it is told by the changes. */
const unknownTime = new Date(0).toISOString();

/** One native relation after the other, since a relation's tuples lie in several. */
export async function read(service: Service, stores: Stores, asked: Asked<"read">, call: Call): Promise<object> {
  const filters = filtersOf(asked, await stores.at(call));
  const [from = 0, first] = readToken(asked.continuation_token ?? "");
  const size = asked.page_size ?? limits.openfgaPageDefault;
  const tuples: object[] = [];
  let cursor = first;
  let at = from;
  while (at < filters.length && tuples.length < size) {
    const page = await service.readTuples({ filter: filters[at] ?? {}, pageSize: size - tuples.length, ...(cursor !== undefined && { cursor }) }, call);
    tuples.push(...page.tuples.map((tuple) => ({ key: tupleKeyOf(tuple), timestamp: unknownTime })));
    cursor = page.cursor;
    if (cursor === undefined) at++;
  }
  return { tuples, continuation_token: at < filters.length ? writeToken(at, cursor) : "" };
}

/** @throws `validation_error` */
function filtersOf({ tuple_key: key }: Asked<"read">, { schema }: StoreState): TupleFilter[] {
  const [user, relation, about] = [key?.user ?? "", key?.relation ?? "", key?.object ?? ""];
  if (about === "" && user === "" && relation === "") return [{}];
  const ofType = about.endsWith(":");
  if (about === "" || (ofType && user === "")) throw new Refusal("validation_error", "field `tuple_key` must name an object, or an object's type and a user; or nothing");
  const target = ofType ? { type: nativeName(about.slice(0, -1)), id: undefined } : nativeObject(parseObject(about));
  const who = user === "" ? undefined : nativeSubject(parseUser(user));
  const base: TupleFilter = {
    objectType: target.type,
    ...(target.id !== undefined && { objectId: target.id }),
    ...(who && { subjectType: who.type, subjectId: who.id, subjectRelation: who.relation }),
  };
  const definition = schema.definitions.get(target.type);
  if (definition === undefined || (who !== undefined && !schema.definitions.has(who.type))) throw new Refusal("validation_error", `type of ${quote(about)} or ${quote(user)} not found`);
  if (relation === "") return [base];
  return [...definition.members.values()].filter((member) => member.kind === "relation" && relationOf(member.name) === relation).map(({ name }) => ({ ...base, relation: name }));
}

function writeToken(at: number, cursor: string | undefined): string {
  return Buffer.from(JSON.stringify([at, ...(cursor === undefined ? [] : [cursor])])).toString("base64url");
}

/** @throws `invalid_continuation_token` */
function readToken(token: string): [at?: number, cursor?: string] {
  if (token === "") return [];
  const [at, cursor] = parsed(token);
  if (!Number.isInteger(at) || Number(at) < 0 || (cursor !== undefined && typeof cursor !== "string")) throw new Refusal("invalid_continuation_token", "field `continuation_token` is not of an answer");
  return cursor === undefined ? [Number(at)] : [Number(at), cursor];
}

function parsed(token: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
