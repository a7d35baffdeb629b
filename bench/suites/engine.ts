import { contest, type Contender } from "../contest.js";
import { EngineProcess, type What } from "../engines/process.js";
import { withFolder } from "../folder.js";
import type { Row } from "../report.js";
import { seed, type Settings, type Suite } from "../suite.js";
import { percentiles } from "../turn.js";
import { worldKinds } from "../worlds/catalogue.js";
import { documents } from "../worlds/documents.js";
import { exclusion } from "../worlds/exclusion.js";
import { verdict } from "../worlds/fill.js";
import { growth } from "../worlds/growth.js";
import { intersection } from "../worlds/intersection.js";
import type { World, WorldKind } from "../worlds/world.js";

/** Usher, embedded, in a process of its own: every world, cold and warm, questions of either answer. */
export const engine: Suite = {
  name: "engine",
  about: "check, embedded, every world: cold and warm, allowed and denied, batches, resident memory",
  async run(settings) {
    const rows: Row[] = [];
    for (const kind of worldKinds) if (kind !== growth) rows.push(...(await measured(kind, settings)));
    return rows;
  },
};

/** The options that a world is made with, here and in the process of its engine. */
export function optionsOf(kind: WorldKind, { documentTuples, questions }: Settings) {
  return { ...(kind === documents && { tuples: documentTuples }), questions, seed };
}

/** @throws where an answer is not as the world says */
export function requireAnswers(world: World, answers: readonly string[], allowed?: boolean): void {
  const checks = world.checks.filter((check) => allowed === undefined || check.allowed === allowed);
  const wrong = checks.findIndex((check, index) => answers[index] !== verdict(check.allowed));
  if (wrong >= 0) throw new Error(`world \`${world.name}\`: the answer to ${JSON.stringify(checks[wrong]?.question)} is wrong: ${answers[wrong]}`);
}

/** @throws where a lookup did not find as many as the world says */
export function requireCounts(world: World, found: readonly number[]): void {
  const wrong = world.lookups.findIndex(({ count }, index) => found[index] !== count);
  if (wrong >= 0) throw new Error(`world \`${world.name}\`: lookup ${wrong} found ${found[wrong]}: it must be ${world.lookups[wrong]?.count}`);
}

/** Those of the worlds that are about them. */
export function lookupsOf({ name, lookups }: World): { readonly what: What; readonly words: string }[] {
  if (name !== exclusion.name && name !== intersection.name) return [];
  return lookups.map(({ kind, count }, index) => ({ what: `lookup ${index}`, words: `lookup of ${count} ${kind}` }));
}

async function measured(kind: WorldKind, settings: Settings): Promise<Row[]> {
  // A suite of many worlds takes minutes, and its table comes at the end.
  console.error(`  ${kind.name} …`);
  const options = optionsOf(kind, settings);
  const world = kind.make(options);
  return withFolder(async (folder) => {
    const process = await EngineProcess.start({ kind: "usher", folder, world: kind.name, options });
    try {
      await process.fill();
      const rows = [await cold(process, world, true), await cold(process, world, false)];
      requireCounts(world, await process.lookUp());
      await process.warm();
      rows.push(...(await contest(warm(process, world), settings)));
      const { residentBytes } = await process.memory();
      return rows.map((row, index) => (index === 0 ? { ...row, residentBytes } : row));
    } finally {
      await process.close();
    }
  });
}

/** Each question once, after the store was opened anew: its own caches are empty, the operating system's are not. */
async function cold(process: EngineProcess, world: World, allowed: boolean): Promise<Row> {
  await process.reopen();
  const { answers, latenciesMs } = await process.askAll(allowed);
  requireAnswers(world, answers, allowed);
  const seconds = latenciesMs.reduce((sum, ms) => sum + ms, 0) / 1_000;
  return { name: `${world.name}: each question once, ${verdict(allowed)}`, perSecond: latenciesMs.length / seconds, ...percentiles(latenciesMs) };
}

function warm(process: EngineProcess, world: World): Contender[] {
  const { name, streams } = world;
  const contender = (what: What, words: string): Contender => ({ name: `${name}: ${words}`, turn: (ms) => process.turn(what, ms) });
  return [
    contender("allowed", "check, warm, allowed"),
    contender("denied", "check, warm, denied"),
    contender("batches", "checks in batches of 100, warm"),
    ...(streams?.pairs === undefined ? [] : [contender("pairs", "check, data warm, each pair another"), contender("batches of pairs", "the same in batches of 100")]),
    ...lookupsOf(world).map(({ what, words }) => contender(what, words)),
  ];
}
