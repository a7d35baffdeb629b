import { cp } from "node:fs/promises";
import { join } from "node:path";
import { ProtoCodec } from "../../src/base/proto.js";
import { Database } from "../../src/database/database.js";
import type { CheckRequest } from "../../src/model/service.js";
import { methods } from "../../src/model/wire/methods.js";
import { writeObject, writeSubject } from "../../src/server/adapters/authzed/references.js";
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
  /** Usher with its decision log in that mode, on a copy of the same data; where it was asked for. */
  readonly logging: { readonly buffer: Station; readonly block: Station } | undefined;
  /** Few enough to be remembered; half of them allowed, in turn. */
  readonly checks: readonly Buffer[];
  /** The same, as SpiceDB's clients ask them. */
  readonly authzedChecks: readonly Buffer[];
  /** A hundred of the same questions. */
  readonly batch: Buffer;
  /** A hundred that were never asked before, each time. */
  readonly freshBatch: () => Buffer;
  /** Until all that such batches need was read once. */
  readonly warm: (station: Station) => Promise<void>;
}

/** Runs the body beside the three servers, Usher's with the document system in it. */
export async function withRig<T>({ documentTuples, questions }: Settings, body: (rig: Rig) => Promise<T>, logs = false): Promise<T> {
  return withFolder(async (root) => {
    const folder = join(root, "usher");
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
    const start = async (name: string, kind: Kind, data = folder) => {
      const server = await ServerProcess.start(kind, data);
      const station = { name, server, caller: new Caller(server.address) };
      stations.push(station);
      return station;
    };
    const copy = async (name: string) => {
      const to = join(root, name);
      await cp(folder, to, { recursive: true });
      return to;
    };
    const logging = async () => ({ buffer: await start("Usher, its log in buffer mode", "buffer", await copy("buffer")), block: await start("Usher, its log in block mode", "block", await copy("block")) });
    try {
      return await body({
        logging: logs ? await logging() : undefined,
        echo: await start("echo", "echo"),
        fixed: await start("Usher's server, fixed answers", "fixed"),
        usher: await start("Usher", "usher"),
        checks: asked.slice(0, 2 * warmQuestions).map((question) => methods.check.request.encode(question)),
        authzedChecks: asked.slice(0, 2 * warmQuestions).map(authzedCheckOf),
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

const authzedCheck = new ProtoCodec("authzed.api.v1.CheckPermissionRequest");

function authzedCheckOf({ object, permission, subject }: CheckRequest): Buffer {
  return authzedCheck.encode({ resource: writeObject(object), permission, subject: writeSubject(subject) });
}

function batchOf(items: readonly CheckRequest[]): Buffer {
  return methods.batchCheck.request.encode({ items });
}

function taken(pairs: Iterator<StreamedCheck, never> | undefined): CheckRequest[] {
  if (pairs === undefined) throw new Error("the document system has no pairs");
  return Array.from({ length: batchSize }, () => pairs.next().value.question);
}
