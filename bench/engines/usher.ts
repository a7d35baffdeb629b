import { limits } from "../../src/base/limits.js";
import { Database, type DatabaseOptions } from "../../src/database/database.js";
import type { BatchCheckResult, CheckRequest, LookupObjectsResponse, LookupSubjectsResponse } from "../../src/model/service.js";
import type { Tuple } from "../../src/model/tuple.js";
import { fill, verdict } from "../worlds/fill.js";
import { tupleOf, type ExpectedLookup, type World } from "../worlds/world.js";
import { failed, type Answer, type Engine } from "./engine.js";

/** Usher, embedded, over a folder. */
export class UsherEngine implements Engine {
  readonly #folder: string;
  readonly #options: DatabaseOptions;
  #database: Database;

  private constructor(folder: string, options: DatabaseOptions, database: Database) {
    this.#folder = folder;
    this.#options = options;
    this.#database = database;
  }

  static async open(folder: string, memoryBudgetBytes: number | undefined): Promise<UsherEngine> {
    const options = memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes };
    return new UsherEngine(folder, options, await Database.open(folder, options));
  }

  fill(world: World): Promise<number> {
    return fill(this.#database, world);
  }

  async reopen(): Promise<void> {
    await this.#database.close();
    this.#database = await Database.open(this.#folder, this.#options);
  }

  prepare(question: CheckRequest): () => Promise<Answer> {
    return async () => {
      try {
        return verdict((await this.#database.check(question, {})).allowed);
      } catch (error) {
        return failed(error);
      }
    };
  }

  prepareBatch(items: readonly CheckRequest[]): () => Promise<readonly Answer[]> {
    return async () => (await this.#database.batchCheck({ items }, {})).results.map(answerOf);
  }

  async lookup(lookup: ExpectedLookup): Promise<number> {
    let found = 0;
    let cursor: string | undefined;
    do {
      const page = await this.#page(lookup, cursor);
      found += page.results.filter(({ allowed }) => allowed).length;
      cursor = page.cursor;
    } while (cursor !== undefined);
    return found;
  }

  readSchema(): Promise<unknown> {
    return this.#database.readSchema({}, {});
  }

  #page(lookup: ExpectedLookup, cursor: string | undefined): Promise<LookupObjectsResponse | LookupSubjectsResponse> {
    const paging = { pageSize: limits.pageTuplesMax, ...(cursor !== undefined && { cursor }) };
    const { permission } = lookup;
    if (lookup.kind === "objects") return this.#database.lookupObjects({ objectType: lookup.objectType, permission, subject: lookup.subject, ...paging }, {});
    return this.#database.lookupSubjects({ object: lookup.object, permission, subjectType: lookup.subjectType, ...paging }, {});
  }

  keepWriting(world: World): void {
    const [first] = world.tuples();
    if (first === undefined) throw new Error(`world \`${world.name}\` has no tuple`);
    void this.#writeLike(first);
  }

  async #writeLike({ object, relation, subject }: Tuple): Promise<never> {
    for (let at = 0; ; at++) {
      const tuple = tupleOf(object.type, `written-${at}`, relation, subject.type, subject.id, subject.relation);
      await this.#database.writeTuples({ operations: [{ kind: "touch", tuple }] }, {});
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

function answerOf(result: BatchCheckResult): Answer {
  return "decision" in result ? verdict(result.decision.allowed) : failed(result.error.message);
}
