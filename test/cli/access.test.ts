import assert from "node:assert/strict";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { connect } from "../../src/client/usher.js";
import { Place, usher } from "./command-line.js";

describe("usher key", () => {
  let place: Place;
  let file: string;

  before(async () => {
    place = await Place.open();
    file = join(place.folder, "keys.yaml");
  });
  after(() => place.close());

  it("prints a key once, and keeps its hash alone", async () => {
    const made = await usher(["key", "create", "--file", file, "--tenant", "billing", "--roles", "read,write", "--id", "billing-1", "--note", "the billing service", "--expires", "2099-01-01"]);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /^usher_billing-1_[A-Za-z0-9_-]{43}\n$/);
    const secret = made.stdout.trim().split("_").slice(2).join("_");
    assert.ok(!readFileSync(file, "utf8").includes(secret));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const list = await usher(["key", "list", "--file", file]);
    assert.equal(list.stdout, "billing-1  billing  read,write  expires 2099-01-01T00:00:00.000Z  # the billing service\n");
    assert.deepEqual(JSON.parse((await usher(["key", "list", "--file", file, "--json"])).stdout), {
      keys: [{ id: "billing-1", tenant: "billing", roles: ["read", "write"], expires: "2099-01-01T00:00:00.000Z", note: "the billing service" }],
    });
  });

  it("adds a certificate in place of a key, and makes ids where none is given", async () => {
    assert.equal((await usher(["key", "create", "--file", file, "--roles", "read", "--id", "gw", "--certificate", "URI:spiffe://x/gw"])).stdout, "added gw\n");
    const { id, key } = JSON.parse((await usher(["key", "create", "--file", file, "--tenant", "*", "--roles", "admin", "--json"])).stdout) as { id: string; key: string };
    assert.ok(key.startsWith(`usher_${id}_`));
  });

  it("revokes, and says what is wrong", async () => {
    assert.equal((await usher(["key", "revoke", "gw", "--file", file])).stdout, "revoked gw\n");
    const cases: [words: string[], code: number, says: RegExp][] = [
      [["revoke", "gw", "--file", file], 4, /invalid_request.*`gw`/],
      [["create", "--file", file, "--roles", "read", "--id", "billing-1"], 4, /invalid_request.*`billing-1`/],
      [["create", "--file", file, "--roles", "root"], 2, /roles/],
      [["create", "--file", file, "--roles", "admin", "--tenant", "acme"], 4, /invalid_file.*admin/],
      [["create", "--file", file, "--roles", "read", "--expires", "soon"], 4, /`soon`/],
      [["create", "--file", file], 2, /--roles/],
      [["list", "--file", join(place.folder, "none.yaml")], 4, /invalid_file/],
    ];
    for (const [words, code, says] of cases) {
      const ran = await usher(["key", ...words]);
      assert.deepEqual([ran.code, ran.stdout], [code, ""], ran.stderr);
      assert.match(ran.stderr, says);
    }
    chmodSync(file, 0o622);
    assert.match((await usher(["key", "list", "--file", file])).stderr, /written by others/);
    chmodSync(file, 0o600);
  });

  it("is passed on by a command: as an option, by a file, by the environment, with the certificates that TLS takes", async () => {
    const none = join(place.folder, "none");
    assert.match((await place.usher("schema", "read", "--key-file", none)).stderr, /invalid_configuration.*none/);
    assert.match((await place.usher("schema", "read", "--tls-ca", none)).stderr, /invalid_configuration.*none/);
    assert.match((await usher(["schema", "read", "--address", "db.example:1", "--key", "usher_x_y"])).stderr, /invalid_configuration.*in the clear/);
    assert.match((await usher(["schema", "read", "--address", "db.example:1"], { environment: { USHER_KEY: "usher_x_y" } })).stderr, /invalid_configuration.*in the clear/);
    const keyFile = await place.file("key", "usher_x_y\n");
    assert.match((await usher(["schema", "read", "--address", "db.example:1", "--key-file", keyFile])).stderr, /invalid_configuration.*in the clear/);
    assert.doesNotMatch((await usher(["--help"], { environment: { USHER_KEY: "usher_x_y" } })).stdout, /usher_x_y/);
  });
});

describe("usher tenant", () => {
  let place: Place;

  before(async () => {
    place = await Place.open();
  });
  after(() => place.close());

  it("creates, bounds, lists and deletes", async () => {
    assert.equal((await place.usher("tenant", "create", "acme", "--tuples", "2", "--requests", "50")).stdout, "created  acme  0 of 2 tuples, 50 requests a second\n");
    assert.equal((await place.usher("tenant", "create", "bare")).stdout, "created  bare  0 tuples\n");
    const acme = (await connect(place.address)).withTenant("acme");
    await acme.writeSchema("definition user {}\ndefinition doc { relation viewer: user }");
    assert.equal((await place.usher("tuple", "touch", "--tenant", "acme", "doc:1#viewer@user:ana")).code, 0);
    assert.equal((await place.usher("tenant", "quota", "acme", "--tuples", "1")).stdout, "acme  1 of 1 tuples\n");
    const over = await place.usher("tuple", "touch", "--tenant", "acme", "doc:2#viewer@user:ana");
    assert.equal(over.code, 4);
    assert.match(over.stderr, /^usher: quota_exceeded: /);
    assert.equal((await place.usher("tenant", "list")).stdout, "acme  1 of 1 tuples\nbare  0 tuples\ndefault  0 tuples\n");
    const { tenants } = JSON.parse((await place.usher("tenant", "list", "--json")).stdout) as { tenants: { name: string; createdAt?: string }[] };
    assert.match(tenants[0]?.createdAt ?? "", /^\d{4}-.*Z$/);
    assert.equal((await place.usher("tenant", "delete", "acme", "--confirm", "acme")).stdout, "deleted  acme\n");
    const gone = await place.usher("tuple", "read", "--tenant", "acme");
    assert.deepEqual([gone.code, gone.stdout], [4, ""]);
    assert.match(gone.stderr, /^usher: tenant_unknown: /);
    await acme.close();
  });

  it("refuses what is wrong, and deletes nothing that is not named twice", async () => {
    const cases: [words: string[], code: number, says: RegExp][] = [
      [["create", "default"], 4, /tenant_exists/],
      [["create", "a b"], 4, /invalid_name/],
      [["create", "a", "--tuples", "-1"], 2, /whole number/],
      [["create", "a", "--requests", "0"], 4, /invalid_request/],
      [["delete", "default"], 2, /--confirm/],
      [["delete", "default", "--confirm", "defualt"], 2, /defualt/],
      [["delete", "nobody", "--confirm", "nobody"], 4, /tenant_unknown/],
      [["quota", "nobody"], 4, /tenant_unknown/],
    ];
    for (const [words, code, says] of cases) {
      const ran = await place.usher("tenant", ...words);
      assert.deepEqual([ran.code, ran.stdout], [code, ""], ran.stderr);
      assert.match(ran.stderr, says);
    }
    assert.match((await place.usher("tenant", "list")).stdout, /^default/m);
  });
});
