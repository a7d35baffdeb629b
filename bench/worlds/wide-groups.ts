import { subject } from "../../src/model/subject.js";
import { Random } from "./random.js";
import { inTurns, may, tupleOf, type World, type WorldKind, type WorldOptions } from "./world.js";

const schema = `
definition user {}

definition group {
	relation member: user
}

definition document {
	relation viewer: user | group#member
	permission view = viewer
}
`;

const membersPerGroup = 30;

/** One document that so many groups view, none with a member of another. */
export const wideGroups: WorldKind = {
  name: "wide-groups",
  about: "one document that 300 groups of 30 members view",
  tuples: 300 * (1 + membersPerGroup),
  make,
};

function make({ tuples = wideGroups.tuples, questions, seed }: WorldOptions): World {
  const groups = Math.max(2, Math.round(tuples / (1 + membersPerGroup)));
  const users = groups * membersPerGroup;
  const random = new Random(seed);
  return {
    name: wideGroups.name,
    schema,
    *tuples() {
      for (let at = 0; at < groups; at++) yield tupleOf("document", "wide", "viewer", "group", `g${at}`, "member");
      for (let at = 0; at < users; at++) yield tupleOf("group", `g${at % groups}`, "member", "user", `u${at}`);
    },
    checks: inTurns(
      questions,
      () => may(`u${random.below(users)}`, "view", "document", "wide"),
      () => may(`stranger-${random.below(users)}`, "view", "document", "wide"),
    ),
    lookups: [
      { kind: "subjects", object: { type: "document", id: "wide" }, permission: "view", subjectType: "user", count: users },
      { kind: "objects", objectType: "document", permission: "view", subject: subject("user", "u0"), count: 1 },
    ],
  };
}
