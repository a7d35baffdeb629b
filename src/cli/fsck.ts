import type { Command } from "commander";
import { fsck, type FsckReport } from "../storage/level/fsck/fsck.js";
import { exitCodes } from "./exit.js";
import type { Runner } from "./options.js";
import { parsePath } from "./path.js";
import type { Output } from "./output.js";

interface FsckOptions {
  readonly repair?: boolean;
}

export function addFsck(program: Command, run: Runner): void {
  const command = program
    .command("fsck")
    .description("check that a database that no server has open agrees with itself: tables, both indexes, history, counters, log")
    .argument("<folder>", "where the database is", parsePath)
    .option("--repair", "make good what follows from the rest: the index by subject, counters, the log's indexes, schemas of kept commits, leftovers")
    .addHelpText("after", `
Exit code 0: nothing is wrong, or all of it was repaired; 1: something is left that is wrong; 4: it could not be checked.
Examples:
  $ usher fsck ./usher-data
  $ usher fsck ./usher-data --repair --json`);
  command.action((folder: string) =>
    run<FsckOptions>(command, async ({ options, output }) => {
      const repair = options.repair ?? false;
      const found = await fsck(folder, { repair, onPart: (part) => output.note(`checking ${part}`) });
      await report(found, repair, output);
      return found.left === 0 ? exitCodes.ok : exitCodes.denied;
    }),
  );
}

async function report({ meta, findings, left }: FsckReport, repair: boolean, output: Output): Promise<void> {
  const lines = findings.flatMap(({ word, count, repairable, examples }) => [
    `${word}  ${count}${repairable === 0 ? ", not repairable" : `, ${repairable} ${repair ? "repaired" : "repairable"}`}`,
    ...examples.map((example) => `    ${example}`),
  ]);
  const { revision } = meta.head;
  await output.write(
    () => [...lines, left === 0 ? `sound  revision ${revision}` : `${left} left  revision ${revision}`].join("\n"),
    () => ({ revision, horizon: meta.horizon.revision, left, repaired: repair, findings }),
  );
}
