import assert from "node:assert/strict";

import { v1 } from "@authzed/authzed-node";
import { status } from "@grpc/grpc-js";

import type { Context } from "../../../../src/model/context.js";
import { found, objectOf, refuses, Spice, structOf, subjectOf, tokenOf } from "./spice.js";

const schema = `
caveat office_hours(hour int) { hour >= 9 }

definition user {}
definition group { relation member: user | group#member }
definition doc {
  relation viewer: user | user with office_hours | user:* | group#member
  relation banned: user | user with office_hours
  permission view = viewer - banned
}`;

const doc = (i: number) => String(i).padStart(4, "0");

describe("LookupResources", () => {
  let spice: Spice;

  before(async () => {
    spice = await Spice.open();
    await spice.schema(schema);
    for (let from = 0; from < 2_400; from += 800) await spice.write(...Array.from({ length: 800 }, (_, i) => `doc:${doc(from + i)}#viewer@user:ana`));
    await spice.write("doc:c#viewer@user:cleo[office_hours]", "doc:b#viewer@user:cleo", "doc:b#banned@user:cleo[office_hours]", "doc:g#viewer@group:g#member", "group:g#member@user:cleo", "doc:n#viewer@user:cleo", "doc:n#banned@user:cleo");
  });
  after(() => spice.close());

  const request = (id: string, more: Partial<v1.LookupResourcesRequest> = {}, context?: Context) =>
    v1.LookupResourcesRequest.create({ resourceObjectType: "doc", permission: "view", subject: subjectOf("user", id), ...(context && { context: structOf(context) }), ...more });
  const lookup = (...given: Parameters<typeof request>) => spice.calls.lookupResources(request(...given));
  const shown = (results: readonly v1.LookupResourcesResponse[]) => results.map(({ resourceObjectId, permissionship, partialCaveatInfo }) => [resourceObjectId, found[permissionship], ...(partialCaveatInfo?.missingRequiredContext ?? [])]);

  it("finds all, with what is missing", async () => {
    assert.deepEqual(shown(await lookup("cleo")), [["b", "CONDITIONAL", "hour"], ["c", "CONDITIONAL", "hour"], ["g", "HAS"]]);
    assert.deepEqual(shown(await lookup("cleo", {}, { hour: 10 })), [["c", "HAS"], ["g", "HAS"]]);
    assert.deepEqual(shown(await lookup("cleo", {}, { hour: 8 })), [["b", "HAS"], ["g", "HAS"]]);
    assert.deepEqual(await lookup("nobody"), []);
    const usersets = await lookup("cleo", { subject: subjectOf("group", "g", "member") });
    assert.deepEqual(shown(usersets), [["g", "HAS"]]);
  });

  it("finds more than a page of ours has, each once and in one snapshot", async () => {
    const all = await lookup("ana");
    assert.deepEqual(all.map(({ resourceObjectId }) => resourceObjectId), Array.from({ length: 2_400 }, (_, i) => doc(i)));
    assert.equal(new Set(all.map(({ lookedUpAt }) => tokenOf(lookedUpAt))).size, 1);
  });

  it("goes on after any result, with any limit, at the snapshot of the first", async () => {
    const all = (await lookup("ana")).map(({ resourceObjectId }) => resourceObjectId);
    for (const [limit, stops] of [[1, 4], [700, 10], [1_000, 3], [2_400, 1]] as const) {
      const ids: string[] = [];
      let cursor: v1.Cursor | undefined;
      for (let stop = 0; stop < stops; stop++) {
        const results: v1.LookupResourcesResponse[] = await lookup("ana", { optionalLimit: limit, ...(cursor && { optionalCursor: cursor }) });
        ids.push(...results.map(({ resourceObjectId }) => resourceObjectId));
        cursor = results.at(-1)?.afterResultCursor ?? cursor;
        await spice.write("doc:00000#viewer@user:ana", "doc:0500x#viewer@user:ana");
      }
      await spice.write("-doc:00000#viewer@user:ana", "-doc:0500x#viewer@user:ana");
      assert.deepEqual(ids, all.slice(0, limit * stops), `${limit} at once`);
    }
    const middle = (await lookup("ana", { optionalLimit: 900 }))[123]?.afterResultCursor;
    const rest = await lookup("ana", { optionalLimit: 30, ...(middle && { optionalCursor: middle }) });
    assert.deepEqual(rest.map(({ resourceObjectId }) => resourceObjectId), all.slice(124, 154));
    const last = (await lookup("ana")).at(-1)?.afterResultCursor;
    assert.deepEqual(await lookup("ana", { ...(last && { optionalCursor: last }) }), []);
  });

  it("refuses the cursor of another lookup, and what is none", async () => {
    const [{ afterResultCursor } = v1.LookupResourcesResponse.create()] = await lookup("ana", { optionalLimit: 1 });
    const given = { ...(afterResultCursor && { optionalCursor: afterResultCursor }) };
    await refuses(lookup("cleo", given), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_CURSOR");
    await refuses(lookup("ana", given, { hour: 10 }), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_CURSOR");
    await refuses(lookup("ana", { optionalCursor: { token: "WyJhIl0" } }), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_CURSOR");
  });

  it("refuses what the schema has not, and a wildcard", async () => {
    await refuses(lookup("ana", { resourceObjectType: "nothing" }), status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_DEFINITION");
    await refuses(lookup("ana", { permission: "nothing" }), status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION");
    await refuses(lookup("*"), status.INVALID_ARGUMENT, "ERROR_REASON_WILDCARD_NOT_ALLOWED");
  });
});

describe("LookupSubjects", () => {
  let spice: Spice;

  before(async () => {
    spice = await Spice.open();
    await spice.schema(schema);
    await spice.write("doc:1#viewer@user:ana", "doc:1#viewer@user:cleo[office_hours]", "doc:1#viewer@group:g#member", "group:g#member@user:dan", "doc:1#viewer@user:eve", "doc:1#banned@user:eve");
    await spice.write("doc:2#viewer@user:*", "doc:2#banned@user:bob", "doc:2#banned@user:cleo[office_hours]");
  });
  after(() => spice.close());

  const lookup = (id: string, more: Partial<v1.LookupSubjectsRequest> = {}) =>
    spice.calls.lookupSubjects(v1.LookupSubjectsRequest.create({ resource: objectOf("doc", id), permission: "view", subjectObjectType: "user", ...more }));
  const shown = ({ subject }: v1.LookupSubjectsResponse) => [subject?.subjectObjectId, found[subject?.permissionship ?? 0], ...(subject?.partialCaveatInfo?.missingRequiredContext ?? [])];

  it("finds all, with what is missing", async () => {
    const results = await lookup("1");
    assert.deepEqual(results.map(shown), [["ana", "HAS"], ["cleo", "CONDITIONAL", "hour"], ["dan", "HAS"]]);
    // The old form says the same.
    assert.deepEqual(results.map(({ subjectObjectId, permissionship }) => [subjectObjectId, found[permissionship]]), [["ana", "HAS"], ["cleo", "CONDITIONAL"], ["dan", "HAS"]]);
    assert.deepEqual((await lookup("1", { subjectObjectType: "group", optionalSubjectRelation: "member" })).map(shown), [["g", "HAS"]]);
    assert.deepEqual((await lookup("1", { optionalSubjectRelation: "..." })).map(shown), results.map(shown));
    assert.deepEqual(await lookup("none"), []);
  });

  it("shows a wildcard with whom it leaves out, unless none are wanted", async () => {
    const [wildcard, conditional] = await lookup("2");
    assert.ok(wildcard && conditional);
    assert.deepEqual(shown(wildcard), ["*", "HAS"]);
    assert.deepEqual(wildcard.excludedSubjects.map(({ subjectObjectId, permissionship }) => [subjectObjectId, found[permissionship]]), [["bob", "HAS"], ["cleo", "CONDITIONAL"]]);
    assert.deepEqual(wildcard.excludedSubjectIds, ["bob", "cleo"]);
    assert.deepEqual(shown(conditional), ["cleo", "CONDITIONAL", "hour"]);
    const named = await lookup("2", { wildcardOption: v1.LookupSubjectsRequest_WildcardOption.EXCLUDE_WILDCARDS });
    assert.deepEqual(named.map(shown), [["cleo", "CONDITIONAL", "hour"]]);
    assert.equal((await lookup("2", { wildcardOption: v1.LookupSubjectsRequest_WildcardOption.INCLUDE_WILDCARDS })).length, 2);
  });

  it("goes on after any result, a wildcard not counted", async () => {
    const first = await lookup("2", { optionalConcreteLimit: 1 });
    assert.deepEqual(first.map(shown), [["*", "HAS"], ["cleo", "CONDITIONAL", "hour"]]);
    for (const [at, { afterResultCursor }] of first.entries()) {
      assert.deepEqual((await lookup("2", { ...(afterResultCursor && { optionalCursor: afterResultCursor }) })).map(shown), first.slice(at + 1).map(shown));
    }
    const [ana] = await lookup("1", { optionalConcreteLimit: 1 });
    assert.deepEqual((await lookup("1", { optionalConcreteLimit: 1, ...(ana?.afterResultCursor && { optionalCursor: ana.afterResultCursor }) })).map(shown), [["cleo", "CONDITIONAL", "hour"]]);
  });

  it("refuses what the schema has not, and an option that is none", async () => {
    await refuses(lookup("1", { subjectObjectType: "nothing" }), status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_DEFINITION");
    await refuses(lookup("1", { permission: "nothing" }), status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION");
    await refuses(lookup("1", { wildcardOption: 7 as v1.LookupSubjectsRequest_WildcardOption }), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
  });
});
