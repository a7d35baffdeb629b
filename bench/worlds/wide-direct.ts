import { Random } from "./random.js";
import { inTurns, may, tupleOf, type World, type WorldKind, type WorldOptions } from "./world.js";

const schema = `
definition user {}

definition document {
	relation viewer: user
	permission view = viewer
}
`;

/** One document that so many users view, each by a tuple: one is to be found without reading the others. */
export const wideDirect: WorldKind = {
  name: "wide-direct",
  about: "one document with 9,001 direct viewers",
  tuples: 9_001,
  make,
};

function make({ tuples: users = wideDirect.tuples, questions, seed }: WorldOptions): World {
  const random = new Random(seed);
  return {
    name: wideDirect.name,
    schema,
    *tuples() {
      for (let at = 0; at < users; at++) yield tupleOf("document", "wide", "viewer", "user", `u${at}`);
    },
    checks: inTurns(
      questions,
      () => may(`u${random.below(users)}`, "view", "document", "wide"),
      () => may(`stranger-${random.below(users)}`, "view", "document", "wide"),
    ),
    lookups: [{ kind: "subjects", object: { type: "document", id: "wide" }, permission: "view", subjectType: "user", count: users }],
  };
}
