import type { Command } from "commander";
import { restoreStore } from "../storage/level/backup/restore.js";
import type { Runner } from "./options.js";
import { parsePath } from "./path.js";

interface RestoreOptions {
  readonly data: string;
}

/** A line of progress for so many rows. */
const rowsPerNote = 1_000_000;

export function addRestore(program: Command, run: Runner): void {
  const command = program
    .command("restore")
    .description("make a database of a backup, without a server, in a folder that is empty or absent")
    .requiredOption("--data <folder>", "where the database is to be", parsePath)
    .argument("<files...>", "a full backup, then its increments in order")
    .addHelpText("after", `
Every file is verified to its end before anything is written. The restored database has a timeline of its own: zookies that were given
up to the backup's head hold, later ones are \`zookie_of_lost_timeline\`.
Examples:
  $ usher restore --data ./restored monday.usher tuesday.usher && usher serve --data ./restored`);
  command.action((files: string[]) =>
    run<RestoreOptions>(command, async ({ options, output }) => {
      const noteEach = (doing: string) => ({ file, rows }: { file: string; rows: number }) => {
        if (Math.floor(rows / rowsPerNote) > noted) output.note(`${doing} ${file}: ${rows} rows`);
        noted = Math.floor(rows / rowsPerNote);
      };
      let noted = 0;
      const { identity, ancestors, head } = await restoreStore(options.data, files, { onVerify: noteEach("verifying"), onLoad: noteEach("loading") });
      await output.write(
        () => `restored  ${options.data}  revision ${head.revision}  store ${identity.store}  timeline ${identity.timeline}, forked from ${ancestors.at(-1)?.timeline}`,
        () => ({ data: options.data, revision: head.revision, ...identity, ancestors }),
      );
      return undefined;
    }),
  );
}
