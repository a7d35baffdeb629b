import assert from "node:assert/strict";
import { join } from "node:path";
import { sharedFolder } from "../support/shared.js";
import { Place, usher } from "./command-line.js";

const model = `model
  schema 1.1
type user
type group
  relations
    define member: [user]
type doc
  relations
    define owner: [user]
    define viewer: [user, user:*, group#member with in_hours] or owner
    define can-edit: owner but not viewer
condition in_hours(hour: int) {
  hour < 17
}
`;

const tests = `model_file: model.fga
tuple_file: tuples.json
tuples:
  - { user: "group:eng#member", relation: viewer, object: "doc:1", condition: { name: in_hours } }
tests:
  - name: all of it
    tuples:
      - { user: "user:lea", relation: member, object: "group:eng" }
    check:
      - { users: ["user:ana"], objects: ["doc:1"], assertions: { viewer: true, owner: true } }
      - { user: "user:lea", object: "doc:1", context: { hour: 9 }, assertions: { viewer: true, owner: false } }
    list_objects:
      - { user: "user:ana", type: doc, context: { hour: 9 }, assertions: { viewer: ["doc:1"] } }
    list_users:
      - { object: "doc:1", user_filter: [{ type: user }], context: { hour: 9 }, assertions: { viewer: { users: ["user:lea", "user:ana"] } } }
`;

describe("OpenFGA's files on the command line", () => {
  let place: Place;

  before(async () => {
    place = await Place.open();
    await place.file("model.fga", model);
    await place.file("tuples.json", JSON.stringify([{ user: "user:ana", relation: "owner", object: "doc:1" }]));
  });
  after(async () => place.close());

  it("converts a model, and tells what is called otherwise", async () => {
    const { code, stdout, stderr } = await usher(["schema", "convert", await place.file("model.fga", model)]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /`can-edit` is called `can__2d_edit`/);
    assert.match(stdout, /\trelation viewer__in__group__member: group#member with in_hours\n/);
    assert.match(stdout, /\tpermission viewer = viewer__is__user \+ viewer__all__user \+ viewer__in__group__member \+ owner\n/);
    assert.match(stdout, /\tpermission can__2d_edit = owner - viewer\n/);
    const checked = await usher(["schema", "check", await place.file("converted.zed", stdout)]);
    assert.equal(checked.code, 0, checked.stdout);
  });

  it("converts a model in modules", async () => {
    await place.file("core.fga", "module core\n\ntype user\n");
    await place.file("docs.fga", "module docs\n\ntype doc\n  relations\n    define viewer: [user]\n");
    const { code, stdout, stderr } = await usher(["schema", "convert", await place.file("fga.mod", "schema: '1.2'\ncontents:\n  - core.fga\n  - docs.fga\n")]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /permission viewer = viewer__is__user/);
  });

  it("says what cannot be said", async () => {
    for (const [text, message] of [
      ["model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: nobody\n", /nobody/],
      ["model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user with c]\ncondition c(x: int) {\n  x.odd()\n}\n", /odd/],
      ["type", /authorization model is wrong/],
    ] as const) {
      const { code, stdout, stderr } = await usher(["schema", "convert", await place.file("wrong.fga", text)]);
      assert.notEqual(code, 0);
      assert.equal(stdout, "");
      assert.match(stderr, message);
    }
  });

  it("runs a store file", async () => {
    const { code, stdout } = await usher(["test", await place.file("store.fga.yaml", tests)]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /6 assertions/);
  });

  it("tells each assertion that fails with its line, and a file that is wrong", async () => {
    const wrong = await usher(["test", await place.file("wrong.fga.yaml", tests.replace("owner: false", "owner: true").replace('["doc:1"] }', "[] }"))]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout, /wrong\.fga\.yaml:11: check `doc:1#owner@user:lea`: expected true, is false/);
    assert.match(wrong.stdout, /wrong\.fga\.yaml:13: list_objects `doc#viewer@user:ana`: expected \[\], is \[doc:1\]/);
    const misspelt = await usher(["test", await place.file("odd.fga.yaml", tests.replace("    check:", "    chek:"))]);
    assert.match(misspelt.stderr + misspelt.stdout, /chek/);
    assert.notEqual(misspelt.code, 0);
    const outside = await usher(["test", await place.file("outside.fga.yaml", tests.replace("tuples.json", "../tuples.json"))]);
    assert.match(outside.stderr + outside.stdout, /not in the file's own folder/);
  });

  it("passes OpenFGA's sample stores", async function () {
    const stores = sharedFolder("conformance", "openfga-stores");
    if (stores === undefined) {
      console.log("      skipped: there is no ../shared/conformance/openfga-stores");
      this.skip();
    }
    const ran = await usher(["test", ...stores.map((name) => join("..", "shared", "conformance", "openfga-stores", name, "store.fga.yaml"))]);
    assert.equal(ran.code, 0, ran.stdout);
  });
});
