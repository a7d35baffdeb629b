import type { Mutant } from "./mutant.js";

const conformance = ["test/storage/level/conformance.test.js"];
const faults = ["test/storage/level/faults.test.js"];
const chain = ["test/storage/level/chain.test.js"];
const staging = "src/storage/level/staging.js";
const pipeline = "src/storage/level/pipeline.js";
const level = "src/storage/level/level-store.js";

/** Commits, history and what stands on the disk. */
export const storageMutants: readonly Mutant[] = [
  {
    name: "a delete leaves the row by subject",
    file: staging,
    find: 'this.batch.push({ type: "del", key });',
    replace: '{ if (side === "object") this.batch.push({ type: "del", key }); }',
    suites: conformance,
  },
  {
    name: "an ended version is said to have stood one revision longer",
    file: staging,
    find: "encodeRow(past, ended, ended.since, revision)",
    replace: "encodeRow(past, ended, ended.since, revision + 1)",
    suites: conformance,
  },
  {
    name: "a commit is published before it is durable",
    file: pipeline,
    find: "await this.#port.apply(staging.batch);\n            this.#port.publish(staging);",
    replace: "this.#port.publish(staging);\n            await this.#port.apply(staging.batch);",
    suites: conformance,
  },
  {
    name: "a writer is answered before its commit is visible",
    file: pipeline,
    find: "this.#port.publish(staging);",
    replace: "setImmediate(() => this.#port.publish(staging));",
    suites: conformance,
  },
  {
    name: "a listener hears of a commit that cannot be read yet",
    file: level,
    find: "this.#handle?.advance(group.head.revision);",
    replace: "queueMicrotask(() => this.#handle?.advance(group.head.revision));",
    suites: ["test/storage/level/store.test.js"],
  },
  {
    name: "the commits of a group are announced backwards",
    file: staging,
    find: "this.commits.push(commit);",
    replace: "this.commits.unshift(commit);",
    suites: conformance,
  },
  {
    name: "a version that ended is still counted",
    file: staging,
    find: "add(ended, -1);",
    replace: "{}",
    suites: conformance,
  },
  {
    name: "a new version is not counted",
    file: staging,
    find: "add(tuple, 1);",
    replace: "{}",
    suites: conformance,
  },
  {
    name: "a write is not held against the schema that it was validated under",
    file: staging,
    find: "if (expectSchema === undefined || expectSchema === inForce)",
    replace: "if (true)",
    suites: conformance,
  },
  {
    name: "a request id may be reused for another request",
    file: staging,
    find: "if (hash === requestHash)",
    replace: "if (true)",
    suites: conformance,
  },
  {
    name: "a repeated request is done again",
    file: staging,
    find: "if (kept)\n            return repeated(kept, write);",
    replace: "",
    suites: conformance,
  },
  {
    name: "a write that was refused leaves what it staged",
    file: staging,
    find: "this.#overlay.undo();\n            return { error };",
    replace: "return { error };",
    suites: conformance,
  },
  {
    name: "a precondition is met by a tuple that has expired",
    file: staging,
    find: "if (isExpired(tuple, instant))\n                continue;",
    replace: "",
    suites: conformance,
  },
  {
    name: "a precondition does not see the writes before it in its group",
    file: "src/storage/level/overlay.js",
    find: "const staged = [...this.#staged.values()]",
    replace: "const staged = []",
    suites: conformance,
  },
  {
    name: "a failed precondition is answered before what it rests on is durable",
    file: pipeline,
    find: "if (staging.batch.length === 0)",
    replace: 'if (staging.batch.length === 0 || "error" in answer)',
    suites: [...faults, "test/storage/level/store.test.js"],
  },
  {
    name: "the handle is used again after a failed batch",
    file: pipeline,
    find: "this.#failed = true;",
    replace: "",
    suites: faults,
  },
  {
    name: "a batch is not synced",
    file: level,
    find: "this.#pin().handle.raw.batch(batch, { sync: true })",
    replace: "this.#pin().handle.raw.batch(batch, { sync: false })",
    suites: conformance,
  },
  {
    name: "what lies one revision above the horizon is collected",
    file: "src/storage/level/maintenance.js",
    find: "lte: logKey(this.#port.state.horizon.revision)",
    replace: "lte: logKey(this.#port.state.horizon.revision + 1)",
    suites: conformance,
  },
  {
    name: "the schema that the horizon's took the place of lives on, and its own is collected",
    file: "src/storage/level/maintenance.js",
    find: "lt: schemaKey(tenant, revision), reverse: true",
    replace: "lt: schemaKey(tenant, revision + 1), reverse: true",
    suites: conformance,
  },
  {
    name: "a list at an older revision forgets what has ended since",
    file: "src/storage/level/scan.js",
    find: "const pasts = revision < pin.revision",
    replace: "const pasts = false",
    suites: conformance,
  },
  {
    name: "a list at an older revision shows what came later",
    file: "src/storage/level/scan.js",
    find: "row.tuple.since <= revision && ",
    replace: "",
    suites: conformance,
  },
  {
    name: "a probe at an older revision forgets what has ended since",
    file: "src/storage/level/snapshot.js",
    find: "this.revision < pin.revision ? await findPast(",
    replace: "false ? await findPast(",
    suites: conformance,
  },
  {
    name: "a snapshot is of the newest schema",
    file: "src/storage/level/snapshot.js",
    find: "lte: schemaKey(tenant, this.revision)",
    replace: "lte: schemaKey(tenant, Number.MAX_SAFE_INTEGER)",
    suites: conformance,
  },
  {
    name: "the chain of commits is not verified",
    file: "src/storage/level/state.js",
    find: 'if (previous.toString("hex") !== last.hash)',
    replace: "if (false)",
    suites: chain,
  },
  {
    name: "a commit that is missing from the log is not missed",
    file: "src/storage/level/state.js",
    find: "if (commit.revision !== last.revision + 1)",
    replace: "if (false)",
    suites: chain,
  },
  {
    name: "a read that was cancelled while it waited keeps its place",
    file: "src/storage/level/gate.js",
    find: "this.#waiting = this.#waiting.filter((other) => other !== waiting);",
    replace: "",
    suites: ["test/storage/level/store.test.js"],
  },
];
