import type { Mutant } from "./mutant.js";

const suites = ["test/watch/watches.test.js", "test/watch/recent.test.js"];
const stream = "src/watch/tuple-stream.js";
const recent = "src/watch/recent.js";
const watches = "src/watch/watches.js";

/** Tuple change streams: no gap, no duplicate, no early checkpoint. */
export const watchMutants: readonly Mutant[] = [
  {
    name: "the position moves past what was not read: a gap",
    file: stream,
    find: "this.#position = page.through;",
    replace: "this.#position = Math.max(page.through, page.head.revision);",
    suites,
  },
  {
    name: "a resumed watch begins one commit early: a duplicate",
    file: stream,
    find: "return resolveZookie(this.#store, this.#tenant, request.after);",
    replace: "return Math.max(0, resolveZookie(this.#store, this.#tenant, request.after) - 1);",
    suites,
  },
  {
    name: "a checkpoint comes before the commits that it vouches for",
    file: stream,
    find: "for (const commit of page.commits) {",
    replace: `if (page.commits.length > 0 && this.checkpointInMs() === 0)
            yield { ...this.#checkpoint(), zookie: this.#zookie(page.through) };
        for (const commit of page.commits) {`,
    suites,
  },
  {
    name: "a checkpoint is of an instant that is not read up to",
    file: stream,
    find: "if (page.through >= page.head.revision)",
    replace: "if (true)",
    suites,
  },
  {
    name: "a watch sends what its filters leave out",
    file: "src/watch/parts.js",
    find: "commit.changes.filter(({ tuple }) => isWanted(interest.filters, tuple))",
    replace: "commit.changes",
    suites,
  },
  {
    name: "a part in the middle of a commit bears a zookie",
    file: "src/watch/parts.js",
    find: "const last = end === wanted.length;",
    replace: "const last = true;",
    suites,
  },
  {
    name: "the newest commits are shown to every tenant",
    file: recent,
    find: "if (commit.tenant !== tenant)",
    replace: "if (false)",
    suites,
  },
  {
    name: "commits that left memory are not read from the log",
    file: recent,
    find: "this.#floor = dropped.revision;",
    replace: "",
    suites,
  },
  {
    name: "a watcher waits although there is more",
    file: watches,
    find: "if (this.#newest() <= stream.position)",
    replace: "if (true)",
    suites: [...suites, "test/interleavings/database.test.js"],
  },
  {
    name: "a watcher that wakes skips the commit that woke it",
    file: watches,
    find: "wake(commit.revision - 1);",
    replace: "wake(commit.revision);",
    suites,
  },
];
