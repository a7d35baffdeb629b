import { Database } from "../../src/database/database.js";
import type { CheckRequest } from "../../src/model/service.js";
import { methods } from "../../src/model/wire/methods.js";
import { withFolder } from "../folder.js";
import { batchSize, seed, warmQuestions, type Settings } from "../suite.js";
import { documents } from "../worlds/documents.js";
import { fill, verify } from "../worlds/fill.js";
import type { StreamedCheck } from "../worlds/world.js";
import { Caller } from "./caller.js";
import { ServerProcess, type Kind } from "./process.js";

/** A server with a connection to it. */
export interface Station {
  readonly name: string;
  readonly server: ServerProcess;
  readonly caller: Caller;
}

/** Servers side by side, and the questions of the document system as messages. */
export interface Rig {
  readonly echo: Station;
  readonly fixed: Station;
  readonly usher: Station;
  /** Few enough to be remembered; half of them allowed, in turn. */
  readonly checks: readonly Buffer[];
  /** A hundred of the same questions. */
  readonly batch: Buffer;
  /** A hundred that were never asked before, each time. */
  readonly freshBatch: () => Buffer;
  /** Until all that such batches need was read once. */
  readonly warm: (station: Station) => Promise<void>;
}

/** Runs the body beside the three servers, Usher's with the document system in it. */
export async function withRig<T>({ documentTuples, questions }: Settings, body: (rig: Rig) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const world = documents.make({ tuples: documentTuples, questions, seed });
    const database = await Database.open(folder);
    try {
      await fill(database, world);
      await verify(database, world);
    } finally {
      await database.close();
    }
    const asked = world.checks.map(({ question }) => question);
    const pairs = world.streams?.pairs?.(seed);
    const freshBatch = () => batchOf(taken(pairs));
    const stations: Station[] = [];
    const start = async (name: string, kind: Kind) => {
      const server = await ServerProcess.start(kind, folder);
      const station = { name, server, caller: new Caller(server.address) };
      stations.push(station);
      return station;
    };
    try {
      return await body({
        echo: await start("echo", "echo"),
        fixed: await start("Usher's server, fixed answers", "fixed"),
        usher: await start("Usher", "usher"),
        checks: asked.slice(0, 2 * warmQuestions).map((question) => methods.check.request.encode(question)),
        batch: batchOf(asked.slice(0, batchSize)),
        freshBatch,
        warm: async ({ caller }) => {
          for (let asked = 0; asked < (world.pairsUntilWarm ?? 0); asked += batchSize) await caller.call(methods.batchCheck.path, freshBatch());
        },
      });
    } finally {
      for (const { caller, server } of stations) {
        caller.close();
        await server.close();
      }
    }
  });
}

function batchOf(items: readonly CheckRequest[]): Buffer {
  return methods.batchCheck.request.encode({ items });
}

function taken(pairs: Iterator<StreamedCheck, never> | undefined): CheckRequest[] {
  if (pairs === undefined) throw new Error("the document system has no pairs");
  return Array.from({ length: batchSize }, () => pairs.next().value.question);
}
