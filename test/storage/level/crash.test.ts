import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { openLevelStore } from "../../../src/storage/level/store.js";
import type { LevelStore } from "../../../src/storage/level/level-store.js";
import { assertConsistent, logOf } from "./checks.js";
import { deletedAfter, indexOf, listen, type Told } from "./crash-protocol.js";

const child = fileURLToPath(new URL("./crash-child.js", import.meta.url));

/** How often a process is killed in all, over both tests. */
const kills = Number(process.env["TEST_KILLS"] ?? 200);
const killsPerFolder = 20;

/** What the killed processes of one folder have said, kept outside of it. */
class Witness {
  readonly sent = new Set<number>();
  /** Index to revision. */
  readonly acknowledged = new Map<number, number>();

  take(told: readonly Told[]): void {
    for (const said of told) {
      if (said.kind === "sent") this.sent.add(said.index);
      if (said.kind !== "acknowledged") continue;
      this.acknowledged.set(said.index, said.revision);
    }
  }

  get next(): number {
    return Math.max(-1, ...this.sent) + 1;
  }

  get unanswered(): number[] {
    return [...this.sent].filter((index) => !this.acknowledged.has(index));
  }
}

/** Runs the child on the folder and kills it at a random moment. */
async function killOnce(folder: string, horizonMs: number, witness: Witness): Promise<void> {
  const retries = horizonMs === Number.POSITIVE_INFINITY ? witness.unanswered.join(",") : "";
  const running = spawn(process.execPath, [child, folder, String(witness.next), String(horizonMs), retries], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let complaint = "";
  running.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
  const ended = new Promise<number | null>((resolve) => running.on("close", resolve));
  await new Promise<void>((resolve) => {
    running.stdout.on("data", (text: Buffer) => {
      said += text.toString();
      resolve();
    });
    void ended.then(() => resolve());
  });
  await delay(Math.random() * 130);
  running.kill("SIGKILL");
  assert.equal(await ended, null, `the child ended by itself: ${complaint}`);
  witness.take(listen(said));
}

/** Nothing acknowledged is lost, nothing that was not sent is there, and the store agrees with itself. */
async function check(store: LevelStore, witness: Witness): Promise<void> {
  const snapshot = store.snapshot();
  try {
    const present = new Set((await assertConsistent(store, snapshot, 1)).map(indexOf));
    for (const index of present) assert(witness.sent.has(index), `write ${index} was never sent`);
    for (const index of witness.acknowledged.keys()) {
      if (!witness.sent.has(index + deletedAfter)) assert(present.has(index), `write ${index} was acknowledged and is lost`);
      if (witness.acknowledged.has(index + deletedAfter)) assert(!present.has(index), `the delete of ${index} was acknowledged and is lost`);
    }
  } finally {
    snapshot.release();
  }
  const seen = new Map<number, number>();
  let revision = store.horizon.revision;
  for (const commit of await logOf(store, 1)) {
    assert.equal(commit.revision, ++revision, "the log has no gap");
    const index = Number(commit.metadata["index"]);
    assert(!seen.has(index), `write ${index} was committed twice`);
    seen.set(index, commit.revision);
  }
  for (const [index, acknowledged] of witness.acknowledged) {
    if (acknowledged > store.horizon.revision) assert.equal(seen.get(index), acknowledged, `write ${index} is not where it was acknowledged`);
  }
}

describe("the LevelDB store under kill -9", function () {
  this.timeout(600_000);

  for (const [title, horizonMs] of [["while it writes", Number.POSITIVE_INFINITY], ["while it writes and collects", 30]] as const) {
    it(`loses nothing acknowledged ${title}`, async () => {
      let left = Math.ceil(kills / 2);
      while (left > 0) {
        const folder = await mkdtemp(join(tmpdir(), "usher-crash-"));
        const witness = new Witness();
        for (let i = 0; i < killsPerFolder && left > 0; i++, left--) {
          await killOnce(folder, horizonMs, witness);
          // Every other time the next process finds what the kill has left, with nothing repaired between.
          if (i % 2 === 0 && left > 1) continue;
          const store = await openLevelStore(folder, { horizonMs: Number.POSITIVE_INFINITY });
          await check(store, witness);
          await store.close();
        }
        assert(witness.acknowledged.size > 0, "the processes lived long enough to write");
        await rm(folder, { recursive: true });
      }
    });
  }
});
