import assert from "node:assert/strict";

import { sharedFile, sharedFolder } from "../../../support/shared.js";
import { DecisionPoint, type Outcome } from "./decision-point.js";
import { todoMapping, todoSchema, todoTuples } from "./todo.js";

interface Cases {
  readonly evaluation: readonly { readonly request: { readonly subject: { readonly id: string } }; readonly expected: boolean }[];
  readonly evaluations: readonly { readonly request: object; readonly expected: readonly Outcome[] }[];
}

describe("the AuthZEN Todo scenario", () => {
  let point: DecisionPoint | undefined;
  let cases: Cases;

  before(async function () {
    if (sharedFolder("conformance", "authzen") === undefined) {
      console.log("      skipped: there is no ../shared/conformance/authzen");
      this.skip();
    }
    cases = JSON.parse(sharedFile("conformance", "authzen", "todo-decisions.json")) as Cases;
    const ids = [...new Set(cases.evaluation.map(({ request }) => request.subject.id))];
    point = await DecisionPoint.open(todoSchema, todoTuples((beginning) => ids.find((id) => id.startsWith(beginning)) ?? assert.fail(beginning)), { mapping: todoMapping });
  });
  after(async () => point?.close());

  it("has every expected decision", async () => {
    assert.ok(cases.evaluation.length > 0);
    for (const { request, expected } of cases.evaluation) assert.equal((await point?.answer("evaluation", request))?.decision, expected, JSON.stringify(request));
  });

  it("has them in lists, too", async () => {
    assert.ok(cases.evaluations.length > 0);
    for (const { request, expected } of cases.evaluations) {
      const answered = await point?.answer("evaluations", request);
      assert.deepEqual(answered?.evaluations?.map(({ decision }) => ({ decision })), expected, JSON.stringify(request));
    }
    const all = cases.evaluation.map(({ request }) => request);
    const answered = await point?.answer("evaluations", { evaluations: all });
    assert.deepEqual(answered?.evaluations?.map(({ decision }) => decision), cases.evaluation.map(({ expected }) => expected));
  });
});
