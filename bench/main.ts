import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { thisMachine } from "./machine.js";
import { table, type SuiteReport } from "./report.js";
import { full, quick, type Suite } from "./suite.js";
import { conditions } from "./suites/conditions.js";
import { evaluation } from "./suites/evaluation.js";
import { model } from "./suites/model.js";
import { server } from "./suites/server.js";
import { storage } from "./suites/storage.js";
import { watch } from "./suites/watch.js";
import { writes } from "./suites/writes.js";

/**
 * `npm run bench`, with `-- --only NAME` (again for more), `--quick` (seconds instead of minutes, and figures to match), `--json FILE`.
 * Figures differ between machines and between minutes; the ratios are taken within one run.
 */
const suites: readonly Suite[] = [model, conditions, storage, evaluation, watch, writes, server];

const usage = `usage: npm run bench -- [--only NAME]… [--quick] [--json FILE]
${suites.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join("\n")}`;

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    console.error(usage);
    return 2;
  }
  const settings = options.quick ? quick : full;
  const machine = thisMachine();
  console.log(`${machine.processor}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.platform}, Node.js ${machine.node}${options.quick ? ", quick" : ""}`);
  const reports: SuiteReport[] = [];
  for (const suite of suites) {
    if (options.only.length > 0 && !options.only.includes(suite.name)) continue;
    console.log(`\n${suite.name}: ${suite.about}`);
    const rows = await suite.run(settings);
    reports.push({ suite: suite.name, rows });
    console.log(table(rows));
  }
  if (options.json !== undefined) await writeFile(options.json, JSON.stringify({ machine, quick: options.quick, settings, reports }, null, 2) + "\n");
  return 0;
}

function readOptions(): { only: string[]; quick: boolean; json: string | undefined } | undefined {
  try {
    const { values } = parseArgs({
      options: { only: { type: "string", multiple: true, default: [] }, quick: { type: "boolean", default: false }, json: { type: "string" } },
    });
    const unknown = values.only.find((name) => !suites.some((suite) => suite.name === name));
    if (unknown !== undefined) throw new Error(`there is no suite \`${unknown}\``);
    return { only: values.only, quick: values.quick, json: values.json };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return undefined;
  }
}

process.exitCode = await main();
