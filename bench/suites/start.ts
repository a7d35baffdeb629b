import { setTimeout } from "node:timers/promises";

import { EngineProcess } from "../engines/process.js";
import { withFolder } from "../folder.js";
import { atMost, type Row } from "../report.js";
import { seed, type Suite } from "../suite.js";
import { percentiles } from "../turn.js";
import { growth } from "../worlds/growth.js";

const starts = 5;
const goalUs = 2_000_000;

/** From the start of a process to its first answer, over a store that was closed and over one that was not. */
export const start: Suite = {
  name: "start",
  about: "first check after a clean stop and after `kill -9` (ten million tuples with `--only start`)",
  run: ({ grownTuples: tuples }) =>
    withFolder(async (folder) => {
      const options = { kind: "usher", folder, world: growth.name, options: { tuples, questions: 1, seed } } as const;
      const filling = await EngineProcess.start(options);
      await filling.fill();
      await filling.close();
      const timed = async (end: (process: EngineProcess) => Promise<void>) => {
        const answered: number[] = [];
        const opened: number[] = [];
        for (let index = 0; index < starts; index++) {
          const begun = performance.now();
          const process = await EngineProcess.start(options);
          const { answers } = await process.askAll(true);
          answered.push(performance.now() - begun);
          opened.push(process.openMs);
          await end(process);
          if (answers.some((answer) => answer !== "allowed")) throw new Error(`the first answer is wrong: ${answers.join()}`);
        }
        return { answered, opened };
      };
      const clean = await timed((process) => process.close());
      // What is timed is the start after the kill, so the first of these follows a clean stop and does not count.
      const killed = await timed(killWhileWriting);
      const what = `process to first answer, ${tuples.toLocaleString("en")} tuples`;
      return [rowOf(`${what}, after a clean stop`, clean), rowOf(`${what}, after kill -9 amid writes`, { answered: killed.answered.slice(1), opened: killed.opened.slice(1) })];
    }),
};

/** Long enough that there are commits which no clean close saw. */
async function killWhileWriting(process: EngineProcess): Promise<void> {
  await process.keepWriting();
  await setTimeout(500);
  await process.kill();
}

function rowOf(name: string, { answered, opened }: { readonly answered: readonly number[]; readonly opened: readonly number[] }): Row {
  const times = percentiles(answered);
  const note = `of this, opening the database: ${(percentiles(opened).p50Us / 1_000).toFixed(0)} ms`;
  return { name, ...times, note, goals: [atMost("slowest, in seconds", goalUs / 1e6, times.p99Us / 1e6)] };
}
