import assert from "node:assert/strict";

import { v1 } from "@authzed/authzed-node";
import { status } from "@grpc/grpc-js";

import { limits } from "../../../../src/base/limits.js";
import { formatTuple, type Tuple } from "../../../../src/model/tuple.js";
import { parseTuple } from "../../../../src/model/tuple-text.js";
import { exactly, relationshipOf, refuses, Spice, structOf, tokenOf, update } from "./spice.js";

const schema = `
use expiration

caveat from_net(ip string, net string) { ip == net }

definition user {}
definition group { relation member: user }
definition doc {
  relation viewer: user | user with from_net | user with expiration | group#member
  relation owner: user
  permission view = viewer + owner
}`;

const { CREATE, TOUCH, DELETE } = v1.RelationshipUpdate_Operation;
const { MUST_MATCH, MUST_NOT_MATCH } = v1.Precondition_Operation;

const filterOf = (filter: Partial<v1.RelationshipFilter>) => v1.RelationshipFilter.create(filter);
const updates = (operation: v1.RelationshipUpdate_Operation, ...lines: string[]) => lines.map((line) => ({ operation, relationship: relationshipOf(parseTuple(line)) }));
const writeOf = (request: Partial<v1.WriteRelationshipsRequest>) => v1.WriteRelationshipsRequest.create(request);

/** The model's tuple of a relationship as it was read. */
function lineOf({ relationship }: v1.ReadRelationshipsResponse): string {
  const { resource, relation, subject, optionalCaveat, optionalExpiresAt } = relationship ?? v1.Relationship.create();
  const tuple: Tuple = {
    object: { type: resource?.objectType ?? "", id: resource?.objectId ?? "" },
    relation,
    subject: { type: subject?.object?.objectType ?? "", id: subject?.object?.objectId ?? "", relation: subject?.optionalRelation ?? "" },
    ...(optionalCaveat && { condition: { name: optionalCaveat.caveatName, context: optionalCaveat.context ? (v1.PbStruct.toJson(optionalCaveat.context) as Record<string, string>) : {} } }),
    ...(optionalExpiresAt && { expiresAt: Number(optionalExpiresAt.seconds) * 1_000 }),
  };
  return formatTuple(tuple);
}

describe("relationships", () => {
  let spice: Spice;

  beforeEach(async () => {
    spice = await Spice.open();
    await spice.schema(schema);
  });
  afterEach(() => spice.close());

  const read = async (filter: Partial<v1.RelationshipFilter> = { resourceType: "doc" }, more: Partial<v1.ReadRelationshipsRequest> = {}) =>
    spice.calls.readRelationships(v1.ReadRelationshipsRequest.create({ relationshipFilter: filterOf(filter), ...more }));
  const lines = async (filter?: Partial<v1.RelationshipFilter>) => (await read(filter)).map(lineOf);

  describe("WriteRelationships", () => {
    it("creates, touches and deletes", async () => {
      await spice.calls.writeRelationships(writeOf({ updates: [...updates(CREATE, "doc:1#viewer@user:ana"), ...updates(TOUCH, "doc:1#viewer@user:bob", "doc:1#viewer@group:g#member")] }));
      await spice.calls.writeRelationships(writeOf({ updates: [...updates(TOUCH, 'doc:1#viewer@user:ana[from_net:{"net":"a"}]'), ...updates(DELETE, "doc:1#viewer@user:bob", "doc:1#viewer@user:nobody")] }));
      assert.deepEqual(await lines(), ["doc:1#viewer@group:g#member", 'doc:1#viewer@user:ana[from_net:{"net":"a"}]']);
    });

    it("deletes what was read, with its caveat and expiration", async () => {
      await spice.write('doc:1#viewer@user:ana[from_net:{"net":"a"}]', "doc:1#viewer@user:bob[expiration:2099-01-01T00:00:00.000Z]");
      const relationships = (await read()).map(({ relationship }) => relationship);
      assert.equal(relationships.length, 2);
      await spice.calls.writeRelationships(writeOf({ updates: relationships.map((relationship) => ({ operation: DELETE, ...(relationship && { relationship }) })) }));
      assert.deepEqual(await lines(), []);
    });

    it("refuses what stands already, and then writes nothing", async () => {
      await spice.write("doc:1#viewer@user:ana");
      const call = spice.calls.writeRelationships(writeOf({ updates: updates(CREATE, "doc:2#viewer@user:ana", "doc:1#viewer@user:ana") }));
      const { metadata } = await refuses(call, status.ALREADY_EXISTS, "ERROR_REASON_ATTEMPT_TO_RECREATE_RELATIONSHIP");
      assert.deepEqual(metadata, {
        usher_code: "tuple_exists", relationship: "doc:1#viewer@user:ana", resource_type: "doc", resource_object_id: "1", resource_relation: "viewer",
        subject_type: "user", subject_object_id: "ana", subject_relation: "",
      });
      assert.deepEqual(await lines(), ["doc:1#viewer@user:ana"]);
    });

    const wrong: [what: string, request: Partial<v1.WriteRelationshipsRequest>, code: status, reason: string, info?: Readonly<Record<string, string>>][] = [
      ["two updates of one relationship", { updates: [...updates(TOUCH, "doc:1#viewer@user:a"), ...updates(DELETE, "doc:1#viewer@user:a")] }, status.INVALID_ARGUMENT, "ERROR_REASON_UPDATES_ON_SAME_RELATIONSHIP", { definition_name: "doc", relationship: "doc:1#viewer@user:a" }],
      ["a permission", { updates: updates(TOUCH, "doc:1#view@user:a") }, status.INVALID_ARGUMENT, "ERROR_REASON_CANNOT_UPDATE_PERMISSION", { definition_name: "doc", permission_name: "view" }],
      ["a subject that the relation does not allow", { updates: updates(TOUCH, "doc:1#owner@group:g#member") }, status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_SUBJECT_TYPE", { definition_name: "doc", relation_name: "owner", subject_type: "group#member" }],
      ["a wildcard that it does not allow", { updates: updates(TOUCH, "doc:1#owner@user:*") }, status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_SUBJECT_TYPE", { definition_name: "doc", relation_name: "owner", subject_type: "user:*" }],
      ["an unknown type", { updates: updates(TOUCH, "nothing:1#owner@user:a") }, status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_DEFINITION", { definition_name: "nothing" }],
      ["an unknown relation", { updates: updates(TOUCH, "doc:1#nothing@user:a") }, status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION", { definition_name: "doc", relation_or_permission_name: "nothing" }],
      ["an unknown caveat", { updates: updates(TOUCH, "doc:1#viewer@user:a[nothing]") }, status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_SUBJECT_TYPE", { definition_name: "doc", relation_name: "viewer", subject_type: "user with nothing" }],
      ["a context of another type", { updates: updates(TOUCH, 'doc:1#viewer@user:a[from_net:{"net":1}]') }, status.INVALID_ARGUMENT, "ERROR_REASON_CAVEAT_PARAMETER_TYPE_ERROR", { caveat_name: "from_net", parameter_name: "net" }],
      ["an update of no operation", { updates: updates(v1.RelationshipUpdate_Operation.UNSPECIFIED, "doc:1#viewer@user:a") }, status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED"],
      ["an update without a relationship", { updates: [{ operation: TOUCH }] }, status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED"],
    ];
    for (const [what, request, code, reason, info = {}] of wrong) {
      it(`refuses ${what}`, async () => {
        const { metadata } = await refuses(spice.calls.writeRelationships(writeOf(request)), code, reason);
        const { usher_code: _, ...others } = metadata;
        if (reason !== "ERROR_REASON_UNSPECIFIED") assert.deepEqual(others, info);
        assert.deepEqual(await lines(), []);
      });
    }

    it("writes nothing with the token of now, and refuses preconditions of nothing", async () => {
      const token = await spice.write("doc:1#owner@user:ana");
      assert.equal((await spice.calls.writeRelationships(writeOf({}))).writtenAt?.token, token);
      const optionalPreconditions = [{ operation: MUST_MATCH, filter: filterOf({ resourceType: "doc" }) }];
      await refuses(spice.calls.writeRelationships(writeOf({ optionalPreconditions })), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
    });

    it("holds its preconditions", async () => {
      await spice.write("doc:1#owner@user:ana");
      const guarded = (operation: v1.Precondition_Operation, filter: Partial<v1.RelationshipFilter>) =>
        spice.calls.writeRelationships(writeOf({ updates: updates(TOUCH, "doc:2#owner@user:bob"), optionalPreconditions: [{ operation, filter: filterOf(filter) }] }));
      await refuses(guarded(MUST_NOT_MATCH, { resourceType: "doc", optionalRelation: "owner" }), status.FAILED_PRECONDITION, "ERROR_REASON_WRITE_OR_DELETE_PRECONDITION_FAILURE");
      const nine = { resourceType: "doc", optionalResourceId: "9", optionalSubjectFilter: v1.SubjectFilter.create({ subjectType: "user", optionalSubjectId: "ana", optionalRelation: { relation: "" } }) };
      const { metadata } = await refuses(guarded(MUST_MATCH, nine), status.FAILED_PRECONDITION, "ERROR_REASON_WRITE_OR_DELETE_PRECONDITION_FAILURE");
      assert.deepEqual(metadata, {
        usher_code: "precondition_failed", precondition_operation: "OPERATION_MUST_MATCH", precondition_resource_type: "doc", precondition_resource_id: "9",
        precondition_subject_type: "user", precondition_subject_id: "ana", precondition_subject_relation: "",
      });
      assert.deepEqual(await lines(), ["doc:1#owner@user:ana"]);
      await guarded(MUST_MATCH, { resourceType: "doc", optionalResourceId: "1", optionalSubjectFilter: v1.SubjectFilter.create({ subjectType: "user", optionalSubjectId: "ana" }) });
      assert.deepEqual(await lines(), ["doc:1#owner@user:ana", "doc:2#owner@user:bob"]);
      await refuses(guarded(MUST_MATCH, {}), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FILTER");
      await refuses(guarded(v1.Precondition_Operation.UNSPECIFIED, { resourceType: "doc" }), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
    });

    it("takes so many updates and preconditions, and no more", async () => {
      const many = Array.from({ length: limits.operationsPerWriteMax + 1 }, (_, i) => `doc:${i}#owner@user:ana`);
      await refuses(spice.write(...many), status.INVALID_ARGUMENT, "ERROR_REASON_TOO_MANY_UPDATES_IN_REQUEST");
      await spice.write(...many.slice(1));
      const preconditions = (count: number) => ({ updates: updates(TOUCH, "doc:1#owner@user:bob"), optionalPreconditions: Array.from({ length: count }, () => ({ operation: MUST_MATCH, filter: filterOf({ resourceType: "doc" }) })) });
      await spice.calls.writeRelationships(writeOf(preconditions(limits.preconditionsPerWriteMax)));
      await refuses(spice.calls.writeRelationships(writeOf(preconditions(limits.preconditionsPerWriteMax + 1))), status.INVALID_ARGUMENT, "ERROR_REASON_TOO_MANY_PRECONDITIONS_IN_REQUEST");
    });

    it("refuses metadata that are too large", async () => {
      const withText = (length: number) => spice.calls.writeRelationships(writeOf({ updates: [update("doc:1#owner@user:ana")], optionalTransactionMetadata: structOf({ k: "x".repeat(length) }) }));
      await withText(limits.metadataBytesMax - 1);
      await refuses(withText(limits.metadataBytesMax), status.INVALID_ARGUMENT, "ERROR_REASON_TRANSACTION_METADATA_TOO_LARGE");
    });
  });

  describe("ReadRelationships", () => {
    beforeEach(() => spice.write("doc:1#owner@user:ana", "doc:1#viewer@group:g#member", "doc:1#viewer@user:ana", "doc:2#owner@user:bob", "doc:2#viewer@user:ana", "doc:30#viewer@user:bob", "group:g#member@user:ana"));

    it("finds by each field", async () => {
      const subject = (filter: Partial<v1.SubjectFilter>) => ({ optionalSubjectFilter: v1.SubjectFilter.create(filter) });
      assert.equal((await lines()).length, 6);
      assert.deepEqual(await lines({ resourceType: "doc", optionalResourceId: "2" }), ["doc:2#owner@user:bob", "doc:2#viewer@user:ana"]);
      assert.deepEqual(await lines({ resourceType: "doc", optionalResourceIdPrefix: "3" }), ["doc:30#viewer@user:bob"]);
      assert.deepEqual(await lines({ resourceType: "doc", optionalRelation: "owner" }), ["doc:1#owner@user:ana", "doc:2#owner@user:bob"]);
      assert.deepEqual(await lines({ resourceType: "doc", ...subject({ subjectType: "user", optionalSubjectId: "bob" }) }), ["doc:2#owner@user:bob", "doc:30#viewer@user:bob"]);
      assert.deepEqual(await lines({ resourceType: "doc", ...subject({ subjectType: "group", optionalRelation: { relation: "member" } }) }), ["doc:1#viewer@group:g#member"]);
      assert.deepEqual(await lines({ resourceType: "doc", ...subject({ subjectType: "group", optionalRelation: { relation: "" } }) }), []);
      assert.deepEqual(new Set(await lines(subject({ subjectType: "user", optionalSubjectId: "ana" }))), new Set(["doc:1#owner@user:ana", "doc:1#viewer@user:ana", "doc:2#viewer@user:ana", "group:g#member@user:ana"]));
    });

    it("goes on after any result, at the snapshot of the first", async () => {
      const all = await read();
      await spice.write("-doc:2#viewer@user:ana", "doc:1#owner@user:zoe");
      for (const [at, { afterResultCursor }] of all.entries()) {
        const rest = await read({ resourceType: "doc" }, { ...(afterResultCursor && { optionalCursor: afterResultCursor }) });
        assert.deepEqual(rest.map(lineOf), all.slice(at + 1).map(lineOf));
      }
      const [first] = await read({ resourceType: "doc" }, { optionalLimit: 1, consistency: exactly(tokenOf(all[0]?.readAt)) });
      assert.deepEqual(first, all[0]);
    });

    it("refuses an empty filter, two filters of ids, and a cursor of another read", async () => {
      await refuses(read({}), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FILTER");
      await refuses(read({ optionalResourceId: "1" }), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FILTER");
      await refuses(read({ resourceType: "doc", optionalResourceId: "1", optionalResourceIdPrefix: "1" }), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FILTER");
      await refuses(spice.calls.readRelationships(v1.ReadRelationshipsRequest.create()), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
      await refuses(read({ resourceType: "nothing" }), status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_DEFINITION");
      const [{ afterResultCursor } = v1.ReadRelationshipsResponse.create()] = await read();
      await refuses(read({ resourceType: "group" }, { ...(afterResultCursor && { optionalCursor: afterResultCursor }) }), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_CURSOR");
      await refuses(read({ resourceType: "doc" }, { optionalCursor: { token: "x" } }), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_CURSOR");
    });
  });

  describe("DeleteRelationships", () => {
    const count = 25;
    beforeEach(() => spice.write(...Array.from({ length: count }, (_, i) => `doc:${i}#owner@user:ana`), "group:g#member@user:ana"));

    const remove = (request: Partial<v1.DeleteRelationshipsRequest> = {}) => spice.calls.deleteRelationships(v1.DeleteRelationshipsRequest.create({ relationshipFilter: filterOf({ resourceType: "doc" }), ...request }));
    const { COMPLETE, PARTIAL } = v1.DeleteRelationshipsResponse_DeletionProgress;

    it("deletes all that matches, and nothing else", async () => {
      const { deletedAt, deletionProgress, relationshipsDeletedCount } = await remove();
      tokenOf(deletedAt);
      assert.deepEqual([deletionProgress, relationshipsDeletedCount], [COMPLETE, String(count)]);
      assert.deepEqual(await lines(), []);
      assert.deepEqual(await lines({ resourceType: "group" }), ["group:g#member@user:ana"]);
      assert.equal((await remove()).relationshipsDeletedCount, "0");
    });

    it("deletes a part where it may", async () => {
      const first = await remove({ optionalLimit: 20, optionalAllowPartialDeletions: true });
      assert.deepEqual([first.deletionProgress, first.relationshipsDeletedCount], [PARTIAL, "20"]);
      const second = await remove({ optionalLimit: 20, optionalAllowPartialDeletions: true });
      assert.deepEqual([second.deletionProgress, second.relationshipsDeletedCount], [COMPLETE, "5"]);
    });

    it("deletes nothing where more match than the limit says", async () => {
      await refuses(remove({ optionalLimit: count - 1 }), status.INVALID_ARGUMENT, "ERROR_REASON_TOO_MANY_RELATIONSHIPS_FOR_TRANSACTIONAL_DELETE");
      assert.equal((await lines()).length, count);
      assert.equal((await remove({ optionalLimit: count })).deletionProgress, COMPLETE);
    });

    it("holds its preconditions, and refuses an empty filter and too large a limit", async () => {
      const preconditions = [{ operation: MUST_MATCH, filter: filterOf({ resourceType: "doc", optionalResourceId: "none" }) }];
      await refuses(remove({ optionalPreconditions: preconditions }), status.FAILED_PRECONDITION, "ERROR_REASON_WRITE_OR_DELETE_PRECONDITION_FAILURE");
      await refuses(remove({ relationshipFilter: filterOf({}) }), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FILTER");
      await refuses(remove({ optionalLimit: limits.deletePerCallMax + 1 }), status.INVALID_ARGUMENT, "ERROR_REASON_EXCEEDS_MAXIMUM_ALLOWABLE_LIMIT");
      assert.equal((await lines()).length, count);
    });
  });

  describe("bulk", () => {
    const many = Array.from({ length: 2_500 }, (_, i) => relationshipOf(parseTuple(`doc:${String(i).padStart(4, "0")}#owner@user:ana`)));

    function importAll(...batches: v1.Relationship[][]): Promise<string> {
      return new Promise((resolve, reject) => {
        const stream = spice.client.importBulkRelationships((error, response) => (response === undefined ? reject(error ?? new Error("no answer")) : resolve(response.numLoaded)));
        stream.on("error", reject);
        for (const relationships of batches) stream.write({ relationships });
        stream.end();
      });
    }

    const exported = (request: Partial<v1.ExportBulkRelationshipsRequest> = {}) => spice.calls.exportBulkRelationships(v1.ExportBulkRelationshipsRequest.create(request));

    it("imports and exports", async () => {
      assert.equal(await importAll(many.slice(0, 1_500), [], many.slice(1_500)), "2500");
      await spice.write("group:g#member@user:ana");
      const all = await exported();
      assert.equal(all.reduce((sum, { relationships }) => sum + relationships.length, 0), 2_501);
      const docs = await exported({ optionalRelationshipFilter: filterOf({ resourceType: "doc" }), optionalLimit: 1_000 });
      assert.deepEqual(docs.map(({ relationships }) => relationships.length), [1_000, 1_000, 500]);
      assert.deepEqual(docs.flatMap(({ relationships }) => relationships), many);
      for (const [at, { afterResultCursor }] of docs.entries()) {
        const rest = await exported({ optionalRelationshipFilter: filterOf({ resourceType: "doc" }), optionalLimit: 1_000, ...(afterResultCursor && { optionalCursor: afterResultCursor }) });
        assert.deepEqual(rest.flatMap(({ relationships }) => relationships), many.slice((at + 1) * 1_000));
      }
    });

    it("touches what stands already", async () => {
      const [first = v1.Relationship.create()] = many;
      await spice.calls.writeRelationships(writeOf({ updates: [{ operation: CREATE, relationship: first }] }));
      assert.equal(await importAll(many.slice(0, 3)), "3");
      assert.equal((await lines()).length, 3);
    });

    it("deletes more than one commit of ours takes", async () => {
      const count = limits.deletePerCallMax + 500;
      const relationships = Array.from({ length: count }, (_, i) => relationshipOf(parseTuple(`doc:${i}#owner@user:ana`)));
      await importAll(...Array.from({ length: 11 }, (_, i) => relationships.slice(i * 1_000, (i + 1) * 1_000)));
      const { relationshipsDeletedCount, deletionProgress } = await spice.calls.deleteRelationships(v1.DeleteRelationshipsRequest.create({ relationshipFilter: filterOf({ resourceType: "doc" }) }));
      assert.deepEqual([relationshipsDeletedCount, deletionProgress], [String(count), v1.DeleteRelationshipsResponse_DeletionProgress.COMPLETE]);
      assert.deepEqual(await lines(), []);
    });

    it("refuses an import with something wrong in it as a whole", async () => {
      await refuses(importAll(many.slice(0, 10), [relationshipOf(parseTuple("doc:1#view@user:ana"))]), status.INVALID_ARGUMENT, "ERROR_REASON_CANNOT_UPDATE_PERMISSION");
      await refuses(importAll([...many.slice(0, 2), ...many.slice(0, 1)]), status.INVALID_ARGUMENT, "ERROR_REASON_UPDATES_ON_SAME_RELATIONSHIP");
      assert.deepEqual(await lines(), []);
    });

    it("refuses to export by a filter that is empty", async () => {
      await refuses(exported({ optionalRelationshipFilter: filterOf({}) }), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FILTER");
    });
  });
});
