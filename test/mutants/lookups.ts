import type { Mutant } from "./mutant.js";

const oracle = ["test/evaluation/lookup/lookup-oracle.test.js"];
const examples = ["test/evaluation/lookup/lookup-objects.test.js"];
const pages = ["test/database/lookups.test.js"];
const cases = 400;

/** Whom a lookup leaves out, and whom it shows. */
export const lookupMutants: readonly Mutant[] = [
  {
    name: "a lookup of objects does not follow arrows",
    file: "src/evaluation/lookup/object-candidates.js",
    find: "for (const arrow of arrows) {",
    replace: "for (const arrow of arrows.slice(arrows.length)) {",
    suites: oracle,
  },
  {
    name: "a lookup of objects does not look at wildcards",
    file: "src/evaluation/lookup/object-candidates.js",
    find: "await this.#follow(this.#reachability.upward.relationsNaming(unnamedKind(type)),",
    replace: "await this.#follow([],",
    suites: oracle,
  },
  {
    name: "a lookup looks for candidates on the right side of an exclusion",
    file: "src/evaluation/leaves.js",
    find: "return collect(rewrite.base);",
    replace: "return collect(rewrite.subtracted);",
    suites: oracle,
  },
  {
    name: "beside a wildcard who is only taken away is not named",
    file: "src/evaluation/lookup/subject-candidates.js",
    find: "this.#wildcard ? allLeaves(rewrite) : grantingLeaves(rewrite)",
    replace: "grantingLeaves(rewrite)",
    suites: oracle,
    cases,
  },
  {
    name: "a wildcard is decided by somebody who is named",
    file: "src/evaluation/lookup/lookup-subjects.js",
    find: "await ask([unnamedId(candidates.ids)])",
    replace: "await ask([...candidates.ids, unnamedId(candidates.ids)])",
    suites: oracle,
    cases,
  },
  {
    name: "a wildcard covers who is denied",
    file: "src/evaluation/lookup/lookup-subjects.js",
    find: "return [{ subject, conditional: false }];",
    replace: "return [];",
    suites: oracle,
    cases,
  },
  {
    name: "a wildcard covers who is conditional",
    file: "src/evaluation/lookup/lookup-subjects.js",
    find: "return wildcard.allowed && !verdict.allowed ?",
    replace: "return wildcard.allowed && verdict.allowed && false ?",
    suites: oracle,
    cases,
  },
  {
    name: "a lookup leaves out what it cannot decide",
    file: "src/evaluation/lookup/verdicts.js",
    find: 'if (answer.value === "denied")',
    replace: 'if (answer.value === "denied" || answer.value === "undecided")',
    suites: examples,
  },
  {
    name: "a conditional result of a lookup is allowed",
    file: "src/evaluation/lookup/verdicts.js",
    find: 'allowed: answer.value === "allowed"',
    replace: "allowed: true",
    suites: oracle,
  },
  {
    name: "a page of a lookup goes on behind the one it should begin with",
    file: "src/evaluation/lookup/page.js",
    find: "ids[judged - 1] ?? before",
    replace: "ids[judged] ?? before",
    suites: oracle,
  },
  {
    name: "a page of a lookup finds what another one enumerated",
    file: "src/database/lookup-cursor.js",
    find: "${snapshot.revision} ${now} ${hashOf(lookup)}",
    replace: "",
    suites: pages,
  },
  {
    name: "a cursor serves any lookup",
    file: "src/database/lookup-cursor.js",
    find: "if (hash !== hashOf(lookup))",
    replace: "if (hash === undefined)",
    suites: pages,
  },
  {
    name: "the pages of a lookup are judged each at an instant of its own",
    file: "src/database/lookup-cursor.js",
    find: "return { ...ground, now: instant };",
    replace: "return ground;",
    suites: pages,
  },
];
