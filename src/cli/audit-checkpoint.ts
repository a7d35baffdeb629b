import type { Command } from "commander";
import { writeWholeFile } from "../base/whole-file.js";
import { parseCount } from "./duration.js";
import { withUsher, type Runner } from "./options.js";

interface CheckpointFlags {
  readonly output?: string;
  readonly fromSize?: number;
}

export function addAuditCheckpoint(group: Command, run: Runner): void {
  const command = group
    .command("checkpoint")
    .description("what the log holds, in one signed note: keep it elsewhere, and nothing before it can be changed unseen")
    .option("--output <file>", "write it there")
    .option("--from-size <size>", "with --json: prove that the log of this size is a beginning of it", parseCount)
    .addHelpText("after", `
Examples:
  $ usher audit checkpoint --output monday.checkpoint
  $ usher audit checkpoint --from-size 1842 --json`);
  command.action(() =>
    run<CheckpointFlags>(command, async ({ options, output }) => {
      const { output: file, fromSize } = options;
      const answer = await withUsher(options, (usher) => usher.audit.checkpoint(fromSize === undefined ? {} : { fromSize }));
      if (file !== undefined) await writeWholeFile(file, once(answer.checkpoint));
      if (output.json) await output.write(() => "", () => answer);
      else if (file === undefined) await output.print(answer.checkpoint);
      else output.note(`written  ${file}`);
      return undefined;
    }),
  );
}

async function* once(text: string): AsyncGenerator<Buffer, void> {
  yield Buffer.from(text);
}
