import { readFile, stat } from "node:fs/promises";

import { isMap, isScalar } from "yaml";

import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { parseYaml } from "../../base/yaml.js";
import { quote } from "../../model/object.js";
import { nearest } from "./nearest.js";
import { factsOf, flagOf, settingKeys, variableOf, type SettingKey } from "./options.js";

export type SourceKind = "flag" | "environment" | "file" | "default";

/** A value as it was given, and by what: `--drain`, `USHER_DRAIN`, `drain` in the file. */
export interface Given {
  readonly text: string;
  readonly source: SourceKind;
  readonly name: string;
}

export type GivenSettings = ReadonlyMap<SettingKey, Given>;

/** What was found wrong, a line each, with the keys that it is about. */
export interface Problem {
  readonly keys: readonly string[];
  readonly message: string;
}

/** The variable that names the file, where no flag does. */
export const fileVariable = "USHER_CONFIG";

export type Environment = Readonly<Record<string, string | undefined>>;

export function givenByFlags(flags: Readonly<Partial<Record<SettingKey, string>>>): GivenSettings {
  const given = settingKeys.flatMap((key) => {
    const text = flags[key];
    return text === undefined ? [] : [[key, { text, source: "flag", name: flagOf(key) }] as const];
  });
  return new Map<SettingKey, Given>(given);
}

/** @param others variables that belong to other commands */
export function givenByEnvironment(environment: Environment, others: readonly string[], problems: Problem[]): GivenSettings {
  const keys = new Map(settingKeys.map((key) => [variableOf(key), key]));
  const given = new Map<SettingKey, Given>();
  for (const [name, text] of Object.entries(environment)) {
    // An empty variable is how shells and orchestrators say that there is none.
    if (!name.startsWith("USHER_") || text === undefined || text === "") continue;
    const key = keys.get(name);
    if (key !== undefined) given.set(key, { text, source: "environment", name });
    else if (name !== fileVariable && !others.includes(name) && !isServiceLink(name)) {
      problems.push({ keys: [name], message: `the environment has ${quote(name)}, which is no variable of usher${suggestion(name, [...keys.keys(), fileVariable, ...others])}` });
    }
  }
  return given;
}

/**
 * Kubernetes tells each container where services are: of one named `usher` as `USHER_SERVICE_HOST`, `USHER_SERVICE_PORT_GRPC`,
 * `USHER_PORT`, `USHER_PORT_50051_TCP_ADDR`, of `usher-metrics` as `USHER_METRICS_SERVICE_HOST`… No variable of our own ends so.
 */
function isServiceLink(name: string): boolean {
  return /^USHER_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/.test(name);
}

/** @throws `invalid_configuration` where the file cannot be read; what is wrong in it is a problem each */
export async function givenByFile(path: string, problems: Problem[]): Promise<GivenSettings> {
  const { document, problems: wrong } = parseYaml(await readConfigurationFile(path));
  for (const problem of wrong) problems.push({ keys: [], message: `file ${quote(path)} cannot be read as YAML: ${problem}` });
  const given = new Map<SettingKey, Given>();
  if (wrong.length > 0 || document.contents === null) return given;
  if (!isMap(document.contents)) {
    problems.push({ keys: [], message: `file ${quote(path)} is no map of keys to values: write \`drain: 10s\`, a line each` });
    return given;
  }
  for (const { key: node, value } of document.contents.items) {
    const name = isScalar(node) ? String(node.value) : String(node);
    const key = settingKeys.find((known) => known === name);
    const text = isScalar(value) ? scalarText(value.value) : undefined;
    if (key === undefined) problems.push({ keys: [name], message: `file ${quote(path)} has ${quote(name)}, which is no key${suggestion(name, settingKeys)}` });
    else if (text === undefined) problems.push({ keys: [name], message: `${quote(name)} in file ${quote(path)} must be one text, number or boolean` });
    else given.set(key, { text, source: "file", name: `${key} in ${path}` });
  }
  return given;
}

function scalarText(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

async function readConfigurationFile(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > limits.configurationBytesMax) throw new Error(`it has ${size} bytes, more than ${limits.configurationBytesMax}`);
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsherError("invalid_configuration", `the configuration file ${quote(path)} cannot be read: ${asError(error).message}`, { details: { file: path }, cause: error });
  }
}

function suggestion(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return near === undefined ? ": remove it" : `: is it ${quote(near)}?`;
}

/** What is shown of a value: of a secret that there is one. */
export function shown(key: SettingKey, text: string): string {
  return factsOf(key).secret === true ? "(secret)" : text;
}
