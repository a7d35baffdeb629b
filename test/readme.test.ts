import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";

/**
 * The README's examples run. Every block marked `ts` is a module, in a folder of its own inside the package, so that
 * `import … from "usherdb"` finds the package itself; a block ends well or the test fails with what it printed. The first
 * block marked `sh` is run line by line with `usher` on the path, its servers (lines that end in `&`) being stopped at the end. A block
 * marked otherwise (```ts no-run) is not run.
 */
const root = fileURLToPath(new URL("../../", import.meta.url));
const readme = join(root, "README.md");
const run = promisify(execFile);

function blocks(language: string): { line: number; text: string }[] {
  const text = existsSync(readme) ? readFileSync(readme, "utf8") : "";
  return [...text.matchAll(/^```(\S+) *\n([^]*?)^```/gm)]
    .filter(([, marked]) => marked === language)
    .map((match) => ({ line: text.slice(0, match.index).split("\n").length + 1, text: match[2] ?? "" }));
}

describe("the README's examples", () => {
  let folder: string;

  beforeEach(async () => {
    await mkdir(join(root, "dist"), { recursive: true });
    folder = await mkdtemp(join(root, "dist", "readme-"));
  });
  afterEach(async () => rm(folder, { recursive: true, force: true }));

  for (const { line, text } of blocks("ts")) {
    it(`line ${line}: runs as a module`, async () => {
      const { outputText, diagnostics } = ts.transpileModule(text, { compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext }, reportDiagnostics: true });
      assert.deepEqual(diagnostics?.map(({ messageText }) => messageText), []);
      await writeFile(join(folder, "example.mjs"), outputText);
      await run(process.execPath, ["example.mjs"], { cwd: folder, timeout: 20_000 });
    });
  }

  const [shell] = blocks("sh");
  if (shell !== undefined) {
    it(`line ${shell.line}: runs as commands`, async () => {
      const main = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
      const commands = shell.text.replace(/^\$ /gm, "").replace(/^npm install .*$/gm, ":").replace(/&$/gm, "& started");
      // `started` waits until the server that was put into the background answers.
      const script = `set -e
usher() { "${process.execPath}" "${main}" "$@"; }
npx() { shift; usher "$@"; }
started() { for i in $(seq 50); do usher schema read >/dev/null 2>err || ! grep -q server_unreachable err && return; sleep 0.1; done; return 1; }
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
${commands}`;
      await run("bash", ["-c", script], { cwd: folder, timeout: 30_000 });
    });
  }
});
