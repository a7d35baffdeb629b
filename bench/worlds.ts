import { join } from "node:path";
import { parseArgs } from "node:util";

import { questions, seed } from "./suite.js";
import { wholeNumber } from "./whole-number.js";
import { worldKind, worldKinds } from "./worlds/catalogue.js";
import { writeWorld } from "./worlds/files.js";

/** The data and the questions of the benchmarks as files: see `worlds/files.ts` for what is in them. */
const usage = `usage: node dist/bench/worlds.js --world NAME… [--all] --out DIR [--tuples N] [--questions N] [--seed N]
${worldKinds.map(({ name, about }) => `  ${name.padEnd(18)} ${about}`).join("\n")}`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      world: { type: "string", multiple: true, default: [] },
      all: { type: "boolean", default: false },
      out: { type: "string" },
      tuples: { type: "string" },
      questions: { type: "string", default: String(questions) },
      seed: { type: "string", default: String(seed) },
    },
  });
  const kinds = values.all ? worldKinds : values.world.map(worldKind);
  if (kinds.length === 0 || values.out === undefined) throw new Error(usage);
  for (const kind of kinds) {
    const options = { questions: wholeNumber("questions", values.questions), seed: wholeNumber("seed", values.seed) };
    const world = kind.make({ ...options, ...(values.tuples !== undefined && { tuples: wholeNumber("tuples", values.tuples) }) });
    const folder = join(values.out, kind.name);
    await writeWorld(folder, world);
    console.log(folder);
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
