import { readFileSync } from "node:fs";

import { loadSpiceDb } from "../../../../bench/engines/spicedb-package.js";

/** What both are asked: messages of `authzed.api.v1` as plain values. */
export interface Exam {
  readonly schema: string;
  readonly updates: readonly object[];
  readonly checks: readonly object[];
  readonly lookups: readonly object[];
}

/** Numbers of `Permissionship`, or how the question failed; and what each lookup found, as `id number`, sorted. */
export interface ExamAnswers {
  readonly checks: readonly string[];
  readonly lookups: readonly (readonly string[])[];
}

interface Found {
  readonly resourceObjectId: string;
  readonly permissionship: number;
}

/** The calls that both have. */
export interface Examined {
  writeRelationships(request: object): Promise<unknown>;
  checkPermission(request: object): Promise<{ readonly permissionship: number }>;
  lookupResources(request: object): Promise<readonly unknown[]>;
}

export async function sit(exam: Exam, calls: Examined, make: (type: string, value: object) => object): Promise<ExamAnswers> {
  if (exam.updates.length > 0) await calls.writeRelationships(make("WriteRelationshipsRequest", { updates: exam.updates }));
  const checks: string[] = [];
  for (const check of exam.checks) {
    const answer = await calls.checkPermission(make("CheckPermissionRequest", check)).catch((error: unknown) => error as { readonly code: number });
    checks.push("permissionship" in answer ? String(answer.permissionship) : `failed ${answer.code}`);
  }
  const lookups: string[][] = [];
  for (const lookup of exam.lookups) {
    const found = (await calls.lookupResources(make("LookupResourcesRequest", lookup))) as readonly Found[];
    lookups.push(found.map(({ resourceObjectId, permissionship }) => `${resourceObjectId} ${permissionship}`).sort());
  }
  return { checks, lookups };
}

/** `embedded-program.js PACKAGE EXAM`: SpiceDB itself, in a process of its own, since it is a library of native code. */
async function main(folder: string, path: string): Promise<void> {
  const { EmbeddedSpiceDB, v1 } = await loadSpiceDb(folder);
  const exam = JSON.parse(readFileSync(path, "utf8")) as Exam;
  const database = await EmbeddedSpiceDB.start(exam.schema, []);
  const make = (type: string, value: object) => v1[type]?.create(value) ?? value;
  const answers = await sit(exam, database.permissions().promises, make);
  // Closing takes it five seconds, and there is nothing to keep.
  process.stdout.write(`${JSON.stringify(answers)}\n`, () => process.exit());
}

const [, program = "", folder, path] = process.argv;
if (/embedded-program\.[jt]s$/.test(program) && folder !== undefined && path !== undefined) await main(folder, path);
