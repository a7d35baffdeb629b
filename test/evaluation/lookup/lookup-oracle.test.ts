import assert from "node:assert/strict";
import * as fc from "fast-check";
import { lookupPermissions } from "../../../src/evaluation/lookup/lookup-permissions.js";
import type { Context } from "../../../src/model/context.js";
import { compileSchema } from "../../../src/model/schema/compile.js";
import type { Schema } from "../../../src/model/schema/schema.js";
import type { Tuple } from "../../../src/model/tuple.js";
import { MemorySnapshot } from "../memory-snapshot.js";
import { keyOf, solve, type Verdict } from "../oracle.js";
import { describeWorld, meaning, now, objects, worlds, type World } from "../world.js";
import { asVerdict, assertObjects, assertSubjects, orUndecided } from "./agreement.js";
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

async function checkObjects(world: World, asked: ObjectsAsked, tuples: readonly Tuple[], expected: ReadonlyMap<string, Verdict>): Promise<void> {
  const what = () => `${asked.type}#${asked.permission} ${describeWorld(world)}`;
  const verdictOf = (id: string): Verdict => expected.get(keyOf({ type: asked.type, id }, asked.permission)) ?? { value: "F" };
  for (const size of sizes) {
    const found = await orUndecided(allObjects({ ...asked, size }, ground(world.schema, tuples)));
    if (typeof found === "string") assert.equal(verdictOf(found.slice(found.indexOf(":") + 1)).value, "U", what());
    else assertObjects(found, ["a", "b"], verdictOf, what);
  }
}

async function checkSubjects(world: World, asked: SubjectsAsked, tuples: readonly Tuple[], verdictOf: (id: string) => Verdict): Promise<void> {
  const { type, relation } = asked.wanted;
  const what = () => `${type}#${relation} of ${asked.object.type}:${asked.object.id}#${asked.permission} ${describeWorld(world)}`;
  for (const size of sizes) {
    const found = await orUndecided(allSubjects({ ...asked, size }, ground(world.schema, tuples)));
    if (typeof found === "string") {
      const [, id = ""] = /^\w+:([^#]+)/.exec(found) ?? [];
      assert.equal(verdictOf(id === "*" ? "unnamed" : id).value, "U", what());
    } else assertSubjects(found, ["a", "b", "c", "unnamed"], verdictOf, what);
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
