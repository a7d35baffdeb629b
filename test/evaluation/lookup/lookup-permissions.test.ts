import assert from "node:assert/strict";
import { UsherError } from "../../../src/base/errors.js";
import { lookupPermissions } from "../../../src/evaluation/lookup/lookup-permissions.js";
import { emptyContext } from "../../../src/model/context.js";
import { parseObject, parseSubject } from "../../../src/model/tuple-text.js";
import { world } from "../build.js";

const schema = `
  caveat on(x bool) { x }
  definition user {}
  definition doc {
    relation viewer: user | user with on
    relation editor: user
    relation banned: doc#odd
    permission view = viewer + editor
    permission edit = editor
    permission odd = editor - banned
  }`;

describe("looking up permissions", () => {
  const asked = { object: parseObject("doc:1"), context: emptyContext, contextualTuples: [], relations: false };

  it("gives every permission its answer, denied ones too, in the order of the schema", async () => {
    const { ground } = world(schema, ["doc:1#viewer@user:ana[on]", "doc:1#editor@user:bo"]);
    const of = async (subject: string, relations = false) => (await lookupPermissions({ ...asked, subject: parseSubject(subject), relations }, ground)).map(({ permission, allowed, missingFields }) => [permission, allowed, ...missingFields]);
    assert.deepEqual(await of("user:ana"), [["view", false, "x"], ["edit", false], ["odd", false]]);
    assert.deepEqual(await of("user:bo"), [["view", true], ["edit", true], ["odd", true]]);
    assert.deepEqual(await of("user:bo", true), [["viewer", false], ["editor", true], ["banned", false], ["view", true], ["edit", true], ["odd", true]]);
  });

  it("reads once what several permissions are built on", async () => {
    const subject = parseSubject("user:eve");
    const { ground, snapshot, ask } = world(schema, ["doc:1#editor@user:bo"]);
    await lookupPermissions({ ...asked, subject }, ground);
    const together = snapshot.reads;
    for (const permission of ["view", "edit", "odd"]) await ask(`doc:1#${permission}@user:eve`);
    // The editors are probed three times when each permission is asked for by itself.
    assert.equal(snapshot.reads - together, together + 2);
  });

  it("fails, naming the permission, where one cannot be decided", async () => {
    const { ground } = world(schema, ["doc:1#editor@user:bo", "doc:1#banned@doc:1#odd"]);
    const found = lookupPermissions({ ...asked, subject: parseSubject("user:bo") }, ground);
    await assert.rejects(found, (error: unknown) => error instanceof UsherError && error.code === "cycle_through_exclusion" && error.details["undecided"] === "doc:1#odd");
  });
});
