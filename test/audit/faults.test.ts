import assert from "node:assert/strict";

import { type LogPort, startLogWorker } from "../../src/audit/log/log-thread.js";
import { openClassicLog, type OpenRawLog, type RawLog } from "../../src/audit/log/raw.js";
import { limits } from "../../src/base/limits.js";
import { inFolder } from "../support/folder.js";
import { allPages, allRecords, checkEntry, entryOf, hasCode, inThisThread, openLog } from "./logs.js";

/** Stands between the log and LevelDB, and fails batches and openings as `fails` says: before they take effect, or after. */
class Faults {
  fails: () => "before" | "after" | undefined = () => undefined;
  failed = 0;

  readonly open: OpenRawLog = async (folder, options) => {
    await this.#run(async () => undefined);
    const raw = await openClassicLog(folder, options);
    const batch = (): ReturnType<RawLog["batch"]> => {
      const inner = raw.batch();
      return { put: (key, value) => inner.put(key, value), del: (key) => inner.del(key), write: () => this.#run(() => inner.write()) };
    };
    return {
      get: (key, snapshot) => raw.get(key, snapshot),
      batch,
      snapshot: () => raw.snapshot(),
      isEmpty: (start, end) => raw.isEmpty(start, end),
      clear: (start, end) => this.#run(() => raw.clear(start, end)),
      compact: (start, end) => raw.compact(start, end),
      close: () => raw.close(),
    };
  };

  async #run(action: () => Promise<void>): Promise<void> {
    const how = this.fails();
    if (how !== undefined) this.failed++;
    if (how === "before") throw full();
    await action();
    if (how === "after") throw full();
  }
}

function full(): Error {
  return Object.assign(new Error("IO error: 000007.log: No space left on device"), { code: "LEVEL_IO_ERROR" });
}

describe("the decision log on a disk that fails", () => {
  it("refuses grants while it is full, and records everything once it is not", () =>
    inFolder(async (folder) => {
      const faults = new Faults();
      const errors: Error[] = [];
      const log = await openLog(folder, { mode: "block", connect: inThisThread(faults.open), report: (error) => void errors.push(error) });
      faults.fails = () => "before";
      await assert.rejects(log.record(checkEntry(1), true)!, hasCode("audit_unavailable"));
      await assert.rejects(log.record(checkEntry(2), true)!, hasCode("audit_unavailable"));
      assert.equal(log.record(checkEntry(3), false), undefined);
      await assert.rejects(log.query({ filter: {} }, undefined), hasCode("audit_unavailable"));
      assert(log.status.failure !== undefined && log.status.failures > 0);
      faults.fails = () => undefined;
      while (log.status.failure !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      await log.record(checkEntry(4), true);
      await log.flush();
      const requests = (await allPages(log, { filter: { kinds: ["check"] }, oldestFirst: true })).map((record) => entryOf(record).request);
      assert.deepEqual(requests, ["r1", "r3", "r4"]);
      assert(errors.length >= 1 && errors.every(hasCode("audit_unavailable")));
      await log.close();
    }));

  it("keeps back no more than it may: once that is reached denials are refused too, and what is taken away is not", () =>
    inFolder(async (folder) => {
      const faults = new Faults();
      const log = await openLog(folder, { connect: inThisThread(faults.open), report: () => undefined });
      faults.fails = () => "before";
      const denied = (number: number) => log.record(checkEntry(number, { answer: "denied", context: { text: "x".repeat(900_000) } }), false);
      let number = 0;
      for (; log.status.backlogBytes < limits.auditBacklogBytesMax; number++) assert.equal(denied(number), undefined);
      while (log.status.failure === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      await assert.rejects(denied(number)!, hasCode("audit_unavailable"));
      assert.equal(log.record({ kind: "lease_end", at: 1, tenant: "default", stream: "s", holds: 1 }, false), undefined);
      faults.fails = () => undefined;
      await log.close();
    }));

  it("loses nothing and writes nothing twice, whichever batch fails, before or after it took effect", () =>
    inFolder(async (folder) => {
      const faults = new Faults();
      const log = await openLog(folder, { connect: inThisThread(faults.open), report: () => undefined });
      let random = 7;
      faults.fails = () => {
        random = (random * 16_807) % 2_147_483_647;
        return random % 5 === 0 ? "before" : random % 5 === 1 ? "after" : undefined;
      };
      const count = 1_000;
      for (let i = 0; i < count; i++) {
        void log.record(checkEntry(i), false);
        if (i % 25 !== 24) continue;
        await log.flush().catch(() => undefined);
        while (log.status.failure !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      faults.fails = () => undefined;
      await log.close();
      assert(faults.failed > 5, `${faults.failed} operations failed`);
      const again = await openLog(folder);
      const checks = (await allRecords(again)).map(entryOf).filter(({ kind }) => kind === "check");
      assert.deepEqual(checks.map(({ request }) => request), Array.from({ length: count }, (_, i) => `r${i}`));
      assert.equal((await allPages(again, { filter: { subject: "user:3" }, pageSize: 1_000 })).length, checks.filter((entry) => entry.kind === "check" && entry.subject === "user:3").length);
      await again.close();
    }));

  it("does not open on a disk that fails, and opens later", () =>
    inFolder(async (folder) => {
      const faults = new Faults();
      faults.fails = () => "before";
      const options = { connect: inThisThread(faults.open), report: () => undefined };
      await assert.rejects(openLog(folder, options), hasCode("audit_unavailable"));
      faults.fails = () => undefined;
      await (await openLog(folder, options)).close();
    }));

  it("goes on after its thread has ended", () =>
    inFolder(async (folder) => {
      const ports: LogPort[] = [];
      const connect = () => {
        const port = startLogWorker();
        ports.push(port);
        return port;
      };
      const log = await openLog(folder, { connect, report: () => undefined });
      await ports[0]!.terminate();
      void log.record(checkEntry(1), false);
      await assert.rejects(log.flush(), hasCode("audit_unavailable"));
      while (log.status.failure !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      void log.record(checkEntry(2), false);
      await log.close();
      assert.equal(ports.length, 2);
      const again = await openLog(folder);
      assert.deepEqual((await allPages(again, { filter: { kinds: ["check"] }, oldestFirst: true })).map((record) => entryOf(record).request), ["r1", "r2"]);
      await again.close();
    }));
});
