import { subject } from "../../src/model/subject.js";
import { Random } from "./random.js";
import { inTurns, may, tupleOf, type World, type WorldKind, type WorldOptions } from "./world.js";

const schema = `
definition user {}

definition folder {
	relation parent: folder
	relation viewer: user
	permission view = viewer + parent->view
}
`;

const levels = 31;

/** Chains of folders, each in the one before; a user views the first, and is asked about at the last. */
export const deepArrow: WorldKind = {
  name: "deep-arrow",
  about: "chains of 31 folders, each in the one above",
  tuples: 100 * levels,
  make,
};

function make({ tuples = deepArrow.tuples, questions, seed }: WorldOptions): World {
  const chains = Math.max(2, Math.round(tuples / levels));
  const random = new Random(seed);
  const folder = (chain: number, level: number) => `c${chain}-${level}`;
  return {
    name: deepArrow.name,
    schema,
    *tuples() {
      for (let chain = 0; chain < chains; chain++) {
        yield tupleOf("folder", folder(chain, 0), "viewer", "user", `u${chain}`);
        for (let level = 1; level < levels; level++) yield tupleOf("folder", folder(chain, level), "parent", "folder", folder(chain, level - 1));
      }
    },
    checks: inTurns(
      questions,
      (index) => may(`u${index % chains}`, "view", "folder", folder(index % chains, levels - 1)),
      (index) => may(`u${(index + 1 + random.below(chains - 1)) % chains}`, "view", "folder", folder(index % chains, levels - 1)),
    ),
    lookups: [
      { kind: "objects", objectType: "folder", permission: "view", subject: subject("user", "u0"), count: levels },
      { kind: "subjects", object: { type: "folder", id: folder(0, levels - 1) }, permission: "view", subjectType: "user", count: 1 },
    ],
  };
}
