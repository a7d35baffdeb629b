import assert from "node:assert/strict";
import * as fc from "fast-check";
import { UsherError } from "../../../src/base/errors.js";
import { lookupPermissions } from "../../../src/evaluation/lookup/lookup-permissions.js";
import type { Context } from "../../../src/model/context.js";
import { compileSchema } from "../../../src/model/schema/compile.js";
import type { Schema } from "../../../src/model/schema/schema.js";
import type { LookupSubjectsResult } from "../../../src/model/service.js";
import type { Tuple } from "../../../src/model/tuple.js";
import { MemorySnapshot } from "../memory-snapshot.js";
import { keyOf, solve, type Verdict } from "../oracle.js";
import { describeWorld, meaning, now, objects, worlds, type World } from "../world.js";
import { allObjects, allSubjects, type ObjectsAsked, type SubjectsAsked } from "./pages.js";

const runs = Number(process.env.TEST_FUZZ_RUNS ?? 200);
const users = ["a", "b"].map((id) => ({ type: "user", id }));
const everything = [...objects, ...users];
const sizes = [1, 2, 1_000];

function ground(schema: Schema, tuples: readonly Tuple[]) {
  return { schema, snapshot: new MemorySnapshot(tuples), tenant: 1, now };
}

function membersOf(schema: Schema, type: string): string[] {
  return [...(schema.definitions.get(type)?.members.keys() ?? [])];
}

function asVerdict(found: { readonly allowed: boolean; readonly missingFields: readonly string[] } | undefined): Verdict {
  if (found === undefined) return { value: "F" };
  assert.equal(found.allowed, found.missingFields.length === 0);
  return found.allowed ? { value: "T" } : { value: "C", missing: [...found.missingFields] };
}

/** Whom or what a lookup could not decide, where that ended it. */
async function orUndecided<T>(results: Promise<T>): Promise<T | string> {
  try {
    return await results;
  } catch (error) {
    assert.ok(error instanceof UsherError && error.details["undecided"] !== undefined, String(error));
    assert.equal(error.code, "cycle_through_exclusion");
    return error.details["undecided"];
  }
}

async function checkObjects(world: World, asked: ObjectsAsked, tuples: readonly Tuple[], expected: ReadonlyMap<string, Verdict>): Promise<void> {
  const what = `${asked.type}#${asked.permission} ${describeWorld(world)}`;
  const verdictOf = (id: string) => expected.get(keyOf({ type: asked.type, id }, asked.permission)) ?? { value: "F" };
  for (const size of sizes) {
    const found = await orUndecided(allObjects({ ...asked, size }, ground(world.schema, tuples)));
    if (typeof found === "string") {
      assert.equal(verdictOf(found.slice(found.indexOf(":") + 1)).value, "U", what);
      continue;
    }
    const ids = found.map(({ object }) => object.id);
    assert.deepEqual(ids, [...new Set(ids)].sort(), what);
    for (const { id } of everything.filter(({ type }) => type === asked.type)) {
      const expectedOne = verdictOf(id);
      // Nobody is shown of whom a check cannot say that they are not denied.
      const shown = asVerdict(found.find(({ object }) => object.id === id));
      assert.deepEqual(shown, expectedOne.value === "U" ? { value: "F" } : expectedOne, `${id} of ${what}`);
    }
    assert.ok(ids.every((id) => ["a", "b"].includes(id)), what);
  }
}

/** What the results say of a subject. */
function saidOf(results: readonly LookupSubjectsResult[], id: string): Verdict {
  const own = results.find(({ subject }) => subject.id === id);
  if (own !== undefined) return asVerdict(own);
  const wildcard = results.find(({ subject }) => subject.id === "*");
  return wildcard?.excluded.some(({ subject }) => subject.id === id) === true ? { value: "F" } : asVerdict(wildcard);
}

async function checkSubjects(world: World, asked: SubjectsAsked, tuples: readonly Tuple[], verdictOf: (id: string) => Verdict): Promise<void> {
  const { type, relation } = asked.wanted;
  const what = `${type}#${relation} of ${asked.object.type}:${asked.object.id}#${asked.permission} ${describeWorld(world)}`;
  for (const size of sizes) {
    const found = await orUndecided(allSubjects({ ...asked, size }, ground(world.schema, tuples)));
    if (typeof found === "string") {
      const [, id = ""] = /^\w+:([^#]+)/.exec(found) ?? [];
      assert.equal(verdictOf(id === "*" ? "unnamed" : id).value, "U", what);
      continue;
    }
    const ids = found.map(({ subject }) => subject.id);
    assert.deepEqual(ids, [...new Set(ids)].sort(), what);
    for (const id of ["a", "b", "c", "unnamed"]) {
      const expected = verdictOf(id);
      assert.deepEqual(saidOf(found, id), expected.value === "U" ? { value: "F" } : expected, `${id}: ${what}`);
    }
    for (const { excluded, allowed, subject: of } of found) {
      assert.ok(excluded.length === 0 || of.id === "*", what);
      for (const { subject, conditional } of excluded) assert.equal(ids.includes(subject.id), conditional, what);
      // Whoever is not certain where the wildcard is has to be told from it.
      if (of.id !== "*" || !allowed) continue;
      for (const each of found) if (!each.allowed) assert.ok(excluded.some(({ subject }) => subject.id === each.subject.id), what);
    }
  }
}

const leaf = fc.constantFrom("r0", "r1", "r2");
const operation = (operand: fc.Arbitrary<string>) => fc.oneof(leaf, fc.tuple(operand, fc.constantFrom("+", "&", "-", "-"), operand).map(([a, op, b]) => `(${a}) ${op} (${b})`));

/** One object, a permission over three relations, and few subjects, named, by wildcard and under conditions. */
const wildcardWorlds: fc.Arbitrary<World> = fc
  .record({
    expression: operation(operation(leaf)),
    picks: fc.uniqueArray(
      fc.record({ relation: leaf, id: fc.constantFrom("a", "b", "c", "*"), condition: fc.constantFrom(undefined, undefined, "yes", "no") }),
      { minLength: 1, maxLength: 8, selector: ({ relation, id }) => `${relation} ${id}` },
    ),
    context: fc.constantFrom<Context>({}, { x: true }, { x: false, y: true }),
  })
  .map(({ expression, picks, context }) => ({
    schema: compileSchema(`
      caveat yes(x bool) { x }
      caveat no(y bool) { !y }
      definition user {}
      definition doc {
        ${["r0", "r1", "r2"].map((name) => `relation ${name}: ${["", " with yes", " with no"].map((condition) => `user${condition} | user:*${condition}`).join(" | ")}`).join("\n")}
        permission p = ${expression}
      }`),
    tuples: picks.map(({ relation, id, condition }) => ({
      object: { type: "doc", id: "d" },
      relation,
      subject: { type: "user", id, relation: "" },
      ...(condition === undefined ? {} : { condition: { name: condition, context: {} } }),
    })),
    subject: { type: "user", id: "a", relation: "" },
    context,
  }));

describe("lookups against the oracle", function () {
  this.timeout(600_000);

  it("of objects give exactly those that a check does not deny, in order, whatever the size of pages", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const expected = solve({ ...world, now, meaning }, everything);
        for (const type of ["group", "folder"]) {
          for (const permission of membersOf(world.schema, type)) {
            await checkObjects(world, { type, permission, subject: world.subject, context: world.context }, world.tuples, expected);
          }
        }
      }),
      { numRuns: runs },
    );
  });

  it("of subjects give exactly those that a check does not deny, with wildcards and their exclusions", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.nat(), fc.nat(), async (world, pick, kind) => {
        const permissions = objects.flatMap((object) => membersOf(world.schema, object.type).map((permission) => ({ object, permission })));
        const kinds = ["group", "folder"].flatMap((type) => ["", ...membersOf(world.schema, type)].map((relation) => ({ type, relation })));
        for (const wanted of [{ type: "user", relation: "" }, kinds[kind % kinds.length]]) {
          assert.ok(wanted);
          const solutions = new Map(["a", "b", "c", "unnamed"].map((id) => [id, solve({ ...world, subject: { ...wanted, id }, now, meaning }, everything)]));
          for (const { object, permission } of [permissions[pick % permissions.length], permissions[(pick * 7 + 3) % permissions.length]].filter((each) => each !== undefined)) {
            const verdictOf = (id: string) => solutions.get(id)?.get(keyOf(object, permission)) ?? { value: "F" };
            await checkSubjects(world, { object, permission, wanted, context: world.context }, world.tuples, verdictOf);
          }
        }
      }),
      { numRuns: runs },
    );
  });

  it("of subjects are exact where wildcards and named subjects meet in every operator", async () => {
    await fc.assert(
      fc.asyncProperty(wildcardWorlds, async (world) => {
        const object = { type: "doc", id: "d" };
        const wanted = { type: "user", relation: "" };
        const verdictOf = (id: string) => solve({ ...world, subject: { ...wanted, id }, now, meaning }, [object]).get("doc:d#p") ?? { value: "F" };
        await checkSubjects(world, { object, permission: "p", wanted, context: world.context }, world.tuples, verdictOf);
      }),
      { numRuns: runs * 5 },
    );
  });

  it("count contextual tuples as if they stood", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.nat(), fc.nat(48), async (world, pick, split) => {
        const permissions = objects.flatMap((object) => membersOf(world.schema, object.type).map((permission) => ({ object, permission })));
        const asked = permissions[pick % permissions.length];
        assert.ok(asked);
        const [stored, contextualTuples] = [world.tuples.slice(0, split), world.tuples.slice(split)];
        const { permission, object } = asked;
        const expected = solve({ ...world, now, meaning }, everything);
        await checkObjects(world, { type: object.type, permission, subject: world.subject, context: world.context, contextualTuples }, stored, expected);
        const wanted = { type: "user", relation: "" };
        const verdictOf = (id: string) => solve({ ...world, subject: { ...wanted, id }, now, meaning }, everything).get(keyOf(object, permission)) ?? { value: "F" };
        await checkSubjects(world, { object, permission, wanted, context: world.context, contextualTuples }, stored, verdictOf);
      }),
      { numRuns: Math.ceil(runs / 2) },
    );
  });

  it("of permissions give every permission's answer", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.constantFrom(...objects), async (world, object) => {
        const expected = solve({ ...world, now, meaning }, everything);
        const asked = { object, subject: world.subject, context: world.context, contextualTuples: [], relations: true };
        const found = await orUndecided(lookupPermissions(asked, ground(world.schema, world.tuples)));
        if (typeof found === "string") {
          assert.equal(expected.get(found)?.value, "U", describeWorld(world));
          return;
        }
        assert.deepEqual(found.map(({ permission }) => permission), membersOf(world.schema, object.type));
        for (const { permission, ...verdict } of found) {
          const shown = verdict.allowed || verdict.missingFields.length > 0 ? asVerdict(verdict) : { value: "F" };
          assert.deepEqual(shown, expected.get(keyOf(object, permission)), `${permission} ${describeWorld(world)}`);
        }
      }),
      { numRuns: runs },
    );
  });
});
