import * as fc from "fast-check";
import { compileSchema } from "../../../src/model/schema/compile.js";
import type { Schema } from "../../../src/model/schema/schema.js";
import type { ObjectRef } from "../../../src/model/object.js";
import type { Tuple } from "../../../src/model/tuple.js";
import { contexts, now, type World } from "../world.js";

/**
 * Random worlds in which relations nest through relations alone, groups in groups and teams of groups, so that what a subject holds
 * is seen from its side; with lists long enough for a look from there, on either side of exclusions and behind arrows. Permissions
 * are of documents, which nothing names: no cycle goes through an exclusion, and everything is decided.
 */

const counts: Readonly<Record<string, number>> = { group: 6, team: 4, doc: 4 };
export const nestedObjects: readonly ObjectRef[] = Object.entries(counts).flatMap(([type, count]) => Array.from({ length: count }, (_, i) => ({ type, id: `${type}${i}` })));
export const nestedUsers: readonly string[] = ["a", "b", "c", "d"];
export const nestedPermissions: readonly string[] = ["p0", "p1", "p2"];

const conditionsText = `
caveat yes(x bool) { x }
caveat no(y bool) { !y }
caveat both(x bool, y bool) { x && y }
`;

/** What holds who, and how a tuple of it may stand. */
const holders: Readonly<Record<string, readonly string[]>> = {
  "group#member": ["user", "group#member", "team#staff"],
  "group#guest": ["user"],
  "group#open": ["user", "user:*"],
  "team#staff": ["user", "group#member", "group#guest", "team#staff"],
  "doc#viewer": ["user", "group#member", "group#guest", "team#staff", "user:*"],
  "doc#banned": ["user", "group#member", "group#guest", "team#staff", "user:*"],
  "doc#listed": ["user", "group#member", "group#guest", "team#staff"],
  "doc#owner": ["group"],
  "doc#crew": ["team", "group"],
};
const traits = fc.oneof({ weight: 5, arbitrary: fc.constant([""]) }, { weight: 2, arbitrary: fc.subarray(["", " with yes", " with no", " with both", " with expiration", " with yes and expiration"], { minLength: 1 }) });
const relationText = (name: string, kinds: readonly string[]) =>
  fc.tuple(fc.subarray([...kinds], { minLength: Math.min(2, kinds.length) }), traits).map(([some, ways]) => `  relation ${name}: ${some.flatMap((kind) => ways.map((way) => kind + way)).join(" | ")}`);
const definitionText = (type: string) =>
  fc.tuple(...Object.entries(holders).filter(([key]) => key.startsWith(`${type}#`)).map(([key, kinds]) => relationText(key.slice(type.length + 1), kinds))).map((lines) => lines.join("\n"));

const leaf = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("viewer", "banned", "listed") },
  { weight: 2, arbitrary: fc.constantFrom("owner->member", "owner->guest", "owner->open", "crew->staff", "crew->member") },
  { weight: 1, arbitrary: fc.constantFrom("owner.all(member)", "owner.all(open)", "crew.all(staff)") },
);
const operation = (operand: fc.Arbitrary<string>) => fc.oneof(leaf, { weight: 3, arbitrary: fc.tuple(operand, fc.constantFrom("+", "&", "-", "-"), operand).map(([a, op, b]) => `(${a}) ${op} (${b})`) });

const schemas: fc.Arbitrary<Schema> = fc
  .tuple(definitionText("group"), definitionText("team"), definitionText("doc"), fc.tuple(...nestedPermissions.map(() => operation(operation(leaf)))))
  .map(([group, team, doc, expressions]) =>
    compileSchema(`use expiration
${conditionsText}
definition user {}
definition group {\n${group}\n}
definition team {\n${team}\n}
definition doc {\n${doc}\n${nestedPermissions.map((name, i) => `  permission ${name} = ${expressions[i] ?? "nil"}`).join("\n")}\n}`),
  );

function idsOf(type: string): readonly string[] {
  return type === "user" ? nestedUsers : nestedObjects.flatMap((object) => (object.type === type ? [object.id] : []));
}

/** Many tuples of few relations: of documents as many as of all groups and teams. */
function tuplesOf(schema: Schema): fc.Arbitrary<Tuple[]> {
  const one = fc
    .record({
      object: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...nestedObjects.filter(({ type }) => type !== "doc")) }, { weight: 2, arbitrary: fc.constantFrom(...nestedObjects.filter(({ id }) => id === "doc0" || id === "doc1")) }, fc.constantFrom(...nestedObjects)),
      relation: fc.nat(), pick: fc.nat(), id: fc.nat(), stored: contexts, expiresAt: fc.constantFrom(now - 1, now, now + 1, now + 1_000),
    })
    .map(({ object, relation, pick, id, stored, expiresAt }): Tuple => {
      const relations = [...(schema.definitions.get(object.type)?.members.values() ?? [])].filter((member) => member.kind === "relation");
      const chosen = relations[relation % relations.length];
      const allowed = chosen?.subjects[pick % chosen.subjects.length];
      if (chosen === undefined || allowed === undefined) throw new Error("a relation has alternatives");
      const fields = allowed.condition === undefined ? [] : [...(schema.conditions.get(allowed.condition)?.parameters.keys() ?? [])];
      const ids = idsOf(allowed.type);
      return {
        object,
        relation: chosen.name,
        subject: { type: allowed.type, id: allowed.wildcard ? "*" : (ids[id % ids.length] ?? ""), relation: allowed.relation },
        ...(allowed.condition === undefined ? {} : { condition: { name: allowed.condition, context: Object.fromEntries(Object.entries(stored).filter(([name]) => fields.includes(name))) } }),
        ...(allowed.expiration ? { expiresAt } : {}),
      };
    });
  return fc.uniqueArray(one, {
    minLength: 20,
    maxLength: 90,
    size: "max",
    selector: ({ object, relation, subject }) => [object.id, relation, subject.type, subject.id, subject.relation].join(" "),
  });
}

export const nestedWorlds: fc.Arbitrary<World> = schemas.chain((schema) =>
  fc.record({ schema: fc.constant(schema), tuples: tuplesOf(schema), subject: fc.constantFrom(...nestedUsers).map((id) => ({ type: "user", id, relation: "" })), context: contexts }),
);
