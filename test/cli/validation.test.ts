import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { formatEntry, parseExpectedSubject } from "../../src/cli/expected-subject.js";
import { UsherError } from "../../src/base/errors.js";
import { usher } from "./command-line.js";

const schema = `schema: |-
  caveat on_call(hour int) {
    hour < 18
  }

  caveat in_time(now timestamp, end timestamp) {
    now < end
  }

  definition user {}

  definition team {
    relation member: user | team#member
  }

  definition doc {
    relation parent: folder
    relation viewer: user | user:* | team#member | user with on_call | user with in_time
    relation banned: user | user with on_call
    permission view = viewer - banned
    permission read = view + parent->view
  }

  definition folder {
    relation viewer: user
    permission view = viewer
  }
`;

describe("usher test", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-validation-"));
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  async function run(text: string, name = "file.yaml") {
    const file = join(folder, name);
    await writeFile(file, text);
    return { file, ...(await usher(["test", file])) };
  }

  it("passes every validation file of SpiceDB's", async function () {
    const from = resolve(process.cwd(), "../shared/conformance/spicedb");
    if (!existsSync(from)) {
      console.log("      skipped: ../shared/conformance/spicedb is not there");
      this.skip();
    }
    const files = readdirSync(from).map((name) => join(from, name));
    const ran = await usher(["test", ...files]);
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    assert.equal(ran.stdout.trim().split("\n").length, files.length);
  });

  it("passes assertions and validation that hold, and leaves nothing behind", async () => {
    const { code, stdout, file } = await run(`${schema}
relationships: |-
  // a comment
  doc:1#viewer@user:ana

  doc:1#viewer@team:x#member
  doc:1#viewer@user:cy[on_call]
  doc:1#banned@user:bo
  doc:1#parent@folder:f
  folder:f#viewer@user:fay
  team:x#member@user:bo
  team:x#member@team:y#member
  team:y#member@user:yara
  doc:pub#viewer@user:*
  doc:pub#banned@user:bo
  doc:pub#banned@user:cy[on_call]
assertions:
  assertTrue:
    - doc:1#view@user:ana
    - doc:1#view@team:x#member
    - 'doc:1#view@user:cy with {"hour": 9}'
  assertFalse:
    - doc:1#view@user:bo
  assertCaveated:
    - doc:1#view@user:cy
validation:
  doc:1#read:
    - "[user:ana] is <doc:1#viewer>"
    - "[user:cy[...]] is <doc:1#viewer>"
    - "[team:x#member] is <doc:1#viewer>"
    - "[team:y#member] is <team:x#member>"
    - "[user:yara] is <team:y#member>"
    - "[user:fay] is <folder:f#viewer>"
  doc:pub#view:
    - "[user:* - {user:bo, user:cy[...]}] is <doc:pub#viewer>"
  doc:none#view: []
  doc:nobody#view:
`);
    assert.equal(stdout, `✓ ${file}  5 assertions, 4 validations\n`);
    assert.equal(code, 0);
    assert.deepEqual((await readdir(tmpdir())).filter((name) => name.startsWith("usher-test-")), []);
  });

  it("tells failing assertions with their line and why", async () => {
    const { code, stdout, file } = await run(`${schema}
relationships: doc:1#viewer@user:ana
assertions:
  assertTrue:
    - doc:1#view@user:ana
    - doc:1#view@user:bo
    - doc:1#fly@user:bo
  assertFalse: ["doc:1#view@user:ana"]
`);
    assert.equal(code, 1);
    assert.match(stdout, /4 assertions, 0 validations, 3 failed\n/);
    assert.ok(stdout.includes(`${file}:33: assertTrue \`doc:1#view@user:bo\`: expected allowed, is denied\n    ✗ doc:1#view\n`), stdout);
    assert.ok(stdout.includes(`${file}:34: assertTrue \`doc:1#fly@user:bo\`: expected allowed, failed with unknown_relation: `), stdout);
    assert.ok(stdout.includes(`${file}:35: assertFalse \`doc:1#view@user:ana\`: expected denied, is allowed\n    ✓ doc:1#view\n`), stdout);
  });

  it("tells what a validation block has too much, too little or otherwise", async () => {
    const { code, stdout, file } = await run(`${schema}
relationships: |-
  doc:1#viewer@user:ana
  doc:1#viewer@user:bo
  doc:1#viewer@user:cy[on_call]
  doc:1#viewer@user:*
  doc:1#banned@user:di
validation:
  doc:1#view:
    - "[user:ana] is <doc:1#banned>"
    - "[user:cy] is <doc:1#viewer>"
    - "[user:eve] is <doc:1#viewer>"
    - "[user:* - {user:zed}] is <doc:1#viewer>"
    - "[user:cy] is <doc:1#viewer>"
`);
    assert.equal(code, 1);
    for (const expected of [
      `${file}:36: validation of \`doc:1#view\`: not listed: \`[user:bo] is <doc:1#viewer>\``,
      `${file}:37: validation of \`doc:1#view\`: expected \`[user:ana] is <doc:1#banned>\`, is \`[user:ana] is <doc:1#viewer>\``,
      `${file}:38: validation of \`doc:1#view\`: expected \`[user:cy] is <doc:1#viewer>\`, is \`[user:cy[...]] is <doc:1#viewer>\``,
      `${file}:39: validation of \`doc:1#view\`: expected \`[user:eve] is <doc:1#viewer>\`, is not there`,
      `${file}:40: validation of \`doc:1#view\`: expected \`[user:* - {user:zed}] is <doc:1#viewer>\`, is \`[user:* - {user:di}] is <doc:1#viewer>\``,
      `${file}:41: validation of \`doc:1#view\`: subject \`user:cy\` is listed twice`,
    ]) {
      assert.ok(stdout.includes(`${expected}\n`), `${expected}\nin\n${stdout}`);
    }
    assert.match(stdout, /6 failed/);
  });

  it("makes a check at the instant that its context calls `now`", async () => {
    const { code, stdout } = await run(`${schema}
relationships: 'doc:1#viewer@user:ana[in_time:{"end":"2020-01-01T00:00:00Z"}]'
assertions:
  assertTrue: ['doc:1#view@user:ana with {"now": "2019-12-31T23:59:59Z"}']
  assertFalse:
    - 'doc:1#view@user:ana with {"now": "2020-01-01T00:00:00Z"}'
    - 'doc:1#view@user:ana'
`);
    assert.equal(code, 0, stdout);
  });

  it("prints one JSON document", async () => {
    const file = join(folder, "json.yaml");
    await writeFile(file, `${schema}\nassertions:\n  assertTrue: ["doc:1#view@user:ana"]\n`);
    const missing = join(folder, "none.yaml");
    const ran = await usher(["test", file, missing, "--json"]);
    assert.equal(ran.code, 4);
    assert.equal(ran.stderr, "");
    const result = JSON.parse(ran.stdout) as { passed: boolean; files: Record<string, unknown>[] };
    assert.equal(result.passed, false);
    const [failed, unread] = result.files as [{ failures: { line: number; explanation: unknown }[] }, { error: { code: string } }];
    assert.equal(failed.failures[0]?.line, 30);
    assert.ok(failed.failures[0]?.explanation);
    assert.equal(unread.error.code, "invalid_file");
  });

  it("reads the schema from a file beside", async () => {
    await mkdir(join(folder, "inner"), { recursive: true });
    await writeFile(join(folder, "beside.zed"), "definition user {}\n");
    assert.equal((await run("schemaFile: beside.zed\n")).code, 0);
    assert.match((await run("schemaFile: ../beside.zed\n", "inner/file.yaml")).stderr, /file\.yaml:1: names schema file `\.\.\/beside\.zed`, which is not in the file's own folder/);
    assert.match((await run(`schemaFile: ${join(folder, "beside.zed")}\n`)).stderr, /which is not in the file's own folder/);
    assert.match((await run("schemaFile: none.zed\n")).stderr, /file\.yaml:1: names a schema file that is wrong: .*none\.zed` cannot be read/);
  });

  describe("refuses a file that is itself wrong", () => {
    const cases: [string, string, RegExp][] = [
      ["not YAML", "schema: [unclosed", /:\d+: is not YAML/],
      ["no mapping", "- a\n- b\n", /:1: must be a mapping/],
      ["empty", "", /:1: must be a mapping/],
      ["two documents", `${schema}---\n${schema}`, /is not YAML/],
      ["an unknown key", `${schema}tuples: []\n`, /:28: has an unknown key `tuples`/],
      ["a key twice", `${schema}schema: a\n`, /:28: is not YAML: Map keys must be unique/],
      ["an unknown kind of assertion", `${schema}assertions:\n  assertMaybe: []\n`, /:29: has an unknown key `assertMaybe`/],
      ["no schema", "relationships: ''\n", /:1: has neither `schema` nor `schemaFile`/],
      ["two schemas", `${schema}schemaFile: a.zed\n`, /:28: has both `schema` and `schemaFile`/],
      ["a schema that is no text", "schema: {a: b}\n", /:1: has `schema` that is no text/],
      ["a schema that is wrong", "schema: definition a { relation b }\n", /invalid_file: .*file\.yaml: schema has/],
      ["relationships that are no text", `${schema}relationships: [a]\n`, /:28: has `relationships` that is no text/],
      ["a malformed relationship", `${schema}relationships: |-\n  doc:1#viewer@user:ana\n  nonsense\n`, /:30: `nonsense`/],
      ["a relationship twice", `${schema}relationships: >-\n  doc:1#viewer@user:ana\n\n  doc:1#viewer@user:ana\n`, /:31: repeats relationship `doc:1#viewer@user:ana` of line 29/],
      ["a relationship that the schema does not allow", `${schema}relationships: |-\n  doc:1#viewer@user:ana\n  doc:1#nope@user:ana\n`, /:30: .*`nope`/],
      ["assertions that are a list", `${schema}assertions: []\n`, /:28: has `assertions` that is no mapping/],
      ["an assertion that is no text", `${schema}assertions:\n  assertTrue: [{a: b}]\n`, /:29: has an entry of `assertTrue` that is no text/],
      ["assertTrue that is text", `${schema}assertions:\n  assertTrue: doc:1#view@user:a\n`, /:29: has `assertTrue` that is no list/],
      ["a malformed assertion", `${schema}assertions:\n  assertTrue:\n    - doc:1#view\n`, /:30: `doc:1#view`/],
      ["an assertion whose context is no JSON", `${schema}assertions:\n  assertTrue:\n    - doc:1#view@user:a with {x}\n`, /:30: .*is not JSON/],
      ["a validation key without permission", `${schema}validation:\n  doc:1: []\n`, /:29: `doc:1` is not `type:id#permission`/],
      ["a malformed validation entry", `${schema}validation:\n  doc:1#view:\n    - user:ana is <doc:1#viewer>\n`, /:30: .*is not `\[subject\] is/],
    ];
    for (const [name, text, message] of cases) {
      it(name, async () => {
        const { code, stderr, file } = await run(text);
        assert.equal(code, 4);
        assert.match(stderr, message);
        assert.ok(stderr.startsWith(`usher: invalid_file: ${file}`), stderr);
      });
    }

    it("which does not keep others from being run", async () => {
      const good = join(folder, "good.yaml");
      await writeFile(good, schema);
      const ran = await usher(["test", join(folder, "none.yaml"), good]);
      assert.equal(ran.code, 4);
      assert.match(ran.stdout, /✗ .*none\.yaml {2}could not be run\n✓ .*good\.yaml/);
      assert.match(ran.stderr, /^usher: invalid_file: /);
    });
  });
});

describe("an expected subject", () => {
  it("is written as it is read", () => {
    for (const text of [
      "[user:ana] is <doc:1#viewer>",
      "[user:bo[...]] is <doc:1#viewer>/<team:x#member>",
      "[user:*[...] - {user:cy, user:di[...]}] is <doc:1#viewer>",
      "[team:x#member] is <doc:1#viewer>",
      "[user:a@b.com] is <doc:a/b#viewer>",
    ]) {
      assert.equal(formatEntry(parseExpectedSubject(text)), text);
    }
  });

  it("is read whatever the order and spaces", () => {
    assert.equal(formatEntry(parseExpectedSubject(" [ user:* - {user:b,user:a[...]} ] is <doc:2#x>/<doc:1#x> ")), "[user:* - {user:a[...], user:b}] is <doc:1#x>/<doc:2#x>");
    assert.equal(formatEntry(parseExpectedSubject("[user:ana#...] is <doc:1#viewer>")), "[user:ana] is <doc:1#viewer>");
  });

  it("is refused where it is no such thing", () => {
    for (const text of ["", "[user:ana]", "[user:ana] is ", "[user:ana] is doc:1#viewer", "[user:ana] is <doc:1>", "[ana] is <doc:1#v>", "[] is <doc:1#v>", "[user:ana - {user:b}] is <doc:1#v>", "[user:* - {}] is <doc:1#v>", "[user:a] is <doc:1#v> and more"]) {
      assert.throws(() => parseExpectedSubject(text), (error) => error instanceof UsherError, text);
    }
  });
});
