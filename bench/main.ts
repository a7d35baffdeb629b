import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { thisMachine } from "./machine.js";
import { goalLines, table, type SuiteReport } from "./report.js";
import { full, grownTuplesNamed, quick, type Settings, type Suite } from "./suite.js";
import { conditions } from "./suites/conditions.js";
import { engine } from "./suites/engine.js";
import { growth } from "./suites/growth.js";
import { audit } from "./suites/audit.js";
import { grpc } from "./suites/grpc.js";
import { live } from "./suites/live.js";
import { model } from "./suites/model.js";
import { openfga } from "./suites/openfga.js";
import { spicedb } from "./suites/spicedb.js";
import { start } from "./suites/start.js";
import { storage } from "./suites/storage.js";
import { watch } from "./suites/watch.js";
import { writes } from "./suites/writes.js";
import { wholeNumber } from "./whole-number.js";

/** `npm run bench`: see the usage. Figures differ between machines and between minutes; the ratios are taken within one run. */
const suites: readonly Suite[] = [model, conditions, storage, engine, spicedb, watch, live, writes, grpc, audit, openfga, growth, start];

const usage = `usage: npm run bench -- [--only NAME]… [--quick] [--tuples N] [--json FILE]
  --only NAME   this suite, again for more:
${suites.map(({ name, about }) => `                ${name.padEnd(12)} ${about}`).join("\n")}
  --quick       minutes instead of half an hour, and figures to match
  --tuples N    how many \`growth\` and \`start\` go up to; default ${full.grownTuples}, with --quick ${quick.grownTuples}, each asked for with --only ${grownTuplesNamed}
  --json FILE   all figures, also to a file`;

interface Options {
  readonly only: readonly string[];
  readonly quick: boolean;
  readonly tuples: number | undefined;
  readonly json: string | undefined;
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    console.error(usage);
    return 2;
  }
  const machine = thisMachine();
  console.log(`${machine.processor}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.platform}, Node.js ${machine.node}${options.quick ? ", quick" : ""}`);
  const settings = settingsOf(options);
  const reports: SuiteReport[] = [];
  for (const suite of suites) {
    if (options.only.length > 0 && !options.only.includes(suite.name)) continue;
    console.log(`\n${suite.name}: ${suite.about}`);
    const rows = await suite.run(settings);
    reports.push({ suite: suite.name, rows });
    console.log(table(rows));
  }
  const goals = goalLines(reports);
  if (goals.length > 0) console.log(["\ngoals", ...goals].join("\n"));
  if (options.json !== undefined) await writeFile(options.json, JSON.stringify({ machine, quick: options.quick, settings, reports }, null, 2) + "\n");
  return 0;
}

/** Ten million tuples take minutes to import, so they are there only for who names the suite. */
function settingsOf({ only, quick: short, tuples }: Options): Settings {
  const settings = short ? quick : full;
  const named = !short && only.length > 0 ? grownTuplesNamed : settings.grownTuples;
  return { ...settings, grownTuples: tuples ?? named };
}

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: "string", multiple: true, default: [] },
        quick: { type: "boolean", default: false },
        tuples: { type: "string" },
        json: { type: "string" },
      },
    });
    const unknown = values.only.find((name) => !suites.some((suite) => suite.name === name));
    if (unknown !== undefined) throw new Error(`there is no suite \`${unknown}\``);
    const tuples = values.tuples === undefined ? undefined : wholeNumber("tuples", values.tuples);
    return { only: values.only, quick: values.quick, tuples, json: values.json };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return undefined;
  }
}

process.exitCode = await main();
