import type { Hold } from "../../src/model/live.js";
import type { Tuple } from "../../src/model/tuple.js";
import { Random } from "../worlds/random.js";

/** What live decisions are held in: documents in chains of folders that groups view, and all of it views the staff. */
export const liveSchema = `definition user {}
definition group { relation member: user }
definition folder { relation parent: folder; relation viewer: user | group#member; permission view = viewer + parent->view }
definition document { relation folder: folder; relation viewer: user; permission view = viewer + folder->view }`;

const [documents, depth, chains, groups, groupsEach] = [10_000, 8, 100, 300, 4];
/** Who is neither staff nor in a group: each views one document, by a tuple of its own. */
export const guests = 1_000;
export const usersMax = 50_000;

export interface LiveWorld {
  readonly users: number;
  /** The one tuple on which all that the staff may do rests. */
  readonly shared: Tuple;
  tuples(): Iterable<Tuple>;
}

export function liveWorld(users: number, seed: number): LiveWorld {
  return { users, shared: tuple("folder", "top", "viewer", "group", "staff", "member"), tuples: () => tuplesOf(users, new Random(seed)) };
}

/** Decisions of staff, from the given one on: each user another, as long as there are any, or all the same one's. */
export function* staffHolds(from: number, count: number, users: number): Generator<Hold> {
  for (let id = from; id < from + count; id++) {
    yield { id, object: { type: "document", id: `d${(id * 7 + Math.floor(id / documents)) % documents}` }, permission: "view", subject: { type: "user", id: `u${id % users}`, relation: "" } };
  }
}

/** As many as there are documents for one subject, and no more. */
export function* holdsOfOne(from: number, count: number): Generator<Hold> {
  for (let at = 0; at < count; at++) {
    yield { id: from + at, object: { type: "document", id: `w${at}` }, permission: "view", subject: { type: "user", id: "u0", relation: "" } };
  }
}

/** From 1 on. */
export function* guestHolds(): Generator<Hold> {
  for (let id = 1; id <= guests; id++) {
    const { object, subject } = guestTuple(id);
    yield { id, object, permission: "view", subject };
  }
}

export function guestTuple(id: number): Tuple {
  return tuple("document", `d${id}`, "viewer", "user", `guest-${id}`);
}

/** Nobody holds anything that rests on it. */
export function strangeTuple(index: number): Tuple {
  return tuple("document", `d${index % documents}`, "viewer", "user", `stranger-${index}`);
}

/** For `holdsOfOne`. */
export function* wideTuples(count: number): Generator<Tuple> {
  for (let at = 0; at < count; at++) yield tuple("document", `w${at}`, "folder", "folder", `c${at % chains}-${depth - 1}`);
}

function* tuplesOf(users: number, random: Random): Generator<Tuple> {
  yield tuple("folder", "top", "viewer", "group", "staff", "member");
  for (let chain = 0; chain < chains; chain++) {
    for (let level = 0; level < depth; level++) {
      yield tuple("folder", `c${chain}-${level}`, "parent", "folder", level === 0 ? "top" : `c${chain}-${level - 1}`);
      for (const group of random.some(groupsEach, groups)) yield tuple("folder", `c${chain}-${level}`, "viewer", "group", `empty-${group}`, "member");
    }
  }
  for (let at = 0; at < documents; at++) yield tuple("document", `d${at}`, "folder", "folder", `c${at % chains}-${depth - 1}`);
  for (let at = 0; at < users; at++) yield tuple("group", "staff", "member", "user", `u${at}`);
  for (let id = 1; id <= guests; id++) yield guestTuple(id);
}

function tuple(type: string, id: string, relation: string, subjectType: string, subjectId: string, subjectRelation = ""): Tuple {
  return { object: { type, id }, relation, subject: { type: subjectType, id: subjectId, relation: subjectRelation } };
}
