import { evaluate, type Question } from "../../src/evaluation/evaluate.js";
import type { Answer } from "../../src/evaluation/answer.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import { parseCheck, parseTuple } from "../../src/model/tuple-text.js";
import { MemorySnapshot } from "./memory-snapshot.js";

export const now = Date.parse("2030-01-01T00:00:00Z");

/** A small world written as text. */
export function world(schemaText: string, tuples: readonly string[], options: { depthMax?: number } = {}) {
  const schema = compileSchema(schemaText, options.depthMax === undefined ? {} : { dialect: { depthMax: options.depthMax } });
  const snapshot = new MemorySnapshot(tuples.map(parseTuple));
  const ground = { schema, snapshot, tenant: 1, now };
  const ask = async (check: string, extra: Partial<Question> = {}, at = now): Promise<Answer> => {
    const [answer] = await evaluate([{ ...parseCheck(check), ...extra }], { ...ground, now: at });
    if (answer === undefined) throw new Error("one question has one answer");
    return answer;
  };
  return { schema, snapshot, ground, ask };
}
