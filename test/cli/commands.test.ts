import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Place, usher, type Ran } from "./command-line.js";

const schema = `use expiration

caveat on_call(hour int) {
  hour < 18
}

definition user {}

definition team {
  relation member: user | team#member
}

definition node {
  relation operator: user | team#member | user with on_call | user with expiration
  relation banned: user
  permission restart = operator - banned
}
`;

const tuples = ["team:sre#member@user:ana", "node:n1#operator@team:sre#member", "node:n1#operator@user:cy[on_call]", "node:n2#operator@user:di"];

function json(ran: Ran): Record<string, unknown> {
  return JSON.parse(ran.stdout) as Record<string, unknown>;
}

describe("the command line", () => {
  let place: Place;

  function refused(ran: Ran, exitCode: number, message: RegExp): void {
    assert.equal(ran.code, exitCode, ran.stderr);
    assert.match(ran.stderr, message);
    assert.equal(ran.stdout, "");
  }

  before(async () => {
    place = await Place.open();
    const first = await place.usher("check", "node:n1", "restart", "user:ana");
    refused(first, 4, /^usher: schema_missing: /);
    const written = await place.usher("schema", "write", await place.file("schema.zed", schema), "--reason", "first");
    assert.equal(written.code, 0, written.stderr);
    assert.equal((await place.usher("tuple", "write", ...tuples)).code, 0);
  });

  after(async () => place.close());

  describe("check", () => {
    it("says allowed, denied or conditional, in words and by its exit code", async () => {
      assert.deepEqual(await place.usher("check", "node:n1", "restart", "user:ana"), { code: 0, stdout: "allowed\n", stderr: "" });
      assert.deepEqual(await place.usher("check", "node:n2", "restart", "user:ana"), { code: 1, stdout: "denied\n", stderr: "" });
      assert.deepEqual(await place.usher("check", "node:n1", "restart", "user:cy"), { code: 3, stdout: "conditional  needs hour\n", stderr: "" });
    });

    it("takes the question in one argument, and with a context", async () => {
      assert.equal((await place.usher("check", "node:n1#restart@user:ana")).code, 0);
      assert.equal((await place.usher("check", 'node:n1#restart@user:cy with {"hour": 9}')).code, 0);
      assert.equal((await place.usher("check", "node:n1", "restart", "user:cy", "--context", '{"hour": 20}')).code, 1);
    });

    it("prints one JSON document", async () => {
      const allowed = json(await place.usher("check", "node:n1", "restart", "user:ana", "--json"));
      assert.equal(allowed["result"], "allowed");
      assert.equal(allowed["allowed"], true);
      assert.equal(typeof allowed["zookie"], "string");
      const conditional = json(await place.usher("check", "node:n1", "restart", "user:cy", "--json"));
      assert.deepEqual([conditional["result"], conditional["allowed"], conditional["missingFields"]], ["conditional", false, ["hour"]]);
    });

    it("explains", async () => {
      const { stdout } = await place.usher("check", "node:n1", "restart", "user:ana", "--explain");
      assert.deepEqual(stdout.split("\n"), [
        "allowed",
        "✓ node:n1#restart",
        "└─ ✓ the first, without the second",
        "   ├─ ✓ node:n1#operator",
        "   │  └─ ✓ node:n1#operator@team:sre#member",
        "   │     └─ ✓ team:sre#member",
        "   │        └─ ✓ team:sre#member@user:ana",
        "   └─ ✗ node:n1#banned",
        "",
      ]);
      const explained = json(await place.usher("check", "node:n1", "restart", "user:ana", "--explain", "--json"));
      assert.equal((explained["explanation"] as { kind: string }).kind, "permission");
    });

    it("takes tuples that stand for this check alone", async () => {
      const words = ["check", "node:n2", "restart", "user:ana"];
      assert.equal((await place.usher(...words, "--with", "node:n2#operator@user:ana")).code, 0);
      assert.equal((await place.usher(...words, "--with", "node:n2#operator@user:ana", "--with", "node:n2#banned@user:ana")).code, 1);
      assert.equal((await place.usher(...words)).code, 1);
    });

    it("answers at a snapshot", async () => {
      const before = String(json(await place.usher("check", "node:n1", "restart", "user:late", "--json"))["zookie"]);
      const after = String(json(await place.usher("tuple", "touch", "node:n1#operator@user:late", "--json"))["zookie"]);
      assert.equal((await place.usher("check", "node:n1", "restart", "user:late", "--at", before)).code, 1);
      assert.equal((await place.usher("check", "node:n1", "restart", "user:late", "--at-least", after)).code, 0);
    });

    it("refuses what is malformed or unknown", async () => {
      refused(await place.usher("check", "node", "restart", "user:ana"), 4, /^usher: invalid_tuple: `node`/);
      refused(await place.usher("check", "node:n1", "restart", "user:*"), 4, /^usher: invalid_request: .*wildcard/);
      refused(await place.usher("check", "box:1", "restart", "user:ana"), 4, /^usher: unknown_type: .*`box`/);
      refused(await place.usher("check", "node:n1", "fly", "user:ana"), 4, /^usher: unknown_relation: .*`fly`/);
      refused(await place.usher("check", "node:n1", "restart", "user:ana", "--context", "{"), 4, /^usher: invalid_context: --context is not JSON/);
      refused(await place.usher("check", "node:n1", "restart", "user:ana", "--context", "[1]"), 4, /^usher: invalid_context: /);
      refused(await place.usher("check", "node:n1", "restart", "user:ana", "--at", "nonsense"), 4, /^usher: invalid_zookie: /);
      refused(await place.usher("check", "node:n1", "restart", "user:ana", "--tenant", "nowhere"), 4, /^usher: tenant_unknown: /);
      refused(await place.usher("check", "node:n1", "restart"), 2, /^usher: usage: missing required argument 'subject'/);
      refused(await place.usher("check", "node:n1", "restart", "user:ana", "--at", "a", "--at-least", "b"), 2, /cannot be used with/);
    });
  });

  describe("expand", () => {
    it("draws the tree, one level or down to the subjects", async () => {
      const shallow = await place.usher("expand", "node:n2", "restart");
      assert.deepEqual(shallow.stdout.split("\n"), ["node:n2#restart  the first, without the second", "├─ node:n2#operator", "│  └─ user:di", "└─ node:n2#banned  nobody", ""]);
      const { stdout } = await place.usher("expand", "node:n1", "operator", "--deep");
      assert.match(stdout, /─ team:sre#member\n.*└─ team:sre#member\n.*└─ user:ana\n/);
      assert.match(stdout, /user:cy {2}if on_call\n/);
      assert.doesNotMatch((await place.usher("expand", "node:n1", "operator")).stdout, /user:ana/);
    });

    it("prints one JSON document", async () => {
      const { tree } = json(await place.usher("expand", "node:n2", "restart", "--json")) as { tree: { kind: string; children: unknown[] } };
      assert.equal(tree.kind, "exclusion");
      assert.equal(tree.children.length, 2);
    });
  });

  describe("tuple", () => {
    it("reads what matches, in the form that it writes", async () => {
      assert.equal((await place.usher("tuple", "read", "--object-type", "node", "--object-id", "n2")).stdout, "node:n2#operator@user:di\n");
      assert.equal((await place.usher("tuple", "read", "--object-type", "node", "--object-prefix", "n2")).stdout, "node:n2#operator@user:di\n");
      assert.equal((await place.usher("tuple", "read", "--subject-type", "team", "--subject-relation", "member")).stdout, "node:n1#operator@team:sre#member\n");
      assert.equal((await place.usher("tuple", "read", "--limit", "2")).stdout.split("\n").length, 3);
      assert.equal((await place.usher("tuple", "read", "--object-type", "team", "--object-id", "none")).stdout, "");
    });

    it("reads as JSON lines", async () => {
      const { stdout } = await place.usher("tuple", "read", "--subject-type", "user", "--subject-id", "cy", "--json");
      assert.deepEqual(JSON.parse(stdout), {
        tuple: "node:n1#operator@user:cy[on_call]",
        object: { type: "node", id: "n1" },
        relation: "operator",
        subject: { type: "user", id: "cy", relation: "" },
        condition: { name: "on_call", context: {} },
      });
    });

    it("creates, and touches what stands already", async () => {
      refused(await place.usher("tuple", "write", "team:sre#member@user:ana"), 4, /^usher: tuple_exists: /);
      assert.match((await place.usher("tuple", "touch", "team:sre#member@user:ana")).stdout, /^written {2}changed 0 /);
      assert.equal(json(await place.usher("tuple", "touch", "team:sre#member@user:eve", "team:sre#member@user:fay", "--json"))["changed"], 2);
    });

    it("keeps preconditions, and only validates when asked", async () => {
      refused(await place.usher("tuple", "touch", "team:x#member@user:a", "--must-match", "object=team:x relation=member"), 4, /^usher: precondition_failed: /);
      refused(await place.usher("tuple", "touch", "team:x#member@user:a", "--must-not-match", "team:sre#member@user:ana"), 4, /^usher: precondition_failed: /);
      const valid = await place.usher("tuple", "touch", "team:x#member@user:a", "--must-match", "team:sre#member@user:ana", "--validate-only");
      assert.equal(valid.stdout, "valid  would change 1\n");
      assert.equal((await place.usher("tuple", "read", "--object-type", "team", "--object-id", "x")).stdout, "");
    });

    it("applies a request id once", async () => {
      const words = ["tuple", "write", "team:once#member@user:a", "--request-id", "r-1", "--json"];
      const first = await place.usher(...words);
      assert.deepEqual(await place.usher(...words), first);
      refused(await place.usher("tuple", "write", "team:once#member@user:b", "--request-id", "r-1"), 4, /^usher: request_id_reused: /);
    });

    it("deletes what is named, what matches, and everything of an object", async () => {
      await place.usher("tuple", "touch", "team:a#member@user:gus", "team:a#member@user:hal", "node:n3#operator@team:a#member", "node:n3#operator@user:gus");
      assert.match((await place.usher("tuple", "delete", "team:a#member@user:hal", "team:a#member@user:nobody")).stdout, /^deleted 1 /);
      assert.equal((await place.usher("tuple", "delete", "--everything-of", "user:gus", "--validate-only")).stdout, "valid  would delete 2\n");
      assert.match((await place.usher("tuple", "delete", "--everything-of", "user:gus", "--reason", "offboarded")).stdout, /^deleted 2 /);
      const rest = json(await place.usher("tuple", "delete", "--object-type", "node", "--object-id", "n3", "--json"));
      assert.deepEqual([rest["deleted"], rest["more"]], [1, false]);
    });

    it("deletes everything of an object that is both object and subject", async () => {
      await place.usher("tuple", "touch", "team:b#member@user:ina", "team:c#member@team:b#member", "team:c#member@user:ina");
      assert.match((await place.usher("tuple", "delete", "--everything-of", "team:b")).stdout, /^deleted 2 /);
      assert.equal((await place.usher("tuple", "read", "--object-type", "team", "--object-id", "c")).stdout, "team:c#member@user:ina\n");
    });

    it("stops at a limit that it was given, and says that there is more", async () => {
      await place.usher("tuple", "touch", ...["a", "b", "c"].map((id) => `team:big#member@user:${id}`));
      const words = ["tuple", "delete", "--object-type", "team", "--object-id", "big", "--limit", "2"];
      const first = await place.usher(...words);
      assert.match(first.stdout, /^deleted 2 /);
      assert.match(first.stderr, /more tuples match/);
      assert.deepEqual([(await place.usher(...words)).stderr, (await place.usher("tuple", "read", "--object-type", "team", "--object-id", "big")).stdout], ["", ""]);
    });

    it("refuses a deletion that does not say of what", async () => {
      refused(await place.usher("tuple", "delete"), 2, /missing what to delete/);
      refused(await place.usher("tuple", "delete", "team:a#member@user:x", "--object-type", "team"), 2, /give either/);
      refused(await place.usher("tuple", "delete", "--everything-of", "user:x", "--object-type", "team"), 2, /give either/);
      refused(await place.usher("tuple", "delete", "--object-id", "x"), 4, /^usher: invalid_filter: .*`objectId` needs `objectType`/);
      refused(await place.usher("tuple", "delete", "team:a#member@user:x", "--limit", "2"), 4, /^usher: invalid_request: /);
    });

    it("refuses what is malformed or does not fit the schema", async () => {
      refused(await place.usher("tuple", "write", "nonsense"), 4, /^usher: invalid_tuple: `nonsense`/);
      refused(await place.usher("tuple", "write", "box:1#member@user:a"), 4, /^usher: unknown_type: /);
      refused(await place.usher("tuple", "write", "node:n1#operator@node:n2"), 4, /^usher: subject_not_allowed: /);
      refused(await place.usher("tuple", "write", "team:a#member@user:a", "--meta", "novalue"), 2, /must be key=value/);
      refused(await place.usher("tuple", "write"), 2, /missing required argument 'tuples'/);
      refused(await place.usher("tuple", "read", "--limit", "0"), 2, /whole number from 1/);
      refused(await place.usher("tuple", "read", "--object-type", "box"), 4, /^usher: unknown_type: /);
    });

    it("imports, and what it has read back is the same", async () => {
      const lines = Array.from({ length: 1_500 }, (_, i) => `team:t${i % 7}#member@user:u${i}`);
      const ran = await place.usher("tuple", "import", await place.file("many.txt", ["// a comment", "", ...lines, ""].join("\r\n")));
      assert.match(ran.stdout, /^imported 1500 {2}changed 1500 {2}commits 1 {2}zookie /);
      assert.equal(ran.stderr, "");
      const read = await place.usher("tuple", "read", "--object-type", "team", "--object-prefix", "t");
      assert.deepEqual(read.stdout.trim().split("\n").sort(), lines.sort());
      const again = await usher(["tuple", "import", "-", "--json", "--address", place.address], { stdin: lines.join("\n") });
      assert.deepEqual([json(again)["imported"], json(again)["changed"], again.stderr], [1_500, 0, ""]);
      assert.equal(json(await usher(["tuple", "import", "-", "--json", "--address", place.address]))["imported"], 0);
    });

    it("imports nothing of a file with a bad line, and names each", async () => {
      const good = Array.from({ length: 1_200 }, (_, i) => `team:bad#member@user:u${i}`);
      const bad = ["team:bad#member@", "team:bad#nope@user:a", 'team:bad#member@user:a[on_call:{"hour": 1}]'];
      const ran = await place.usher("tuple", "import", await place.file("bad.txt", [...good, ...bad].join("\n")));
      refused(ran, 4, /^usher: invalid_file: file `.*bad\.txt` has 3 bad lines, nothing was written:\n/);
      assert.match(ran.stderr, /bad\.txt:1201: `team:bad#member@`: /);
      assert.match(ran.stderr, /bad\.txt:1202: `team:bad#nope@user:a`: .*`nope`/);
      assert.match(ran.stderr, /bad\.txt:1203: `team:bad#member@user:a\[on_call/);
      assert.equal((await place.usher("tuple", "read", "--object-type", "team", "--object-id", "bad")).stdout, "");
    });

    it("refuses a file that is not there or no text", async () => {
      refused(await place.usher("tuple", "import", join(place.folder, "none.txt")), 4, /^usher: invalid_file: .*none\.txt` cannot be read/);
      refused(await place.usher("tuple", "import", place.folder), 4, /^usher: invalid_file: .* it is a folder/);
      refused(await place.usher("tuple", "import", await place.file("bytes.txt", Buffer.from([0xff, 0xfe]))), 4, /^usher: invalid_file: .* is not UTF-8/);
    });
  });

  describe("schema", () => {
    it("reads what was written, comments and all", async () => {
      assert.equal((await place.usher("schema", "read")).stdout, schema);
      assert.equal(json(await place.usher("schema", "read", "--json"))["text"], schema);
    });

    it("refuses a schema that is wrong, or would orphan tuples", async () => {
      refused(await place.usher("schema", "write", await place.file("wrong.zed", "definition a {\n\trelation b: c\n}")), 4, /^usher: invalid_schema: [^]*line 2[^]*\^/);
      refused(await place.usher("schema", "write", await place.file("less.zed", "definition user {}")), 4, /^usher: schema_orphans_tuples: /);
      assert.equal((await place.usher("schema", "read")).stdout, schema);
    });

    it("checks files without a server, and tells all that is wrong", async () => {
      const good = await place.file("good.zed", schema);
      const wrong = await place.file("wrong.zed", "definition a {\n\trelation b: c\n\tpermission d = e\n}\n");
      assert.deepEqual(await usher(["schema", "check", good]), { code: 0, stdout: `${good}: ok\n`, stderr: "" });
      const ran = await usher(["schema", "check", good, wrong]);
      assert.equal(ran.code, 4);
      assert.match(ran.stdout, /good\.zed: ok\n/);
      assert.match(ran.stdout, /wrong\.zed:2:14: error: .*`c`.*\n2 \| .*\n.*\^\n/);
      assert.match(ran.stdout, /wrong\.zed:3:17: error: .*`e`.*\n3 \| .*\n.*\^\n/);
      const { files } = json(await usher(["schema", "check", wrong, "--json"])) as { files: { diagnostics: { line: number }[] }[] };
      assert.deepEqual(files[0]?.diagnostics.map(({ line }) => line), [2, 3]);
      refused(await usher(["schema", "check", join(place.folder, "none.zed")]), 4, /^usher: invalid_file: /);
    });

    it("formats", async () => {
      const loose = await place.file("loose.zed", "definition   user{}");
      const { stdout } = await usher(["schema", "format", loose]);
      assert.equal(stdout, "definition user {}\n");
      assert.deepEqual(await usher(["schema", "format", "--check", loose]), { code: 1, stdout: `${loose}\n`, stderr: "" });
      assert.equal((await usher(["schema", "format", "--write", loose])).code, 0);
      assert.equal(await readFile(loose, "utf8"), stdout);
      assert.deepEqual(await usher(["schema", "format", "--check", loose]), { code: 0, stdout: "", stderr: "" });
      assert.equal((await usher(["schema", "format", "-"], { stdin: "definition user{}" })).stdout, "definition user {}\n");
      refused(await usher(["schema", "format", "-", "--write"], { stdin: "definition user{}" }), 4, /^usher: invalid_request: /);
      refused(await usher(["schema", "format", await place.file("wrong.zed", "definition {")]), 4, /^usher: invalid_schema: /);
    });
  });

  describe("errors and usage", () => {
    it("refuses unknown commands and options", async () => {
      refused(await usher(["frob"]), 2, /^usher: usage: unknown command 'frob'/);
      refused(await usher(["tuple", "frob"]), 2, /^usher: usage: unknown command 'frob'/);
      refused(await usher(["check", "--frob"]), 2, /^usher: usage: unknown option '--frob'/);
      refused(await usher(["frob"]), 2, /; see `usher --help`$/m);
      refused(await usher(["tuple", "write"]), 2, /missing required argument 'tuples'; see `usher tuple write --help`$/m);
      refused(await usher(["tuple", "read", "--limit", "0"]), 2, /from 1; see `usher tuple read --help`$/m);
      refused(await usher(["tuple", "write", "--json"]), 2, /see `usher tuple write --help`"/);
      refused(await usher(["chek"]), 2, /Did you mean check\?/);
      refused(await usher(["check", "a:b", "c", "d:e", "f"]), 2, /too many arguments/);
      refused(await usher(["version", "--timeout", "soon"]), 2, /no duration/);
      refused(await usher(["serve"]), 4, /^usher: invalid_configuration: `data` is missing: give `--data`, `USHER_DATA`/);
      assert.equal((await usher(["tuple"])).code, 2);
      assert.equal((await usher([])).code, 2);
    });

    it("prints help, with the exit codes and examples", async () => {
      const help = await usher(["--help"]);
      assert.equal(help.code, 0);
      assert.match(help.stdout, /Exit codes:\n {2}0 /);
      for (const command of ["serve", "schema write", "schema read", "schema check", "schema format", "tuple write", "tuple touch", "tuple delete", "tuple read", "tuple import", "tuple export", "check", "expand", "watch", "test"]) {
        assert.match((await usher([...command.split(" "), "--help"])).stdout, /Examples:\n {2}\$ usher /, command);
      }
    });

    it("prints the version", async () => {
      assert.match((await usher(["version"])).stdout, /^usher \d+\.\d+\.\d+\n$/);
      assert.match(String(json(await usher(["version", "--json"]))["version"]), /^\d+\.\d+\.\d+$/);
    });

    it("prints errors as JSON where JSON was asked for", async () => {
      const ran = await place.usher("check", "box:1", "restart", "user:ana", "--json");
      const { error } = JSON.parse(ran.stderr) as { error: { code: string; message: string } };
      assert.equal(error.code, "unknown_type");
      assert.match(error.message, /`box`/);
      assert.deepEqual((JSON.parse((await usher(["frob", "--json"])).stderr) as { error: { code: string } }).error.code, "usage");
    });

    it("says that no server is there", async () => {
      refused(await usher(["check", "node:n1", "restart", "user:ana", "--address", "127.0.0.1:1"]), 4, /^usher: server_unreachable: server `127\.0\.0\.1:1` cannot be reached: connect ECONNREFUSED [^:]*:1: start one there, [^\n]*\n$/);
    });

    it("says what is wrong with an address", async () => {
      for (const address of ["", "node", "127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:1", "unix:/tmp/usher"]) {
        refused(await usher(["check", "node:n1", "restart", "user:ana", "--address", address]), 4, /^usher: invalid_configuration: address `[^`]*` is not one: give a host and a port/);
      }
    });
  });
});
