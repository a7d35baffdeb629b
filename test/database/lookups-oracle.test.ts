import assert from "node:assert/strict";
import * as fc from "fast-check";
import { Database } from "../../src/database/database.js";
import type { Call, LookupObjectsRequest, LookupObjectsResult, LookupSubjectsRequest, LookupSubjectsResult, Operation } from "../../src/model/service.js";
import type { ObjectRef } from "../../src/model/object.js";
import { tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { assertObjects, assertSubjects } from "../evaluation/lookup/agreement.js";
import { nestedObjects, nestedPermissions, nestedUsers, nestedWorlds } from "../evaluation/lookup/nested-world.js";
import { keyOf, solve, type Verdict } from "../evaluation/oracle.js";
import { describeWorld, meaning, now, type World } from "../evaluation/world.js";
import { inFolder } from "../support/folder.js";
import { HandClock } from "../watch/store.js";

const runs = Number(process.env.TEST_FUZZ_RUNS ?? 40);
const call: Call = {};
const user = { type: "user", relation: "" };
const users = [...nestedUsers, "unnamed"];
const docs = nestedObjects.filter(({ type }) => type === "doc");

/** One commit, some of the world's tuples touched and some deleted, and how much later it is then. */
const steps = fc.array(
  fc.record({ picks: fc.array(fc.tuple(fc.nat(90), fc.boolean()), { minLength: 1, maxLength: 30, size: "max" }), laterMs: fc.constantFrom(0, 0, 1, 1_000), pageSize: fc.constantFrom(1, 2, 1_000), pick: fc.nat() }),
  { minLength: 2, maxLength: 6 },
);

interface Paged<Result> {
  readonly results: readonly Result[];
  readonly zookie: string;
  readonly instant: number;
  readonly cursor?: string;
}

/** A lookup whose first page was read, and that waits for its others. */
class Begun<Result> {
  readonly #first: Paged<Result>;
  readonly #read: (cursor: string) => Promise<Paged<Result>>;

  constructor(first: Paged<Result>, read: (cursor: string) => Promise<Paged<Result>>) {
    this.#first = first;
    this.#read = read;
  }

  get at(): { readonly zookie: string; readonly instant: number } {
    return this.#first;
  }

  async all(): Promise<Result[]> {
    const { zookie, instant } = this.#first;
    const results = [...this.#first.results];
    for (let cursor = this.#first.cursor; cursor !== undefined; ) {
      const page = await this.#read(cursor);
      assert.deepEqual([page.zookie, page.instant], [zookie, instant]);
      results.push(...page.results);
      cursor = page.cursor;
    }
    return results;
  }
}

async function begin<Result>(read: (cursor: { cursor?: string }) => Promise<Paged<Result>>): Promise<Begun<Result>> {
  return new Begun(await read({}), (cursor) => read({ cursor }));
}

function operationsOf(world: World, picks: readonly (readonly [number, boolean])[]): Map<string, Operation> {
  return new Map(
    picks.flatMap(([pick, remove]): [string, Operation][] => {
      const tuple = world.tuples[pick % world.tuples.length];
      if (tuple === undefined) return [];
      const { object, relation, subject } = tuple;
      return [[tupleIdentity(tuple), remove ? { kind: "delete", tuple: { object, relation, subject } } : { kind: "touch", tuple }]];
    }),
  );
}

/** What stood at each zookie. */
type History = ReadonlyMap<string, readonly Tuple[]>;

function solutions(world: World, standing: readonly Tuple[], instant: number) {
  const solved = new Map(users.map((id) => [id, solve({ ...world, tuples: standing, subject: { ...user, id }, now: instant, meaning }, nestedObjects)]));
  return (id: string, on: ObjectRef, permission: string): Verdict => solved.get(id)?.get(keyOf(on, permission)) ?? { value: "F" };
}

/** Objects and subjects of every permission, begun; what is given back reads the rest and holds all of it against the oracle. */
async function beginAll(database: Database, world: World, pageSize: number, pick: number): Promise<(history: History) => Promise<void>> {
  const object = docs[pick % 2] ?? docs[0];
  assert.ok(object);
  const { context, subject } = world;
  const begun = await Promise.all(
    [...nestedPermissions, "viewer"].map(async (permission) => {
      const objects: LookupObjectsRequest = { objectType: "doc", permission, subject, context, pageSize };
      const subjects: LookupSubjectsRequest = { object, permission, subjectType: "user", context, pageSize };
      return {
        permission,
        objects: await begin<LookupObjectsResult>((cursor) => database.lookupObjects({ ...objects, ...cursor }, call)),
        subjects: await begin<LookupSubjectsResult>((cursor) => database.lookupSubjects({ ...subjects, ...cursor }, call)),
      };
    }),
  );
  return async (history) => {
    const verdicts = new Map<string, ReturnType<typeof solutions>>();
    const verdictsAt = ({ zookie, instant }: { readonly zookie: string; readonly instant: number }) => {
      const key = `${zookie} ${instant}`;
      const standing = history.get(zookie);
      assert.ok(standing, "a lookup is of a commit");
      const known = verdicts.get(key) ?? solutions(world, standing, instant);
      verdicts.set(key, known);
      return known;
    };
    for (const { permission, objects, subjects } of begun) {
      const what = (zookie: string) => `${object.id}#${permission} of ${JSON.stringify(history.get(zookie))} ${describeWorld(world)}`;
      assertObjects(await objects.all(), docs.map(({ id }) => id), (id) => verdictsAt(objects.at)(subject.id, { type: "doc", id }, permission), () => what(objects.at.zookie));
      assertSubjects(await subjects.all(), users, (id) => verdictsAt(subjects.at)(id, object, permission), () => what(subjects.at.zookie));
    }
  };
}

describe("the database's lookups against the oracle", function () {
  this.timeout(1_200_000);

  it("are those of the first page's snapshot and instant, whatever is committed and however late it gets between pages", async () => {
    await fc.assert(
      fc.asyncProperty(nestedWorlds, steps, async (world, plan) => {
        await inFolder(async (folder) => {
          const clock = new HandClock();
          clock.ms = now - 2;
          const database = await Database.open(folder, { time: clock });
          try {
            await database.writeSchema({ text: world.schema.text }, call);
            const standing = new Map(world.tuples.map((tuple) => [tupleIdentity(tuple), tuple]));
            const { zookie: start } = await database.writeTuples({ operations: world.tuples.map((tuple) => ({ kind: "touch", tuple })) }, call);
            const history = new Map<string, readonly Tuple[]>([[start, world.tuples]]);
            let finish = async (_: History): Promise<void> => undefined;
            for (const { picks, laterMs, pageSize, pick } of plan) {
              const operations = operationsOf(world, picks);
              // Some of the first pages are of before the commit, some of after it, and some are overtaken by it.
              const [next, { zookie }] = await Promise.all([beginAll(database, world, pageSize, pick), database.writeTuples({ operations: [...operations.values()] }, call)]);
              for (const [identity, { kind, tuple }] of operations) {
                if (kind === "delete") standing.delete(identity);
                else standing.set(identity, tuple);
              }
              history.set(zookie, [...standing.values()]);
              await finish(history);
              finish = next;
              clock.ms += laterMs;
            }
            await finish(history);
          } finally {
            await database.close();
          }
        });
      }),
      { numRuns: runs },
    );
  });
});
