import assert from "node:assert/strict";
import { UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { allowed, conditional, denied, undecided } from "../../../src/evaluation/answer.js";
import { answersOf, verdictOf } from "../../../src/evaluation/lookup/verdicts.js";
import { compileSchema } from "../../../src/model/schema/compile.js";
import { parseObject, parseSubject } from "../../../src/model/tuple-text.js";
import type { StoredTuple } from "../../../src/model/tuple.js";
import type { ListQuery, Snapshot } from "../../../src/storage/store.js";
import { now } from "../build.js";

describe("verdicts", () => {
  it("are what an answer says, and an error where it says nothing", () => {
    assert.deepEqual(verdictOf(allowed, "doc:1"), { allowed: true, missingFields: [] });
    assert.deepEqual(verdictOf(conditional(["x"], now), "doc:1"), { allowed: false, missingFields: ["x"] });
    assert.equal(verdictOf(denied, "doc:1"), undefined);
    assert.throws(
      () => verdictOf(undecided(new UsherError("depth_exceeded", "too deep")), "doc:1"),
      (error: unknown) => error instanceof UsherError && error.code === "depth_exceeded" && error.details["undecided"] === "doc:1" && error.message.includes("`doc:1`"),
    );
  });

  it("are reached in parts where all together read more than one evaluation may", async () => {
    const groups = 450;
    const each = Math.ceil((limits.readsPerEvaluationMax + 1) / groups);
    const schema = compileSchema("definition user {} definition group { relation member: user } definition doc { relation viewer: group#member }");
    const questions = Array.from({ length: Math.min(limits.lookupBatchMax, each) }, (_, i) => ({ object: parseObject(`doc:${i}`), permission: "viewer", subject: parseSubject("user:ana") }));
    const wide = Math.ceil((limits.readsPerEvaluationMax + 1) / questions.length);
    const answers = await answersOf(questions, { schema, snapshot: new Wide(wide), tenant: 1, now });
    assert.deepEqual([...new Set(answers.map(({ value }) => value))], ["denied"]);
  });
});

/** Documents that so many groups view, each with groups of its own, in which nobody is. */
class Wide implements Snapshot {
  readonly revision = 1;
  readonly instant = 0;
  readonly #groups: number;

  constructor(groups: number) {
    this.#groups = groups;
  }

  async probe(...[, keys]: Parameters<Snapshot["probe"]>): Promise<undefined[]> {
    return keys.map(() => undefined);
  }

  async list(_tenant: number, { filter }: ListQuery): Promise<{ tuples: StoredTuple[] }> {
    if (filter.objectType !== "doc") return { tuples: [] };
    const object = { type: "doc", id: filter.objectId ?? "" };
    return { tuples: Array.from({ length: this.#groups }, (_, i) => ({ object, relation: "viewer", subject: { type: "group", id: `${object.id}-${i}`, relation: "member" }, since: 1 })) };
  }

  schema(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  release(): void {}
}
