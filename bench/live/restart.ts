import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { limits } from "../../src/base/limits.js";
import type { Hold } from "../../src/client/guard/hold.js";
import { connect } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import { withFolder } from "../folder.js";
import { atMost, type Row } from "../report.js";
import { seed } from "../suite.js";
import { fill } from "../worlds/fill.js";
import { liveSchema, liveWorld, staffHolds, usersMax } from "./world.js";

const cli = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
const requestsPerSecond = 500;
const stepMs = 10;

/** A planned restart of a server in a process of its own, on its folder and port, while the guard here answers requests by what it holds. */
export async function plannedRestart(held: number, leaseMs: number): Promise<Row> {
  return withFolder(async (folder) => {
    const data = join(folder, "data");
    const users = Math.min(usersMax, held);
    await fillFolder(data, users);
    let { server, address } = await serveFolder(data, "127.0.0.1:0");
    const client = await connect(address);
    const guard = client.guard({ leaseMs, maxHolds: held });
    try {
      const holds: Hold[] = [];
      for (const part of parts([...staffHolds(1, held, users)])) {
        holds.push(...(await Promise.all(part.map(({ object, permission, subject }) => guard.hold(object, permission, subject, { timeoutMs: limits.leaseMsMax })))));
      }
      const counting = new AbortController();
      const counted = count(holds, counting.signal);
      const begun = performance.now();
      await stop(server);
      ({ server, address } = await serveFolder(data, address));
      const down = performance.now() - begun;
      // By then the last lease that the server of before gave has ended, and who was not told anew would be denied.
      await setTimeout(leaseMs + limits.reconnectMsMax);
      counting.abort();
      const { requests, denied } = await counted;
      const note = `lease ${leaseMs / 1_000} s, ${(down / 1_000).toFixed(2)} s until the new server listened; ${requests} requests`;
      return { name: `planned restart, ${held} holds, ${requestsPerSecond} requests/s`, note, goals: [atMost("requests wrongly denied", 0, denied)] };
    } finally {
      guard.close();
      await client.close();
      await stop(server);
    }
  });
}

async function fillFolder(data: string, users: number): Promise<void> {
  const database = await Database.open(data);
  await fill(database, { schema: liveSchema, tuples: () => liveWorld(users, seed).tuples() });
  await database.close();
}

/** Resolves once it has gone: until then it writes to its folder. */
async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const gone = once(server, "exit");
  server.kill("SIGTERM");
  await gone;
}

async function serveFolder(data: string, at: string): Promise<{ server: ChildProcess; address: string }> {
  const server = spawn(process.execPath, [cli, "serve", "--data", data, "--address", at, "--metrics-address", "127.0.0.1:0", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const line = await createInterface({ input: server.stdout })[Symbol.asyncIterator]().next();
  if (line.done === true) throw new Error("the server did not start");
  return { server, address: (JSON.parse(line.value) as { address: string }).address };
}

/** Requests that are let pass by what is held: nothing takes any of it away, so that each that is not is denied wrongly. */
async function count(holds: readonly Hold[], signal: AbortSignal): Promise<{ requests: number; denied: number }> {
  const counts = { requests: 0, denied: 0 };
  while (!signal.aborted) {
    for (let each = 0; each < (requestsPerSecond * stepMs) / 1_000; each++) {
      const hold = holds[(counts.requests++ * 7_919) % holds.length];
      if (hold?.allowed !== true) counts.denied++;
    }
    await setTimeout(stepMs);
  }
  return counts;
}

function* parts<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let at = 0; at < items.length; at += 2_000) yield items.slice(at, at + 2_000);
}
