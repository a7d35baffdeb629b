import type { Mutant } from "./mutant.js";

const oracle = ["test/evaluation/lookup/lookup-oracle.test.js"];
const examples = ["test/evaluation/lookup/lookup-objects.test.js"];
const nested = ["test/evaluation/lookup/nested-oracle.test.js"];
const pages = ["test/database/lookups.test.js"];
const cursors = ["test/database/lookup-cursors.test.js"];
const commits = ["test/database/lookups-oracle.test.js"];
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
    find: "...this.#follow(upward.relationsNaming(unnamedKind(type)),",
    replace: "...this.#follow([],",
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
    find: "this.wildcard ? allLeaves(rewrite) : grantingLeaves(rewrite)",
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
  {
    name: "a lookup of subjects passes over groups that it did not come by",
    file: "src/evaluation/lookup/known-lists.js",
    find: "return this.#read.complete.has(memberKey(object, relation));",
    replace: "return true;",
    suites: nested,
  },
  {
    name: "groups that contextual tuples lead to are passed over",
    file: "src/evaluation/overlaid-reads.js",
    find: 'return "unknown";',
    replace: "return this.#below.holders(...arguments);",
    suites: nested,
  },
  {
    name: "a climb does not begin at the userset that asks",
    file: "src/evaluation/climb.js",
    find: "if (kind === `${rung.type}${rung.suffix}`)",
    replace: "if (kind === undefined)",
    suites: nested,
  },
  {
    name: "a climb does not look at wildcards",
    file: "src/evaluation/climb.js",
    find: 'if (subject.relation === "" && wildcards.has(subject.type))',
    replace: "if (wildcards.has(undefined))",
    suites: nested,
  },
  {
    name: "a page of a lookup finds what was enumerated at another instant",
    file: "src/database/lookup-cursor.js",
    find: "${snapshot.revision} ${now} ",
    replace: "${snapshot.revision} ",
    suites: cursors,
  },
  {
    name: "a page of a lookup finds what was enumerated at another revision",
    file: "src/database/lookup-cursor.js",
    find: "${snapshot.revision} ${now} ",
    replace: "${now} ",
    suites: commits,
  },
  {
    name: "a page of a lookup finds what was enumerated for another tenant",
    file: "src/database/lookup-cursor.js",
    find: "`${tenant} ${snapshot.revision}",
    replace: "`${snapshot.revision}",
    suites: cursors,
  },
  {
    name: "a lookup takes the answers of a later commit",
    file: "src/evaluation/lookup/verdicts.js",
    find: "evaluation.revision === revision && ",
    replace: "",
    suites: commits,
  },
  {
    name: "a cursor goes on at head",
    file: "src/database/pinned.js",
    find: 'kind: "exact"',
    replace: 'kind: "atLeast"',
    suites: commits,
  },
  {
    name: "a cursor goes back to before its snapshot",
    file: "src/database/lookup-cursor.js",
    find: "instant < ground.snapshot.instant || ",
    replace: "",
    suites: cursors,
  },
  {
    name: "behind a wildcard ids are left out whose bytes are less than its own",
    file: "src/evaluation/lookup/lookup-subjects.js",
    find: "after === wildcardId || ",
    replace: "",
    suites: cursors,
  },
  {
    name: "ids go on in the order of UTF-16",
    file: "src/model/id-order.js",
    find: "rank(unitA) - rank(unitB)",
    replace: "unitA - unitB",
    suites: cursors,
  },
];
