import { obeyParent } from "../child.js";
import { memoryNow } from "../memory.js";
import { ownCpuUs, takeTurn } from "../turn.js";
import { worldKind } from "../worlds/catalogue.js";
import { PreparedCalls } from "./calls.js";
import type { Answer, Engine } from "./engine.js";
import type { Asked, EngineOptions, Order } from "./process.js";
import { SpiceDbEngine } from "./spicedb.js";
import { UsherEngine } from "./usher.js";

/** An engine in a process of its own, told what to do by messages: see `process.ts`. */

const options = JSON.parse(process.argv[2] ?? "{}") as EngineOptions;
const begun = performance.now();
const engine = await open(options);
const openMs = performance.now() - begun;
const world = worldKind(options.world).make(options.options);
const calls = new PreparedCalls(engine, world, options.options.seed);

obeyParent(openMs, obey, () => engine.close());

function open({ kind, folder, memoryBudgetBytes }: EngineOptions): Promise<Engine> {
  return kind === "usher" ? UsherEngine.open(folder, memoryBudgetBytes) : SpiceDbEngine.open(folder);
}

async function obey(order: Order): Promise<unknown> {
  switch (order.order) {
    case "fill":
      return engine.fill(world);
    case "reopen":
      return engine.reopen?.();
    case "ask all":
      return askAll(order.allowed);
    case "look up":
      return lookUp();
    case "warm":
      return calls.warm();
    case "turn":
      return takeTurn({ inFlight: order.inFlight, cpuUs: ownCpuUs, ...calls.of(order.what) }, order.ms);
    case "keep writing":
      return engine.keepWriting?.(world);
    case "memory":
      return memoryNow();
  }
}

async function askAll(allowed: boolean | undefined): Promise<Asked> {
  const asked = world.checks.filter((check) => allowed === undefined || check.allowed === allowed).map(({ question }) => engine.prepare(question));
  const answers: Answer[] = [];
  const latenciesMs = new Float64Array(asked.length);
  for (const [index, ask] of asked.entries()) {
    const start = performance.now();
    answers.push(await ask());
    latenciesMs[index] = performance.now() - start;
  }
  return { answers, latenciesMs };
}

async function lookUp(): Promise<readonly number[]> {
  const counts: number[] = [];
  for (const lookup of world.lookups) counts.push(await engine.lookup(lookup));
  return counts;
}
