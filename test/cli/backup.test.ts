import assert from "node:assert/strict";
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { UsherError } from "../../src/base/errors.js";
import { Database } from "../../src/database/database.js";
import { Place, usher } from "./command-line.js";

const schema = "definition user {}\ndefinition document {\n  relation viewer: user\n  permission view = viewer\n}\n";

describe("usher backup, restore, fsck and upgrade", function () {
  this.timeout(120_000);
  let place: Place;
  let full: string;
  let increment: string;

  before(async () => {
    place = await Place.open();
    full = join(place.folder, "full.usher");
    increment = join(place.folder, "increment.usher");
    assert.equal((await place.usher("schema", "write", await place.file("schema.zed", schema))).code, 0);
    assert.equal((await place.usher("tuple", "write", "document:1#viewer@user:ana")).code, 0);
  });

  after(() => place.close());

  it("back the server up to one file, and what came after to another, and verify both", async () => {
    const written = await place.usher("backup", full);
    assert.equal(written.code, 0, written.stderr);
    assert.match(written.stdout, /^written {2}\S+full\.usher {2}full {2}through revision 2 of \S+ {2}\d+ rows {2}\d+ bytes {2}zookie \S+\n$/);
    await place.usher("tuple", "write", "document:1#viewer@user:bo");
    assert.match((await place.usher("backup", increment, "--since-file", full)).stdout, /incremental after revision 2 {2}through revision 3/);
    const { zookie } = JSON.parse((await place.usher("backup", join(place.folder, "x"), "--json")).stdout) as { zookie: string };
    assert.match((await place.usher("backup", join(place.folder, "y"), "--since", zookie)).stdout, /incremental after revision 3 {2}through revision 3/);
    const verified = await usher(["backup", "verify", full, increment]);
    assert.equal(verified.code, 0, verified.stderr);
    assert.equal(verified.stdout.split("\n").length, 3);
  });

  it("refuse a folder without a name, and make nothing where they run", async () => {
    const before = await readdir(".");
    for (const words of [["restore", "--data", "", full], ["upgrade", "--data", ""], ["upgrade", "--back", "--data", ""], ["fsck", ""], ["key", "create", "--roles", "read", "--file", ""]]) {
      const ran = await usher(words);
      assert.equal(ran.code, 2, ran.stderr);
      assert.match(ran.stderr, /^usher: usage: .* It is empty: name a file or folder; see `usher /);
    }
    const served = await usher(["serve", "--data", ""]);
    assert.equal(served.code, 4);
    assert.match(served.stderr, /^usher: invalid_configuration: `--data` is ``: it must not be empty/);
    await assert.rejects(Database.open(""), (error: UsherError) => error.code === "invalid_configuration");
    assert.deepEqual(await readdir("."), before);
  });

  it("upgrade a store alone, and make none", async () => {
    const folder = join(place.folder, "none");
    for (const more of [[], ["--confirm"], ["--back"]]) {
      const ran = await usher(["upgrade", "--data", folder, ...more]);
      assert.equal(ran.code, 4);
      assert.match(ran.stderr, /^usher: not_a_store: folder `.*none` holds no store/);
    }
    assert.ok(!(await readdir(place.folder)).includes("none"));
  });

  it("refuse a backup that was cut, increments out of order, and a request with both beginnings", async () => {
    const cut = join(place.folder, "cut.usher");
    await writeFile(cut, await readFile(full));
    await truncate(cut, 200);
    for (const words of [["backup", "verify", cut], ["restore", "--data", join(place.folder, "r0"), cut]]) {
      const ran = await usher(words);
      assert.equal(ran.code, 4);
      assert.match(ran.stderr, /^usher: backup_damaged: backup `\S+cut\.usher` is damaged: it was cut short/);
    }
    assert.match((await usher(["backup", "verify", increment])).stderr, /^usher: backup_mismatch: /);
    assert.match((await place.usher("backup", join(place.folder, "z"), "--since", "x", "--since-file", full)).stderr, /^usher: invalid_request: /);
    assert.match((await place.usher("backup", join(place.folder, "z"), "--since", "x")).stderr, /^usher: invalid_zookie: /);
    assert(!(await readdir(place.folder)).some((name) => name.startsWith("z")), "no file is left of a backup that failed");
    assert.equal((await usher(["backup"])).code, 2);
  });

  it("restore into a folder, check it, repair it, and find its format new", async () => {
    const data = join(place.folder, "restored");
    const restored = await usher(["restore", "--data", data, full, increment]);
    assert.equal(restored.code, 0, restored.stderr);
    assert.match(restored.stdout, /^restored {2}\S+ {2}revision 3 {2}store [0-9a-f]{8} {2}timeline [0-9a-f]{8}, forked from [0-9a-f]{8}\n$/);
    assert.match((await usher(["restore", "--data", data, full])).stderr, /^usher: store_exists: /);
    const sound = await usher(["fsck", data]);
    assert.deepEqual([sound.code, sound.stdout], [0, "sound  revision 3\n"]);
    await writeFile(join(data, "PROBE"), "");
    const found = await usher(["fsck", data]);
    assert.deepEqual([found.code, found.stdout], [1, "file_leftover  1, 1 repairable\n    PROBE\n1 left  revision 3\n"]);
    const repaired = await usher(["fsck", data, "--repair", "--json"]);
    assert.equal(repaired.code, 0);
    assert.deepEqual((JSON.parse(repaired.stdout) as { left: number; repaired: boolean }).left, 0);
    assert.equal((await usher(["fsck", join(place.folder, "nothing")])).code, 4);
    assert.match((await usher(["upgrade", "--data", data])).stdout, /^format 1, no way back is kept\n$/);
    assert.match((await usher(["upgrade", "--data", data, "--confirm"])).stdout, /^format 1, no way back is kept\n$/);
    assert.match((await usher(["upgrade", "--data", data, "--back"])).stderr, /^usher: invalid_request: /);
    assert.match((await usher(["upgrade", "--data", data, "--back", "--confirm"])).stderr, /^usher: invalid_request: /);
  });
});
