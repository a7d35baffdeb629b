import type { Mutant } from "./mutant.js";

const bulk = ["test/cli/bulk.test.js"];
const imports = ["test/database/imports.test.js"];
const storage = ["test/storage/level/import.test.js"];
const session = "src/storage/level/import-session.js";
const desk = "src/storage/level/import-desk.js";
const command = "src/cli/tuple-import.js";

/** Of an import all is written or nothing, once, under the schema and the quota that it was held against. */
export const importMutants: readonly Mutant[] = [
  {
    name: "bad lines are passed over",
    file: command,
    find: "if (problems.count > 0 && !skip)",
    replace: "if (false)",
    suites: bulk,
  },
  {
    name: "the file of bad lines may be the one that is read",
    file: command,
    find: "if (read.dev === written.dev && read.ino === written.ino)",
    replace: "if (false)",
    suites: bulk,
  },
  {
    name: "a schema is written before its file's lines are read",
    file: command,
    find: "if (options.continue !== true)",
    replace: "if (false)",
    suites: bulk,
  },
  {
    name: "an import is gone on with from any file",
    file: "src/cli/bulk/import-id.js",
    find: "if (hash === expected || hash === undefined)",
    replace: "if (true)",
    suites: bulk,
  },
  {
    name: "a line that is too long is imported as far as it was kept",
    file: "src/cli/bulk/lines.js",
    find: "if (tooLong)\n        return",
    replace: "if (false)\n        return",
    suites: bulk,
  },
  {
    name: "the server passes over what does not fit the schema",
    file: "src/database/imports.js",
    find: "if (!this.#skip)",
    replace: "if (false)",
    suites: imports,
  },
  {
    name: "an import that was made is made again",
    file: "src/database/imports.js",
    find: "const outcome = earlier ?? (await stage(",
    replace: "const outcome = (await stage(",
    suites: imports,
  },
  {
    name: "an import is known to other principals",
    file: "src/storage/level/import-record.js",
    find: "record.principal === principal && ",
    replace: "",
    suites: storage,
  },
  {
    name: "an import is known to other tenants",
    file: "src/storage/level/import-record.js",
    find: "record.tenant === tenant && ",
    replace: "",
    suites: storage,
  },
  {
    name: "of a tuple that comes twice one is dropped in silence",
    file: session,
    find: "if (this.#options.skipDuplicates)",
    replace: "if (true)",
    suites: imports,
  },
  {
    name: "an import goes by a schema that is no longer in force",
    file: session,
    find: "if (inForce === this.#options.expectSchema)",
    replace: "if (true)",
    suites: imports,
  },
  {
    name: "an import is not held to the quota",
    file: session,
    find: "if (standing + added <= max)",
    replace: "if (true)",
    suites: storage,
  },
  {
    name: "an import that was left keeps its place",
    file: desk,
    find: "    async #leave(number) {\n        this.#live.delete(number);",
    replace: "    async #leave(number) {",
    suites: storage,
  },
  {
    name: "one tenant may have all imports",
    file: "src/server/uploads.js",
    find: "if (count >= limits.importsPerTenantMax)",
    replace: "if (false)",
    suites: ["test/server/uploads.test.js"],
  },
];
