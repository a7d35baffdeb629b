import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Database } from "../database/database.js";
import { quote } from "../model/object.js";
import { compileSchema } from "../model/schema/compile.js";
import { bodies } from "../server/adapters/openfga/bodies.js";
import { check } from "../server/adapters/openfga/checks.js";
import { listObjects, listUsers, userTextOf, type FoundUser } from "../server/adapters/openfga/lists.js";
import { createStore, writeModel } from "../server/adapters/openfga/models.js";
import { nativeName } from "../server/adapters/openfga/names.js";
import { nativeObject, parseObject } from "../server/adapters/openfga/references.js";
import { Stores } from "../server/adapters/openfga/store.js";
import { write } from "../server/adapters/openfga/tuples.js";
import type { FgaFile, FgaTest } from "./fga-file.js";
import { withTemporaryDatabase, type CaseResult, type ValidationResult } from "./validation-run.js";

/** Runs a store file on a database of its own, in the words of the adapter, so that it means what it means there. @throws `invalid_file`, `invalid_schema` */
export async function runStoreFile(file: FgaFile): Promise<ValidationResult> {
  return withTemporaryDatabase(async (database) => {
    const { id } = (await createStore(database, "test", {})) as { id: string };
    const call = { tenant: id };
    const stores = new Stores(database);
    await writeModel(database, stores, file.model, call);
    for (let at = 0; at < file.tuples.length; at += limits.openfgaTuplesMax) {
      const tupleKeys = file.tuples.slice(at, at + limits.openfgaTuplesMax);
      await write(database, stores, { ...bodies.write.parse({ writes: { tuple_keys: tupleKeys } }), store: id }, call);
    }
    const runner = new Runner(database, stores, file, id);
    for (const [i, test] of file.tests.entries()) await runner.test(test, i);
    const { text } = await database.readSchema({}, call);
    return { schema: compileSchema(text), cases: runner.cases.sort((a, b) => a.line - b.line) };
  });
}

class Runner {
  readonly cases: CaseResult[] = [];
  readonly #database: Database;
  readonly #stores: Stores;
  readonly #file: FgaFile;
  readonly #store: string;

  constructor(database: Database, stores: Stores, file: FgaFile, store: string) {
    this.#database = database;
    this.#stores = stores;
    this.#file = file;
    this.#store = store;
  }

  /** A test's own tuples stand for its questions alone. */
  async test(test: FgaTest, i: number): Promise<void> {
    for (const [at, { user, users = [], object, objects = [], context, assertions }] of (test.check ?? []).entries()) {
      for (const who of user === undefined ? users : [user, ...users]) {
        for (const about of object === undefined ? objects : [object, ...objects]) {
          for (const [relation, expected] of Object.entries(assertions)) {
            const asked = { tuple_key: { user: who, relation, object: about }, context, contextual_tuples: { tuple_keys: test.tuples } };
            await this.#case(["tests", i, "check", at], `check ${quote(`${about}#${relation}@${who}`)}`, about, relation, String(expected), async () =>
              String(((await check(this.#database, this.#stores, this.#asked("check", asked), this.#call, () => undefined)) as { allowed: boolean }).allowed),
            );
          }
        }
      }
    }
    await this.#lists(test, i);
  }

  async #lists(test: FgaTest, i: number): Promise<void> {
    for (const [at, { user, type, context, assertions }] of (test.list_objects ?? []).entries()) {
      for (const [relation, expected] of Object.entries(assertions)) {
        const asked = { user, type, relation, context, contextual_tuples: { tuple_keys: test.tuples } };
        await this.#case(["tests", i, "list_objects", at], `list_objects ${quote(`${type}#${relation}@${user}`)}`, `${type}:any`, relation, sorted(expected), async () =>
          sorted(((await listObjects(this.#database, this.#stores, this.#asked("listObjects", asked), this.#call)) as { objects: string[] }).objects),
        );
      }
    }
    for (const [at, { object, user_filter: filters, context, assertions }] of (test.list_users ?? []).entries()) {
      for (const [relation, { users: expected }] of Object.entries(assertions)) {
        const { type, id } = parseObject(object);
        const asked = { object: { type, id }, relation, user_filters: filters, context, contextual_tuples: test.tuples };
        await this.#case(["tests", i, "list_users", at], `list_users ${quote(`${object}#${relation}`)}`, object, relation, sorted(expected), async () =>
          sorted(((await listUsers(this.#database, this.#stores, this.#asked("listUsers", asked), this.#call)) as { users: FoundUser[] }).users.map(userTextOf)),
        );
      }
    }
  }

  get #call() {
    return { tenant: this.#store };
  }

  #asked<Name extends "check" | "listObjects" | "listUsers">(name: Name, asked: object) {
    return { ...(bodies[name].parse(asked) as ReturnType<(typeof bodies)[Name]["parse"]>), store: this.#store };
  }

  async #case(path: readonly (string | number)[], name: string, object: string, relation: string, expected: string, answer: () => Promise<string>): Promise<void> {
    const line = this.#file.lineOf(path);
    const got = await answer().catch(told);
    const failures = got === expected ? [] : [{ line, message: `${name}: expected ${expected}, is ${got}` }];
    this.cases.push({ line, name, member: { object: nativeObject(parseObject(object)), member: nativeName(relation) }, failures });
  }
}

function told(error: unknown): string {
  if (error instanceof UsherError && error.code !== "internal") return `${error.code}: ${error.message}`;
  throw error;
}

function sorted(texts: readonly string[]): string {
  return `[${[...texts].sort().join(", ")}]`;
}
