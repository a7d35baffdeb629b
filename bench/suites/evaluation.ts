import { Database } from "../../src/database/database.js";
import { Solutions } from "../../src/evaluation/solutions.js";
import { Walk } from "../../src/evaluation/walk.js";
import { emptyContext } from "../../src/model/context.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import type { CheckRequest } from "../../src/model/service.js";
import { contest, ownCpuUs, percentiles, type Contender } from "../contest.js";
import { documentSystem, type DocumentSystem } from "../data/documents.js";
import { fill } from "../data/fill.js";
import { withFolder } from "../folder.js";
import { MemoryReads } from "../memory-reads.js";
import { micro } from "../micro.js";
import type { Row } from "../report.js";
import { questions, seed, type Settings, type Suite } from "../suite.js";

/** So few questions, asked again and again, are warm in any cache. */
const warmQuestions = 64;

/** Check in this process: nested folders and groups, questions of either answer. */
export const evaluation: Suite = {
  name: "evaluation",
  about: "check, embedded: documents in nested folders, nested groups",
  async run(settings) {
    const system = documentSystem({ documents: settings.documents, questions, seed });
    const rows = walks(system, settings);
    await withFolder(async (folder) => {
      const filling = await Database.open(folder);
      await fill(filling, system).finally(() => filling.close());
      for (const [answer, asked] of [["allowed", system.allowed], ["denied", system.denied]] as const) rows.push(await cold(folder, answer, asked));
      const database = await Database.open(folder);
      try {
        rows.push(...(await contest(warm(database, system), settings)));
      } finally {
        await database.close();
      }
    });
    return rows;
  },
};

/** The walk alone: what a check costs where every read is answered from memory. */
function walks(system: DocumentSystem, settings: Settings): Row[] {
  const schema = compileSchema(system.schema);
  const reads = new MemoryReads(system.tuples);
  const walk = ({ object, permission, subject }: CheckRequest) => {
    const solutions = new Solutions(schema.dialect.depthMax);
    return new Walk({ schema, reads, subject, context: emptyContext, now: 0, solutions, explain: false, paused: () => false }).run(object, permission).value;
  };
  const row = (value: "allowed" | "denied") => {
    let index = 0;
    return micro(`the walk alone, all in memory, ${value}`, settings, () => {
      if (walk(at(system[value], index++)) !== value) throw new Error("the walk's answer is wrong");
    });
  };
  return [row("allowed"), row("denied")];
}

/** Each question once, after the store was opened anew: its own caches are empty, the operating system's are not. */
async function cold(folder: string, answer: string, asked: readonly CheckRequest[]): Promise<Row> {
  const database = await Database.open(folder);
  try {
    const latencies: number[] = [];
    for (const question of asked) {
      const start = performance.now();
      await database.check(question, {});
      latencies.push(performance.now() - start);
    }
    const seconds = latencies.reduce((sum, ms) => sum + ms, 0) / 1_000;
    return { name: `check, each question once, ${answer}`, perSecond: asked.length / seconds, ...percentiles(latencies) };
  } finally {
    await database.close();
  }
}

function warm(database: Database, system: DocumentSystem): Contender[] {
  const few = { allowed: system.allowed.slice(0, warmQuestions), denied: system.denied.slice(0, warmQuestions) };
  const batch = [...system.allowed.slice(0, 50), ...system.denied.slice(0, 50)];
  return [
    { name: "check, warm, allowed", inFlight: 1, call: (index) => database.check(at(few.allowed, index), {}), cpuUs: ownCpuUs },
    { name: "check, warm, denied", inFlight: 1, call: (index) => database.check(at(few.denied, index), {}), cpuUs: ownCpuUs },
    { name: "check, warm, either, 40 in flight", inFlight: 40, call: (index) => database.check(at(index % 2 === 0 ? few.allowed : few.denied, index >> 1), {}), cpuUs: ownCpuUs },
    { name: "checks in batches of 100, warm, either", inFlight: 1, perCall: batch.length, call: () => database.batchCheck({ items: batch }, {}), cpuUs: ownCpuUs },
  ];
}

function at(list: readonly CheckRequest[], index: number): CheckRequest {
  const question = list[index % list.length];
  if (question === undefined) throw new RangeError("there is no question");
  return question;
}
