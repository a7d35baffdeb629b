import assert from "node:assert/strict";
import * as fc from "fast-check";
import { UsherError } from "../../src/base/errors.js";
import { Database } from "../../src/database/database.js";
import type { Call, CheckRequest, DeleteTuplesRequest, ReadTuplesRequest, WriteTuplesRequest } from "../../src/model/service.js";
import { inFolder } from "../support/folder.js";

const call: Call = {};
const schema = "definition user {}\ndefinition doc { relation viewer: user | doc#viewer }";

/** A good request with some of its parts, anywhere in it, replaced by whatever a program in JavaScript may pass. */
function spoilt<T>(good: T): fc.Arbitrary<T> {
  const anything = fc.oneof(fc.anything({ maxDepth: 2 }), fc.constantFrom(null, undefined, "", "*", "a\0b", [], {}, -1, Number.NaN, Symbol("s"), 10n));
  const spoil = (value: unknown): fc.Arbitrary<unknown> => {
    if (typeof value !== "object" || value === null) return fc.oneof({ weight: 4, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: anything });
    const parts = Array.isArray(value)
      ? fc.tuple(...value.map(spoil))
      : fc.tuple(...Object.entries(value).map(([key, part]) => spoil(part).map((one) => [key, one]))).map((entries) => Object.fromEntries(entries as [string, unknown][]) as unknown);
    return fc.oneof({ weight: 8, arbitrary: parts }, { weight: 1, arbitrary: anything });
  };
  return spoil(good) as fc.Arbitrary<T>;
}

const tuple = { object: { type: "doc", id: "1" }, relation: "viewer", subject: { type: "user", id: "ana", relation: "" } };
const write: WriteTuplesRequest = {
  operations: [{ kind: "touch", tuple }],
  preconditions: [{ kind: "mustNotMatch", filter: { objectType: "doc", objectId: "9" } }],
  metadata: { reason: "test" },
  requestId: "r",
};
const erase: DeleteTuplesRequest = { filters: [{ objectType: "doc", objectIdPrefix: "x" }], limit: 5 };
const read: ReadTuplesRequest = { filter: { objectType: "doc", subjectType: "user" }, pageSize: 10, consistency: { kind: "latest" } };
const check: CheckRequest = {
  object: { type: "doc", id: "1" },
  permission: "viewer",
  subject: { type: "user", id: "ana", relation: "" },
  context: { a: [1, "x"] },
  contextualTuples: [tuple],
  consistency: { kind: "latest" },
};

describe("a program that passes anything at all", function () {
  this.timeout(120_000);

  it("gets an answer or an error with a code, and leaves a database that works", async () => {
    await inFolder(async (folder) => {
      const database = await Database.open(folder);
      try {
        await database.writeSchema({ text: schema }, call);
        const coded = async (act: () => Promise<unknown>) => {
          try {
            await act();
          } catch (error) {
            assert.ok(error instanceof UsherError && error.code !== "internal", `${String(error)}\n${(error as Error).stack}`);
          }
        };
        await fc.assert(
          fc.asyncProperty(spoilt(write), spoilt(erase), spoilt(read), spoilt(check), async (one, two, three, four) => {
            await coded(() => database.writeTuples(one, call));
            await coded(() => database.deleteTuples(two, call));
            await coded(() => database.readTuples(three, call));
            await coded(() => database.check(four, call));
            await coded(() => database.batchCheck({ items: [four] }, call));
            await coded(() => database.expand({ object: four?.object, permission: four?.permission }, call));
          }),
          { numRuns: 300 },
        );
        await database.writeTuples({ operations: [{ kind: "touch", tuple }] }, call);
        assert.equal((await database.check(check, call)).allowed, true);
      } finally {
        await database.close();
      }
    });
  });
});
