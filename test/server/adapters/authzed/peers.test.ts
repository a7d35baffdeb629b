import assert from "node:assert/strict";

import { v1 } from "@authzed/authzed-node";

import { found, objectOf, Spice, structOf, subjectOf } from "./spice.js";

/** Wrong answers that systems of this kind have given: a lookup that missed something, and a check that confused two questions. */
describe("where peers were wrong", () => {
  let spice: Spice;

  beforeEach(async () => {
    spice = await Spice.open();
  });
  afterEach(() => spice.close());

  const resources = async (type: string, permission: string, user: string, context = {}) => {
    const request = v1.LookupResourcesRequest.create({ resourceObjectType: type, permission, subject: subjectOf("user", user), context: structOf(context) });
    return (await spice.calls.lookupResources(request)).map(({ resourceObjectId, permissionship }) => `${resourceObjectId} ${found[permissionship]}`);
  };
  const subjects = async (type: string, id: string, permission: string) => {
    const request = v1.LookupSubjectsRequest.create({ resource: objectOf(type, id), permission, subjectObjectType: "user" });
    return (await spice.calls.lookupSubjects(request)).map(({ subject }) => `${subject?.subjectObjectId} ${found[subject?.permissionship ?? 0]}`);
  };

  it("a lookup finds what several paths lead to, once, through intersections and nested groups", async () => {
    await spice.schema(`
      definition user {}
      definition group { relation member: user | group#member }
      definition org { relation staff: user | group#member }
      definition doc {
        relation org: org
        relation viewer: user | group#member
        relation approved: user | group#member
        permission view = viewer & approved & org->staff
      }`);
    await spice.write("group:a#member@group:b#member", "group:b#member@group:a#member", "group:b#member@user:ana", "org:o#staff@group:a#member");
    await spice.write("doc:1#org@org:o", "doc:1#viewer@group:a#member", "doc:1#viewer@group:b#member", "doc:1#viewer@user:ana", "doc:1#approved@group:b#member");
    await spice.write("doc:2#org@org:o", "doc:2#viewer@user:ana", "doc:3#org@org:o", "doc:3#viewer@group:a#member", "doc:3#approved@user:ana");
    assert.deepEqual(await resources("doc", "view", "ana"), ["1 HAS", "3 HAS"]);
    assert.equal(await spice.check("doc:2#view@user:ana"), "NO");
    assert.deepEqual(await subjects("doc", "1", "view"), ["ana HAS"]);
  });

  it("a lookup finds what lies behind a relation to its own type, however it is entered", async () => {
    await spice.schema(`
      definition user {}
      definition folder { relation parent: folder
        relation viewer: user
        permission view = viewer + parent->view }`);
    await spice.write("folder:root#viewer@user:ana", "folder:b#parent@folder:root", "folder:c#parent@folder:b", "folder:c#viewer@user:ana", "folder:d#parent@folder:c", "folder:b#parent@folder:d");
    assert.deepEqual(await resources("folder", "view", "ana"), ["b HAS", "c HAS", "d HAS", "root HAS"]);
  });

  it("a false caveat beside an unconditional path denies nothing, and the other way round", async () => {
    await spice.schema(`
      caveat cheap(price int, budget int) { price <= budget }
      definition user {}
      definition group { relation member: user | user with cheap }
      definition doc { relation viewer: user | user with cheap | group#member
        permission view = viewer }`);
    await spice.write('doc:1#viewer@user:ana[cheap:{"budget":1}]', "doc:1#viewer@group:g#member", "group:g#member@user:ana", 'doc:2#viewer@user:ana[cheap:{"budget":1}]', "doc:2#viewer@group:h#member", 'group:h#member@user:ana[cheap:{"budget":100}]');
    assert.equal(await spice.check("doc:1#view@user:ana", { price: 50 }), "HAS");
    assert.equal(await spice.check("doc:2#view@user:ana", { price: 50 }), "HAS");
    assert.equal(await spice.check("doc:2#view@user:ana", { price: 500 }), "NO");
    assert.equal(await spice.check("doc:2#view@user:ana"), "CONDITIONAL");
    assert.deepEqual(await resources("doc", "view", "ana", { price: 50 }), ["1 HAS", "2 HAS"]);
    assert.deepEqual(await resources("doc", "view", "ana", { price: 500 }), ["1 HAS"]);
  });

  it("an exclusion under an arrow takes away, and its own exclusion gives back", async () => {
    await spice.schema(`
      definition user {}
      definition folder { relation viewer: user | user:*
        relation banned: user
        permission view = viewer - banned }
      definition doc { relation parent: folder
        relation muted: user
        permission view = parent->view
        permission talk = parent->view - muted
        permission listen = parent->view - (muted - muted) }`);
    await spice.write("doc:1#parent@folder:f", "folder:f#viewer@user:*", "folder:f#banned@user:bob", "doc:1#muted@user:cleo");
    for (const [text, answer] of [["view@user:ana", "HAS"], ["view@user:bob", "NO"], ["talk@user:cleo", "NO"], ["talk@user:ana", "HAS"], ["listen@user:cleo", "HAS"], ["listen@user:bob", "NO"]]) {
      assert.equal(await spice.check(`doc:1#${text}`), answer, text);
    }
    await spice.write("folder:g#viewer@user:bob", "doc:1#parent@folder:g");
    assert.equal(await spice.check("doc:1#view@user:bob"), "HAS");
    assert.deepEqual(await resources("doc", "talk", "bob"), ["1 HAS"]);
  });

  it("an answer in one context is not given in another, in whichever order they are asked", async () => {
    await spice.schema(`
      caveat in_region(region string, allowed list<string>) { region in allowed }
      definition user {}
      definition doc { relation viewer: user with in_region
        permission view = viewer
        permission both = view & viewer }`);
    await spice.write('doc:1#viewer@user:ana[in_region:{"allowed":["eu"]}]', 'doc:1#viewer@user:bob[in_region:{"allowed":["us"]}]');
    for (let round = 0; round < 3; round++) {
      for (const permission of ["view", "both"]) {
        const asked = await Promise.all([
          spice.check(`doc:1#${permission}@user:ana`, { region: "eu" }), spice.check(`doc:1#${permission}@user:ana`, { region: "us" }), spice.check(`doc:1#${permission}@user:ana`),
          spice.check(`doc:1#${permission}@user:bob`, { region: "eu" }), spice.check(`doc:1#${permission}@user:bob`, { region: "us" }),
        ]);
        assert.deepEqual(asked, ["HAS", "NO", "CONDITIONAL", "NO", "HAS"]);
      }
    }
  });

  it("a revocation is seen by the next check, and by the next lookup", async () => {
    await spice.schema("definition user {}\ndefinition doc { relation viewer: user\n permission view = viewer }");
    for (let round = 0; round < 20; round++) {
      await spice.write("doc:1#viewer@user:ana");
      assert.equal(await spice.check("doc:1#view@user:ana"), "HAS");
      await spice.write("-doc:1#viewer@user:ana");
      assert.equal(await spice.check("doc:1#view@user:ana"), "NO");
      assert.deepEqual(await resources("doc", "view", "ana"), []);
    }
  });
});
