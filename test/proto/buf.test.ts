import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { inFolder } from "../support/folder.js";

/** The API as it was last released; how it is renewed, `src/README.md` says. */
const baseline = resolve("test/proto/baseline.binpb");

/** The buf of this platform, where there is one; it is an optional package. */
function findBuf(): string | undefined {
  const architecture = process.arch === "arm64" && process.platform === "linux" ? "aarch64" : process.arch === "arm" ? "armv7" : process.arch;
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`@bufbuild/buf-${process.platform}-${architecture}/package.json`));
    return ["buf", "buf.exe"].map((name) => join(folder, "bin", name)).find((path) => existsSync(path));
  } catch {
    return undefined;
  }
}

describe("the API's files", function () {
  const buf = findBuf();

  before(function () {
    if (buf !== undefined) return;
    console.log(`      skipped: there is no buf for ${process.platform} ${process.arch}`);
    this.skip();
  });

  /** What buf says of the files in a folder; it needs no network for them. */
  function run(folder: string, ...words: string[]): Promise<{ code: number; text: string }> {
    return inFolder(
      (cache) =>
        new Promise((done) => {
          execFile(buf ?? "", words, { cwd: folder, env: { ...process.env, BUF_CACHE_DIR: cache } }, (error, stdout, stderr) => {
            done({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, text: stdout + stderr });
          });
        }),
    );
  }

  const breaking = (folder: string) => run(folder, "breaking", "--against", baseline);

  /** Runs the body with a copy of the files in which one text is replaced. */
  async function mutated<T>(file: string, from: string | RegExp, to: string, body: (folder: string) => Promise<T>): Promise<T> {
    return inFolder(async (folder) => {
      await cp("proto", folder, { recursive: true });
      const path = join(folder, "usher/v1", file);
      const text = await readFile(path, "utf8");
      const changed = text.replace(from, to);
      assert.notEqual(changed, text, `${String(from)} is in ${file}`);
      await writeFile(path, changed);
      return body(folder);
    });
  }

  it("keep the rules of buf lint", async () => {
    assert.deepEqual(await run(resolve("proto"), "lint"), { code: 0, text: "" });
  });

  it("break nothing of what was released", async () => {
    assert.deepEqual(await breaking(resolve("proto")), { code: 0, text: "" });
  });

  const breaks: [what: string, file: string, from: string | RegExp, to: string, message: RegExp][] = [
    ["an rpc that is gone", "schema_service.proto", /.*rpc ReadSchema.*\n/, "", /RPC "ReadSchema".*deleted/],
    ["a field that is gone", "permission_service.proto", /.*bool allowed = 1;\n/, "", /field "1".*"allowed".*deleted/],
    ["a field of another type", "schema_service.proto", "string text = 1;", "bytes text = 1;", /changed type from "string" to "bytes"/],
    ["a field under another number", "schema_service.proto", "string zookie = 2;", "string zookie = 9;", /field "2".*"zookie".*deleted/],
    ["a field under another name", "core.proto", "string type = 1;", "string kind = 1;", /changed name from "type" to "kind"/],
    ["an enum's value that is gone", "permission_service.proto", /.*EXPLANATION_ANSWER_UNDECIDED = 4;\n/, "", /enum value "4".*deleted/],
  ];
  for (const [what, file, from, to, message] of breaks) {
    it(`are refused with ${what}`, async () => {
      await mutated(file, from, to, async (folder) => {
        const { code, text } = await breaking(folder);
        assert.equal(code, 100, text);
        assert.match(text, message);
      });
    });
  }

  it("may have what is new", async () => {
    await mutated("schema_service.proto", "string text = 1;", "string text = 1;\n  // New.\n  bool new = 15;", async (folder) => {
      assert.deepEqual(await breaking(folder), { code: 0, text: "" });
    });
  });

  it("are refused by lint with a name that is not in the style", async () => {
    await mutated("schema_service.proto", "string text = 1;", "string Text = 1;", async (folder) => {
      const { code, text } = await run(folder, "lint");
      assert.equal(code, 100, text);
      assert.match(text, /"Text" should be lower_snake_case/);
    });
  });
});
