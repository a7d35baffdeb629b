import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Reservoir, Seeded } from "../../src/cli/spicedb/sample.js";
import { Place, usher, type Ran } from "./command-line.js";

const schema = `caveat on_call(hour int) { hour < 18 }
definition user {}
definition team { relation member: user }
definition document {
  relation viewer: user | user:* | team#member | user with on_call
  permission view = viewer
}
`;

interface Report {
  asked: number;
  same: number;
  differ: number;
  undecided: number;
  seed?: number;
  differences: { question: string; spicedb: { answer: string; error?: string; trace?: object }; usher: { answer: string; error?: string; explanation?: object } }[];
}

describe("usher compare", () => {
  let spicedb: Place;
  let mirror: Place;

  const compare = (...words: readonly string[]): Promise<Ran> => usher(["compare", `spicedb://${spicedb.address}`, "--spicedb-insecure", "--wait", "1s", ...words], { environment: { USHER_ADDRESS: mirror.address } });
  const report = ({ stdout }: Ran) => JSON.parse(stdout) as Report;

  before(async () => {
    [spicedb, mirror] = await Promise.all([Place.open(), Place.open()]);
  });

  after(async () => {
    await spicedb.close();
    await mirror.close();
  });

  beforeEach(async () => {
    for (const place of [spicedb, mirror]) {
      await place.usher("tuple", "delete", "--object-type", "document");
      assert.equal((await place.usher("schema", "write", await place.file("schema.zed", schema))).code, 0);
      const tuples = ["document:1#viewer@user:ana", "document:2#viewer@team:sre#member", "team:sre#member@user:bo", "document:3#viewer@user:*", "document:4#viewer@user:cy[on_call]"];
      assert.equal((await place.usher("tuple", "touch", ...tuples)).code, 0);
    }
  });

  it("makes questions of the tuples of both, the same ones of the same seed", async () => {
    const first = await compare("--seed", "7", "--json");
    assert.equal(first.code, 0);
    const { asked, same, differ, seed } = report(first);
    assert.deepEqual([same, differ, seed], [asked, 0, 7]);
    assert.ok(asked > 20, `${asked}`);
    assert.match((await compare("--seed", "7", "--sample", "5")).stdout, /^asked 5 {2}same 5 {2}differ 0 {2}undecided 0 {2}seed 7\n$/);
  });

  it("finds what only SpiceDB holds, and what only Usher does, and explains both ways", async () => {
    await spicedb.usher("tuple", "touch", "document:5#viewer@user:ana");
    await mirror.usher("tuple", "touch", "document:6#viewer@user:mallory");
    const { code, stdout } = await compare("--seed", "3");
    assert.equal(code, 1);
    assert.match(stdout, /^differs {2}document:5#(view|viewer)@user:ana {2}spicedb allowed {2}usher denied\n {2}spicedb\n {4}✓ document:5#.*\n(.*\n)* {2}usher\n {4}✗ document:5#/m);
    assert.match(stdout, /^differs {2}document:6#(view|viewer)@user:mallory {2}spicedb denied {2}usher allowed$/m);
    const found = report(await compare("--seed", "3", "--json"));
    assert.ok(found.differ >= 2 && found.differences.every(({ spicedb: theirs, usher: ours }) => theirs.trace !== undefined && ours.explanation !== undefined));
  });

  it("asks what a file says, with context", async () => {
    const file = await mirror.file("questions.txt", '// who\ndocument:4#view@user:cy with {"hour": 9}\ndocument:4#view@user:cy with {"hour": 20}\n\ndocument:4#view@user:cy\ndocument:1#view@user:bo\n');
    assert.match((await compare(file)).stdout, /^asked 4 {2}same 4 {2}differ 0 {2}undecided 0\n$/);
    await mirror.usher("tuple", "touch", "document:4#viewer@user:cy");
    const { code, stdout } = await compare(file);
    assert.equal(code, 1);
    assert.match(stdout, /^differs {2}document:4#view@user:cy with \{"hour":20\} {2}spicedb denied {2}usher allowed$/m);
    assert.match(stdout, /^differs {2}document:4#view@user:cy {2}spicedb conditional {2}usher allowed$/m);
    assert.match(stdout, /asked 4 {2}same 2 {2}differ 2/);
  });

  it("counts what neither side can decide, and tells where one of them can", async () => {
    const file = await mirror.file("questions.txt", "document:1#fly@user:ana\ndocument:1#edit@user:ana\n");
    const edit = `${schema.replace("permission view = viewer", "permission view = viewer\n  permission edit = viewer")}`;
    await mirror.usher("schema", "write", await mirror.file("edit.zed", edit));
    const ran = await compare(file, "--json");
    assert.equal(ran.code, 1);
    const { differ, undecided, differences } = report(ran);
    assert.deepEqual([differ, undecided, differences[0]?.question, differences[0]?.spicedb.answer, differences[0]?.usher.answer], [1, 1, "document:1#edit@user:ana", "undecided", "allowed"]);
    assert.match(differences[0]?.spicedb.error ?? "", /edit/);
  });

  it("waits for a mirror that is behind", async () => {
    await spicedb.usher("tuple", "touch", "document:9#viewer@user:ana");
    const file = await mirror.file("questions.txt", "document:9#view@user:ana\n");
    const comparing = usher(["compare", `spicedb://${spicedb.address}`, file, "--spicedb-insecure", "--wait", "30s"], { environment: { USHER_ADDRESS: mirror.address } });
    await new Promise((resolve) => setTimeout(resolve, 400));
    await mirror.usher("tuple", "touch", "document:9#viewer@user:ana");
    assert.equal((await comparing).code, 0);
  });

  it("says what is wrong with how it was called", async () => {
    const file = await mirror.file("questions.txt", "document:1#view@user:ana\nnonsense\n");
    const { code, stderr } = await compare(file);
    assert.equal(code, 4);
    assert.match(stderr, /^usher: invalid_file: .*questions\.txt:2: /);
    assert.match((await compare(await mirror.file("none.txt", "// nothing\n"))).stderr, /^usher: invalid_request: there is nothing to ask/);
    const far = await usher(["compare", "spicedb://127.0.0.1:1", "--spicedb-insecure"], { environment: { USHER_ADDRESS: mirror.address } });
    assert.equal(far.code, 4);
    assert.match(far.stderr, /^usher: server_unreachable: /);
  });

  it("takes each of a stream with the same chance", () => {
    const random = new Seeded(1);
    const counts = new Array<number>(10).fill(0);
    for (let round = 0; round < 2_000; round++) {
      const reservoir = new Reservoir<number>(3, random);
      for (let each = 0; each < 10; each++) reservoir.add(each);
      assert.equal(new Set(reservoir.items).size, 3);
      for (const each of reservoir.items) counts[each] = (counts[each] ?? 0) + 1;
    }
    assert.ok(counts.every((count) => count > 500 && count < 700), counts.join(" "));
  });
});

describe("usher tuple export --for-spicedb", () => {
  let place: Place;

  before(async () => {
    place = await Place.open();
    const text = "caveat On_call(hour int) { hour < 18 }\ndefinition user {}\ndefinition document { relation viewer: user | user:* | user with On_call\n relation ok: user }\n";
    assert.equal((await place.usher("schema", "write", await place.file("schema.zed", text))).code, 0);
    const tuples = ["document:1#viewer@user:ana", "document:a/b|c-d=e+f_g#viewer@user:*", "document:a.b#viewer@user:ana", "document:1#viewer@user:ana@example.com", "document:1#ok@user:ana", "document:2#viewer@user:ana[On_call]"];
    assert.equal((await place.usher("tuple", "touch", ...tuples)).code, 0);
  });

  after(async () => place.close());

  const left = [
    "schema  On_call  is no name there: rename it before",
    "schema  document#ok  is no name there: rename it before",
    "document:1#ok@user:ana  relation `ok` is no name there",
    "document:1#viewer@user:ana@example.com  id `ana@example.com` is none there: letters, digits and /_|-=+",
    "document:2#viewer@user:ana[On_call]  caveat `On_call` is no name there",
    "document:a.b#viewer@user:ana  id `a.b` is none there: letters, digits and /_|-=+",
  ];

  it("leaves out what SpiceDB would refuse, and tells each", async () => {
    const { code, stdout, stderr } = await place.usher("tuple", "export", "--for-spicedb");
    assert.equal(code, 1);
    assert.deepEqual(stdout.trim().split("\n").sort(), ["document:1#viewer@user:ana", "document:a/b|c-d=e+f_g#viewer@user:*"]);
    assert.deepEqual(stderr.split("\n").filter((line) => line.startsWith("left out")).sort(), left.map((line) => `left out  ${line}`).sort());
    assert.match(stderr, /exported 2 {2}left out 6 {2}zookie/);
  });

  it("tells them in a file, and has exit code 0 where there are none", async () => {
    const file = await place.file("left.txt", "");
    const { code, stdout } = await place.usher("tuple", "export", "--for-spicedb", `${place.folder}/state.yaml`, "--left-out", file, "--json");
    assert.deepEqual([code, (JSON.parse(stdout) as { leftOut: number }).leftOut], [1, 6]);
    assert.deepEqual((await readFile(file, "utf8")).trim().split("\n").sort(), [...left].sort());
    assert.match(await readFile(`${place.folder}/state.yaml`, "utf8"), /^schema: \|\n[^]*definition document \{\n\s+relation viewer: [^]*\n {2}\}\nrelationships: \|-\n {2}document:/);
    const plain = await Place.open();
    try {
      await plain.usher("schema", "write", await plain.file("schema.zed", "definition user {}\ndefinition document { relation viewer: user }"));
      await plain.usher("tuple", "touch", "document:1#viewer@user:ana");
      assert.equal((await plain.usher("tuple", "export", "--for-spicedb")).code, 0);
    } finally {
      await plain.close();
    }
  });

  it("takes ids as long as SpiceDB does", async () => {
    const long = "a".repeat(1_024);
    await place.usher("tuple", "touch", `document:${long}#viewer@user:ana`);
    assert.match((await place.usher("tuple", "export", "--for-spicedb", "--object-id", long, "--object-type", "document")).stdout, /a{1024}/);
  });
});
