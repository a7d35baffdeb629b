import assert from "node:assert/strict";
import { remove, touch } from "../../src/client/references.js";
import { Usher } from "../../src/client/usher.js";
import { Place } from "./command-line.js";

const schema = `caveat on_call(hour int) { hour < 18 }
definition user {}
definition team { relation member: user }
definition node {
  relation operator: user | user:* | team#member | user with on_call
  relation banned: user
  permission restart = operator - banned
}
`;

/** Without the instant. */
const said = (lines: readonly string[]) => lines.map((line) => line.replace(/^\d{4}-\S+ {2}/, ""));

describe("usher watch --objects and --subjects", () => {
  let place: Place;

  beforeEach(async () => {
    place = await Place.open();
    assert.equal((await place.usher("schema", "write", await place.file("schema.zed", schema))).code, 0);
    assert.equal((await place.usher("tuple", "write", "node:n1#operator@team:sre#member", "team:sre#member@user:ana", "node:n2#operator@user:ana[on_call]")).code, 0);
  });

  afterEach(async () => place.close());

  it("print the objects of a subject, and who is added and removed, with its cause", async () => {
    const watch = place.start(["watch", "--objects", "node", "restart", "user:ana"]);
    assert.deepEqual(said(await watch.lines(2)).sort(), ["allowed      node:n1#restart@user:ana", "conditional  node:n2#restart@user:ana  needs hour"]);
    await place.usher("tuple", "touch", "node:n3#operator@team:sre#member");
    assert.equal(said(await watch.lines(3))[2], "allowed      node:n3#restart@user:ana  cause tuple");
    const deleted = await place.usher("tuple", "delete", "node:n1#operator@team:sre#member", "--reason", "retired", "--await");
    assert.match(deleted.stdout, /\nenforced {3}1 of 1 enforcement point, /);
    assert.equal(said(await watch.lines(4))[3], 'denied       node:n1#restart@user:ana  cause tuple  reason="retired"');
    const { code, stdout, stderr } = await watch.interrupt();
    assert.deepEqual([code, stdout.split("\n").length, stderr], [0, 5, ""]);
  });

  it("print the subjects of an object as JSON lines, the wildcard and whom it does not cover", async () => {
    const watch = place.start(["watch", "--json", "--subjects", "node:n1", "restart", "user"]);
    const parsed = async (count: number) => (await watch.lines(count)).map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual((await parsed(1)).map(({ question, result, cause }) => [question, result, cause]), [["node:n1#restart@user:ana", "allowed", undefined]]);
    await place.usher("tuple", "touch", "node:n1#banned@user:eve", "node:n1#operator@user:*");
    assert.deepEqual((await parsed(3)).slice(1).map(({ question, result }) => [question, result]), [["node:n1#restart@user:eve", "denied"], ["node:n1#restart@user:*", "allowed"]]);
    assert.equal((await watch.interrupt()).code, 0);
  });

  it("come back after a server that went, and print only what is otherwise", async () => {
    const watch = place.start(["watch", "--subjects", "node:n1", "restart", "user"]);
    await watch.lines(1);
    await place.restartServer((database) => new Usher(database).write([touch("team:sre#member@user:bo"), remove("team:sre#member@user:ana")]));
    assert.deepEqual(said(await watch.lines(3)).slice(1).sort(), ["allowed      node:n1#restart@user:bo  cause resume", "denied       node:n1#restart@user:ana  cause resume"]);
    assert.equal((await watch.interrupt()).code, 0);
  });

  it("refuse what is no lookup, and options of the other watches", async () => {
    for (const [words, code, message] of [
      [["watch", "--objects", "node", "restart"], 4, /^usher: invalid_request: give `TYPE PERMISSION SUBJECT`/],
      [["watch", "--subjects", "node:n1", "restart", "user", "more"], 4, /^usher: invalid_request: give `OBJECT PERMISSION TYPE`/],
      [["watch", "--subjects", "node", "restart", "user"], 4, /^usher: invalid_/],
      [["watch", "--objects", "node", "restart", "user:ana", "--earliest"], 2, /cannot be used with/],
      [["watch", "--objects", "--decisions", "node", "restart", "user:ana"], 2, /cannot be used with/],
    ] as const) {
      const ran = await place.usher(...words);
      assert.equal(ran.code, code, `${words.join(" ")}: ${ran.stderr}`);
      assert.match(ran.stderr, message);
      assert.equal(ran.stdout, "");
    }
    const watch = place.start(["watch", "--objects", "node", "fly", "user:ana"]);
    assert.match((await watch.lines(1))[0] ?? "", /^refused {2}node:\*#fly@user:ana {2}unknown_relation: /);
    assert.equal((await watch.interrupt()).code, 0);
  });
});
