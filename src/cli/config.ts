import type { Command } from "commander";
import type { ConfigurationEntry } from "../server/configuration/configuration.js";
import { addConfigurationOptions, configurationHelp, configurationOf } from "./configuration-options.js";
import type { Runner } from "./options.js";

export function addConfig(program: Command, run: Runner): void {
  const command = addConfigurationOptions(program, program.command("config"))
    .description("print the options that `serve` would run with, and where each comes from; nothing is started")
    .addHelpText("after", `${configurationHelp(program)}

Examples:
  $ usher config --data ./usher-data
  $ usher config --config /etc/usher.yaml --json`);
  command.action(() =>
    run(command, async ({ output, terminal }) => {
      const { entries } = await configurationOf(command, terminal);
      await output.write(
        () => entries.map((entry) => output.style(entry.source === "default" ? "dim" : "bold", line(entry))).join("\n"),
        () => Object.fromEntries(entries.map(({ key, text, source, from }) => [key, { value: text ?? null, source, ...(from === "" ? {} : { from }) }])),
      );
      return undefined;
    }),
  );
}

function line({ key, text, source, from }: ConfigurationEntry): string {
  return `${key.padEnd(20)} ${(text ?? "-").padEnd(24)} ${source === "default" ? "default" : from}`;
}
