import { Option, type Command } from "commander";
import { loadConfiguration, type Configuration } from "../server/configuration/configuration.js";
import { defaultOf, factsOf, flagOf, settingKeys, variableOf, type SettingKey } from "../server/configuration/options.js";
import { fileVariable } from "../server/configuration/sources.js";
import type { Terminal } from "./terminal.js";

/** Variables that other commands read. */
const otherVariables = ["USHER_KEY"];

/** Flags for every option of a server that is no secret; those that all commands have are not added again. */
export function addConfigurationOptions(program: Command, command: Command): Command {
  const known = new Set(program.options.map(({ long }) => long));
  command.option("--config <file>", `a YAML file of options, \`drain: 10s\` a line; a flag goes before a variable, that before the file (environment: ${fileVariable})`);
  for (const key of settingKeys) {
    const { description, placeholder, secret, repeatable } = factsOf(key);
    if (secret === true || known.has(flagOf(key))) continue;
    const value = placeholder === undefined ? "[true|false]" : `<${placeholder}>`;
    const option = new Option(`${flagOf(key)} ${value}`, `${description} (${origins(key)})`);
    command.addOption(repeatable === true ? option.argParser(joined) : option);
  }
  return command;
}

/** As it would be written in the file. */
function joined(value: string, before?: string): string {
  return before === undefined ? value : `${before},${value}`;
}

/** What help adds: options that have no flag here, or stand among those of all commands. */
export function configurationHelp(program: Command): string {
  const known = new Set(program.options.map(({ long }) => long));
  const others = settingKeys.filter((key) => factsOf(key).secret === true || known.has(flagOf(key)));
  return `
Also taken from the environment and the file, under these names:
${others.map((key) => `  ${key.padEnd(14)} ${factsOf(key).description} (${origins(key)})`).join("\n")}`;
}

/** @throws `invalid_configuration` */
export async function configurationOf(command: Command, { environment }: Terminal): Promise<Configuration> {
  const flags: Partial<Record<SettingKey, string>> = {};
  for (const key of settingKeys) {
    const value = givenFlag(command, key);
    if (value !== undefined) flags[key] = value;
  }
  const file = givenFlag(command, "config");
  return loadConfiguration({ flags, environment, otherVariables, ...(file === undefined ? {} : { file }) });
}

/** What was typed, at the command or before it; a default of commander's is none. */
function givenFlag(command: Command, name: string): string | undefined {
  for (let at: Command | null = command; at !== null; at = at.parent) {
    if (at.getOptionValueSource(name) === "cli") return String(at.getOptionValue(name));
  }
  return undefined;
}

function origins(key: SettingKey): string {
  const value = defaultOf(key);
  return `${value === undefined ? "" : `default: ${value}; `}environment: ${variableOf(key)}`;
}
