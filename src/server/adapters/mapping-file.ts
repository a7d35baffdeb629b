import { readFile, stat } from "node:fs/promises";

import { z } from "zod";

import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { parseYaml } from "../../base/yaml.js";
import { isName, isTypeName, quote } from "../../model/object.js";
import { Template } from "./template.js";

/** A text with placeholders of a closed set. */
export const template = (known: (name: string) => boolean) =>
  z.string().transform((text, context) => {
    const parsed = Template.parse(text, known);
    if (typeof parsed !== "string") return parsed;
    context.addIssue({ code: "custom", message: parsed });
    return z.NEVER;
  });

export const name = () => z.string().refine(isName, "is not a name: letters, digits and `_`, not starting with a digit");

export const typeName = () => z.string().refine(isTypeName, "is not a type: letters, digits and `_`, with `/` between prefixes");

/** One, or a list of them. */
export const oneOrMore = <Value>(value: z.ZodType<Value>) => z.union([value, z.array(value).min(1)]).transform((given) => (Array.isArray(given) ? (given as readonly Value[]) : [given]));

/**
 * Reads a mapping, strictly: a field that is misspelt must not be a rule that is not there. All that is wrong is told together, each by its place.
 *
 *     file `envoy.yaml` is no mapping: `rules[2].subject.id` has the placeholder `{heder.x-user}`, which there is not
 *
 * @throws `invalid_configuration`
 */
export async function loadMapping<Mapping>(path: string, schema: z.ZodType<Mapping>): Promise<Mapping> {
  const { document, problems } = parseYaml(await read(path));
  if (problems.length > 0) throw invalid(path, `cannot be read as YAML: ${problems.join("; ")}`);
  const parsed = schema.safeParse(plain(document, path) ?? {}, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw invalid(path, `is no mapping: ${parsed.error.issues.map((issue) => `${place(issue.path)} ${problemOf(issue)}`).join("; ")}`);
}

/** Without aliases, by which a small file becomes a large one. */
function plain(document: ReturnType<typeof parseYaml>["document"], path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw invalid(path, "has an alias: write out what it stands for", error);
  }
}

function problemOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "unrecognized_keys":
      return `has ${issue.keys.map((key) => quote(key)).join(", ")}, which is no field`;
    case "invalid_type":
      return issue.input === undefined ? "is missing" : `must be of type \`${issue.expected}\``;
    case "invalid_key":
      return issue.issues.map(({ message }) => message).join(", ");
    case "invalid_union":
      // Of the alternatives the one counts that says more than that it is of another type.
      return issue.errors.flat().find(({ code }) => code !== "invalid_type")?.message ?? "is of a type that is not allowed there";
    default:
      return issue.message;
  }
}

function place(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return text === "" ? "it" : `\`${text.replace(/^\./, "")}\``;
}

async function read(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > limits.configurationBytesMax) throw new Error(`it has ${size} bytes, more than ${limits.configurationBytesMax}`);
    return await readFile(path, "utf8");
  } catch (error) {
    throw invalid(path, `cannot be read: ${asError(error).message}`, error);
  }
}

function invalid(path: string, problem: string, cause?: unknown): UsherError {
  return new UsherError("invalid_configuration", `file ${quote(path)} ${problem}`, { details: { file: path }, cause });
}
