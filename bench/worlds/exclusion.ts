import { Crowd } from "./crowd.js";
import { Random } from "./random.js";
import { tupleOf, type World, type WorldKind, type WorldOptions } from "./world.js";

const schema = `
definition user {}

definition group {
	relation member: user
}

definition file {
	relation viewer: user | group#member
	relation banned: user
	permission view = viewer - banned
}
`;

const users = 300;
const groups = 30;
const membersPerGroup = 20;
const groupsPerFile = 2;
const bannedPerFile = 15;

/** Files that groups view, but for those who are banned: what a lookup finds it has to take out again. */
export const exclusion: WorldKind = {
  name: "exclusion",
  about: "200 files that 2 of 30 groups view, 15 of their 40 members banned from each",
  tuples: groups * membersPerGroup + 200 * (groupsPerFile + bannedPerFile),
  make,
};

function make({ tuples = exclusion.tuples, questions, seed }: WorldOptions): World {
  const random = new Random(seed);
  const crowd = new Crowd("file", users);
  const files = Math.max(2, Math.round((tuples - groups * membersPerGroup) / (groupsPerFile + bannedPerFile)));
  const membersOf = Array.from({ length: groups }, (_, group) => {
    const members = random.some(membersPerGroup, users);
    for (const user of members) crowd.tuples.push(tupleOf("group", `g${group}`, "member", "user", `u${user}`));
    return members;
  });
  for (let file = 0; file < files; file++) {
    const picked = [...random.some(groupsPerFile, groups)];
    for (const group of picked) crowd.tuples.push(tupleOf("file", `f${file}`, "viewer", "group", `g${group}`, "member"));
    const viewers = [...new Set(picked.flatMap((group) => [...(membersOf[group] ?? [])]))];
    const banned = new Set([...random.some(bannedPerFile, viewers.length)].map((at) => viewers[at] ?? 0));
    for (const user of banned) crowd.tuples.push(tupleOf("file", `f${file}`, "banned", "user", `u${user}`));
    crowd.mayView(`f${file}`, viewers.filter((user) => !banned.has(user)));
  }
  return { name: exclusion.name, schema, tuples: () => crowd.tuples, checks: crowd.checks(questions, random), lookups: crowd.lookups(random) };
}
