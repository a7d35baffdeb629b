import assert from "node:assert/strict";
import { UsherError } from "../../src/base/errors.js";
import { filterOf, filtersOf, parseFilter } from "../../src/cli/filter-options.js";

describe("a filter on the command line", () => {
  it("is a tuple, exactly", () => {
    assert.deepEqual(parseFilter("node:n1#operator@team:sre#member"), {
      objectType: "node", objectId: "n1", relation: "operator", subjectType: "team", subjectId: "sre", subjectRelation: "member",
    });
  });

  it("is words", () => {
    assert.deepEqual(parseFilter("object=node:n1 relation=operator subject=user:ana"), {
      objectType: "node", objectId: "n1", relation: "operator", subjectType: "user", subjectId: "ana", subjectRelation: "",
    });
    assert.deepEqual(parseFilter("  object-type=node   object-prefix=n "), { objectType: "node", objectIdPrefix: "n" });
    assert.deepEqual(parseFilter("subject-type=team subject-id=a=b subject-relation="), { subjectType: "team", subjectId: "a=b", subjectRelation: "" });
    assert.deepEqual(parseFilter("subject=user:*"), { subjectType: "user", subjectId: "*", subjectRelation: "" });
  });

  it("is refused where it is malformed", () => {
    for (const [text, code] of [
      ["frob=1", "invalid_filter"],
      ["object=node:n1 frob", "invalid_filter"],
      ["toString=1", "invalid_tuple"],
      ["constructor=1", "invalid_filter"],
      ["object=node:n1 object-id=n2", "invalid_filter"],
      ["object-id=n1", "invalid_filter"],
      ["object=node", "invalid_tuple"],
      ["object-type=9", "invalid_name"],
      ["", "invalid_tuple"],
    ] as const) {
      assert.throws(() => parseFilter(text), (error) => error instanceof UsherError && error.code === code, text);
    }
  });

  it("comes from options, an absent one choosing nothing", () => {
    assert.deepEqual(filtersOf({}), []);
    assert.deepEqual(filterOf({ objectType: "node", objectPrefix: "n" }), { objectType: "node", objectIdPrefix: "n" });
    assert.deepEqual(filterOf({ subjectType: "user", subjectRelation: "" }), { subjectType: "user", subjectRelation: "" });
    assert.throws(() => filterOf({ relation: "x" }), (error) => error instanceof UsherError && error.code === "invalid_filter");
  });
});
