import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = new URL("../../../../../test/client/guard/", import.meta.url);
const program = fileURLToPath(new URL("python/hold.py", here));
const file = fileURLToPath(new URL("lease-vectors.json", here));

interface Played {
  readonly name: string;
  /** The step that went wrong, from 1. */
  readonly wrongAt: number | null;
}

function play(vectors: string): Played[] {
  const { status, stdout, stderr } = spawnSync("python3", [program, vectors], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout.trim().split("\n").map((line) => JSON.parse(line) as Played);
}

/** That the protocol's page and its vectors are enough for somebody else: a hold in another language, which shares no line with ours. */
describe("a hold in Python", () => {
  const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { vectors: { name: string; steps: Record<string, unknown>[] }[] };

  before(function () {
    if (spawnSync("python3", ["--version"]).status === 0) return;
    console.log("    there is no python3 here: the vectors are not played in Python");
    this.skip();
  });

  it("answers every lease vector as it must", () => {
    assert.deepEqual(play(file), vectors.map(({ name }) => ({ name, wrongAt: null })));
  });

  it("says where it does not: the vectors are really played", async () => {
    const folder = await mkdtemp(join(tmpdir(), "usher-vectors-"));
    try {
      const wrong = vectors.map(({ name, steps }) => ({ name, steps: steps.map((step) => (step["do"] === "expect" ? { ...step, allowed: step["allowed"] !== true } : step)) }));
      const path = join(folder, "wrong.json");
      await writeFile(path, JSON.stringify({ leaseMs: 10_000, vectors: wrong }));
      assert.deepEqual(play(path), vectors.map(({ name, steps }) => ({ name, wrongAt: steps.findIndex((step) => step["do"] === "expect") + 1 })));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
