import assert from "node:assert/strict";

import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { checkFilter, isEmptyFilter, matches, type TupleFilter } from "../../src/model/filter.js";
import { parseTuple } from "../../src/model/tuple-text.js";

function refused(filter: TupleFilter, code: ErrorCode): void {
  assert.throws(() => checkFilter(filter), (error) => error instanceof UsherError && error.code === code);
}

describe("a tuple filter", () => {
  const tuple = parseTuple("doc:abc#viewer@team:sre#member");
  const plain = parseTuple("doc:abc#viewer@user:*");

  it("matches by each of its fields", () => {
    const matching: TupleFilter[] = [
      {},
      { objectType: "doc" },
      { objectType: "doc", objectId: "abc" },
      { objectType: "doc", objectIdPrefix: "ab" },
      { objectType: "doc", relation: "viewer" },
      { subjectType: "team" },
      { subjectType: "team", subjectId: "sre" },
      { subjectType: "team", subjectRelation: "member" },
      { objectType: "doc", objectId: "abc", relation: "viewer", subjectType: "team", subjectId: "sre", subjectRelation: "member" },
    ];
    for (const filter of matching) assert.ok(matches(checkFilter(filter), tuple), JSON.stringify(filter));
    const others: TupleFilter[] = [
      { objectType: "docs" },
      { objectType: "doc", objectId: "ab" },
      { objectType: "doc", objectIdPrefix: "abcd" },
      { objectType: "doc", relation: "owner" },
      { subjectType: "user" },
      { subjectType: "team", subjectId: "ops" },
      { subjectType: "team", subjectRelation: "admin" },
      { subjectType: "team", subjectRelation: "" },
    ];
    for (const filter of others) assert.ok(!matches(checkFilter(filter), tuple), JSON.stringify(filter));
  });

  it("with an empty subject relation matches objects and wildcards alone", () => {
    assert.ok(matches(checkFilter({ subjectType: "user", subjectRelation: "" }), plain));
    assert.ok(matches(checkFilter({ subjectType: "user", subjectId: "*" }), plain));
  });

  it("needs the type of what it names", () => {
    for (const filter of [{ objectId: "a" }, { objectIdPrefix: "a" }, { relation: "viewer" }, { subjectId: "a" }, { subjectRelation: "member" }, { subjectRelation: "" }]) {
      refused(filter, "invalid_filter");
    }
    refused({ objectType: "doc", objectId: "a", objectIdPrefix: "a" }, "invalid_filter");
  });

  it("is made of names and ids", () => {
    refused({ objectType: "d c" }, "invalid_name");
    refused({ objectType: "doc", relation: "a-b" }, "invalid_name");
    refused({ objectType: "doc", objectId: "*" }, "invalid_id");
    refused({ objectType: "doc", objectId: "" }, "invalid_id");
    refused({ objectType: "doc", objectIdPrefix: "a#" }, "invalid_id");
    refused({ subjectType: "user", subjectId: "a b" }, "invalid_id");
    refused({ subjectType: "user", subjectRelation: "a-b" }, "invalid_name");
  });

  it("is empty where it names no type", () => {
    assert.ok(isEmptyFilter({}));
    assert.ok(!isEmptyFilter({ objectType: "doc" }));
    assert.ok(!isEmptyFilter({ subjectType: "user" }));
  });
});
