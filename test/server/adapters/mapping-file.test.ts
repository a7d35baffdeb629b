import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { loadAuthzenMapping } from "../../../src/server/adapters/authzen/mapping.js";
import { loadEnvoyMapping } from "../../../src/server/adapters/envoy/mapping.js";
import { Template } from "../../../src/server/adapters/template.js";

describe("mappings", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-mapping-"));
  });
  after(async () => rm(folder, { recursive: true }));

  async function file(text: string): Promise<string> {
    const path = join(folder, "mapping.yaml");
    await writeFile(path, text);
    return path;
  }

  async function refused(loading: Promise<unknown>, ...problems: readonly RegExp[]): Promise<void> {
    await assert.rejects(loading, (error: UsherError) => {
      assert.equal(error.code, "invalid_configuration");
      for (const problem of problems) assert.match(error.message, problem);
      return true;
    });
  }

  it("name the place of all that is wrong", async () => {
    const text = `
rules:
  - path: /nodes/{id}
    metod: GET
    object: { type: node, id: "{path.other}" }
    permission: view
    subject: { type: user, id: "{heder.x-user}" }
denied: { status: 200 }`;
    await refused(loadEnvoyMapping(await file(text)), /`rules\[0\]` has `metod`, which is no field/, /`rules\[0\]\.subject\.id` has the placeholder `\{heder\.x-user\}`/, /`denied\.status` is no status that denies/);
  });

  const rule = (more: string, path = "/nodes/{id}") => `rules: [{ path: "${path}", object: { type: node, id: "{path.id}" }, permission: view, subject: { type: user, id: "{source.principal}" }${more} }]`;

  for (const [what, text, problem] of [
    ["no rule", "rules: []", /nothing would ever be let through/],
    ["nothing", "", /`rules` is missing/],
    ["a list", "- 1", /it must be of type `object`/],
    ["a name that its path has not", rule("", "/nodes/{node}"), /`\{path\.id\}`, which its path has not/],
    ["a path that is relative", rule("", "nodes/{id}"), /does not begin with/],
    ["a path that is encoded", rule("", "/a%20b/{id}"), /is none/],
    ["a path with an empty segment", rule("", "/nodes//{id}"), /is none/],
    ["a path with dots", rule("", "/../{id}"), /is none/],
    ["a path with a name twice", rule("", "/{id}/{id}"), /twice/],
    ["a rest in the middle", rule("", "/{id}/**/x"), /is none/],
    ["a method in small letters", rule(", method: get"), /in capitals/],
    ["a header in capitals", rule(", headers: { X-A: b }"), /lower case/],
    ["a host that is changed", rule(", allowed: { headers: { host: x } }"), /cannot be changed/],
    ["a pseudo header", rule(", allowed: { remove: [':path'] }"), /lower case/],
    ["a brace alone", rule(", allowed: { headers: { x-a: '{' } }"), /brace/],
    ["a placeholder of results in a check", rule(", context: { a: '{zookie}' }"), /`\{zookie\}`/],
    ["a permission that is no name", rule("").replace("view", "'a b'"), /is not a name/],
    ["a type that is none", rule("").replace("type: node", "type: 'a b'"), /is not a type/],
    ["a status that lets in", rule(", denied: { status: 204 }"), /no status that denies/],
    ["a status that Envoy does not know", rule(", denied: { status: 499 }"), /no status that denies/],
    ["no YAML", "rules: [", /cannot be read as YAML/],
    ["an alias", "rules: &a [1]\nmore: *a", /has an alias/],
    ["an alias of what is not there", "rules: *a", /YAML|alias/],
  ] as const) {
    it(`are refused with ${what}`, async () => refused(loadEnvoyMapping(await file(text)), problem));
  }

  it("have as many rules as they may, and no more", async () => {
    const one = rule("").slice("rules: [".length, -1);
    const many = (count: number) => `rules: [${Array.from({ length: count }, () => one).join(", ")}]`;
    assert.equal((await loadEnvoyMapping(await file(many(limits.envoyRulesMax)))).rules.length, limits.envoyRulesMax);
    await refused(loadEnvoyMapping(await file(many(limits.envoyRulesMax + 1))), /more than 1000 entries/);
  });

  it("of AuthZEN may be empty, and are as strict", async () => {
    assert.deepEqual(await loadAuthzenMapping(await file("")), { contextualTuples: [] });
    await refused(loadAuthzenMapping(await file("contextualTuple: []")), /contextualTuple/);
    const tuple = `{ object: { type: a, id: "{resource.id}" }, relation: r, subject: { type: user, id: "{subject.idd}" } }`;
    await refused(loadAuthzenMapping(await file(`contextualTuples: [${tuple}]`)), /`contextualTuples\[0\]\.subject\.id` has the placeholder `\{subject\.idd\}`/);
  });

  it("are such as the pages show them", async () => {
    const example = (dialect: string) => {
      const page = readFileSync(fileURLToPath(new URL(`../../../../src/server/adapters/${dialect}/README.md`, import.meta.url)), "utf8");
      return /```yaml\n(.*?)```/s.exec(page)?.[1] ?? "";
    };
    assert.equal((await loadEnvoyMapping(await file(example("envoy")))).rules.length, 1);
    assert.equal((await loadAuthzenMapping(await file(example("authzen")))).contextualTuples.length, 2);
  });

  it("must be there, and not be too large", async () => {
    await refused(loadAuthzenMapping(join(folder, "nothing.yaml")), /nothing\.yaml` cannot be read/);
    await refused(loadAuthzenMapping(await file(`#${"x".repeat(limits.configurationBytesMax)}`)), /more than/);
  });

  it("have templates whose every placeholder must stand for something", () => {
    const values: Readonly<Record<string, readonly string[]>> = { one: ["1"], two: ["a", "b"], none: [] };
    const parse = (text: string) => Template.parse(text, (name) => name in values);
    const fill = (text: string) => {
      const template = parse(text);
      assert.ok(typeof template !== "string");
      return template.fill((name) => values[name] ?? []);
    };
    assert.deepEqual([fill("x"), fill("x-{one}"), fill("{two}/{one}"), fill("{two}{two}"), fill("{one}{none}")], [["x"], ["x-1"], ["a/1", "b/1"], ["aa", "ab", "ba", "bb"], []]);
    for (const wrong of ["", "{", "}", "{other}", "{one", "{}"]) assert.equal(typeof parse(wrong), "string", wrong);
  });
});
