import { Crowd } from "./crowd.js";
import { Random } from "./random.js";
import { tupleOf, type World, type WorldKind, type WorldOptions } from "./world.js";

const schema = `
definition user {}

definition organization {
	relation reader: user
	relation banned: user
	permission read = reader - banned
}

definition file {
	relation viewer: user
	relation organization: organization
	permission view = viewer & organization->read
}
`;

const users = 200;
const organizations = 10;
const readersPerOrganization = 80;
const bannedPerOrganization = 20;
const viewersPerFile = 12;

/** Files whose viewers must be readers of the organisation as well, and not banned from it. */
export const intersection: WorldKind = {
  name: "intersection",
  about: "300 files with 12 viewers, who must also be among the 60 readers of 10 organisations",
  tuples: organizations * (readersPerOrganization + bannedPerOrganization) + 300 * (1 + viewersPerFile),
  make,
};

function make({ tuples = intersection.tuples, questions, seed }: WorldOptions): World {
  const random = new Random(seed);
  const crowd = new Crowd("file", users);
  const files = Math.max(organizations, Math.round((tuples - organizations * (readersPerOrganization + bannedPerOrganization)) / (1 + viewersPerFile)));
  const readersOf = Array.from({ length: organizations }, (_, organization) => {
    const readers = [...random.some(readersPerOrganization, users)];
    const banned = readers.slice(0, bannedPerOrganization);
    for (const user of readers) crowd.tuples.push(tupleOf("organization", `o${organization}`, "reader", "user", `u${user}`));
    for (const user of banned) crowd.tuples.push(tupleOf("organization", `o${organization}`, "banned", "user", `u${user}`));
    return readers.slice(bannedPerOrganization);
  });
  for (let file = 0; file < files; file++) {
    const organization = file % organizations;
    const readers = readersOf[organization] ?? [];
    // One of them reads for certain; of the others as many as chance wants.
    const viewers = new Set([random.pick(readers)]);
    while (viewers.size < viewersPerFile) viewers.add(random.below(users));
    crowd.tuples.push(tupleOf("file", `f${file}`, "organization", "organization", `o${organization}`));
    for (const user of viewers) crowd.tuples.push(tupleOf("file", `f${file}`, "viewer", "user", `u${user}`));
    crowd.mayView(`f${file}`, readers.filter((user) => viewers.has(user)));
  }
  return { name: intersection.name, schema, tuples: () => crowd.tuples, checks: crowd.checks(questions, random), lookups: crowd.lookups(random) };
}
