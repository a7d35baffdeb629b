import assert from "node:assert/strict";
import { Place } from "./command-line.js";

const schema = `use expiration

definition user {}
definition session { relation active: user with expiration | user }
definition login { relation holder: user }
definition document {
  relation viewer: session#active | login#holder
  permission view = viewer
}
`;

describe("usher session", () => {
  let place: Place;

  before(async () => {
    place = await Place.open();
    assert.equal((await place.usher("schema", "write", await place.file("schema.zed", schema))).code, 0);
    assert.equal((await place.usher("tuple", "write", "document:1#viewer@session:s1#active", "document:1#viewer@login:l1#holder")).code, 0);
  });

  after(async () => place.close());

  const may = async (subject: string) => (await place.usher("check", "document:1", "view", subject)).code;

  it("starts, lists and ends one, and what it granted with it", async () => {
    assert.equal(await may("user:ana"), 1);
    const started = await place.usher("session", "start", "s1", "user:ana", "--reason", "signed in");
    assert.match(started.stdout, /^started {2}session:s1 {2}user:ana {2}zookie \S+\n$/);
    assert.equal(await may("user:ana"), 0);
    assert.equal((await place.usher("session", "list", "user:ana")).stdout, "session:s1  user:ana\n");
    assert.equal((await place.usher("session", "list", "user:bo")).stdout, "");

    const ended = await place.usher("session", "end", "s1", "--reason", "signed out", "--await");
    assert.match(ended.stdout, /^ended {2}session:s1 {2}deleted 1 {2}zookie (\S+)\ncommitted {2}zookie \1\nenforced {3}0 of 0 enforcement points, /);
    assert.deepEqual([ended.code, ended.stderr], [0, ""]);
    assert.equal(await may("user:ana"), 1);
    assert.equal((await place.usher("session", "list")).stdout, "");
  });

  it("ends by itself after a time", async () => {
    const before = Date.now();
    const started = JSON.parse((await place.usher("session", "start", "s2", "user:ana", "--for", "8h", "--json")).stdout) as { tuple: string; expiresAt: string; zookie: string };
    const expiresAt = Date.parse(started.expiresAt);
    assert.ok(expiresAt >= before + 8 * 3_600_000 && expiresAt <= Date.now() + 8 * 3_600_000);
    assert.equal(started.tuple, `session:s2#active@user:ana[expiration:${started.expiresAt}]`);
    assert.equal((await place.usher("session", "list", "user:ana")).stdout, `session:s2  user:ana  until ${started.expiresAt}\n`);
    const short = await place.usher("session", "start", "s1", "user:cy", "--for", "1ms");
    assert.equal(short.code, 0, short.stderr);
    while ((await may("user:cy")) !== 1);
    assert.doesNotMatch((await place.usher("session", "list")).stdout, /user:cy/);
    assert.equal((await place.usher("session", "start", "s1", "user:di", "--for", "1h")).code, 0);
    assert.deepEqual([await may("user:cy"), await may("user:di")], [1, 0]);
    await place.usher("session", "end", "s1");
  });

  it("takes another type and relation", async () => {
    assert.equal((await place.usher("session", "start", "l1", "user:di", "--type", "login", "--relation", "holder")).code, 0);
    assert.equal(await may("user:di"), 0);
    assert.match((await place.usher("session", "end", "l1", "--type", "login", "--relation", "holder")).stdout, /^ended {2}login:l1 {2}deleted 1 /);
    assert.equal(await may("user:di"), 1);
  });

  it("lets nobody into a session that stands", async () => {
    assert.equal((await place.usher("session", "start", "s4", "user:ana")).code, 0);
    for (const subject of ["user:ana", "user:mallory"]) {
      const ran = await place.usher("session", "start", "s4", subject);
      assert.deepEqual([ran.code, ran.stdout], [4, ""]);
      assert.match(ran.stderr, /^usher: (precondition_failed|tuple_exists): /);
    }
    assert.equal((await place.usher("session", "list", "user:mallory")).stdout, "");
  });

  it("says that there was none to end", async () => {
    const ran = await place.usher("session", "end", "nobody");
    assert.match(ran.stdout, /^ended {2}session:nobody {2}deleted 0 /);
    assert.deepEqual([ran.code, ran.stderr], [0, "usher: no such session stood\n"]);
  });

  it("refuses what the schema or the form does not allow", async () => {
    for (const [words, code, message] of [
      [["start", "l2", "user:di", "--type", "login", "--relation", "holder", "--for", "1h"], 4, /^usher: subject_not_allowed: /],
      [["start", "s#active", "user:ana"], 4, /^usher: invalid_id: /],
      [["start", "s5", "document:1"], 4, /^usher: subject_not_allowed: /],
      [["start", "s5", "user:ana", "--type", "box"], 4, /^usher: unknown_type: /],
      [["start", "s5", "user:ana", "--for", "soon"], 2, /no duration/],
      [["start", "s5"], 2, /missing required argument 'subject'/],
      [["end", ""], 4, /^usher: invalid_id: /],
      [["end", "s4", "--relation", "gone"], 4, /^usher: unknown_relation: /],
      [["list", "nobody"], 4, /^usher: invalid_tuple: /],
    ] as const) {
      const ran = await place.usher("session", ...words);
      assert.equal(ran.code, code, `${words.join(" ")}: ${ran.stderr}${ran.stdout}`);
      assert.match(ran.stderr, message);
      assert.equal(ran.stdout, "");
    }
  });

  it("has help", async () => {
    for (const command of ["start", "end", "list"]) assert.match((await place.usher("session", command, "--help")).stdout, /Examples:\n {2}\$ usher session /);
  });
});
