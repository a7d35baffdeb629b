import * as fc from "fast-check";
import type { Tuple } from "../../../src/model/tuple.js";
import { MemorySnapshot } from "../memory-snapshot.js";
import { keyOf, solve, type Verdict } from "../oracle.js";
import { describeWorld, meaning, now, type World } from "../world.js";
import { assertObjects, assertSubjects } from "./agreement.js";
import { nestedObjects, nestedPermissions, nestedUsers, nestedWorlds } from "./nested-world.js";
import { allObjects, allSubjects, type SubjectsAsked } from "./pages.js";

const runs = Number(process.env.TEST_FUZZ_RUNS ?? 150);
const kinds = [{ type: "group", relation: "member" }, { type: "group", relation: "guest" }, { type: "team", relation: "staff" }, { type: "group", relation: "" }];
const sizes = fc.constantFrom(1, 2, 3, 1_000);
const document = fc.constantFrom(...nestedObjects.filter(({ id }) => id === "doc0" || id === "doc1"));

function idsOf(type: string): string[] {
  return nestedObjects.flatMap((object) => (object.type === type ? [object.id] : []));
}

function ground({ schema }: World, tuples: readonly Tuple[]) {
  return { schema, snapshot: new MemorySnapshot(tuples, 1_000), tenant: 1, now };
}

function solutions(world: World, kind: { readonly type: string; readonly relation: string }, ids: readonly string[]) {
  const solved = new Map(ids.map((id) => [id, solve({ ...world, subject: { ...kind, id }, now, meaning }, nestedObjects)]));
  return (object: { type: string; id: string }, permission: string) => (id: string): Verdict => solved.get(id)?.get(keyOf(object, permission)) ?? { value: "F" };
}

async function checkSubjects(world: World, asked: SubjectsAsked, tuples: readonly Tuple[], all: readonly string[], verdictOf: (id: string) => Verdict): Promise<void> {
  const { type, relation } = asked.wanted;
  const found = await allSubjects(asked, ground(world, tuples));
  assertSubjects(found, all, verdictOf, () => `${type}#${relation} of ${asked.object.id}#${asked.permission} ${describeWorld(world)}`);
}

describe("lookups where relations nest through relations, against the oracle", function () {
  this.timeout(1_200_000);
  const users = [...nestedUsers, "unnamed"];
  const user = { type: "user", relation: "" };

  it("of users give exactly those that a check does not deny, whatever the size of pages", async () => {
    await fc.assert(
      fc.asyncProperty(nestedWorlds, document, sizes, async (world, object, size) => {
        const verdicts = solutions(world, user, users);
        for (const permission of [...nestedPermissions, "viewer"]) {
          const asked = { object, permission, wanted: user, context: world.context, size };
          await checkSubjects(world, asked, world.tuples, users, verdicts(object, permission));
        }
      }),
      { numRuns: runs },
    );
  });

  it("of usersets and groups too", async () => {
    await fc.assert(
      fc.asyncProperty(nestedWorlds, document, fc.constantFrom(...kinds), sizes, async (world, object, wanted, size) => {
        const ids = [...idsOf(wanted.type), "unnamed"];
        const verdicts = solutions(world, wanted, ids);
        for (const permission of nestedPermissions) {
          const asked = { object, permission, wanted, context: world.context, size };
          await checkSubjects(world, asked, world.tuples, ids, verdicts(object, permission));
        }
      }),
      { numRuns: Math.ceil(runs / 2) },
    );
  });

  it("of objects give exactly those that a check does not deny", async () => {
    await fc.assert(
      fc.asyncProperty(nestedWorlds, fc.constantFrom(user, ...kinds), fc.nat(), sizes, async (world, kind, pick, size) => {
        const ids = kind.type === "user" ? users : idsOf(kind.type);
        const subject = { ...kind, id: ids[pick % ids.length] ?? "" };
        const expected = solve({ ...world, subject, now, meaning }, nestedObjects);
        for (const [type, permission] of [...nestedPermissions.map((name) => ["doc", name] as const), ["group", "member"], ["team", "staff"]] as const) {
          const found = await allObjects({ type, permission, subject, context: world.context, size }, ground(world, world.tuples));
          const verdictOf = (id: string): Verdict => expected.get(keyOf({ type, id }, permission)) ?? { value: "F" };
          assertObjects(found, idsOf(type), verdictOf, () => `${type}#${permission} ${describeWorld({ ...world, subject })}`);
        }
      }),
      { numRuns: runs },
    );
  });

  it("count contextual tuples as if they stood, and what they hide as if it did not", async () => {
    await fc.assert(
      fc.asyncProperty(nestedWorlds, document, fc.nat(90), sizes, async (world, object, split, size) => {
        const contextualTuples = world.tuples.slice(split);
        // Every other one hides what stands in its place without end or condition; the others stand where nothing did.
        const hidden = contextualTuples.filter((_, i) => i % 2 === 0).map(({ object: of, relation, subject }): Tuple => ({ object: of, relation, subject }));
        const stored = [...world.tuples.slice(0, split), ...hidden];
        const verdicts = solutions(world, user, users);
        for (const permission of nestedPermissions) {
          const asked = { object, permission, wanted: user, context: world.context, contextualTuples, size };
          await checkSubjects(world, asked, stored, users, verdicts(object, permission));
          const found = await allObjects({ type: "doc", permission, subject: world.subject, context: world.context, contextualTuples, size }, ground(world, stored));
          assertObjects(found, idsOf("doc"), (id) => verdicts({ type: "doc", id }, permission)(world.subject.id), () => `doc#${permission} ${describeWorld(world)}`);
        }
      }),
      { numRuns: Math.ceil(runs / 2) },
    );
  });
});
