import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { UsherError, type ErrorCode } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { lookupObjects } from "../../../src/evaluation/lookup/lookup-objects.js";
import { Shelf } from "../../../src/evaluation/lookup/shelf.js";
import { emptyContext } from "../../../src/model/context.js";
import { compileSchema } from "../../../src/model/schema/compile.js";
import type { LookupScope } from "../../../src/model/service.js";
import type { StoredTuple } from "../../../src/model/tuple.js";
import { parseSubject, parseTuple } from "../../../src/model/tuple-text.js";
import type { ListQuery, Snapshot } from "../../../src/storage/store.js";
import { now, world } from "../build.js";
import { allObjects, type ObjectsAsked } from "./pages.js";

const schema = `
  use expiration
  use self
  caveat office_hours(hour int) { hour < 18 }
  definition user { permission me = self }
  definition group { relation member: user | group#member }
  definition folder {
    relation parent: folder
    relation viewer: user | user:* | group#member | user with office_hours | user with expiration
    relation banned: user | folder#view
    permission view = (viewer + parent->view) - banned
    permission all_above = parent.all(view)
  }`;

type Extra = Omit<Partial<ObjectsAsked>, "subject">;

async function texts(tuples: readonly string[], subject: string, { permission = "view", type = "folder", ...extra }: Extra = {}): Promise<string[]> {
  const results = await allObjects({ type, permission, subject: parseSubject(subject), ...extra }, world(schema, tuples).ground);
  return results.map(({ object, missingFields }) => [object.id, ...missingFields].join(" needs "));
}

function refusal(code: ErrorCode, undecided?: string) {
  return (error: unknown) => error instanceof UsherError && error.code === code && error.details["undecided"] === undecided;
}

describe("looking up objects", () => {
  const tree = ["folder:a#viewer@user:ana", "folder:b#parent@folder:a", "folder:c#parent@folder:b", "folder:d#viewer@group:g#member", "group:g#member@group:h#member", "group:h#member@user:ana", "folder:e#viewer@user:bo"];

  it("finds what a subject has directly, through groups, and below", async () => {
    assert.deepEqual(await texts(tree, "user:ana"), ["a", "b", "c", "d"]);
    assert.deepEqual(await texts(tree, "user:bo"), ["e"]);
    assert.deepEqual(await texts(tree, "user:eve"), []);
  });

  it("takes a userset as a subject, which is a member of itself", async () => {
    assert.deepEqual(await texts(tree, "group:h#member"), ["d"]);
    assert.deepEqual(await texts(tree, "group:h#member", { type: "group", permission: "member" }), ["g", "h"]);
    assert.deepEqual(await texts([], "folder:z#view"), ["z"]);
  });

  it("finds the subject where it is the object itself", async () => {
    assert.deepEqual(await texts([], "user:ana", { type: "user", permission: "me" }), ["ana"]);
  });

  it("leaves out what is taken away, and what has expired", async () => {
    assert.deepEqual(await texts([...tree, "folder:b#banned@user:ana"], "user:ana"), ["a", "d"]);
    assert.deepEqual(await texts(["folder:a#viewer@user:ana[expiration:2029-01-01T00:00:00Z]", "folder:b#viewer@user:ana[expiration:2031-01-01T00:00:00Z]"], "user:ana"), ["b"]);
  });

  it("shows what depends on fields that are missing as such, and decides it where they are given", async () => {
    const tuples = ["folder:a#viewer@user:ana[office_hours]", "folder:b#parent@folder:a", "folder:b#viewer@user:ana"];
    assert.deepEqual(await texts(tuples, "user:ana"), ["a needs hour", "b"]);
    assert.deepEqual(await texts(tuples, "user:ana", { context: { hour: 9 } }), ["a", "b"]);
    assert.deepEqual(await texts(tuples, "user:ana", { context: { hour: 20 } }), ["b"]);
  });

  it("counts wildcards for objects, and not for usersets", async () => {
    assert.deepEqual(await texts(["folder:a#viewer@user:*"], "user:eve"), ["a"]);
    assert.deepEqual(await texts(["folder:a#viewer@user:*"], "group:g#member"), []);
  });

  it("asks that all parents allow where the arrow does", async () => {
    const tuples = ["folder:c#parent@folder:a", "folder:c#parent@folder:b", "folder:d#parent@folder:a", "folder:a#viewer@user:ana", "folder:b#viewer@user:bo"];
    assert.deepEqual(await texts(tuples, "user:ana", { permission: "all_above" }), ["d"]);
  });

  it("ends on data that runs in a circle", async () => {
    assert.deepEqual(await texts(["folder:a#parent@folder:b", "folder:b#parent@folder:a", "folder:b#viewer@user:ana"], "user:ana"), ["a", "b"]);
  });

  it("gives the ids in the order of their bytes, in pages that neither repeat nor miss one", async () => {
    const ids = ["\u{1f600}", "\u{ff21}", "é", "b", "a10", "a2"];
    const tuples = ids.map((id) => `folder:${id}#viewer@user:ana`);
    for (const size of [1, 2, 3, 1_000]) assert.deepEqual(await texts(tuples, "user:ana", { size }), ["a10", "a2", "b", "é", "\u{ff21}", "\u{1f600}"]);
  });

  it("is narrowed by a prefix of the ids, and by a relation of the objects", async () => {
    const tuples = [...tree, "folder:bb#parent@folder:a", "folder:x#parent@folder:e"];
    assert.deepEqual(await texts(tuples, "user:ana", { idPrefix: "b" }), ["b", "bb"]);
    const within: LookupScope = { relation: "parent", subject: parseSubject("folder:a") };
    assert.deepEqual(await texts(tuples, "user:ana", { within }), ["b", "bb"]);
    assert.deepEqual(await texts(tuples, "user:bo", { within }), []);
    assert.deepEqual(await texts(tuples, "user:ana", { within: { ...within, subject: parseSubject("folder:zz") } }), []);
    assert.deepEqual(await texts(tuples, "user:ana", { within, contextualTuples: [parseTuple("folder:d#parent@folder:a")] }), ["b", "bb", "d"]);
  });

  it("counts contextual tuples, also where they stand in place of stored ones", async () => {
    assert.deepEqual(await texts(tree, "user:eve", { contextualTuples: [parseTuple("group:h#member@user:eve")] }), ["d"]);
    const closed = parseTuple("folder:a#viewer@user:ana[office_hours]");
    assert.deepEqual(await texts(tree, "user:ana", { contextualTuples: [closed], context: { hour: 20 } }), ["d"]);
  });

  it("counts without results, and counts what a check says", async () => {
    const tuples = [...tree, "folder:f#viewer@user:ana[office_hours]"];
    const page = await lookupObjects(
      { type: "folder", permission: "view", subject: parseSubject("user:ana"), context: emptyContext, contextualTuples: [], idPrefix: "", size: 1, countOnly: true },
      world(schema, tuples).ground,
    );
    assert.deepEqual(page, { results: [], count: { allowed: 4, conditional: 1 } });
  });

  it("fails, naming the object, where one cannot be decided, and gives the pages before it", async () => {
    const tuples = ["folder:a#viewer@user:ana", "folder:b#viewer@user:ana", "folder:b#banned@folder:b#view", "folder:c#viewer@user:ana"];
    await assert.rejects(texts(tuples, "user:ana"), refusal("cycle_through_exclusion", "folder:b"));
    assert.deepEqual(await texts(tuples, "user:ana", { idPrefix: "c" }), ["c"]);
    const asked = { type: "folder", permission: "view", subject: parseSubject("user:ana"), context: emptyContext, contextualTuples: [], idPrefix: "", size: 1, countOnly: false };
    const { results, after } = await lookupObjects(asked, world(schema, tuples).ground);
    assert.deepEqual([results.map(({ object }) => object.id), after], [["a"], "a"]);
    const deep = Array.from({ length: 102 }, (_, i) => `folder:${i + 1}#parent@folder:${i}`).concat("folder:0#viewer@user:ana");
    await assert.rejects(texts(deep, "user:ana"), refusal("depth_exceeded", "folder:101"));
  });

  it("enumerates once for all pages where what it found is kept, and anew where it is not", async () => {
    const asked = { type: "folder", permission: "view", subject: parseSubject("user:ana"), context: emptyContext, contextualTuples: [], idPrefix: "", size: 1, countOnly: false };
    const { ground, snapshot } = world(schema, tree);
    const keeper = new Shelf<ReadonlySet<string>>().keeper("");
    const readsOf = async (after: string | undefined, kept: boolean) => {
      const before = snapshot.reads;
      const { results } = await lookupObjects({ ...asked, ...(after === undefined ? {} : { after }) }, ground, undefined, kept ? keeper : undefined);
      return [results[0]?.object.id, snapshot.reads - before] as const;
    };
    const [first, all] = await readsOf(undefined, true);
    const [second, checks] = await readsOf("a", true);
    assert.deepEqual([first, second], ["a", "b"]);
    assert.deepEqual(await readsOf("a", false), ["b", all]);
    assert.ok(checks < all, `${checks} of ${all}`);
  });

  it("judges no more candidates a page than the bound, and goes on behind them", async () => {
    const count = limits.lookupCandidatesPerPageMax + 1;
    const snapshot = new Generated((i) => (i < count ? `folder:${String(i).padStart(6, "0")}#viewer@user:ana` : undefined), (identity) => identity.endsWith("0000#viewer@user:ana"));
    const ground = { schema: compileSchema(schema), snapshot, tenant: 1, now };
    const asked = { type: "folder", permission: "view", subject: parseSubject("user:ana"), context: emptyContext, contextualTuples: [], idPrefix: "", size: 10, countOnly: false };
    const first = await lookupObjects(asked, ground);
    assert.deepEqual([first.results.map(({ object }) => object.id), first.after], [["000000"], "004999"]);
    const second = await lookupObjects({ ...asked, after: "004999" }, ground);
    assert.deepEqual([second.results.length, second.after], [0, undefined]);
  });

  it("comes by as many tuples and objects as the bound allows, and says so of one more", async () => {
    const half = limits.lookupStepsMax / 2;
    const upTo = (count: number) => new Generated((i) => (i < count ? `folder:${i}#viewer@user:ana` : undefined), () => false);
    const asked = { type: "folder", permission: "viewer", subject: parseSubject("user:ana"), context: emptyContext, contextualTuples: [], idPrefix: "none", size: 1, countOnly: false };
    const ground = { schema: compileSchema(schema), tenant: 1, now };
    assert.deepEqual((await lookupObjects(asked, { ...ground, snapshot: upTo(half) })).results, []);
    await assert.rejects(lookupObjects(asked, { ...ground, snapshot: upTo(half + 1) }), refusal("evaluation_too_large"));
  });

  it("ends when it is cancelled", async () => {
    const stop = new AbortController();
    const snapshot = new Generated((i) => `folder:${i}#viewer@user:ana`, () => true);
    const asked = { type: "folder", permission: "view", subject: parseSubject("user:ana"), context: emptyContext, contextualTuples: [], idPrefix: "", size: 1, countOnly: false };
    const found = lookupObjects(asked, { schema: compileSchema(schema), snapshot, tenant: 1, now }, stop.signal);
    await setImmediate();
    stop.abort();
    await assert.rejects(found, refusal("cancelled"));
  });
});

/** Of one user's tuples as many as are wanted, made as they are listed; a probe of one finds it if it is said to. */
class Generated implements Snapshot {
  readonly revision = 1;
  readonly instant = 0;
  readonly #tuple: (i: number) => string | undefined;
  readonly #stands: (identity: string) => boolean;

  constructor(tuple: (i: number) => string | undefined, stands: (identity: string) => boolean) {
    this.#tuple = tuple;
    this.#stands = stands;
  }

  async probe(...[, keys]: Parameters<Snapshot["probe"]>): Promise<(StoredTuple | undefined)[]> {
    await setImmediate();
    return keys.map(({ object, relation, subject }) => (this.#stands(`${object.type}:${object.id}#${relation}@${subject.type}:${subject.id}`) ? { object, relation, subject, since: 1 } : undefined));
  }

  async list(_tenant: number, { filter, after, limit }: ListQuery): Promise<{ tuples: StoredTuple[]; next?: StoredTuple }> {
    await setImmediate();
    if (filter.subjectId !== "ana" || filter.relation !== "viewer") return { tuples: [] };
    const tuples: StoredTuple[] = [];
    const start = after === undefined ? 0 : Number(after.object.id) + 1;
    for (let i = start; tuples.length < limit; i++) {
      const [object = "", rest = ""] = this.#tuple(i)?.split("#") ?? [];
      if (rest === "") break;
      tuples.push({ object: { type: "folder", id: object.slice("folder:".length) }, relation: "viewer", subject: { type: "user", id: "ana", relation: "" }, since: 1 });
    }
    const next = tuples.at(-1);
    return next === undefined || tuples.length < limit ? { tuples } : { tuples, next };
  }

  schema(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  release(): void {}
}
