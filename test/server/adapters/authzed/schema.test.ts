import assert from "node:assert/strict";

import { v1 } from "@authzed/authzed-node";
import { status } from "@grpc/grpc-js";

import { atLeast, refuses, Spice, tokenOf } from "./spice.js";

const schema = `
/** who asks */
definition user {}

/** many */
definition group {
  relation member: user | group#member
}

caveat office_hours(hour int) { hour >= 9 }

definition folder {
  relation viewer: user
  permission view = viewer
}

definition doc {
  /** where it lies */
  relation parent: folder
  relation viewer: user | user:* | group#member | user with office_hours
  relation unused: user
  /** may see */
  permission view = viewer + parent->view
  permission read = view
}`;

describe("SchemaService", () => {
  let spice: Spice;

  beforeEach(async () => {
    spice = await Spice.open();
  });
  afterEach(() => spice.close());

  const readSchema = () => spice.calls.readSchema(v1.ReadSchemaRequest.create());
  const reflect = (...optionalFilters: Partial<v1.ReflectionSchemaFilter>[]) =>
    spice.calls.reflectSchema(v1.ReflectSchemaRequest.create({ optionalFilters: optionalFilters.map((filter) => v1.ReflectionSchemaFilter.create(filter)) }));

  it("reads what was written, and finds nothing before", async () => {
    await refuses(readSchema(), status.NOT_FOUND, "ERROR_REASON_UNSPECIFIED");
    await refuses(reflect(), status.NOT_FOUND, "ERROR_REASON_UNSPECIFIED");
    const token = await spice.schema(schema);
    const { schemaText, readAt } = await readSchema();
    assert.deepEqual([schemaText, tokenOf(readAt)], [schema, token]);
  });

  it("says where it was read, and not where it was written", async () => {
    await spice.schema("definition user {}\n\ndefinition document {\n\trelation viewer: user\n}");
    const token = await spice.write("document:1#viewer@user:ana");
    assert.equal(tokenOf((await readSchema()).readAt), token);
  });

  it("refuses a text that cannot be read, and one that does not fit together", async () => {
    const { metadata } = await refuses(spice.schema("definition user {\n  relation : }"), status.INVALID_ARGUMENT, "ERROR_REASON_SCHEMA_PARSE_ERROR");
    assert.deepEqual([metadata["start_line_number"], metadata["start_column_position"]], ["1", "11"]);
    await refuses(spice.schema("definition user { relation friend: nobody }"), status.INVALID_ARGUMENT, "ERROR_REASON_SCHEMA_PARSE_ERROR");
    await refuses(readSchema(), status.NOT_FOUND, "ERROR_REASON_UNSPECIFIED");
  });

  it("refuses a schema that would leave relationships behind", async () => {
    await spice.schema(schema);
    await spice.write("doc:1#unused@user:ana");
    await refuses(spice.schema(schema.replace("relation unused: user", "")), status.INVALID_ARGUMENT, "ERROR_REASON_SCHEMA_TYPE_ERROR");
    await spice.write("-doc:1#unused@user:ana");
    await spice.schema(schema.replace("relation unused: user", ""));
  });

  it("shows the schema as data", async () => {
    const token = await spice.schema(schema);
    const { definitions, caveats, readAt } = await reflect();
    assert.equal(tokenOf(readAt), token);
    assert.deepEqual(definitions.map(({ name, comment }) => [name, comment]), [["doc", ""], ["folder", ""], ["group", "many"], ["user", "who asks"]]);
    const doc = definitions.find(({ name }) => name === "doc");
    assert.deepEqual(doc?.relations.map(({ name, comment, parentDefinitionName }) => [name, comment, parentDefinitionName]), [["parent", "where it lies", "doc"], ["viewer", "", "doc"], ["unused", "", "doc"]]);
    assert.deepEqual(doc?.permissions.map(({ name, comment }) => [name, comment]), [["view", "may see"], ["read", ""]]);
    assert.deepEqual(doc?.relations[1]?.subjectTypes, [
      { subjectDefinitionName: "user", optionalCaveatName: "", typeref: { oneofKind: "isTerminalSubject", isTerminalSubject: true } },
      { subjectDefinitionName: "user", optionalCaveatName: "", typeref: { oneofKind: "isPublicWildcard", isPublicWildcard: true } },
      { subjectDefinitionName: "group", optionalCaveatName: "", typeref: { oneofKind: "optionalRelationName", optionalRelationName: "member" } },
      { subjectDefinitionName: "user", optionalCaveatName: "office_hours", typeref: { oneofKind: "isTerminalSubject", isTerminalSubject: true } },
    ]);
    assert.deepEqual(caveats, [{ name: "office_hours", comment: "", expression: "hour >= 9", parameters: [{ name: "hour", type: "int", parentCaveatName: "office_hours" }] }]);
  });

  it("shows a part of it", async () => {
    await spice.schema(schema);
    const names = async (...filters: Partial<v1.ReflectionSchemaFilter>[]) => {
      const { definitions, caveats } = await reflect(...filters);
      return [...definitions.map(({ name, relations, permissions }) => `${name}: ${[...relations, ...permissions].map((member) => member.name).join(" ")}`), ...caveats.map(({ name }) => name)];
    };
    assert.deepEqual(await names({ optionalDefinitionNameFilter: "fol" }), ["folder: viewer view"]);
    assert.deepEqual(await names({ optionalDefinitionNameFilter: "doc", optionalRelationNameFilter: "v" }), ["doc: viewer"]);
    assert.deepEqual(await names({ optionalDefinitionNameFilter: "doc", optionalPermissionNameFilter: "r" }, { optionalCaveatNameFilter: "office" }), ["doc: read", "office_hours"]);
    const wrong: Partial<v1.ReflectionSchemaFilter>[] = [{}, { optionalRelationNameFilter: "v" }, { optionalDefinitionNameFilter: "d", optionalCaveatNameFilter: "o" }, { optionalDefinitionNameFilter: "d", optionalRelationNameFilter: "v", optionalPermissionNameFilter: "v" }, { optionalCaveatNameFilter: "o", optionalRelationNameFilter: "v" }];
    for (const filter of wrong) await refuses(reflect(filter), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FILTER");
  });

  it("tells what rests on a relation, and on what a permission rests", async () => {
    const token = await spice.schema(schema);
    const texts = (references: readonly v1.ReflectionRelationReference[]) => references.map(({ definitionName, relationName, isPermission }) => `${definitionName}#${relationName}${isPermission ? "" : " (relation)"}`);
    const over = async (definitionName: string, relationName: string, optionalDefinitionNameFilter = "") =>
      texts((await spice.calls.computablePermissions(v1.ComputablePermissionsRequest.create({ definitionName, relationName, optionalDefinitionNameFilter, consistency: atLeast(token) }))).permissions);
    const under = async (definitionName: string, permissionName: string) => texts((await spice.calls.dependentRelations(v1.DependentRelationsRequest.create({ definitionName, permissionName }))).relations);
    assert.deepEqual(await over("folder", "viewer"), ["doc#read", "doc#view", "folder#view"]);
    assert.deepEqual(await over("folder", "viewer", "fol"), ["folder#view"]);
    assert.deepEqual(await over("group", "member"), ["doc#read", "doc#view", "doc#viewer (relation)"]);
    assert.deepEqual(await over("doc", "parent"), []);
    assert.deepEqual(await over("doc", "unused"), []);
    assert.deepEqual(await under("doc", "read"), ["doc#parent (relation)", "doc#view", "doc#viewer (relation)", "folder#view", "folder#viewer (relation)", "group#member (relation)"]);
    await refuses(over("nothing", "viewer"), status.FAILED_PRECONDITION, "ERROR_REASON_SCHEMA_TYPE_ERROR");
    await refuses(over("doc", "nothing"), status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION");
    await refuses(under("doc", "viewer"), status.INVALID_ARGUMENT, "ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION");
  });

  it("tells how another schema differs", async () => {
    await spice.schema(schema);
    const diff = async (comparisonSchema: string) => (await spice.calls.diffSchema(v1.DiffSchemaRequest.create({ comparisonSchema }))).diffs;
    const kinds = async (from: string, to: string) => {
      const changed = schema.replace(from, to);
      assert.notEqual(changed, schema, from);
      return (await diff(changed)).map((each) => each.diff.oneofKind);
    };
    assert.deepEqual(await diff(schema), []);
    assert.deepEqual(await kinds("definition folder", "definition added {}\ndefinition folder"), ["definitionAdded"]);
    assert.deepEqual(await kinds("/** many */", "/** more */"), ["definitionDocCommentChanged"]);
    assert.deepEqual(await kinds("relation unused: user", ""), ["relationRemoved"]);
    assert.deepEqual(await kinds("relation unused: user", "relation unused: user\n  relation added: user"), ["relationAdded"]);
    assert.deepEqual(await kinds("/** where it lies */", ""), ["relationDocCommentChanged"]);
    assert.deepEqual(await kinds("relation unused: user", "relation unused: group"), ["relationSubjectTypeRemoved", "relationSubjectTypeAdded"]);
    assert.deepEqual(await kinds("permission read = view", ""), ["permissionRemoved"]);
    assert.deepEqual(await kinds("permission read = view", "permission read = view\n  permission added = view"), ["permissionAdded"]);
    assert.deepEqual(await kinds("/** may see */", ""), ["permissionDocCommentChanged"]);
    assert.deepEqual(await kinds("viewer + parent->view", "viewer & parent->view"), ["permissionExprChanged"]);
    assert.deepEqual(await kinds("hour >= 9", "hour >= 10"), ["caveatExprChanged"]);
    assert.deepEqual(await kinds("office_hours(hour int) { hour >= 9 }", "office_hours(hour int, day int) { hour >= 9 && day < 6 }"), ["caveatExprChanged", "caveatParameterAdded"]);
    assert.deepEqual(await kinds("hour int", "hour uint"), ["caveatParameterTypeChanged"]);
    assert.deepEqual(await kinds("caveat office_hours(hour int)", "/** when */ caveat office_hours(hour int)"), ["caveatDocCommentChanged"]);
    assert.deepEqual((await diff("definition user {}")).map((each) => each.diff.oneofKind).sort(), ["caveatRemoved", "definitionDocCommentChanged", "definitionRemoved", "definitionRemoved", "definitionRemoved"]);
    const [type] = await diff(schema.replace("relation unused: user", "relation unused: user | group"));
    assert.ok(type?.diff.oneofKind === "relationSubjectTypeAdded");
    assert.deepEqual([type.diff.relationSubjectTypeAdded.relation?.name, type.diff.relationSubjectTypeAdded.changedSubjectType?.subjectDefinitionName], ["unused", "group"]);
    await refuses(diff("definition"), status.INVALID_ARGUMENT, "ERROR_REASON_SCHEMA_PARSE_ERROR");
    await refuses(diff("definition doc { permission view = nothing }"), status.INVALID_ARGUMENT, "ERROR_REASON_SCHEMA_PARSE_ERROR");
  });
});
