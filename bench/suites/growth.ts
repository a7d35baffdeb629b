import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { limits } from "../../src/base/limits.js";
import { contest, type Contender } from "../contest.js";
import { EngineProcess } from "../engines/process.js";
import { withFolder } from "../folder.js";
import type { Memory } from "../memory.js";
import { atMost, type Row } from "../report.js";
import { seed, type Settings, type Suite } from "../suite.js";
import { growth as world } from "../worlds/growth.js";
import type { StreamName } from "../worlds/world.js";

const small = 10_000;
const budgetShare = 0.1;
/** Below it, what the garbage collector has not taken back yet says more than what is held. */
const judgedBudgetBytesMin = 33_554_432;
/** Turns of Zipf-distributed checks before any counts: what is asked about all the time is in memory then. */
const warmingTurns = 20;

/** What a check costs with more and more data, and a memory that holds a tenth of it. */
export const growth: Suite = {
  name: "growth",
  about: "check, embedded: ten thousand tuples beside many (ten million with `--only growth`), memory a tenth of the data",
  run: (settings) =>
    withFolder(async (folder) => {
      const sizes = [small, settings.grownTuples];
      const grown: Grown[] = [];
      try {
        for (const tuples of sizes) grown.push(await grow(join(folder, String(tuples)), tuples, settings));
        for (const { process } of grown) await process.turn("zipf", warmingTurns * settings.roundMs);
        const checks = await contest(grown.map((each) => contender(each, "zipf", grown)), settings);
        const uniform = await contest(grown.map((each) => contender(each, "uniform", grown)), settings);
        return [...grown.map(({ filled }) => filled), ...checks, ...uniform, ...(await residents(grown))];
      } finally {
        for (const { process } of grown) await process.close();
      }
    }),
};

interface Grown {
  readonly tuples: number;
  readonly process: EngineProcess;
  readonly filled: Row;
  readonly budgetBytes: number;
}

/** Imports in one process, so that what it leaves in memory is gone, and opens in another. */
async function grow(folder: string, tuples: number, { questions }: Settings): Promise<Grown> {
  const options = { kind: "usher", folder, world: world.name, options: { tuples, questions, seed } } as const;
  const importing = await EngineProcess.start(options);
  const start = performance.now();
  const imported = await importing.fill();
  const seconds = (performance.now() - start) / 1_000;
  const { residentBytes } = await importing.memory();
  await importing.close();
  const bytes = await sizeOf(folder);
  const budgetBytes = Math.max(limits.memoryBudgetBytesMin, Math.round(bytes * budgetShare));
  const filled: Row = { name: `import: ${imported.toLocaleString("en")} tuples`, perSecond: imported / seconds, residentBytes, note: `${megabytes(bytes)} on disk, ${(bytes / imported).toFixed(0)} bytes a tuple` };
  return { tuples, process: await EngineProcess.start({ ...options, memoryBudgetBytes: budgetBytes }), filled, budgetBytes };
}

function contender({ tuples, process }: Grown, what: StreamName, [first]: readonly Grown[]): Contender {
  const name = (size: number) => `check, ${what === "zipf" ? "Zipf-distributed" : "uniform, cold"}: ${count(size)}`;
  const floor = first === undefined || first.tuples === tuples ? undefined : name(first.tuples);
  return {
    name: name(tuples),
    turn: (ms) => process.turn(what, ms),
    ...(floor !== undefined && { beside: [floor] }),
    ...(floor !== undefined && what === "zipf" && { goals: ({ ratios }: Row) => [atMost(`p50 beside ${count(small)}`, 1.5, ratios?.[0]?.p50)] }),
  };
}

/**
 * What the larger holds beyond the smaller, which is the same program that was asked the same, must fit the budget. Tables that LevelDB maps
 * are not counted there.
 */
async function residents([small, large]: readonly Grown[]): Promise<Row[]> {
  if (small === undefined || large === undefined) return [];
  const [less, more] = [await small.process.memory(), await large.process.memory()];
  const beyond = more.ownBytes - less.ownBytes;
  const goals = [atMost(`memory beyond that of ${count(small.tuples)}, over the budget,`, 1, beyond / large.budgetBytes)];
  const name = ({ tuples }: Grown) => `resident memory after it: ${count(tuples)}`;
  const note = ({ budgetBytes }: Grown, { ownBytes, heapBytes }: Memory) =>
    `${megabytes(ownBytes)} without mapped files, of this JavaScript's heap ${megabytes(heapBytes)}; budget of the caches ${megabytes(budgetBytes)}`;
  return [
    { name: name(small), residentBytes: less.residentBytes, note: note(small, less) },
    { name: name(large), residentBytes: more.residentBytes, note: note(large, more), ...(large.budgetBytes >= judgedBudgetBytesMin && { goals }) },
  ];
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return bytes;
}

function count(tuples: number): string {
  return `${tuples.toLocaleString("en")} tuples`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MB`;
}
