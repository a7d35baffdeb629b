import * as fc from "fast-check";
import type { Context } from "../../src/model/context.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import type { ObjectRef } from "../../src/model/object.js";
import type { SubjectRef } from "../../src/model/subject.js";
import { tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { contexts, now, type World } from "./world.js";

/** Worlds of groups within groups, of which documents name many: what is walked from the subject's side, and probed so often that all of a subject is loaded. */

const schema = compileSchema(`
  use expiration
  caveat yes(x bool) { x }
  definition user {}
  definition team {
    relation lead: user | user with yes
    relation open: user | user:* | team#lead
    relation member: user | team#lead | team#member | group#member with yes
  }
  definition group {
    relation member: user | user with yes | user with expiration | group#member | group#member with expiration | team#member
    relation part: group
    permission reach = member + part->reach
  }
  definition document {
    relation viewer: user | user:* | group#member | team#member | group#reach
    relation banned: group#member | team#lead
    relation home: group | team
    permission view = viewer - banned
    permission share = (home->member + home->open) & viewer
    permission all = home.all(member) - banned
  }`);

const ids = (type: string, count: number): ObjectRef[] => Array.from({ length: count }, (_, i) => ({ type, id: `${i}` }));
export const nestObjects = [...ids("group", 7), ...ids("team", 3), ...ids("document", 12)];

const users = fc.constantFrom("a", "b", "c").map((id): SubjectRef => ({ type: "user", id, relation: "" }));

/** Any tuple that the schema admits. */
const tuples: fc.Arbitrary<Tuple> = fc
  .record({ object: fc.constantFrom(...nestObjects), pick: fc.nat(), alternative: fc.nat(), id: fc.nat(6), user: users, stored: contexts, expiresAt: fc.constantFrom(now, now + 1, now + 1_000) })
  .map(({ object, pick, alternative, id, user, stored, expiresAt }) => {
    const relations = [...(schema.definitions.get(object.type)?.members.values() ?? [])].flatMap((member) => (member.kind === "relation" ? [member] : []));
    const relation = relations[pick % relations.length];
    const admitted = relation?.subjects[alternative % relation.subjects.length];
    if (relation === undefined || admitted === undefined) throw new Error("every type has a relation");
    const { type, wildcard, condition, expiration } = admitted;
    const context: Context = stored.x === undefined ? {} : { x: stored.x };
    return {
      object,
      relation: relation.name,
      subject: { type, id: wildcard ? "*" : type === "user" ? user.id : `${id % (type === "group" ? 7 : 3)}`, relation: admitted.relation },
      ...(condition === undefined ? {} : { condition: { name: condition, context } }),
      ...(expiration ? { expiresAt } : {}),
    };
  });

export const nestSubjects: fc.Arbitrary<SubjectRef> = fc.oneof(
  { weight: 6, arbitrary: users },
  { weight: 1, arbitrary: fc.constantFrom(...nestObjects.slice(0, 10)).map((object) => ({ ...object, relation: "member" })) },
);

export const nests: fc.Arbitrary<World> = fc.record({
  schema: fc.constant(schema),
  tuples: fc.uniqueArray(tuples, { minLength: 20, maxLength: 90, size: "max", selector: tupleIdentity }),
  subject: nestSubjects,
  context: contexts,
});
