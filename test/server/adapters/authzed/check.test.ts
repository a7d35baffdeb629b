import assert from "node:assert/strict";

import { v1 } from "@authzed/authzed-node";
import { status } from "@grpc/grpc-js";

import { limits } from "../../../../src/base/limits.js";
import { atLeast, clientOf, exactly, objectOf, question, refuses, Spice, subjectOf, tokenOf } from "./spice.js";

const schema = `
use expiration

caveat office_hours(hour int, from int) { hour >= from }

definition user {}
definition group { relation member: user | group#member }
definition folder { relation viewer: user | group#member
  permission view = viewer }
definition doc {
  relation parent: folder
  relation viewer: user | user with office_hours | user with expiration | user:* | group#member
  relation banned: user
  permission view = (viewer + parent->view) - banned
  permission read = view
}
definition loop { relation next: loop
  relation base: user
  permission through = base - next->through }`;

const missing = (answer: { readonly partialCaveatInfo?: v1.PartialCaveatInfo }) => answer.partialCaveatInfo?.missingRequiredContext ?? [];

describe("CheckPermission", () => {
  let spice: Spice;

  before(async () => {
    spice = await Spice.open();
    await spice.schema(schema);
    await spice.write("doc:1#viewer@user:ana", "doc:1#viewer@user:bob", "doc:1#banned@user:bob", 'doc:1#viewer@user:cleo[office_hours:{"from":9}]', "doc:1#parent@folder:f", "folder:f#viewer@group:g#member", "group:g#member@user:dan");
  });
  after(() => spice.close());

  it("says yes, no, and under which context", async () => {
    assert.equal(await spice.check("doc:1#view@user:ana"), "HAS");
    assert.equal(await spice.check("doc:1#view@user:bob"), "NO");
    assert.equal(await spice.check("doc:1#view@user:dan"), "HAS");
    assert.equal(await spice.check("doc:1#view@user:nobody"), "NO");
    const open = await spice.calls.checkPermission(question("doc:1#view@user:cleo"));
    assert.deepEqual([open.permissionship, missing(open)], [v1.CheckPermissionResponse_Permissionship.CONDITIONAL_PERMISSION, ["hour"]]);
    assert.equal(await spice.check("doc:1#view@user:cleo", { hour: 10 }), "HAS");
    assert.equal(await spice.check("doc:1#view@user:cleo", { hour: 8 }), "NO");
    // What is stored wins.
    assert.equal(await spice.check("doc:1#view@user:cleo", { hour: 8, from: 1 }), "NO");
  });

  it("asks about usersets, and reads `...` as none", async () => {
    assert.equal(await spice.check("doc:1#view@group:g#member"), "HAS");
    const { permissionship } = await spice.calls.checkPermission({ ...question("doc:1#view@user:ana"), subject: subjectOf("user", "ana", "...") });
    assert.equal(permissionship, v1.CheckPermissionResponse_Permissionship.HAS_PERMISSION);
  });

  it("takes ids that SpiceDB refuses", async () => {
    await spice.write("doc:https://a.b/?c=d#viewer@user:ana@example.org");
    assert.equal(await spice.check("doc:https://a.b/?c=d#view@user:ana@example.org"), "HAS");
    assert.equal(await spice.check("doc:https://a.b/?c=d#view@user:ana"), "NO");
  });

  it("refuses what the schema has not, and who is nobody", async () => {
    await refuses(spice.check("nothing:1#view@user:ana"), status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_DEFINITION");
    await refuses(spice.check("doc:1#nothing@user:ana"), status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION");
    await refuses(spice.check("doc:1#view@nothing:ana"), status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_DEFINITION");
    await refuses(spice.check("doc:1#view@user:*"), status.INVALID_ARGUMENT, "ERROR_REASON_WILDCARD_NOT_ALLOWED");
    await refuses(spice.calls.checkPermission(v1.CheckPermissionRequest.create({ permission: "view", resource: objectOf("doc", "1") })), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
    await refuses(spice.calls.checkPermission({ ...question("doc:1#view@user:ana"), resource: objectOf("doc", "") }), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
    await refuses(spice.check("doc:1#view@user:cleo", { hour: "noon" }), status.INVALID_ARGUMENT, "ERROR_REASON_CAVEAT_PARAMETER_TYPE_ERROR");
  });

  it("refuses a cycle through an exclusion as too deep", async () => {
    await spice.write("loop:a#next@loop:b", "loop:b#next@loop:a", "loop:a#base@user:ana", "loop:b#base@user:ana");
    const { metadata } = await refuses(spice.check("loop:a#through@user:ana"), status.FAILED_PRECONDITION, "ERROR_REASON_MAXIMUM_DEPTH_EXCEEDED");
    assert.equal(metadata["usher_code"], "cycle_through_exclusion");
  });

  it("tells when time alone may change the answer", async () => {
    const expiresAt = Math.ceil(Date.now() / 1_000) * 1_000 + 3_600_000;
    await spice.write(`doc:2#viewer@user:ana[expiration:${new Date(expiresAt).toISOString()}]`);
    const answer = await spice.calls.checkPermission(question("doc:2#view@user:ana"));
    assert.equal(Number(answer.optionalExpiresAt?.seconds), expiresAt / 1_000);
    assert.equal((await spice.calls.checkPermission(question("doc:1#view@user:ana"))).optionalExpiresAt, undefined);
    await spice.write("doc:2#viewer@user:bob[expiration:2020-01-01T00:00:00Z]");
    assert.equal(await spice.check("doc:2#view@user:bob"), "NO");
  });

  it("shows how it came about, with the schema", async () => {
    const { debugTrace } = await spice.calls.checkPermission({ ...question("doc:1#view@user:dan"), withTracing: true });
    assert.equal(debugTrace?.schemaUsed, schema);
    const root = debugTrace.check;
    assert.deepEqual([root?.resource, root?.permission, root?.permissionType, root?.result], [objectOf("doc", "1"), "view", permissionType, hasPermission]);
    assert.deepEqual(root?.subject, subjectOf("user", "dan"));
    assert.ok(root?.resolution.oneofKind === "subProblems");
    const names = root.resolution.subProblems.traces.map(({ resource, permission, result }) => [resource?.objectType, permission, result]);
    assert.ok(names.some(([type, permission, result]) => type === "folder" && permission === "view" && Number(result) === hasPermission), JSON.stringify(names));
    assert.equal((await spice.calls.checkPermission(question("doc:1#view@user:dan"))).debugTrace, undefined);
  });

  it("shows how a caveat turned out", async () => {
    const { debugTrace } = await spice.calls.checkPermission({ ...question("doc:1#viewer@user:cleo"), withTracing: true });
    const info = debugTrace?.check?.caveatEvaluationInfo;
    assert.deepEqual([info?.caveatName, info?.expression, info?.result, info?.partialCaveatInfo?.missingRequiredContext], ["office_hours", "hour >= from", 4, ["hour"]]);
  });

  it("without a schema finds no definition", async () => {
    const empty = await Spice.open();
    try {
      await refuses(empty.check("doc:1#view@user:ana"), status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_DEFINITION");
    } finally {
      await empty.close();
    }
  });
});

/** `CheckDebugTrace.PermissionType` and `Permissionship`, which the client does not export. */
const permissionType = 2;
const hasPermission = 2;

describe("consistency", () => {
  let spice: Spice;
  let granted: string;
  let revoked: string;

  before(async () => {
    spice = await Spice.open();
    await spice.schema(schema);
    granted = await spice.write("doc:1#viewer@user:ana");
    revoked = await spice.write("-doc:1#viewer@user:ana");
  });
  after(() => spice.close());

  it("reads the newest snapshot unless one is named", async () => {
    const newest: (v1.Consistency | undefined)[] = [
      undefined, { requirement: { oneofKind: undefined } },
      { requirement: { oneofKind: "fullyConsistent", fullyConsistent: true } }, { requirement: { oneofKind: "minimizeLatency", minimizeLatency: true } },
      atLeast(granted), atLeast(revoked), exactly(revoked),
    ];
    for (const consistency of newest) assert.equal(await spice.check("doc:1#view@user:ana", undefined, consistency), "NO", JSON.stringify(consistency));
    assert.equal(await spice.check("doc:1#view@user:ana", undefined, exactly(granted)), "HAS");
  });

  it("answers with the snapshot that was read", async () => {
    const { checkedAt } = await spice.calls.checkPermission(question("doc:1#view@user:ana", undefined, exactly(granted)));
    assert.equal(tokenOf(checkedAt), granted);
  });

  it("refuses a requirement that is false, and a token that is none", async () => {
    await refuses(spice.check("doc:1#view@user:ana", undefined, { requirement: { oneofKind: "fullyConsistent", fullyConsistent: false } }), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
    const foreign = "GhUKEzE3MDAwMDAwMDAwMDAwMDAwMDA=";
    for (const consistency of [atLeast(foreign), exactly(foreign), atLeast("")]) {
      const { metadata } = await refuses(spice.check("doc:1#view@user:ana", undefined, consistency), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
      assert.equal(metadata["usher_code"], "invalid_zookie");
    }
  });

  it("reads tokens from before a move as the newest snapshot where it is told to, and holds to its own", async () => {
    const other = await Spice.open();
    const moved = await Spice.open({ foreignZedTokens: "latest" });
    try {
      await moved.schema(schema);
      const early = await moved.write("doc:1#viewer@user:ana");
      await moved.write("-doc:1#viewer@user:ana");
      const strangers = ["GhUKEzE3MDAwMDAwMDAwMDAwMDAwMDA=", await other.schema(schema)];
      for (const token of strangers) {
        for (const consistency of [atLeast(token), exactly(token)]) assert.equal(await moved.check("doc:1#view@user:ana", undefined, consistency), "NO");
        const request = v1.LookupResourcesRequest.create({ resourceObjectType: "doc", permission: "view", subject: subjectOf("user", "ana"), consistency: exactly(token) });
        assert.deepEqual(await moved.calls.lookupResources(request), []);
        await refuses(other.check("doc:1#view@user:ana", undefined, atLeast(early)), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
      }
      assert.equal(await moved.check("doc:1#view@user:ana", undefined, exactly(early)), "HAS");
    } finally {
      await moved.close();
      await other.close();
    }
  });
});

describe("CheckBulkPermissions", () => {
  let spice: Spice;

  before(async () => {
    spice = await Spice.open();
    await spice.schema(schema);
    await spice.write("doc:1#viewer@user:ana", 'doc:1#viewer@user:cleo[office_hours:{"from":9}]');
  });
  after(() => spice.close());

  const items = (...texts: string[]) => v1.CheckBulkPermissionsRequest.create({ items: texts.map((text) => v1.CheckBulkPermissionsRequestItem.create(question(text))) });

  it("answers each question beside it, and tells of one that cannot be answered", async () => {
    const asked = items("doc:1#view@user:ana", "doc:1#view@user:bob", "doc:1#view@user:cleo", "doc:1#nothing@user:ana", "doc:1#view@user:*");
    const { pairs, checkedAt } = await spice.calls.checkBulkPermissions(asked);
    tokenOf(checkedAt);
    assert.deepEqual(pairs.map(({ request }) => request && v1.CheckBulkPermissionsRequestItem.toJson(request)), asked.items.map((item) => v1.CheckBulkPermissionsRequestItem.toJson(item)));
    const told = pairs.map(({ response }) => (response.oneofKind === "item" ? response.item.permissionship : response.oneofKind === "error" ? status[response.error.code] : ""));
    assert.deepEqual(told, [2, 1, 3, "FAILED_PRECONDITION", "INVALID_ARGUMENT"]);
    const [, , conditional] = pairs;
    assert.ok(conditional?.response.oneofKind === "item");
    assert.deepEqual(missing(conditional.response.item), ["hour"]);
  });

  it("traces each where it is asked to", async () => {
    const { pairs } = await spice.calls.checkBulkPermissions({ ...items("doc:1#view@user:ana"), withTracing: true });
    assert.ok(pairs[0]?.response.oneofKind === "item");
    assert.equal(pairs[0].response.item.debugTrace?.check?.permission, "view");
  });

  it("answers no question with the token of now", async () => {
    const token = await spice.write("doc:77#viewer@user:ana");
    const { pairs, checkedAt } = await spice.calls.checkBulkPermissions(items());
    assert.deepEqual([pairs, tokenOf(checkedAt)], [[], token]);
  });

  it("takes so many and no more", async () => {
    const many = (count: number) => spice.calls.checkBulkPermissions(items(...Array.from({ length: count }, (_, i) => `doc:${i}#view@user:ana`)));
    assert.equal((await many(limits.batchItemsMax)).pairs.length, limits.batchItemsMax);
    const { metadata } = await refuses(many(limits.batchItemsMax + 1), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
    assert.deepEqual([metadata["check_count"], metadata["maximum_checks_allowed"]], [String(limits.batchItemsMax + 1), String(limits.batchItemsMax)]);
    await refuses(spice.calls.checkBulkPermissions(items("doc:1#view@user:*")), status.INVALID_ARGUMENT, "ERROR_REASON_WILDCARD_NOT_ALLOWED");
  });
});

describe("ExpandPermissionTree", () => {
  let spice: Spice;

  before(async () => {
    spice = await Spice.open();
    await spice.schema(schema);
    await spice.write("doc:1#viewer@user:ana", "doc:1#viewer@group:g#member", "doc:1#parent@folder:f", "doc:1#banned@user:bob");
  });
  after(() => spice.close());

  const shown = (node: v1.PermissionRelationshipTree | undefined): unknown => {
    if (node?.treeType.oneofKind === "leaf") return { [node.expandedRelation]: node.treeType.leaf.subjects.map(({ object, optionalRelation }) => `${object?.objectType}:${object?.objectId}#${optionalRelation}`) };
    assert.ok(node?.treeType.oneofKind === "intermediate");
    return { [v1.AlgebraicSubjectSet_Operation[node.treeType.intermediate.operation]]: node.treeType.intermediate.children.map(shown) };
  };

  it("shows one level, usersets as they are", async () => {
    const { treeRoot, expandedAt } = await spice.calls.expandPermissionTree(v1.ExpandPermissionTreeRequest.create({ resource: objectOf("doc", "1"), permission: "view" }));
    tokenOf(expandedAt);
    assert.deepEqual([treeRoot?.expandedObject, treeRoot?.expandedRelation], [objectOf("doc", "1"), "view"]);
    assert.deepEqual(shown(treeRoot), {
      EXCLUSION: [{ UNION: [{ viewer: ["group:g#member", "user:ana#"] }, { "parent->view": ["folder:f#view"] }] }, { banned: ["user:bob#"] }],
    });
  });

  it("has a union around a permission that is another one", async () => {
    const { treeRoot } = await spice.calls.expandPermissionTree(v1.ExpandPermissionTreeRequest.create({ resource: objectOf("folder", "f"), permission: "view" }));
    assert.deepEqual([treeRoot?.expandedRelation, shown(treeRoot)], ["view", { UNION: [{ viewer: [] }] }]);
  });

  it("refuses what the schema has not", async () => {
    const call = spice.calls.expandPermissionTree(v1.ExpandPermissionTreeRequest.create({ resource: objectOf("doc", "1"), permission: "nothing" }));
    await refuses(call, status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION");
  });
});

describe("two clients of one server", () => {
  it("speak both languages on one port", async () => {
    const spice = await Spice.open();
    const second = clientOf(spice.server, "another");
    try {
      await spice.schema(schema);
      await spice.database.writeTuples({ operations: [{ kind: "touch", tuple: { object: { type: "doc", id: "1" }, relation: "viewer", subject: { type: "user", id: "ana", relation: "" } } }] }, {});
      const { permissionship } = await second.promises.checkPermission(question("doc:1#view@user:ana"));
      assert.equal(permissionship, v1.CheckPermissionResponse_Permissionship.HAS_PERMISSION);
    } finally {
      second.close();
      await spice.close();
    }
  });
});
