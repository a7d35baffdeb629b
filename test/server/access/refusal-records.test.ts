import assert from "node:assert/strict";
import { limits } from "../../../src/base/limits.js";
import type { AuditEntry } from "../../../src/model/audit.js";
import type { AuthenticationReason } from "../../../src/server/access/events.js";
import { RefusalRecords } from "../../../src/server/access/refusal-records.js";

function records() {
  const entries: AuditEntry[] = [];
  let now = 1_000;
  const refusals = new RefusalRecords({ record: (entry) => void entries.push(entry) }, { now: () => now++ });
  return { entries, refusals, refuse: (reason: AuthenticationReason, peer: string) => refusals.onAuthentication({ outcome: "refused", reason, peer }) };
}

describe("records of refused authentications", () => {
  it("are one for each peer and reason, with how often and since when", () => {
    const { entries, refusals, refuse } = records();
    for (let i = 0; i < 3; i++) refuse("wrong_secret", "10.0.0.1");
    refuse("missing", "10.0.0.1");
    refuse("wrong_secret", "10.0.0.2");
    assert.deepEqual(entries, []);
    refusals.flush();
    assert.deepEqual(entries, [
      { kind: "authentication", at: 1_000, reason: "wrong_secret", peer: "10.0.0.1", count: 3 },
      { kind: "authentication", at: 1_001, reason: "missing", peer: "10.0.0.1", count: 1 },
      { kind: "authentication", at: 1_002, reason: "wrong_secret", peer: "10.0.0.2", count: 1 },
    ]);
    refusals.flush();
    assert.equal(entries.length, 3, "each is told once");
  });

  it("are none of what was let in", () => {
    const { entries, refusals } = records();
    refusals.onAuthentication({ outcome: "accepted", reason: "key", peer: "10.0.0.1" });
    refusals.flush();
    assert.deepEqual(entries, []);
  });

  it("do not wait for more peers than they may hold", () => {
    const { entries, refuse } = records();
    for (let i = 0; i < limits.refusalsRecordedMax; i++) refuse("missing", `peer ${i}`);
    assert.equal(entries.length, 0);
    refuse("missing", "one more");
    assert.equal(entries.length, limits.refusalsRecordedMax);
  });
});
