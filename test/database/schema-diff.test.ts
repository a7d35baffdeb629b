import assert from "node:assert/strict";
import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { touch } from "../../src/client/references.js";
import { Usher } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import { inFolder } from "../support/folder.js";

const code = (expected: ErrorCode) => (error: unknown) => error instanceof UsherError && error.code === expected;

const schema = (viewer: string) => `definition user {}\ndefinition bot {}\ndefinition doc {\n  relation viewer: ${viewer}\n  permission view = viewer\n}\n`;

/** Runs the body with a database of its own. */
function inDatabase(body: (usher: Usher) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const usher = new Usher(await Database.open(folder));
    try {
      await body(usher);
    } finally {
      await usher.close();
    }
  });
}

describe("diffSchema", () => {
  it("compares with nothing where no schema is in force", () =>
    inDatabase(async (usher) => {
      const { changes, ...rest } = await usher.diffSchema(schema("user"));
      assert.deepEqual(changes.map(({ kind, name }) => `${kind} ${name}`), ["added user", "added bot", "added doc"]);
      assert.deepEqual(rest, {});
    }));

  it("compares with the schema in force and the tuples that stand, and writes nothing", () =>
    inDatabase(async (usher) => {
      const { zookie } = await usher.writeSchema(schema("user | bot"));
      assert.deepEqual(await usher.diffSchema(schema("user | bot")), { changes: [], zookie });
      const narrowed = await usher.diffSchema(schema("user"));
      assert.deepEqual(narrowed.changes.map(({ kind, name }) => `${kind} ${name}`), ["narrowed doc#viewer", "narrowed doc#view"]);
      assert.deepEqual([narrowed.zookie, narrowed.orphans], [zookie, undefined]);
      await usher.write([touch("doc:1#viewer@bot:b")]);
      assert.match((await usher.diffSchema(schema("user"))).orphans ?? "", /`doc:1#viewer@bot:b`/);
      assert.equal((await usher.diffSchema(schema("user | bot | user:*"))).orphans, undefined);
      assert.equal((await usher.readSchema()).zookie, zookie);
    }));

  it("compares two texts, whatever is in force", () =>
    inDatabase(async (usher) => {
      await usher.writeSchema(schema("user | bot"));
      await usher.write([touch("doc:1#viewer@bot:b")]);
      const { changes, ...rest } = await usher.diffSchema(schema("user"), { fromText: schema("user") });
      assert.deepEqual([changes, rest], [[], {}]);
    }));

  it("refuses a text with errors, and says which of the two it is", () =>
    inDatabase(async (usher) => {
      await assert.rejects(usher.diffSchema("definition {"), code("invalid_schema"));
      await assert.rejects(usher.diffSchema(schema("user"), { fromText: "definition {" }), (error) => error instanceof UsherError && error.code === "invalid_schema" && error.details["field"] === "from_text");
      await assert.rejects(usher.withTenant("nobody").diffSchema(schema("user")), code("tenant_unknown"));
      await assert.rejects(usher.diffSchema(schema("user"), { signal: AbortSignal.abort() }), code("cancelled"));
    }));
});
