import assert from "node:assert/strict";
import { Place, usher } from "./command-line.js";

const older = `definition user {}
definition team {
  relation member: user
}
definition doc {
  relation viewer: user | team#member
  relation banned: user
  permission view = viewer
  permission edit = viewer - banned
}
`;
const newer = older.replace("member: user", "member: user | team#member").replace("view = viewer", "view = viewer - banned").replace("relation banned: user\n", "relation banned: user\n  relation owner: user\n");

describe("usher schema diff and types", () => {
  let place: Place;

  before(async () => {
    place = await Place.open();
  });
  after(async () => place.close());

  it("compares two files without a server", async () => {
    const [old, young] = [await place.file("old.zed", older), await place.file("new.zed", newer)];
    const { code, stdout, stderr } = await usher(["schema", "diff", old, young]);
    assert.equal(stderr, "");
    assert.deepEqual(stdout.split("\n"), [
      "widened     relation team#member",
      "            - relation member: user",
      "            + relation member: user | team#member",
      "            now allows team#member",
      "widened     relation doc#viewer indirectly  through team#member",
      "added       relation doc#owner",
      "            + relation owner: user",
      "changed     permission doc#view  also through doc#viewer",
      "            - permission view = viewer",
      "            + permission view = viewer - banned",
      "widened     permission doc#edit indirectly  through doc#viewer",
      "",
    ]);
    assert.equal(code, 1);
    assert.equal((await usher(["schema", "diff", old, young, "--exit-zero"])).code, 0);
    assert.deepEqual(await usher(["schema", "diff", old, old]), { code: 0, stdout: "nothing differs\n", stderr: "" });
    assert.equal((await usher(["schema", "diff", "-", young], { stdin: newer })).code, 0);
  });

  it("has exit code 0 for what only reads otherwise", async () => {
    const [old, young] = [await place.file("a.zed", older), await place.file("b.zed", older.replace("view = viewer", "view = viewer + viewer"))];
    const { code, stdout } = await usher(["schema", "diff", old, young]);
    assert.match(stdout, /^equivalent {2}permission doc#view\n/);
    assert.equal(code, 0);
    const json = JSON.parse((await usher(["schema", "diff", old, young, "--json"])).stdout) as { same: boolean; changes: unknown[] };
    assert.deepEqual([json.same, json.changes.length], [true, 1]);
  });

  it("compares a file with the schema in force, and tells what could not be written", async () => {
    const file = await place.file("schema.zed", older);
    assert.match((await place.usher("schema", "diff", file)).stdout, /^added {7}definition user\n/);
    await place.usher("schema", "write", file);
    assert.equal((await place.usher("schema", "diff", file)).code, 0);
    await place.usher("tuple", "write", "doc:1#banned@user:ana");
    const without = await place.file("without.zed", older.replace("  relation banned: user\n", "").replace(" - banned", ""));
    const { code, stdout } = await place.usher("schema", "diff", without);
    assert.equal(code, 1);
    assert.match(stdout, /removed {5}relation doc#banned\n/);
    assert.match(stdout, /cannot be written {2}tuples that stand .* `doc:1#banned@user:ana`/);
    const json = JSON.parse((await place.usher("schema", "diff", without, "--json")).stdout) as Record<string, unknown>;
    assert.deepEqual(Object.keys(json), ["same", "changes", "zookie", "orphans"]);
  });

  it("refuses what is no schema, or one stdin for two", async () => {
    const file = await place.file("old.zed", older);
    assert.equal((await usher(["schema", "diff", file, await place.file("bad.zed", "definition {")])).code, 4);
    assert.match((await usher(["schema", "diff", "-", "-"])).stderr, /^usher: invalid_request: stdin cannot be both/);
    assert.equal((await usher(["schema", "diff"])).code, 2);
  });

  it("prints types of a file, or of the schema in force", async () => {
    const file = await place.file("types.zed", older);
    const ofFile = await usher(["schema", "types", file]);
    assert.equal(ofFile.code, 0);
    assert.match(ofFile.stdout, /readonly "viewer": "user" \| "team#member";\n/);
    await place.usher("schema", "write", file);
    assert.equal((await place.usher("schema", "types")).stdout, ofFile.stdout);
    assert.deepEqual(JSON.parse((await usher(["schema", "types", file, "--json"])).stdout), { types: ofFile.stdout });
  });
});
