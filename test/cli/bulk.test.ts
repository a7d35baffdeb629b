import assert from "node:assert/strict";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { importIdOf } from "../../src/cli/bulk/import-id.js";
import { Place, usher } from "./command-line.js";

const schema = `use expiration

caveat office_hours(hour int) { hour >= 9 && hour < 17 }

definition user {}

definition doc {
  relation viewer: user | user:* | doc#viewer | user with office_hours | user with expiration
  permission view = viewer
}
`;

const tuples = [
  "doc:1#viewer@user:ana",
  'doc:"a[b]"#viewer@user:*',
  "doc:1#viewer@doc:a:b/c#viewer",
  'doc:2#viewer@user:"\\"q,\\""[office_hours:{"hour":3}]',
  "doc:2#viewer@user:ben[expiration:2030-01-01T00:00:00.000Z]",
  "doc:\u4e16#viewer@user:\u{1f600}[office_hours]",
];

describe("usher tuple import and export", function () {
  this.timeout(60_000);
  let place: Place;

  beforeEach(async () => {
    place = await Place.open();
    assert.equal((await place.usher("schema", "write", await place.file("schema.zed", schema))).code, 0);
  });
  afterEach(() => place.close());

  const all = async () => (await place.usher("tuple", "export")).stdout;

  for (const format of ["lines", "jsonl", "csv", "yaml"] as const) {
    it(`${format}: an export, imported elsewhere and exported again, is the same text`, async () => {
      assert.equal((await place.usher("tuple", "import", await place.file("tuples.txt", tuples.join("\n")))).code, 0);
      const file = join(place.folder, format === "lines" ? "all.txt" : `all.${format}`);
      const ran = await place.usher("tuple", "export", file);
      assert.match(ran.stdout, /^exported 6 {2}zookie /);
      assert.equal(existsSync(`${file}.part`), false);
      const text = await readFile(file, "utf8");
      assert.equal((await place.usher("tuple", "export", "--format", format)).stdout, text);
      const other = await Place.open();
      try {
        await other.usher("schema", "write", join(place.folder, "schema.zed"));
        const back = await other.usher("tuple", "import", file);
        assert.match(back.stdout, /^imported 6 {2}changed 6 /, back.stderr);
        assert.equal((await other.usher("tuple", "export", "--format", format)).stdout, text);
        assert.deepEqual((await other.usher("tuple", "read")).stdout.trim().split("\n").sort(), [...tuples].sort());
      } finally {
        await other.close();
      }
    });
  }

  it("chooses by filter and snapshot", async () => {
    const { stdout } = await place.usher("tuple", "import", "--json", await place.file("tuples.txt", tuples.join("\n")));
    const { zookie } = JSON.parse(stdout) as { zookie: string };
    await place.usher("tuple", "delete", "--object-type", "doc", "--object-id", "2");
    assert.equal((await place.usher("tuple", "export", "--object-type", "doc", "--object-id", "2")).stdout, "");
    assert.equal((await place.usher("tuple", "export", "--object-type", "doc", "--object-id", "2", "--at", zookie)).stdout.trim().split("\n").length, 2);
    assert.match((await place.usher("tuple", "export", "--at", "nonsense")).stderr, /^usher: invalid_zookie/);
    assert.match((await place.usher("tuple", "export", join(place.folder, "none", "x.csv"))).stderr, /^usher: invalid_file: .* cannot be written/);
  });

  const bad: Record<"lines" | "jsonl" | "csv" | "yaml", { name: string; text: string; lines: [number, RegExp][] }> = {
    lines: {
      name: "bad.txt",
      text: "// comment\ndoc:1#viewer@user:ana\nnonsense\n\ndoc:1#nope@user:a\ndoc:2#viewer@user:ben\n",
      lines: [[3, /`nonsense`/], [5, /no relation or permission `nope`/]],
    },
    jsonl: {
      name: "bad.jsonl",
      text: [
        '{"tuple":"doc:1#viewer@user:ana"}', "{", '{"tuple":1}', '{"object":{"type":"doc","id":"1"},"relation":"viewer"}', '{"tuple":"doc:1#viewer@user:a","extra":1}',
        '{"tuple":"doc:9#viewer@user:a","object":{"type":"doc","id":"1"},"relation":"viewer","subject":{"type":"user","id":"a"}}',
        '{"object":{"type":"doc","id":"2"},"relation":"viewer","subject":{"type":"user","id":"ben"},"expiresAt":"soon"}',
        '{"object":{"type":"doc","id":"2"},"relation":"viewer","subject":{"type":"user","id":"ben"}}',
      ].join("\n"),
      lines: [[2, /not JSON/], [3, /`tuple`/], [4, /neither/], [5, /extra/], [6, /another tuple/], [7, /`soon`/]],
    },
    csv: {
      name: "bad.csv",
      text: [
        "object_type,object_id,relation,subject_type,subject_id,condition,context", "doc,1,viewer,user,ana,,", "doc,1,viewer,user", "doc,,viewer,user,a,,", "doc,1,viewer,user,a,,{}",
        "doc,1,viewer,user,a,office_hours,{", 'doc,1,viewer,user,"a"x,,', "doc,2,viewer,user,ben,,",
      ].join("\r\n"),
      lines: [[3, /has 4 fields/], [4, /is empty/], [5, /a context and no condition/], [6, /not JSON/], [7, /not CSV/]],
    },
    yaml: {
      name: "bad.yaml",
      text: "relationships: |-\n  doc:1#viewer@user:ana\n  // comment\n  nonsense\n  doc:1#nope@user:a\n  doc:2#viewer@user:ben\n",
      lines: [[4, /`nonsense`/], [5, /`nope`/]],
    },
  };

  for (const [format, { name, text, lines }] of Object.entries(bad)) {
    it(`${format}: one bad line, and nothing is written; each is told with its number and reason`, async () => {
      const file = await place.file(name, text);
      const ran = await place.usher("tuple", "import", file);
      assert.equal(ran.code, 4);
      assert.match(ran.stderr, new RegExp(`^usher: invalid_file: .* has ${lines.length} bad lines, nothing was written:`));
      for (const [line, reason] of lines) assert.match(ran.stderr.split("\n").find((each) => each.includes(`${name}:${line}: `)) ?? ran.stderr, reason);
      assert.equal(await all(), "");
      const errors = join(place.folder, "errors.txt");
      const went = await place.usher("tuple", "import", file, "--continue", "--errors", errors);
      assert.match(went.stdout, new RegExp(`^imported 2 {2}changed 2 {2}skipped ${lines.length} `), went.stderr);
      const told = (await readFile(errors, "utf8")).trim().split("\n");
      assert.equal(told.length, lines.length);
      lines.forEach(([line, reason], at) => assert(told[at]?.includes(`${name}:${line}: `) && reason.test(told[at]), told[at]));
      assert.equal(await all(), "doc:1#viewer@user:ana\ndoc:2#viewer@user:ben\n");
    });
  }

  it("names both lines of a tuple that comes twice, and skips the second where it is told to", async () => {
    const file = await place.file("twice.txt", "// one\ndoc:1#viewer@user:ana\ndoc:1#viewer@user:ben\ndoc:1#viewer@user:ana\n");
    const ran = await place.usher("tuple", "import", file);
    assert.match(ran.stderr, /twice\.txt:4: .*`doc:1#viewer@user:ana` stands at 2 already/);
    assert.equal(await all(), "");
    const went = await place.usher("tuple", "import", file, "--continue");
    assert.match(went.stdout, /^imported 2 {2}changed 2 {2}skipped 1 /);
    assert.match(went.stderr, /twice\.txt:4: /);
  });

  it("refuses a line that is longer than lines may be, and goes on behind it", async () => {
    const file = await place.file("long.txt", `doc:1#viewer@user:${"x".repeat(3_000_000)}\ndoc:1#viewer@user:ana`);
    assert.match((await place.usher("tuple", "import", file)).stderr, /long\.txt:1: .* more than 1048576 characters/);
    assert.match((await place.usher("tuple", "import", file, "--continue")).stdout, /^imported 1 /);
  });

  it("refuses a CSV file whose first record does not name the columns", async () => {
    for (const [header, problem] of [["a,b", /`a` is unknown/], ["object_type,object_id,relation,subject_type", /`subject_id` is missing/], ["object_type,object_id,relation,subject_type,subject_id,relation", /`relation` is there twice/]] as const) {
      const ran = await place.usher("tuple", "import", await place.file("head.csv", `${header}\ndoc,1,viewer,user,ana`));
      assert.match(ran.stderr, /^usher: invalid_file/);
      assert.match(ran.stderr, problem);
    }
  });

  it("holds a YAML file's schema against the one in force, and writes it only when told to", async () => {
    const yaml = (text: string) => `schema: |-\n  ${text.split("\n").join("\n  ")}\nrelationships: |-\n  doc:1#viewer@user:ana\n`;
    const same = await place.file("same.yaml", yaml(schema.replace("definition user {}", "/** A person. */\ndefinition user {}")));
    assert.match((await place.usher("tuple", "import", same)).stdout, /^imported 1 /);
    const wider = await place.file("wider.yaml", yaml(schema.replace("permission view = viewer", "permission view = viewer\n  permission edit = viewer")));
    assert.match((await place.usher("tuple", "import", wider)).stderr, /^usher: schema_changed: .*--with-schema/);
    assert.match((await place.usher("tuple", "import", wider, "--with-schema")).stdout, /^imported 1 {2}changed 0 /);
    assert.match((await place.usher("schema", "read")).stdout, /permission edit/);
    const away = await place.file("away.yaml", "schemaFile: ../schema.zed\nrelationships: |-\n  doc:1#viewer@user:ana\n");
    assert.match((await place.usher("tuple", "import", away)).stderr, /away\.yaml:1: .*not in the file's own folder/);
    const beside = await place.file("beside.yaml", "schemaFile: schema.zed\nrelationships: |-\n  doc:1#viewer@user:ana\n");
    assert.match((await place.usher("tuple", "import", beside)).stderr, /^usher: schema_changed/);
    assert.match((await place.usher("tuple", "import", await place.file("none.yaml", "a: 1"))).stderr, /^usher: invalid_file: .*no validation file/);
    assert.match((await place.usher("tuple", "import", await place.file("none.yaml", "relationships: |-\n  doc:1#viewer@user:ana"), "--with-schema")).stderr, /no schema/);
  });

  it("leaves no schema of a file that it does not import, and writes it of one that it does", async () => {
    const wider = schema.replace("permission view = viewer", "permission view = viewer\n  permission edit = viewer");
    const yaml = (...lines: string[]) => `schema: |-\n  ${wider.split("\n").join("\n  ")}\nrelationships: |-\n${lines.map((line) => `  ${line}\n`).join("")}`;
    for (const [lines, told] of [[["doc:1#viewer@user:ana", "doc:1#nope@user:ana"], /:16: .*nope/], [["doc:1#viewer@user:ana", "nonsense"], /:16: /], [["doc:1#viewer@user:ana", "doc:1#viewer@user:ana"], /:16: .*stands at 15 already/]] as const) {
      const ran = await place.usher("tuple", "import", await place.file("wrong.yaml", yaml(...lines)), "--with-schema");
      assert.match(ran.stderr, /^usher: invalid_file: .* has a bad line, nothing was written:/);
      assert.match(ran.stderr, told);
      assert.equal((await place.usher("schema", "read")).stdout, schema);
      assert.equal(await all(), "");
    }
    const went = await place.usher("tuple", "import", await place.file("wrong.yaml", yaml("doc:1#viewer@user:ana", "nonsense")), "--with-schema", "--continue");
    assert.match(went.stdout, /^imported 1 {2}changed 1 {2}skipped 1 /);
    assert.match((await place.usher("schema", "read")).stdout, /permission edit/);
  });

  it("does not empty the file that it imports to write its bad lines there", async () => {
    const text = "nonsense\ndoc:1#viewer@user:ana\n";
    const file = await place.file("tuples.txt", text);
    const link = join(place.folder, "link.txt");
    await symlink(file, link);
    for (const errors of [file, link, join(place.folder, ".", "tuples.txt")]) {
      const ran = await place.usher("tuple", "import", file, "--continue", "--errors", errors);
      assert.match(ran.stderr, /^usher: invalid_file: .*is the one that is imported/);
      assert.equal(await readFile(file, "utf8"), text);
    }
    assert.equal(await all(), "");
    assert.match((await place.usher("tuple", "import", file, "--continue", "--errors", "/dev/null")).stdout, /^imported 1 /);
  });

  it("goes on with the same file alone: the id holds what it held", async () => {
    const file = await place.file("tuples.txt", "doc:1#viewer@user:ana\n");
    const id = await importIdOf(file, undefined);
    assert.match((await place.usher("tuple", "import", file, "--resume", id)).stdout, /^imported 1 {2}changed 1 /);
    assert.match((await place.usher("tuple", "import", file, "--resume", id)).stdout, /^imported 1 {2}changed 1 /);
    const other = await place.usher("tuple", "import", await place.file("tuples.txt", "doc:2#viewer@user:ana\n"), "--resume", id);
    assert.equal(other.code, 4);
    assert.match(other.stderr, /^usher: request_id_reused: import .* is of another file/);
    assert.equal(await all(), "doc:1#viewer@user:ana\n");
    assert.equal(await importIdOf("-", id), id, "what is read once cannot be held against it");
    assert.match(await importIdOf("-", undefined), /^[0-9a-f-]{36}$/);
  });

  it("leaves nothing of a file that is cut or damaged, whatever its format, and fails with a code", async () => {
    const files = await Promise.all((["lines", "jsonl", "csv", "yaml"] as const).map(async (format) => {
      const from = await place.file("tuples.txt", tuples.join("\n"));
      await place.usher("tuple", "import", from);
      const { stdout } = await place.usher("tuple", "export", "--format", format);
      return { format, bytes: Buffer.from(stdout) };
    }));
    await place.usher("tuple", "delete", "--object-type", "doc");
    const noise = fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.string({ unit: fc.constantFrom(..."\n\r\"'{}[]:,#@&*|>\0\ufeff"), maxLength: 6 }).map((text) => new TextEncoder().encode(text)));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), fc.nat(2_000), fc.nat(40), noise, fc.boolean(), async ({ format, bytes }, at, cut, put, skip) => {
        const from = at % bytes.length;
        const damaged = Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]);
        const file = join(place.folder, "damaged");
        await writeFile(file, damaged);
        const ran = await place.usher("tuple", "import", file, "--format", format, ...(skip ? ["--continue"] : []));
        assert.ok(ran.code === 0 || (ran.code === 4 && !ran.stderr.startsWith("usher: internal")), ran.stderr);
        const left = await all();
        if (ran.code !== 0) assert.equal(left, "", "nothing is left of an import that failed");
        else if (!skip) assert.equal(left.split("\n").length - 1, Number(/^imported (\d+)/.exec(ran.stdout)?.[1]));
        if (left !== "") await place.usher("tuple", "delete", "--object-type", "doc");
        assert.equal(await all(), "");
      }),
      { numRuns: 120 },
    );
  });

  it("resumes an import of an id: one that was made is not made again", async () => {
    const file = await place.file("tuples.txt", tuples.join("\n"));
    const first = JSON.parse((await place.usher("tuple", "import", file, "--resume", "load-1", "--json")).stdout) as object;
    await place.usher("tuple", "delete", "--object-type", "doc", "--object-id", "1");
    const again = JSON.parse((await place.usher("tuple", "import", file, "--resume", "load-1", "--json")).stdout) as object;
    assert.deepEqual({ ...again, seconds: 0 }, { ...first, seconds: 0 });
    const away = await usher(["tuple", "import", file, "--address", "127.0.0.1:1"]);
    assert.equal(away.code, 4);
  });
});
