import { mutants } from "./table.js";
import { Workbench } from "./workbench.js";

/**
 * Runs every mutant, or those whose names contain the first argument, against its suites. Exits with 1 if one
 * survived: a hole in the suites.
 *
 *     npm run mutants                   all
 *     npm run mutants -- exclusion      those that have to do with exclusions
 */
async function main(part = ""): Promise<number> {
  const chosen = mutants.filter(({ name }) => name.includes(part));
  const bench = await Workbench.open();
  const survivors: string[] = [];
  try {
    for (const suite of new Set(chosen.flatMap(({ suites }) => suites))) {
      const { failed } = await bench.baseline([suite]);
      if (failed !== undefined) throw new Error(`${suite} fails without a mutant: ${failed}`);
    }
    for (const mutant of chosen) {
      const start = performance.now();
      const { failed } = await bench.run(mutant);
      const seconds = ((performance.now() - start) / 1_000).toFixed(1);
      console.log(`${failed === undefined ? "SURVIVED" : "caught  "} ${seconds.padStart(6)} s  ${mutant.name}${failed === undefined ? "" : `  (${failed})`}`);
      if (failed === undefined) survivors.push(mutant.name);
    }
  } finally {
    await bench.close();
  }
  console.log(`${chosen.length - survivors.length} of ${chosen.length} mutants caught`);
  return survivors.length > 0 || chosen.length === 0 ? 1 : 0;
}

process.exitCode = await main(process.argv[2]);
