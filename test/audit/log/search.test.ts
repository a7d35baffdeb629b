import assert from "node:assert/strict";

import fc from "fast-check";

import type { DecisionLog } from "../../../src/audit/decision-log.js";
import { matches, matchesAll } from "../../../src/audit/matching.js";
import { limits } from "../../../src/base/limits.js";
import { auditKinds, type AuditEntry, type AuditFilter, type RecordedAnswer } from "../../../src/model/audit.js";
import { inFolder } from "../../support/folder.js";
import { allPages, allRecords, checkEntry, inThisThread, openLog, smallShape } from "../logs.js";
import { openWith } from "./open-with.js";

const few = (name: string) => fc.nat(5).map((n) => `${name}:${n}`);
const answer = fc.constantFrom<RecordedAnswer>("allowed", "denied", "conditional", "undecided");
// Instants go backward now and then.
const at = fc.nat(60);

const attribution = fc.record(
  { at, tenant: fc.constantFrom("default", "acme"), request: few("r"), principal: few("key"), actor: few("actor"), session: few("s") },
  { requiredKeys: ["at"] },
);

const check = fc.tuple(attribution, few("document"), few("user"), answer).map(
  ([by, object, subject, given]): AuditEntry => ({ kind: "check", ...by, object, permission: "view", subject, answer: given, zookie: "z", schema: "s" }),
);

const lookup = fc.tuple(attribution, few("user"), fc.array(fc.tuple(few("document"), answer), { maxLength: 4 })).map(
  ([by, subject, results]): AuditEntry => ({ kind: "lookup", ...by, found: "objects", object: "document", permission: "view", subject, results, zookie: "z2", schema: "s" }),
);

const leaseEnd = attribution.map((by): AuditEntry => ({ kind: "lease_end", ...by, stream: "s", holds: 1 }));

const wholeFilter = fc.record({
  kinds: fc.uniqueArray(fc.constantFrom(...auditKinds.filter((kind) => ["check", "lookup", "lease_end", "start"].includes(kind))), { minLength: 1, maxLength: 3 }),
  object: few("document"), permission: fc.constantFrom("view", "edit"), subject: few("user"), principal: few("key"), actor: few("actor"), session: few("s"),
  request: few("r"), answer, zookie: fc.constantFrom("z", "z2"), from: at, to: at,
});

/** Of few fields, since nothing matches many. */
const filter = fc.tuple(wholeFilter, fc.subarray(["kinds", "object", "permission", "subject", "principal", "actor", "session", "request", "answer", "zookie", "from", "to"] as const, { maxLength: 4 })).map(
  ([whole, fields]): AuditFilter => Object.fromEntries(fields.map((field) => [field, whole[field]])),
);

type Step =
  | { readonly do: "record"; readonly entries: readonly AuditEntry[] }
  | { readonly do: "redact"; readonly indexes: readonly number[] }
  | { readonly do: "reopen" }
  | { readonly do: "query"; readonly filter: AuditFilter; readonly tenant: string | undefined; readonly pageSize: number; readonly oldestFirst: boolean };

const query = fc.record({ do: fc.constant("query" as const), filter, tenant: fc.option(fc.constantFrom("default", "acme", "none"), { nil: undefined }), pageSize: fc.integer({ min: 1, max: 20 }), oldestFirst: fc.boolean() });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("record" as const), entries: fc.array(fc.oneof(check, check, lookup, leaseEnd), { minLength: 1, maxLength: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("redact" as const), indexes: fc.array(fc.nat(200), { minLength: 1, maxLength: 5 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: "reopen" as const }) },
  { weight: 6, arbitrary: query },
);

async function take(log: DecisionLog, step: Exclude<Step, { readonly do: "reopen" }>): Promise<void> {
  if (step.do === "record") {
    for (const entry of step.entries) void log.record(entry, false);
    await log.flush();
  } else if (step.do === "redact") {
    const ofLog = new Set(["start", "stop", "key", "redaction"]);
    const redactable = (await allRecords(log)).filter(({ payload }) => payload === undefined || !ofLog.has((JSON.parse(payload) as AuditEntry).kind)).map(({ index }) => index);
    if (redactable.length > 0) await log.redact(step.indexes.map((n) => redactable[n % redactable.length]!), "asked", undefined, { at: 30 });
  } else {
    const found = await allPages(log, step, step.tenant);
    assert.deepEqual(found.map(({ index }) => index), await naive(log, step));
  }
}

/** What a log is to somebody who reads all of it each time. */
async function naive(log: DecisionLog, { filter: wanted, tenant, oldestFirst }: Step & { readonly do: "query" }): Promise<number[]> {
  const found = (await allRecords(log)).filter(({ payload }) => (payload === undefined ? matchesAll(wanted, tenant) : matches(JSON.parse(payload) as AuditEntry, wanted, tenant)));
  const indexes = found.map(({ index }) => index);
  return oldestFirst ? indexes : indexes.reverse();
}

describe("queries of the decision log", () => {
  it("find what reading everything finds", () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 20 }), (steps) =>
        inFolder(async (folder) => {
          let log = await openLog(folder, { connect: inThisThread() });
          try {
            for (const each of steps) {
              if (each.do === "reopen") {
                await log.close();
                log = await openLog(folder, { connect: inThisThread() });
              } else await take(log, each);
            }
          } finally {
            await log.close();
          }
        }),
      ),
      { numRuns: 40 },
    ));

  it("find everything while segments are replaced on the disk and not yet in memory", () =>
    inFolder(async (folder) => {
      let look: () => Promise<unknown> = async () => undefined;
      const log = await openLog(folder, { connect: inThisThread(openWith(() => look())) });
      let [recorded, looks] = [0, 0];
      const wrong: unknown[] = [];
      look = async () => {
        looks++;
        // More may be recorded while it looks.
        const before = recorded;
        try {
          const found = await allPages(log, { filter: { permission: "view" }, pageSize: 1_000 });
          if (found.length < before) wrong.push(`${found.length} of ${before}`);
        } catch (error) {
          wrong.push(error);
        }
      };
      for (; recorded < 300; recorded += 30) {
        for (let i = 0; i < 30; i++) void log.record(checkEntry(recorded + i), false);
        await log.flush();
      }
      look = async () => undefined;
      await log.close();
      assert.deepEqual(wrong, []);
      assert.ok(looks > 10, String(looks));
      const again = await openLog(folder);
      assert.equal((await allPages(again, { filter: { permission: "view" }, pageSize: 1_000 })).length, recorded, "nor is anything gone that counts");
      await again.close();
    }));

  it("find by time whatever stands among records of other instants", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder, { clock: { now: () => 1_000 } });
      // One is early by far, and one late.
      const instant = (i: number) => (i === 100 ? 1_900 : i === 700 ? 1_310 : 1_000 + i);
      for (let i = 0; i < 800; i++) void log.record(checkEntry(i, { at: instant(i) }), false);
      await log.flush();
      for (const filter of [{ from: 1_850 }, { to: 1_100 }, { from: 1_300, to: 1_320 }, { from: 1_090, to: 1_110 }, { from: 1_900, to: 1_901 }, { from: 1_901 }, { to: 1_000 }]) {
        for (const oldestFirst of [false, true]) {
          const step = { do: "query" as const, filter, tenant: undefined, pageSize: 50, oldestFirst };
          await take(log, step);
        }
      }
      await log.close();
    }));

  it("end a page after so many records were looked at, and go on behind it", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder, { shape: { ...smallShape, runRecords: 4_096 } });
      const count = limits.auditScanRecordsMax + 500;
      const results = [["document:a", "denied"], ["document:b", "allowed"]] as const;
      const { answer: _, ...asked } = checkEntry(1);
      // Each has both terms, and none has a result with both: the index cannot tell.
      for (let i = 0; i < count; i++) void log.record({ ...asked, kind: "lookup", found: "objects", object: "document", results }, false);
      await log.flush();
      const filter: AuditFilter = { object: "document:a", answer: "allowed" };
      const first = await log.query({ filter }, undefined);
      assert.deepEqual(first.records, []);
      const [next] = JSON.parse(Buffer.from(first.cursor!, "base64url").toString()) as string[];
      assert.equal(Number(next), log.status.size - 1 - limits.auditScanRecordsMax);
      assert.deepEqual(await log.query({ filter, cursor: first.cursor! }, undefined), { records: [] });
      assert.equal((await log.query({ filter: { ...filter, answer: "denied" } }, undefined)).records.length, limits.auditPageRecordsDefault);
      await log.close();
    }));

  it("have no more records on a page than the bound, nor more bytes by much", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      for (let i = 0; i < limits.auditPageRecordsMax + 1; i++) void log.record(checkEntry(i), false);
      await log.flush();
      assert.equal((await log.query({ filter: {}, pageSize: 5_000 }, undefined)).records.length, limits.auditPageRecordsMax);
      const text = "x".repeat(Math.ceil(limits.pageBytesMax / 4));
      for (let i = 0; i < 10; i++) void log.record({ kind: "schema", at: 1, zookie: "z", schema: "s", text }, false);
      await log.flush();
      assert.equal((await log.query({ filter: { kinds: ["schema"] } }, undefined)).records.length, 4);
      assert.equal((await allPages(log, { filter: { kinds: ["schema"] } })).length, 10);
      await log.close();
    }));

  it("end when nobody waits any more", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      for (let i = 0; i < 3_000; i++) void log.record(checkEntry(i), false);
      await log.flush();
      const stop = new AbortController();
      const asked = log.query({ filter: {}, pageSize: 1_000 }, undefined, stop.signal);
      stop.abort();
      await assert.rejects(asked, { code: "cancelled" });
      assert.equal((await log.query({ filter: {} }, undefined)).records.length, limits.auditPageRecordsDefault);
      await log.close();
    }));
});
