import assert from "node:assert/strict";

import { InvalidArgumentError } from "commander";

import { parseInstant } from "../../src/cli/instant.js";
import { consistencyOf } from "../../src/cli/snapshot-options.js";

describe("an instant on the command line", () => {
  it("is RFC 3339, of any offset, cut to milliseconds", () => {
    assert.equal(parseInstant("2026-03-01T09:30:00Z"), Date.UTC(2026, 2, 1, 9, 30));
    assert.equal(parseInstant("2026-03-01T09:30:00.123999+02:00"), Date.UTC(2026, 2, 1, 7, 30, 0, 123));
  });

  it("is so long ago", () => {
    for (const [text, ms] of [["-15m", 900_000], ["-24h", 86_400_000], ["-500ms", 500]] as const) {
      const ago = Date.now() - parseInstant(text);
      assert.ok(ago >= ms && ago < ms + 10_000, text);
    }
    assert.equal(parseInstant("-99999999d"), 0, "not before 1970");
  });

  it("is nothing else", () => {
    for (const text of ["", "yesterday", "15m", "-15", "-0m", "2026-03-01", "2026-02-30T00:00:00Z", "2026-03-01T09:30Z", "1772357400"]) assert.throws(() => parseInstant(text), InvalidArgumentError, text);
  });

  it("is told from a zookie where a snapshot is chosen", () => {
    assert.deepEqual(consistencyOf({ at: "ASNFZ4mrze8BAgME" }), { consistency: { kind: "exact", zookie: "ASNFZ4mrze8BAgME" } });
    assert.deepEqual(consistencyOf({ at: "-SNFZ4mrze8BAgMEab" }), { consistency: { kind: "exact", zookie: "-SNFZ4mrze8BAgMEab" } });
    assert.deepEqual(consistencyOf({ at: "1970-01-01T00:00:01Z" }), { consistency: { kind: "asOf", instant: 1_000 } });
    assert.equal(consistencyOf({ at: "-1h" }).consistency?.kind, "asOf");
    assert.throws(() => consistencyOf({ at: "2026-03-01T9:30Z" }), InvalidArgumentError);
    assert.deepEqual(consistencyOf({}), {});
  });
});
