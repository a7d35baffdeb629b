import type { Mutant } from "./mutant.js";

const oracle = ["test/database/oracle.test.js"];
const interleavings = ["test/interleavings/database.test.js"];
const reads = ["test/database/reads.test.js"];
const asked = ["test/database/checks.test.js"];
const schemas = "src/database/schemas.js";
const checks = "src/database/checks.js";
const validate = "src/database/validate.js";

/** What stands between a request and the store: snapshots, schemas, cursors, what is let in. */
export const databaseMutants: readonly Mutant[] = [
  {
    name: "a check at an exact zookie is answered at the latest",
    file: "src/database/core.js",
    find: "return this.store.snapshot(resolveZookie(this.store, tenant, consistency.zookie));",
    replace: "return (resolveZookie(this.store, tenant, consistency.zookie), this.store.snapshot());",
    suites: oracle,
  },
  {
    name: "a zookie to be as fresh as is not looked at",
    file: "src/database/core.js",
    find: "            resolveZookie(this.store, tenant, consistency.zookie);\n",
    replace: "",
    suites: interleavings,
  },
  {
    name: "an answer bears the zookie of the head",
    file: checks,
    find: "core.zookie(tenant, snapshot.revision)",
    replace: "core.zookie(tenant, core.store.head.revision)",
    suites: interleavings,
  },
  {
    name: "the newest schema is kept when another is written",
    file: schemas,
    find: "this.#newest.delete(commit.tenant);",
    replace: "",
    suites: interleavings,
  },
  {
    name: "an old snapshot is read under the newest schema",
    file: schemas,
    find: "newest !== undefined && newest.revision <= snapshot.revision",
    replace: "newest !== undefined",
    suites: asked,
  },
  {
    name: "a schema read at an old snapshot is taken for the newest",
    file: schemas,
    find: "if (snapshot.revision >= Math.max(this.#startedAt, this.#writtenAt.get(tenant) ?? 0))",
    replace: "if (true)",
    suites: interleavings,
  },
  {
    name: "a write does not say under which schema it was validated",
    file: "src/database/writes.js",
    find: "            expectSchema: revision,\n",
    replace: "",
    suites: interleavings,
  },
  {
    name: "a check leaves its snapshot unreleased",
    file: checks,
    find: "return answer;\n    }\n    finally {\n        snapshot.release();\n",
    replace: "return answer;\n    }\n    finally {\n",
    suites: interleavings,
  },
  {
    name: "a check from memory leaves its snapshot unreleased",
    file: checks,
    find: "core.zookie(tenant, at.revision) }, call);\n    }\n    finally {\n        snapshot.release();\n",
    replace: "core.zookie(tenant, at.revision) }, call);\n    }\n    finally {\n",
    suites: interleavings,
  },
  {
    name: "an undecided check is a decision",
    file: checks,
    find: 'if (answer.value === "undecided")',
    replace: "if (false)",
    suites: asked,
  },
  {
    name: "a conditional check is allowed",
    file: checks,
    find: 'allowed: answer.value === "allowed",',
    replace: 'allowed: answer.value === "allowed" || answer.value === "conditional",',
    suites: asked,
  },
  {
    name: "time stands at the beginning, so that nothing expires",
    file: checks,
    find: "Math.max(store.clock.now(), snapshot.instant)",
    replace: "0",
    suites: oracle,
  },
  {
    name: "a cursor serves any filter",
    file: "src/database/cursor.js",
    find: "if (hash !== hashOf(filter))",
    replace: "if (false)",
    suites: reads,
  },
  {
    name: "the pages of a read are of different snapshots",
    file: "src/database/pinned.js",
    find: 'return await body({ kind: "exact", zookie: cursor.zookie });',
    replace: "return await body(consistency);",
    suites: reads,
  },
  {
    name: "a read shows what has expired",
    file: "src/database/reads.js",
    find: "if (isExpired(tuple, now))\n                continue;",
    replace: "",
    suites: reads,
  },
  {
    name: "a check asks about everybody",
    file: validate,
    find: "if (isWildcard(who))",
    replace: "if (false)",
    suites: asked,
  },
  {
    name: "a contextual tuple need not fit the schema",
    file: validate,
    find: 'checkTuple(schema, tuple, "write");',
    replace: "",
    suites: asked,
  },
  {
    name: "a grant is given before its record is written",
    file: checks,
    find: "return recorded === undefined ? decision() : recorded.then(decision);",
    replace: "return decision();",
    suites: ["test/database/recordings.test.js"],
  },
  {
    name: "a replay reads the clock of now",
    file: "src/database/replays.js",
    find: "now: at, tellsGrounds: true",
    replace: "now: core.store.clock.now(), tellsGrounds: true",
    suites: ["test/database/replays.test.js"],
  },
  {
    name: "a client is told of a grant before its record is written",
    file: "src/decisions/stream-messages.js",
    find: "if (recorded !== undefined) {",
    replace: "if (false) {",
    suites: ["test/database/live-recordings.test.js"],
  },
  {
    name: "what is taken away waits for the records of grants",
    file: "src/decisions/live-stream.js",
    find: "this.#onRevoked?.();\n        }",
    replace: "}",
    suites: ["test/database/live-recordings.test.js"],
  },
];
