import type { Mutant } from "./mutant.js";

const outbox = ["test/audit/outbox.test.js"];
const log = ["test/audit/decision-log.test.js"];
const cursors = ["test/audit/cursor.test.js"];
const redaction = ["test/audit/log/redaction.test.js"];
const search = ["test/audit/log/search.test.js"];
const waiting = "src/audit/outbox.js";

/** Of the decision log: what is lost, written twice or given without a record; what is not found; and what could be changed unseen. */
export const auditMutants: readonly Mutant[] = [
  {
    name: "what waits is dropped when a batch of records fails",
    file: waiting,
    find: "this.#failure = error;\n",
    replace: "this.#failure = error;\n        this.#full.length = 1;\n",
    suites: outbox,
  },
  {
    name: "a batch of records that has arrived is written again",
    file: waiting,
    find: "(await this.#options.reopen()) < batch.sequence",
    replace: "(await this.#options.reopen()) <= batch.sequence",
    suites: outbox,
  },
  {
    name: "a grant does not wait for its record",
    file: waiting,
    find: "if (this.#options.blocking) {",
    replace: "if (false) {",
    suites: outbox,
  },
  {
    name: "that decisions are sampled is not on record",
    file: "src/audit/decision-log.js",
    find: "if (oneIn !== this.#oneIn)",
    replace: "if (false)",
    suites: log,
  },
  {
    name: "a checkpoint is of the root before its last records",
    file: "src/audit/log/staging.js",
    find: 'root: this.#edge.root().toString("hex")',
    replace: "root: this.#head.root",
    suites: log,
  },
  {
    name: "a group of records knows the last instant for its highest",
    file: "src/audit/log/staging.js",
    find: "group.highest = Math.max(group.highest, at);",
    replace: "group.highest = at;",
    suites: search,
  },
  {
    name: "a merge takes the fences of segments that count",
    file: "src/audit/log/segments.js",
    find: "clear(fenceKey(id), fenceKey(id + 1))",
    replace: "clear(fenceKey(0), fenceKey(id + 1))",
    suites: search,
  },
  {
    name: "redaction forgets what of the index is in memory",
    file: "src/audit/log/redaction.js",
    find: "for (const run of runs)",
    replace: "for (const run of runs.slice(1))",
    suites: redaction,
  },
  {
    name: "redaction forgets all chunks of the index but one",
    file: "src/audit/log/segments.js",
    find: "for (const chunk of chunks) {",
    replace: "for (const chunk of [...chunks].slice(0, 1)) {",
    suites: redaction,
  },
  {
    name: "retention deletes the group at its boundary",
    file: "src/audit/log/retention.js",
    find: "[groupKey(0), groupKey(group)]",
    replace: "[groupKey(0), groupKey(group + 1)]",
    suites: log,
  },
  {
    name: "a proof of consistency leaves out the tree that it begins with",
    file: "src/audit/tree/proofs.js",
    find: "if (start > 0)",
    replace: "if (false)",
    suites: ["test/audit/tree/proofs.test.js"],
  },
  {
    name: "a verification does not count the records of a checkpoint",
    file: "src/audit/verify/checkpoints.js",
    find: "this.#tooLarge(this.#next, size, false);",
    replace: "void 0;",
    suites: ["test/audit/verify/verify-folder.test.js"],
  },
  {
    name: "a cursor of the decision log may be forged",
    file: "src/audit/cursor.js",
    find: "if (!verifySignature(",
    replace: "if (false && !verifySignature(",
    suites: cursors,
  },
  {
    name: "a cursor of the decision log serves any query",
    file: "src/audit/cursor.js",
    find: "if (hash !== hashOf(query))",
    replace: "if (false)",
    suites: cursors,
  },
];
