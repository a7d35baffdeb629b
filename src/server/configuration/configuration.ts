import { UsherError } from "../../base/errors.js";
import { quote } from "../../model/object.js";
import { contradictions } from "./contradictions.js";
import { defaultOf, factsOf, flagOf, settingKeys, settingsSchema, variableOf, type SettingKey, type Settings } from "./options.js";
import { fileVariable, givenByEnvironment, givenByFile, givenByFlags, shown, type Environment, type Given, type Problem, type SourceKind } from "./sources.js";

export interface ConfigurationSources {
  /** As they were written; absent: not given. */
  readonly flags: Readonly<Partial<Record<SettingKey, string>>>;
  /** The file that a flag names. */
  readonly file?: string;
  readonly environment: Environment;
  /** Variables named `USHER_…` that belong to other commands. */
  readonly otherVariables: readonly string[];
}

/** One value in force, as `usher config` shows it. */
export interface ConfigurationEntry {
  readonly key: SettingKey;
  /** As in the file; of a secret that there is one; undefined: none. */
  readonly text: string | undefined;
  readonly source: SourceKind;
  /** `--drain`, `USHER_DRAIN`, `drain in usher.yaml`; of a default empty. */
  readonly from: string;
}

export interface Configuration {
  readonly settings: Settings;
  readonly entries: readonly ConfigurationEntry[];
}

/**
 * The options of a server from everywhere: a flag goes before a variable, that before the file, that before the default. All that
 * is wrong is told together. @throws `invalid_configuration`, with `details.keys`
 */
export async function loadConfiguration({ flags, file, environment, otherVariables }: ConfigurationSources): Promise<Configuration> {
  const problems: Problem[] = [];
  const path = file ?? (environment[fileVariable] || undefined);
  const layers = [
    givenByFlags(flags),
    givenByEnvironment(environment, otherVariables, problems),
    ...(path === undefined ? [] : [await givenByFile(path, problems)]),
  ];
  const given = new Map<SettingKey, Given>();
  for (const layer of layers) for (const [key, value] of layer) if (!given.has(key)) given.set(key, value);
  const settings = parse(given, problems);
  if (settings !== undefined) problems.push(...contradictions(settings));
  if (settings === undefined || problems.length > 0) throw invalid(problems);
  return { settings, entries: settingKeys.map((key) => entryOf(key, given.get(key))) };
}

function parse(given: ReadonlyMap<SettingKey, Given>, problems: Problem[]): Settings | undefined {
  const parsed = settingsSchema.safeParse(Object.fromEntries([...given].map(([key, { text }]) => [key, text])));
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) {
    const key = String(path[0]) as SettingKey;
    const value = given.get(key);
    problems.push({ keys: [key], message: value === undefined ? missing(key) : `${quote(value.name)} is ${quote(shown(key, value.text))}: it ${message}` });
  }
  return undefined;
}

function missing(key: SettingKey): string {
  const flag = factsOf(key).secret === true ? "" : `${quote(flagOf(key))}, `;
  return `${quote(key)} is missing: give ${flag}${quote(variableOf(key))}, or ${quote(key)} in the file`;
}

function entryOf(key: SettingKey, value: Given | undefined): ConfigurationEntry {
  if (value === undefined) return { key, text: defaultOf(key), source: "default", from: "" };
  return { key, text: shown(key, value.text), source: value.source, from: value.name };
}

function invalid(problems: readonly Problem[]): UsherError {
  const keys = [...new Set(problems.flatMap((problem) => problem.keys))].join(",");
  const [first, ...others] = problems.map(({ message }) => message);
  const message = others.length === 0 ? (first ?? "") : `${problems.length} things are wrong:\n${problems.map((problem) => `  - ${problem.message}`).join("\n")}`;
  return new UsherError("invalid_configuration", message, { details: { keys } });
}
