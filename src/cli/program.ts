import { Command } from "commander";
import { addAudit } from "./audit.js";
import { addBackup } from "./backup.js";
import { addCheck } from "./check.js";
import { addCompare } from "./compare.js";
import { addConfig } from "./config.js";
import { exitCodes, exitHelp, reportFailure } from "./exit.js";
import { addExpand } from "./expand.js";
import { addFollow } from "./follow.js";
import { addFsck } from "./fsck.js";
import { addGlobalOptions, createRunner } from "./options.js";
import { addHolds } from "./holds.js";
import { addKeyCommands } from "./key.js";
import { addLookup } from "./lookup.js";
import { addPreview } from "./preview.js";
import { addRestore } from "./restore.js";
import { addSchema } from "./schema.js";
import { addServe } from "./serve.js";
import { addSession } from "./session.js";
import type { Terminal } from "./terminal.js";
import { addTenant } from "./tenant.js";
import { addTest } from "./test.js";
import { addTuple } from "./tuple.js";
import { addUpgrade } from "./upgrade.js";
import { addVersion, packageVersion } from "./version.js";
import { addWatch } from "./watch.js";

/** Runs one command line and tells its exit code; never throws. @param words without the program's name */
export async function runCommand(words: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = createProgram(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...words], { from: "user" });
    return exitCode;
  } catch (error) {
    return reportFailure(error, terminal, words.includes("--json"), helpFor(words, program));
  }
}

/** Help for the command that was meant, as far as the words name one. */
function helpFor(words: readonly string[], program: Command): string {
  let command = program;
  const path = [program.name()];
  for (const word of words) {
    const named = command.commands.find((each) => each.name() === word);
    if (named === undefined) continue;
    command = named;
    path.push(word);
  }
  return `${path.join(" ")} --help`;
}

function createProgram(terminal: Terminal, finish: (exitCode: number) => void): Command {
  const program = new Command("usher")
    .description("A relationship-based authorization database: who may do what, and until when.")
    .version(packageVersion())
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      // `reportFailure` writes errors, of usage too.
      outputError: () => undefined,
    })
    .addHelpText("after", exitHelp);
  addGlobalOptions(program, terminal);
  const run = createRunner(terminal, finish);
  for (const add of [addServe, addConfig, addSchema, addTuple, addSession, addCheck, addExpand, addLookup, addPreview, addWatch, addHolds, addAudit, addKeyCommands, addTenant, addTest, addBackup, addRestore, addFsck, addUpgrade, addVersion]) add(program, run);
  for (const add of [addFollow, addCompare]) add(program, run, terminal);
  return program;
}
