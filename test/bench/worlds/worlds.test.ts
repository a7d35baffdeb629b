import assert from "node:assert/strict";

import { worldKind, worldKinds } from "../../../bench/worlds/catalogue.js";
import { fill, verify } from "../../../bench/worlds/fill.js";
import type { ExpectedLookup, StreamedCheck, World } from "../../../bench/worlds/world.js";
import { Database } from "../../../src/database/database.js";
import { subject } from "../../../src/model/subject.js";
import { formatTuple, type Tuple } from "../../../src/model/tuple.js";
import { inFolder } from "../../support/folder.js";

const options = { tuples: 700, questions: 40, seed: 7 };

describe("worlds of the benchmarks", () => {
  for (const kind of worldKinds) {
    describe(kind.name, () => {
      it("is the same for the same seed", () => {
        const [one, other] = [kind.make(options), kind.make(options)];
        assert.equal(textOf(one), textOf(other));
        assert.deepEqual([...one.tuples()], [...one.tuples()], "and tells its tuples as often as it is asked");
        assert.deepEqual(streamed(one), streamed(other));
        assert.notDeepEqual(kind.make({ ...options, seed: 8 }).checks, one.checks);
      });

      it("holds each tuple once, about as many as are asked for, and questions of either answer", () => {
        const { tuples, checks } = kind.make(options);
        const lines = [...tuples()].map(formatTuple);
        assert.equal(new Set(lines).size, lines.length);
        assert.ok(lines.length > options.tuples / 4 && lines.length < options.tuples * 4, `${lines.length} tuples`);
        assert.equal(checks.filter(({ allowed }) => allowed).length, options.questions);
        assert.equal(checks.length, 2 * options.questions);
      });

      it("has tuples that its schema allows, and asks questions whose answers are as it says", () =>
        filled(kind.make(options), async (database, world) => {
          await verify(database, world);
          await verify(database, { ...world, checks: streamed(world) });
        }));

      it("counts for lookups what checks of all there is allow", () =>
        filled(kind.make(options), async (database, world) => {
          for (const lookup of world.lookups) assert.equal(await allowedOf(database, world, lookup), lookup.count, JSON.stringify(lookup));
        }));
    });
  }

  it("comes in the sizes that its name says", () => {
    const count = (name: string) => [...worldKind(name).make({ questions: 1, seed: 7 }).tuples()].length;
    assert.equal(count("wide-direct"), 9_001);
    assert.equal(count("wide-arrow"), 10 * 30 + 10 * 30 * 20);
    assert.ok(Math.abs(count("documents") - 66_000) < 1_000);
  });

  it("refuses an answer that is not as it says, and a world that is not there", () =>
    filled(worldKind("documents").make(options), async (database, world) => {
      const [first] = world.checks;
      assert.ok(first);
      await assert.rejects(verify(database, { ...world, checks: [{ ...first, allowed: !first.allowed }] }), /is wrong: it must be denied/);
      assert.throws(() => worldKind("atlantis"), /there is no world `atlantis`/);
    }));
});

function textOf({ schema, checks, lookups, tuples }: World): string {
  return JSON.stringify([schema, checks, lookups, [...tuples()]]);
}

/** Some of each stream, those whose answers are known. */
function streamed({ streams = {} }: World): { question: StreamedCheck["question"]; allowed: boolean }[] {
  return Object.values(streams).flatMap((stream) => {
    const questions = stream(7);
    const some = Array.from({ length: 100 }, () => questions.next().value);
    return some.flatMap(({ question, allowed }) => (allowed === undefined ? [] : [{ question, allowed }]));
  });
}

async function filled(world: World, body: (database: Database, world: World) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const database = await Database.open(folder);
    try {
      assert.equal(await fill(database, world), [...world.tuples()].length);
      await body(database, world);
    } finally {
      await database.close();
    }
  });
}

/** How many candidates of all that the tuples name a check allows. */
async function allowedOf(database: Database, world: World, lookup: ExpectedLookup): Promise<number> {
  const { permission } = lookup;
  const type = lookup.kind === "objects" ? lookup.objectType : lookup.subjectType;
  const ids = [...new Set([...world.tuples()].flatMap((tuple) => idsOf(tuple, type)))];
  const items = ids.map((id) =>
    lookup.kind === "objects" ? { object: { type, id }, permission, subject: lookup.subject } : { object: lookup.object, permission, subject: subject(type, id) },
  );
  const { results } = await database.batchCheck({ items }, {});
  return results.filter((result) => "decision" in result && result.decision.allowed).length;
}

function idsOf({ object, subject: named }: Tuple, type: string): string[] {
  return [object, named].filter((reference) => reference.type === type).map(({ id }) => id);
}
