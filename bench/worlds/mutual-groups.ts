import { subject } from "../../src/model/subject.js";
import { groupSchema } from "./nested-groups.js";
import { Random } from "./random.js";
import { inTurns, may, tupleOf, type World, type WorldKind, type WorldOptions } from "./world.js";

const groups = 11;
const membersPerGroup = 5;
const tuplesPerRing = 1 + groups * (groups - 1) + groups * membersPerGroup;

/** Eleven groups, each nested in each of the others: cycles everywhere. SpiceDB gives up on these. */
export const mutualGroups: WorldKind = {
  name: "mutual-groups",
  about: "documents viewed by 11 groups, each nested in all the others",
  tuples: 20 * tuplesPerRing,
  make,
};

function make({ tuples = mutualGroups.tuples, questions, seed }: WorldOptions): World {
  const rings = Math.max(2, Math.round(tuples / tuplesPerRing));
  const random = new Random(seed);
  const member = (ring: number) => `u${ring * groups * membersPerGroup + random.below(groups * membersPerGroup)}`;
  return {
    name: mutualGroups.name,
    schema: groupSchema,
    *tuples() {
      for (let ring = 0; ring < rings; ring++) {
        yield tupleOf("document", `d${ring}`, "viewer", "group", `g${ring}-0`, "member");
        for (let group = 0; group < groups; group++) {
          for (let other = 0; other < groups; other++) if (other !== group) yield tupleOf("group", `g${ring}-${group}`, "member", "group", `g${ring}-${other}`, "member");
          for (let at = 0; at < membersPerGroup; at++) yield tupleOf("group", `g${ring}-${group}`, "member", "user", `u${(ring * groups + group) * membersPerGroup + at}`);
        }
      }
    },
    checks: inTurns(
      questions,
      (index) => may(member(index % rings), "view", "document", `d${index % rings}`),
      (index) => may(member((index + 1) % rings), "view", "document", `d${index % rings}`),
    ),
    lookups: [
      { kind: "objects", objectType: "document", permission: "view", subject: subject("user", "u0"), count: 1 },
      { kind: "subjects", object: { type: "document", id: "d0" }, permission: "view", subjectType: "user", count: groups * membersPerGroup },
    ],
  };
}
