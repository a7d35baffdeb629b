import { Crowd } from "./crowd.js";
import { Random } from "./random.js";
import { tupleOf, type World, type WorldKind, type WorldOptions } from "./world.js";

const schema = `
definition user {}

definition group {
	relation member: user
}

definition org {
	relation group: group
	permission member = group->member
}

definition file {
	relation org: org
	relation viewer: user
	permission view = viewer + org->member
}
`;

const files = 5;
const orgsPerFile = 20;
const groupsPerOrg = 10;
const usersPerGroup = 20;
const usersOverGroups = 17;

/** Two arrows in a row, each with many targets, and groups that several organisations share. */
export const doubleWideArrow: WorldKind = {
  name: "double-wide-arrow",
  about: "5 files × 20 of 97 orgs × 10 of 299 groups × 20 users",
  tuples: files * orgsPerFile + 97 * groupsPerOrg + 299 * usersPerGroup,
  make,
};

function make({ tuples = doubleWideArrow.tuples, questions, seed }: WorldOptions): World {
  const random = new Random(seed);
  const groups = Math.max(groupsPerOrg + 1, Math.round((299 * tuples) / doubleWideArrow.tuples));
  const orgs = Math.max(orgsPerFile + 1, Math.round((97 * tuples) / doubleWideArrow.tuples));
  const users = groups * usersOverGroups;
  const crowd = new Crowd("file", users);
  const membersOf = Array.from({ length: groups }, (_, group) => {
    const members = random.some(usersPerGroup, users);
    for (const user of members) crowd.tuples.push(tupleOf("group", `g${group}`, "member", "user", `u${user}`));
    return members;
  });
  const groupsOf = Array.from({ length: orgs }, (_, org) => {
    const picked = random.some(groupsPerOrg, groups);
    for (const group of picked) crowd.tuples.push(tupleOf("org", `o${org}`, "group", "group", `g${group}`));
    return picked;
  });
  for (let file = 0; file < files; file++) {
    const picked = [...random.some(orgsPerFile, orgs)];
    for (const org of picked) crowd.tuples.push(tupleOf("file", `f${file}`, "org", "org", `o${org}`));
    crowd.mayView(`f${file}`, picked.flatMap((org) => [...(groupsOf[org] ?? [])]).flatMap((group) => [...(membersOf[group] ?? [])]));
  }
  return { name: doubleWideArrow.name, schema, tuples: () => crowd.tuples, checks: crowd.checks(questions, random), lookups: crowd.lookups(random) };
}
