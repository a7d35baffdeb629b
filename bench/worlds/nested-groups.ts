import { subject } from "../../src/model/subject.js";
import { Random } from "./random.js";
import { inTurns, may, tupleOf, type World, type WorldKind, type WorldOptions } from "./world.js";

/** Shared with the world of mutually nested groups: what differs is who is nested in whom. */
export const groupSchema = `
definition user {}

definition group {
	relation member: user | group#member
}

definition document {
	relation viewer: user | group#member
	permission view = viewer
}
`;

/** Below the fifty levels at which SpiceDB gives up. */
const levels = 40;
const membersPerGroup = 5;
const tuplesPerChain = 1 + levels * membersPerGroup + levels - 1;

/** Documents, each viewed by a group with a group in it with a group in it, and so on. */
export const nestedGroups: WorldKind = {
  name: "nested-groups",
  about: "documents viewed by groups nested 40 deep",
  tuples: 20 * tuplesPerChain,
  make,
};

function make({ tuples = nestedGroups.tuples, questions, seed }: WorldOptions): World {
  const chains = Math.max(2, Math.round(tuples / tuplesPerChain));
  const random = new Random(seed);
  const user = (chain: number, level: number, at: number) => `u${(chain * levels + level) * membersPerGroup + at}`;
  const member = (chain: number) => user(chain, random.below(levels), random.below(membersPerGroup));
  return {
    name: nestedGroups.name,
    schema: groupSchema,
    *tuples() {
      for (let chain = 0; chain < chains; chain++) {
        yield tupleOf("document", `d${chain}`, "viewer", "group", `g${chain}-0`, "member");
        for (let level = 0; level < levels; level++) {
          for (let at = 0; at < membersPerGroup; at++) yield tupleOf("group", `g${chain}-${level}`, "member", "user", user(chain, level, at));
          if (level > 0) yield tupleOf("group", `g${chain}-${level - 1}`, "member", "group", `g${chain}-${level}`, "member");
        }
      }
    },
    checks: inTurns(
      questions,
      (index) => may(member(index % chains), "view", "document", `d${index % chains}`),
      (index) => may(member((index + 1) % chains), "view", "document", `d${index % chains}`),
    ),
    lookups: [
      { kind: "objects", objectType: "document", permission: "view", subject: subject("user", user(0, levels - 1, 0)), count: 1 },
      { kind: "subjects", object: { type: "document", id: "d0" }, permission: "view", subjectType: "user", count: levels * membersPerGroup },
    ],
  };
}
