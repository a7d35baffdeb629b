import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";

import { parseCheckpoint } from "../../src/audit/checkpoint.js";
import { DecisionLog } from "../../src/audit/decision-log.js";
import { exportEndLine, exportHeaderLine, exportRecordLine } from "../../src/audit/verify/export-format.js";
import type { AuditVerification } from "../../src/audit/verify/verification.js";
import { verifyLog } from "../../src/audit/verify/verify.js";
import { wholeNumber } from "../whole-number.js";

/** What it costs to verify a log, as a folder and as an export: `node dist/bench/audit/verify.js --records 1000000`. */
const { values } = parseArgs({ options: { records: { type: "string", default: "1000000" } } });
const records = wholeNumber("records", values.records);
const origin = "bench/usher";

async function fill(log: DecisionLog): Promise<void> {
  for (let number = 0; number < records; number++) {
    void log.record(
      {
        kind: "check", at: Date.now(), tenant: "default", request: `request-${number}`, principal: "reports", object: `document:${number % 10_000}`, permission: "view",
        subject: `user:${number % 1_000}`, answer: number % 3 === 0 ? "denied" : "allowed", zookie: "AQECAwQFBgcICQ", schema: "0011223344556677", grounds: [`document:${number % 10_000}#viewer@user:${number % 1_000}`],
      },
      false,
    );
    if (number % 10_000 === 9_999) await log.flush();
  }
  await log.flush();
}

async function* exported(log: DecisionLog): AsyncGenerator<string> {
  const { checkpoint, key } = await log.checkpoint();
  yield exportHeaderLine({ origin, key, size: parseCheckpoint(checkpoint).size, filtered: false });
  for await (const event of log.tail({ filter: {}, fromIndex: 0 }, undefined)) {
    if (event.kind === "records") yield event.records.map(exportRecordLine).join("");
  }
  yield exportEndLine(checkpoint);
}

async function timed(name: string, verify: () => Promise<AuditVerification>): Promise<void> {
  const start = performance.now();
  const { size, findingsCount } = await verify();
  const seconds = (performance.now() - start) / 1_000;
  const { rss } = process.memoryUsage();
  console.log(`${name.padEnd(10)} ${size} records  ${findingsCount} findings  ${seconds.toFixed(1)} s  ${Math.round(size / seconds).toLocaleString("en")} /s  ${Math.round(rss / 1_048_576)} MiB resident`);
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "usher-bench-"));
  const [path, file] = [join(folder, "log"), join(folder, "export")];
  try {
    const log = await DecisionLog.open(path, { mode: "buffer", origin, version: "bench", clock: { now: () => Date.now() }, checkpointMs: 1_000, report: console.error });
    await fill(log);
    await pipeline(Readable.from(exported(log)), createWriteStream(file));
    await log.close();
    await timed("folder", () => verifyLog(path));
    await timed("export", () => verifyLog(file));
  } finally {
    await rm(folder, { recursive: true });
  }
}

await main();
