import { parseArgs } from "node:util";

import { DecisionLog } from "../../src/audit/decision-log.js";
import type { AuditFilter, CheckEntry } from "../../src/model/audit.js";
import { withFolder } from "../folder.js";
import { percentiles } from "../turn.js";

/**
 * What the decision log costs: on the thread that records, in the process as a whole, and a query's first page. `node dist/bench/audit/append.js
 * --records 1000000`. The thread of the log is the rest of the process's time: nothing else runs.
 */
const subjects = 100_000;

function entryOf(index: number): CheckEntry {
  return {
    kind: "check", at: 1_800_000_000_000 + Math.floor(index / 20), tenant: "default", request: `0f${index.toString(16).padStart(14, "0")}`, principal: "key-web-frontend",
    object: `document:annual-report-${(index * 7_919) % 250_000}`, permission: "view", subject: `user:${(index * 104_729) % subjects}`,
    answer: index % 10 === 0 ? "denied" : "allowed", zookie: `AQodLDkAAAABAa${(index % 4_096).toString(36)}`, schema: "5a1c0e77b2d94f30",
    grounds: [`document:annual-report-${(index * 7_919) % 250_000}#viewer@user:${(index * 104_729) % subjects}`],
  };
}

async function append(log: DecisionLog, from: number, count: number): Promise<void> {
  const entries = Array.from({ length: 20_000 }, (_, i) => entryOf(from + i));
  let recordMs = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let done = 0; done < count; done += entries.length) {
    const begun = performance.now();
    for (const entry of entries) void log.record(entry, true);
    recordMs += performance.now() - begun;
    await log.flush();
  }
  const wallUs = ((performance.now() - start) * 1_000) / count;
  const { user, system } = process.cpuUsage(cpu);
  const mainUs = (recordMs * 1_000) / count;
  const bytes = JSON.stringify(entries[0]).length;
  console.log(`record: ${mainUs.toFixed(2)} µs on its thread (${bytes} bytes each), ${((user + system) / count - mainUs).toFixed(2)} µs of processor time elsewhere, ${wallUs.toFixed(2)} µs until it is on the disk`);
}

async function fill(log: DecisionLog, from: number, count: number): Promise<void> {
  const start = performance.now();
  const cpu = process.cpuUsage();
  for (let at = from; at < from + count; ) {
    const end = Math.min(from + count, at + 20_000);
    for (; at < end; at++) void log.record(entryOf(at), true);
    await log.flush();
  }
  const { user, system } = process.cpuUsage(cpu);
  const { segments, bytes } = log.status;
  console.log(`${count.toLocaleString("en")} records in ${((performance.now() - start) / 1_000).toFixed(1)} s, ${((user + system) / count).toFixed(2)} µs of processor time each, entries made included; ${Math.round(bytes / 1_048_576)} MB, ${segments} segments, resident ${Math.round(process.memoryUsage().rss / 1_048_576)} MB`);
}

async function query(log: DecisionLog, name: string, filterOf: (turn: number) => AuditFilter): Promise<void> {
  const took: number[] = [];
  let found = 0;
  for (let turn = 0; turn < 50; turn++) {
    const start = performance.now();
    found += (await log.query({ filter: filterOf(turn) }, "default")).records.length;
    took.push(performance.now() - start);
  }
  const { p50Us, p99Us } = percentiles(took);
  console.log(`${name.padEnd(44)} first page p50 ${(p50Us / 1_000).toFixed(1)} ms, p99 ${(p99Us / 1_000).toFixed(1)} ms, ${found / 50} records each`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { records: { type: "string", default: "1000000" } } });
  const count = Number(values.records);
  await withFolder(async (folder) => {
    const log = await DecisionLog.open(folder, {
      mode: "buffer", origin: "example.com/bench", version: "0", clock: { now: () => Date.now() }, report: (error) => console.error(error),
    });
    try {
      await append(log, 0, 100_000);
      await append(log, 20_000, 200_000);
      await fill(log, 40_000, count);
      await query(log, "by subject", (turn) => ({ subject: `user:${turn * 1_999}` }));
      await query(log, "by subject, denied", (turn) => ({ subject: `user:${turn * 1_999}`, answer: "denied" }));
      await query(log, "by a subject that there is not", (turn) => ({ subject: `user:none-${turn}` }));
      await query(log, "by object and permission", (turn) => ({ object: `document:annual-report-${turn}`, permission: "view" }));
      await query(log, "by request", (turn) => ({ request: `0f${(turn * 1_997).toString(16).padStart(14, "0")}` }));
      await query(log, "of a second, long ago", (turn) => ({ from: 1_800_000_000_000 + turn * 1_000, to: 1_800_000_001_000 + turn * 1_000 }));
    } finally {
      await log.close();
    }
    const start = performance.now();
    const again = await DecisionLog.open(folder, { mode: "buffer", origin: "example.com/bench", version: "0", clock: { now: () => Date.now() }, report: (error) => console.error(error) });
    console.log(`opened again in ${(performance.now() - start).toFixed(0)} ms`);
    await again.close();
  });
}

await main();
