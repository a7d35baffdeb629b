import { limits } from "../../src/base/limits.js";
import type { CheckRequest, Service } from "../../src/model/service.js";
import type { DocumentSystem } from "./documents.js";

/** Writes the schema and the tuples, and asks every question once: a figure for wrong answers would be worth nothing. */
export async function fill(service: Service, system: DocumentSystem): Promise<void> {
  const { schema, tuples } = system;
  await service.writeSchema({ text: schema }, {});
  for (let at = 0; at < tuples.length; at += limits.operationsPerWriteMax) {
    const part = tuples.slice(at, at + limits.operationsPerWriteMax);
    await service.writeTuples({ operations: part.map((tuple) => ({ kind: "touch", tuple })) }, {});
  }
  await expect(service, system.allowed, true);
  await expect(service, system.denied, false);
}

async function expect(service: Service, questions: readonly CheckRequest[], allowed: boolean): Promise<void> {
  for (const question of questions) {
    const decision = await service.check(question, {});
    if (decision.allowed !== allowed) throw new Error(`the answer to ${JSON.stringify(question)} is wrong: it must be ${allowed ? "allowed" : "denied"}`);
  }
}
