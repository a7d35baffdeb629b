import { Database } from "../../src/database/database.js";
import { methods } from "../../src/model/wire/methods.js";
import { documentSystem } from "../data/documents.js";
import { fill } from "../data/fill.js";
import { withFolder } from "../folder.js";
import { questions, seed, type Settings } from "../suite.js";
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
  /** Half of them allowed, in turn. */
  readonly checks: readonly Buffer[];
  /** Batches of 100, of the same questions. */
  readonly batches: readonly Buffer[];
}

const batchSize = 100;

/** Runs the body beside the three servers, Usher's with the document system in it. */
export async function withRig<T>(settings: Settings, body: (rig: Rig) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const system = documentSystem({ documents: settings.documents, questions, seed });
    const database = await Database.open(folder);
    await fill(database, system).finally(() => database.close());
    const asked = system.allowed.flatMap((question, index) => [question, ...system.denied.slice(index, index + 1)]);
    const batches = Array.from({ length: Math.floor(asked.length / batchSize) }, (_, i) => ({ items: asked.slice(i * batchSize, (i + 1) * batchSize) }));
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
        checks: asked.map((question) => methods.check.request.encode(question)),
        batches: batches.map((batch) => methods.batchCheck.request.encode(batch)),
      });
    } finally {
      for (const { caller, server } of stations) {
        caller.close();
        await server.close();
      }
    }
  });
}
