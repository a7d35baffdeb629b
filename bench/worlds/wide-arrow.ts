import { Crowd } from "./crowd.js";
import { Random } from "./random.js";
import { tupleOf, type World, type WorldKind, type WorldOptions } from "./world.js";

const schema = `
definition user {}

definition group {
	relation member: user
}

definition file {
	relation group: group
	relation viewer: user
	permission view = viewer + group->member
}
`;

const groupsPerFile = 30;
const usersPerGroup = 20;
const tuplesPerFile = groupsPerFile * (1 + usersPerGroup);
const users = 1_000;

/** Files, each shared with so many groups of so many users: an arrow with many targets, of which one matters. */
export const wideArrow: WorldKind = {
  name: "wide-arrow",
  about: "10 files × 30 groups × 20 users",
  tuples: 10 * tuplesPerFile,
  make,
};

function make({ tuples = wideArrow.tuples, questions, seed }: WorldOptions): World {
  const random = new Random(seed);
  const crowd = new Crowd("file", users);
  const files = Math.max(2, Math.round(tuples / tuplesPerFile));
  for (let file = 0; file < files; file++) {
    const viewers = new Set<number>();
    for (let at = 0; at < groupsPerFile; at++) {
      const group = `g${file * groupsPerFile + at}`;
      crowd.tuples.push(tupleOf("file", `f${file}`, "group", "group", group));
      for (const user of random.some(usersPerGroup, users)) {
        crowd.tuples.push(tupleOf("group", group, "member", "user", `u${user}`));
        viewers.add(user);
      }
    }
    crowd.mayView(`f${file}`, viewers);
  }
  return { name: wideArrow.name, schema, tuples: () => crowd.tuples, checks: crowd.checks(questions, random), lookups: crowd.lookups(random) };
}
