import { limits } from "../../src/base/limits.js";
import type { CheckRequest, ImportTuplesRequest, Service } from "../../src/model/service.js";
import type { Tuple } from "../../src/model/tuple.js";
import type { World } from "./world.js";

const batchSize = 100;

/** Writes the schema and imports the tuples; tells how many they were. */
export async function fill(service: Service, world: Pick<World, "schema" | "tuples">): Promise<number> {
  await service.writeSchema({ text: world.schema }, {});
  const { imported } = await service.importTuples(messagesOf(world.tuples()), {});
  return imported;
}

/** Asks every question once: a figure for wrong answers would be worth nothing. @throws where one is not as it must be */
export async function verify(service: Service, world: World): Promise<void> {
  for (let at = 0; at < world.checks.length; at += batchSize) {
    const checks = world.checks.slice(at, at + batchSize);
    const { results } = await service.batchCheck({ items: checks.map(({ question }) => question) }, {});
    for (const [index, { question, allowed }] of checks.entries()) {
      const result = results[index];
      const answer = result !== undefined && "decision" in result ? result.decision.allowed : undefined;
      if (answer !== allowed) throw new Error(`the answer to ${JSON.stringify(question)} is wrong: it must be ${verdict(allowed)}`);
    }
  }
}

export function verdict(allowed: boolean): "allowed" | "denied" {
  return allowed ? "allowed" : "denied";
}

/** One of a list that is gone through again and again. */
export function at(list: readonly CheckRequest[], index: number): CheckRequest {
  const question = list[index % list.length];
  if (question === undefined) throw new RangeError("there is no question");
  return question;
}

async function* messagesOf(tuples: Iterable<Tuple>): AsyncGenerator<ImportTuplesRequest> {
  yield { kind: "begin" };
  let batch: Tuple[] = [];
  for (const tuple of tuples) {
    if (batch.push(tuple) < limits.importBatchTuplesMax) continue;
    yield { kind: "tuples", tuples: batch };
    batch = [];
  }
  if (batch.length > 0) yield { kind: "tuples", tuples: batch };
}
