import type { Command } from "commander";
import { UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";
import { readMarker } from "../storage/level/marker.js";
import { confirmUpgrade, goBack, keptFormats } from "../storage/level/upgrade.js";
import { openLevelStore } from "../storage/level/store.js";
import type { Runner } from "./options.js";
import { parsePath } from "./path.js";

interface UpgradeOptions {
  readonly data: string;
  readonly confirm?: boolean;
  readonly back?: boolean;
  readonly discard?: boolean;
}

export function addUpgrade(program: Command, run: Runner): void {
  const command = program
    .command("upgrade")
    .description("bring a database that no server has open to the format of this version, in place, with a way back")
    .requiredOption("--data <folder>", "where the database is", parsePath)
    .option("--confirm", "give up the way back, and the space that it takes")
    .option("--back", "put what was before the newest upgrade back in place, for the version that wrote it")
    .option("--discard", "with --back: also where commits since then are lost")
    .addHelpText("after", `
An upgrade keeps what it began with in \`before-format-N\` inside the folder, by links to files that never change. Cut short, it goes on when
it is run again, or when the database is opened.
Examples:
  $ usher upgrade --data ./usher-data
  $ usher upgrade --data ./usher-data --confirm`);
  command.action(() =>
    run<UpgradeOptions>(command, async ({ options, output }) => {
      const { data, confirm = false, back = false, discard = false } = options;
      if (confirm && back) throw new UsherError("invalid_request", "`--confirm` and `--back` are both given: give one");
      // Opening would make a new store of an empty folder.
      if ((await readMarker(data)) === undefined) throw new UsherError("not_a_store", `folder ${quote(data)} holds no store: name the folder that a server or a program has its data in`);
      if (back) {
        const { format, revision, lost } = await goBack(data, { discard });
        await output.write(() => `went back  format ${format}  revision ${revision}  ${lost} commits lost`, () => ({ format, revision, lost }));
        return undefined;
      }
      const store = await openLevelStore(data, { upgrade: !confirm });
      const { format } = store.state;
      await store.close();
      if (confirm) await confirmUpgrade(data);
      const kept = await keptFormats(data);
      await output.write(
        () => `format ${format}${kept.length === 0 ? ", no way back is kept" : `, a way back to format ${kept.at(-1)} is kept`}`,
        () => ({ format, kept }),
      );
      return undefined;
    }),
  );
}
