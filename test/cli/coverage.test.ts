import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { usher } from "./command-line.js";

const schema = `definition user {}
definition team {
  relation member: user | team#member
  relation chief: user
}
definition folder {
  relation viewer: user
  permission view = viewer
}
definition doc {
  relation parent: folder
  relation owner: user
  relation viewer: user | team#member
  relation banned: user
  permission edit = owner
  permission view = edit + viewer + parent->view
  permission hide = view - banned
}
`;

const tuples = ["doc:1#owner@user:ana", "doc:1#viewer@team:x#member", "team:x#member@user:bo", "doc:1#parent@folder:f", "folder:f#viewer@user:fay"];

interface Report {
  readonly passed: boolean;
  readonly coverage: {
    readonly percent: number;
    readonly members: number;
    readonly asserted: number;
    readonly reached: number;
    readonly never: number;
    readonly schemas: readonly { readonly files: string[]; readonly definitions: readonly { readonly name: string; readonly members: readonly { readonly name: string; readonly kind: string; readonly reach: string }[] }[] }[];
  };
}

describe("usher test --coverage", () => {
  let folder: string;
  let files = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-coverage-"));
    await writeFile(join(folder, "schema.zed"), schema);
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  async function file(more: string): Promise<string> {
    const path = join(folder, `file${files++}.yaml`);
    await writeFile(path, `schemaFile: schema.zed\nrelationships: |-\n${tuples.map((tuple) => `  ${tuple}\n`).join("")}${more}`);
    return path;
  }

  async function reaches(...paths: string[]): Promise<Record<string, string>> {
    const { coverage } = JSON.parse((await usher(["test", ...paths, "--coverage", "--json"])).stdout) as Report;
    const members = coverage.schemas.flatMap(({ definitions }) => definitions.flatMap(({ name, members }) => members.map((member) => [`${name}#${member.name}`, member.reach] as const)));
    return Object.fromEntries(members);
  }

  it("tells what was asserted, what was reached on the way, and what never", async () => {
    assert.deepEqual(await reaches(await file("assertions:\n  assertTrue: ['doc:1#view@user:bo']\n")), {
      "team#member": "reached", "team#chief": "never", "folder#viewer": "never", "folder#view": "never",
      "doc#parent": "never", "doc#owner": "reached", "doc#viewer": "reached", "doc#banned": "never",
      "doc#edit": "reached", "doc#view": "asserted", "doc#hide": "never",
    });
  });

  it("counts what the evaluation had to look at, and no more", async () => {
    // Denied, so that every branch was tried, through the arrow too; banned was not, as nothing was there to subtract from.
    const reached = await reaches(await file("assertions:\n  assertFalse: ['doc:1#hide@user:di']\n"));
    assert.deepEqual(["doc#parent", "folder#view", "folder#viewer", "doc#banned", "doc#hide"].map((name) => reached[name]), ["reached", "reached", "reached", "never", "asserted"]);
    // The owner is found first.
    const early = await reaches(await file("assertions:\n  assertTrue: ['doc:1#view@user:ana']\n"));
    assert.deepEqual(["doc#owner", "doc#viewer", "doc#parent"].map((name) => early[name]), ["reached", "never", "never"]);
  });

  it("counts all that an expansion reads for a validation", async () => {
    const reached = await reaches(await file('validation:\n  doc:1#view:\n    - "[user:ana] is <doc:1#owner>"\n'));
    assert.deepEqual(Object.entries(reached).filter(([, reach]) => reach === "never").map(([name]) => name), ["team#chief", "doc#banned", "doc#hide"]);
    assert.equal(reached["doc#edit"], "reached");
  });

  it("counts an assertion that failed, or could not be answered, as one", async () => {
    const reached = await reaches(await file("assertions:\n  assertTrue: ['doc:1#banned@user:ana', 'team:x#chief@user:ana', 'doc:1#nope@user:ana']\n"));
    assert.deepEqual([reached["doc#banned"], reached["team#chief"], reached["doc#nope"]], ["asserted", "asserted", undefined]);
  });

  it("takes files of one schema together, and others apart", async () => {
    const [one, two] = [await file("assertions:\n  assertTrue: ['team:x#member@user:bo']\n"), await file("assertions:\n  assertFalse: ['team:x#chief@user:bo']\n")];
    const other = join(folder, "other.yaml");
    await writeFile(other, "schema: |-\n  definition user {}\n  definition box { relation a: user }\n");
    const { coverage } = JSON.parse((await usher(["test", one, two, other, "--coverage", "--json"])).stdout) as Report;
    assert.deepEqual(coverage.schemas.map((each) => each.files), [[one, two], [other]]);
    assert.deepEqual([coverage.members, coverage.asserted, coverage.reached, coverage.never], [12, 2, 0, 10]);
    assert.deepEqual(coverage.schemas[1]?.definitions, [{ name: "user", members: [] }, { name: "box", members: [{ name: "a", kind: "relation", reach: "never" }] }]);
  });

  it("prints what is missing, by definition", async () => {
    const path = await file("assertions:\n  assertTrue: ['doc:1#view@user:bo']\n");
    const { code, stdout } = await usher(["test", path, "--coverage"]);
    assert.equal(code, 0);
    assert.deepEqual(stdout.split("\n").slice(1), [
      "coverage  45.4 % of 11 relations and permissions: 1 asserted, 4 reached, 6 never reached",
      "  team  never reached chief; reached member",
      "  folder  never reached viewer, view",
      "  doc  never reached parent, banned, hide; reached owner, viewer, edit",
      "",
    ]);
  });

  it("fails under a minimum", async () => {
    const path = await file("assertions:\n  assertTrue: ['doc:1#view@user:bo']\n");
    assert.equal((await usher(["test", path, "--coverage-min", "45.454"])).code, 0);
    const under = await usher(["test", path, "--coverage-min", "45.5"]);
    assert.equal(under.code, 1);
    assert.match(under.stderr, /^coverage is 45\.4 %, less than the 45\.5 % asked for\n$/);
    const report = JSON.parse((await usher(["test", path, "--coverage-min", "100", "--json"])).stdout) as Report;
    assert.equal(report.passed, false);
    for (const wrong of ["101", "-1", "many", "1e1", ""]) assert.equal((await usher(["test", path, `--coverage-min=${wrong}`])).code, 2, wrong);
  });

  it("is whole where a schema has no members, and says nothing unless asked", async () => {
    const path = join(folder, "empty.yaml");
    await writeFile(path, "schema: definition user {}\n");
    assert.match((await usher(["test", path, "--coverage-min", "100"])).stdout, /coverage {2}100 % of 0 /);
    assert.doesNotMatch((await usher(["test", path])).stdout, /^coverage/m);
    assert.equal("coverage" in (JSON.parse((await usher(["test", path, "--json"])).stdout) as object), false);
  });
});
