import * as fc from "fast-check";
import { compileSchema } from "../../src/model/schema/compile.js";
import type { Schema } from "../../src/model/schema/schema.js";
import type { Context } from "../../src/model/context.js";
import type { ObjectRef } from "../../src/model/object.js";
import type { SubjectRef } from "../../src/model/subject.js";
import type { Tuple } from "../../src/model/tuple.js";
import type { Verdict } from "./oracle.js";

/** Random schemas, tuples and questions, small enough that everything collides: cycles, wildcards, shared groups, expired and conditional tuples. */

export const now = 1_000_000;
const ids = ["a", "b"];
const types = ["group", "folder"];
const relations = ["r0", "r1", "r2"];
const permissions = ["p0", "p1", "p2"];

const conditionsText = `
caveat yes(x bool) { x }
caveat no(y bool) { !y }
caveat both(x bool, y bool) { x && y }
`;

/** What the three conditions above mean, said without CEL. */
export function meaning(name: string, context: Context): Verdict {
  const read = (field: string): Verdict => {
    const value = context[field];
    return value === undefined ? { value: "C", missing: [field] } : { value: value === true ? "T" : "F" };
  };
  const x = read("x");
  const y = read("y");
  if (name === "yes") return x;
  if (name === "no") return y.value === "C" ? y : { value: y.value === "T" ? "F" : "T" };
  if (x.value === "F" || y.value === "F") return { value: "F" };
  const missing = [x, y].flatMap((v) => (v.value === "C" ? v.missing : []));
  return missing.length > 0 ? { value: "C", missing } : { value: "T" };
}

const traits = fc.oneof(
  { weight: 8, arbitrary: fc.constant("") },
  { weight: 3, arbitrary: fc.constantFrom(" with yes", " with no", " with both") },
  { weight: 1, arbitrary: fc.constantFrom(" with expiration", " with yes and expiration") },
);
const userset = fc.tuple(fc.constantFrom(...types), fc.constantFrom(...relations, ...permissions)).map(([type, member]) => `${type}#${member}`);
const alternative = fc.oneof(
  { weight: 3, arbitrary: fc.constant("user") },
  { weight: 1, arbitrary: fc.constant("user:*") },
  { weight: 6, arbitrary: userset },
);
const alternatives = (one: fc.Arbitrary<string>) =>
  fc.uniqueArray(fc.tuple(one, traits).map(([subject, trait]) => subject + trait), { minLength: 1, maxLength: 3 });
/** The first relation holds users, and anything; the second usersets; the third leads to objects. */
const relationTexts = fc.tuple(
  fc.tuple(alternatives(fc.constant("user")), alternatives(alternative)).map(([users, rest]) => [...new Set([...users, ...rest])]),
  alternatives(userset),
  alternatives(fc.constantFrom(...types)),
);

/** An expression over the relations and the permissions before it. */
function expression(names: readonly string[], depth: number): fc.Arbitrary<string> {
  const leaf = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...names) },
    { weight: 3, arbitrary: fc.tuple(fc.constantFrom("r2", "r2", "r1"), fc.constantFrom("->", ".any", ".all"), fc.constantFrom(...relations, ...permissions)).map(([r, how, p]) => (how === "->" ? `${r}->${p}` : `${r}${how}(${p})`)) },
    { weight: 1, arbitrary: fc.constantFrom("nil", "self") },
  );
  if (depth === 0) return leaf;
  const inner = expression(names, depth - 1);
  return fc.oneof(leaf, fc.tuple(inner, fc.constantFrom("+", "+", "&", "-"), inner).map(([a, op, b]) => `(${a}) ${op} (${b})`));
}

const definition = (name: string) =>
  fc
    .tuple(
      relationTexts,
      fc.tuple(...permissions.map((_, i) => expression([...relations, ...permissions.slice(0, i)], 2))),
    )
    .map(([rels, perms]) => {
      const lines = [...rels.map((texts, i) => `  relation r${i}: ${texts.join(" | ")}`), ...perms.map((text, i) => `  permission p${i} = ${text}`)];
      return `definition ${name} {\n${lines.join("\n")}\n}\n`;
    });

/** Schemas that the compiler accepts; the generator is blind to some of its rules, so what it refuses is thrown away. */
export const schemas: fc.Arbitrary<Schema> = fc
  .tuple(...types.map(definition))
  .map((definitions) => {
    const text = `use expiration\nuse self\n${conditionsText}\ndefinition user {}\n${definitions.join("\n")}`;
    try {
      return compileSchema(text);
    } catch {
      return undefined;
    }
  })
  .filter((schema) => schema !== undefined);

const field = fc.constantFrom(undefined, undefined, true, true, false);
export const contexts: fc.Arbitrary<Context> = fc.record({ x: field, y: field }).map((fields) => Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, boolean] => entry[1] !== undefined)));

export const objects: ObjectRef[] = types.flatMap((type) => ids.map((id) => ({ type, id })));

/** Tuples that the schema admits: each picks an object, a relation, one of its alternatives, and fills it. */
export function tuplesOf(schema: Schema): fc.Arbitrary<Tuple[]> {
  const one = fc
    .record({ object: fc.constantFrom(...objects), relation: fc.constantFrom(...relations), pick: fc.nat(), id: fc.constantFrom(...ids), stored: contexts, expires: fc.constantFrom(now - 1, now, now + 1, now + 1000) })
    .map(({ object, relation, pick, id, stored, expires }): Tuple => {
      const node = schema.definitions.get(object.type)?.members.get(relation);
      if (node?.kind !== "relation") throw new Error("a relation");
      const allowed = node.subjects[pick % node.subjects.length];
      if (allowed === undefined) throw new Error("an alternative");
      const fields = allowed.condition === undefined ? [] : [...(schema.conditions.get(allowed.condition)?.parameters.keys() ?? [])];
      const kept = Object.fromEntries(Object.entries(stored).filter(([name]) => fields.includes(name)));
      return {
        object,
        relation,
        subject: { type: allowed.type, id: allowed.wildcard ? "*" : id, relation: allowed.relation },
        ...(allowed.condition === undefined ? {} : { condition: { name: allowed.condition, context: kept } }),
        ...(allowed.expiration ? { expiresAt: expires } : {}),
      };
    });
  return fc.uniqueArray(one, {
    minLength: 6,
    maxLength: 48,
    size: "max",
    selector: ({ object, relation, subject }) => [object.type, object.id, relation, subject.type, subject.id, subject.relation].join(" "),
  });
}

export const subjects: fc.Arbitrary<SubjectRef> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...ids).map((id) => ({ type: "user", id, relation: "" })) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...types), fc.constantFrom(...ids), fc.constantFrom(...relations, ...permissions)).map(([type, id, relation]) => ({ type, id, relation })) },
  { weight: 1, arbitrary: fc.constantFrom(...objects).map((object) => ({ ...object, relation: "" })) },
);

export interface World {
  schema: Schema;
  tuples: Tuple[];
  subject: SubjectRef;
  context: Context;
}

export const worlds: fc.Arbitrary<World> = schemas.chain((schema) => fc.record({ schema: fc.constant(schema), tuples: tuplesOf(schema), subject: subjects, context: contexts }));

/** How a failing world is printed: as text that can be read and pasted. */
export function describeWorld(world: World): string {
  return JSON.stringify({ ...world, schema: undefined }, null, 1) + world.schema.text;
}
