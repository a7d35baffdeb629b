import { LineCounter, parse, parseDocument, isNode } from "yaml";
import { z } from "zod";
import { asError, UsherError } from "../base/errors.js";
import type { Context } from "../model/context.js";
import { quote } from "../model/object.js";
import { parseModel } from "../server/adapters/openfga/convert.js";
import type { AuthorizationModel } from "../server/adapters/openfga/model.js";
import type { TupleKey } from "../server/adapters/openfga/references.js";
import { readFgaModel } from "./fga-model.js";
import { besideFile, readText } from "./input.js";

const context = z.record(z.string(), z.unknown()).nullish().transform((value) => (value ?? {}) as Context);
const tuple = z.object({ user: z.string(), relation: z.string(), object: z.string(), condition: z.object({ name: z.string(), context }).optional() }).transform((value) => value as TupleKey);
const tuples = z.array(tuple).nullish().transform((value) => value ?? []);
const sources = { tuples, tuple_file: z.string().optional(), tuple_files: z.array(z.string()).optional() };
const listed = z.array(z.string()).nullish().transform((value) => value ?? []);

const test = z.strictObject({
  name: z.string().optional(),
  description: z.string().optional(),
  ...sources,
  check: z
    .array(z.strictObject({ user: z.string().optional(), users: z.array(z.string()).optional(), object: z.string().optional(), objects: z.array(z.string()).optional(), context, assertions: z.record(z.string(), z.boolean()) }))
    .optional(),
  list_objects: z.array(z.strictObject({ user: z.string(), type: z.string(), context, assertions: z.record(z.string(), listed) })).optional(),
  list_users: z
    .array(
      z.strictObject({
        object: z.string(),
        user_filter: z.array(z.strictObject({ type: z.string(), relation: z.string().optional() })).length(1),
        context,
        assertions: z.record(z.string(), z.strictObject({ users: listed })),
      }),
    )
    .optional(),
});

const storeFile = z.strictObject({ name: z.string().optional(), model: z.string().optional(), model_file: z.string().optional(), ...sources, tests: z.array(test) });

export type FgaTest = Omit<z.output<typeof test>, "tuples" | "tuple_file" | "tuple_files"> & { readonly tuples: readonly TupleKey[] };

/** A store file, as OpenFGA's command line runs it: a model, tuples, and tests with more tuples and what must be answered. */
export interface FgaFile {
  readonly file: string;
  readonly model: AuthorizationModel;
  readonly tuples: readonly TupleKey[];
  readonly tests: readonly FgaTest[];
  /** Where something stands in the file, from 1. */
  readonly lineOf: (path: readonly (string | number)[]) => number;
}

export function isStoreFile(file: string): boolean {
  return /\.fga\.ya?ml$/.test(file);
}

/** @throws `invalid_file`, `invalid_schema` */
export async function readStoreFile(file: string): Promise<FgaFile> {
  const lines = new LineCounter();
  const document = parseDocument(await readText(file), { lineCounter: lines, prettyErrors: false });
  const lineOf = (path: readonly (string | number)[]) => {
    const node = document.getIn(path, true);
    return lines.linePos((isNode(node) ? node.range?.[0] : undefined) ?? 0).line;
  };
  const [problem] = document.errors;
  if (problem !== undefined) throw refuse(file, lines.linePos(problem.pos[0]).line, `is not YAML: ${problem.message}`);
  const parsed = storeFile.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(file, lineOf((issue?.path ?? []) as (string | number)[]), `has ${quote(issue?.path.join("."))} that is wrong: ${issue?.message ?? ""}`);
  }
  const { model, model_file: modelFile, tests, ...rest } = parsed.data;
  const read = { file, model: await readModelOf(file, model, modelFile), tuples: await tuplesOf(file, rest), lineOf };
  const withTuples: FgaTest[] = [];
  for (const { tuples: own, tuple_file, tuple_files, ...each } of tests) {
    withTuples.push({ ...each, tuples: await tuplesOf(file, { tuples: own, ...(tuple_file && { tuple_file }), ...(tuple_files && { tuple_files }) }) });
  }
  return { ...read, tests: withTuples };
}

async function readModelOf(file: string, model: string | undefined, modelFile: string | undefined): Promise<AuthorizationModel> {
  if (model !== undefined) return parseModel(model);
  if (modelFile === undefined) throw refuse(file, 1, "has neither `model` nor `model_file`");
  return readFgaModel(beside(file, modelFile));
}

async function tuplesOf(file: string, from: { readonly tuples: readonly TupleKey[]; readonly tuple_file?: string | undefined; readonly tuple_files?: readonly string[] | undefined }): Promise<TupleKey[]> {
  const all = [...from.tuples];
  for (const name of [...(from.tuple_file === undefined ? [] : [from.tuple_file]), ...(from.tuple_files ?? [])]) all.push(...(await readTuples(beside(file, name))));
  return all;
}

/** YAML, of which JSON is a part. */
async function readTuples(file: string): Promise<TupleKey[]> {
  const text = await readText(file);
  try {
    return tuples.parse(parse(text));
  } catch (error) {
    throw refuse(file, 1, `is no list of tuples: ${asError(error).message}`);
  }
}

function beside(file: string, name: string): string {
  const path = besideFile(file, name);
  if (path === undefined) throw refuse(file, 1, `names ${quote(name)}, which is not in the file's own folder`);
  return path;
}

function refuse(file: string, line: number, why: string): UsherError {
  return new UsherError("invalid_file", `${file}:${line}: ${why}`, { details: { file, line: String(line) } });
}
