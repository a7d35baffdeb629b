import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";

/**
 * The README's examples run. Every block marked `ts` is a module, run in a folder of its own inside the package, so that
 * `import … from "usherdb"` finds the package itself; one that throws fails the test. The first block marked `sh` is run
 * as a script in which `usher` is the command and a command that fails ends it, beside a server as the text has asked for
 * one. A block that is marked otherwise (`ts no-run`) is not run.
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
      const bin = join(folder, "bin");
      await mkdir(bin);
      await writeFile(join(bin, "usher"), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, { mode: 0o755 });
      await writeFile(join(bin, "npx"), '#!/bin/sh\nshift\nexec usher "$@"\n', { mode: 0o755 });
      // `started` waits until the server answers.
      const script = `set -e
started() { for i in $(seq 50); do usher schema read >/dev/null 2>err || true; grep -q server_unreachable err || return 0; sleep 0.1; done; return 1; }
trap 'kill $(jobs -p) 2>/dev/null && wait || true' EXIT
usher serve --data data & started
${commandsOf(shell.text)}`;
      const address = `127.0.0.1:${await freePort()}`;
      await run("bash", ["-c", script], { cwd: folder, timeout: 30_000, env: { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}`, USHER_ADDRESS: address } });
    });
  }
});

/** Where lines begin with a prompt these are the commands, and the others what they print. Installing is left out. */
function commandsOf(text: string): string {
  const prompted = text.split("\n").filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
  const lines = prompted.length > 0 ? prompted : text.split("\n");
  return lines.filter((line) => !/^npm (i|install|ci)\b/.test(line)).join("\n");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  server.close();
  await once(server, "close");
  return address.port;
}
