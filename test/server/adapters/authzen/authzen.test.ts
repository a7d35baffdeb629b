import assert from "node:assert/strict";

import { UsherError } from "../../../../src/base/errors.js";
import { limits } from "../../../../src/base/limits.js";
import { authzenAdapter } from "../../../../src/server/adapters/authzen/authzen.js";
import { noMapping } from "../../../../src/server/adapters/authzen/mapping.js";
import { serve } from "../../../../src/server/server.js";
import { unobservedServer } from "../../../../src/server/telemetry/observer.js";
import { Desk } from "../../desk.js";
import { ask, codeOf } from "../../http/probe.js";
import { DecisionPoint, type Reply } from "./decision-point.js";

/** The rules of the working group's certification scenario: alice writes what is not archived, an admin writes all the same, and deleting must be soft. */
const schema = `
caveat active(resource_properties map<any>) { !("status" in resource_properties) || resource_properties.status != "archived" }
caveat admin(subject_properties map<any>) { "role" in subject_properties && subject_properties.role == "admin" }
caveat soft(action_properties map<any>) { "soft" in action_properties && action_properties.soft == true }
caveat at_work(hour int) { hour >= 9 && hour < 17 }
definition user {}
definition group { relation member: user }
definition record {
  relation reader: user | user:* | group#member
  relation writer: user with active | user with admin
  relation deleter: user with soft
  relation visitor: user with at_work
  relation banned: user
  relation odd: record#loop
  permission read = reader - banned
  permission write = writer
  permission delete = deleter
  permission visit = visitor
  permission loop = reader - odd
}`;

const tuples = [
  ...["record-1", "record-2"].flatMap((record) => [
    `record:${record}#reader@user:alice`,
    `record:${record}#reader@user:bob`,
    `record:${record}#writer@user:alice[active]`,
    `record:${record}#writer@user:bob[admin]`,
    `record:${record}#deleter@user:alice[soft]`,
    `record:${record}#visitor@user:carol[at_work]`,
  ]),
  "record:public#reader@user:*",
  "record:public#banned@user:dave",
  "record:odd#reader@user:alice",
  "record:odd#odd@record:odd#loop",
];

const question = (id: string, name: string, resource: string) => ({ subject: { type: "user", id }, action: { name }, resource: { type: "record", id: resource } });

describe("AuthZEN", () => {
  let point: DecisionPoint;

  before(async () => {
    point = await DecisionPoint.open(schema, tuples, {
      mapping: `
contextualTuples:
  - object: { type: group, id: "{subject.properties.groups}" }
    relation: member
    subject: { type: user, id: "{subject.id}" }
  - when: { action: read, resource: record }
    object: { type: record, id: "{resource.id}" }
    relation: reader
    subject: { type: group, id: "{resource.properties.sharedWith}", relation: member }
  - object: { type: record, id: "{resource.id}" }
    relation: reader
    subject: { type: user, id: "{resource.properties.readers}" }
`,
    });
  });
  after(async () => point.close());

  const decide = async (body: unknown): Promise<boolean> => (await point.answer("evaluation", body)).decision;

  describe("an evaluation", () => {
    it("is a check, with the zookie of what was read", async () => {
      const { zookie } = await point.database.check({ object: { type: "record", id: "record-1" }, permission: "read", subject: { type: "user", id: "alice", relation: "" } }, {});
      assert.deepEqual(await point.answer("evaluation", question("alice", "read", "record-1")), { decision: true, context: { zookie } });
      assert.deepEqual(await point.answer("evaluation", question("eve", "read", "record-1")), { decision: false, context: { zookie } });
    });

    it("takes what it does not know, and a context that nothing reads", async () => {
      const body = { ...question("alice", "read", "record-1"), context: { time: "2025-06-27T18:03-07:00", ip: "192.168.1.1" }, foo: "bar", futureField: { nested: true } };
      assert.equal(await decide(body), true);
    });

    it("gives the properties to conditions", async () => {
      const { subject, action, resource } = question("alice", "write", "record-2");
      const write = (id: string, subjectProperties: object | undefined, resourceProperties: object | undefined) =>
        decide({ subject: { ...subject, id, properties: subjectProperties }, action, resource: { ...resource, properties: resourceProperties } });
      assert.equal(await write("alice", undefined, { status: "active" }), true);
      assert.equal(await write("alice", undefined, { status: "archived" }), false);
      assert.equal(await write("bob", { role: "admin" }, { status: "archived" }), true);
      assert.equal(await write("bob", { role: "reader" }, { status: "archived" }), false);
      const remove = (soft: boolean) => decide({ ...question("alice", "delete", "record-1"), action: { name: "delete", properties: { soft } } });
      assert.deepEqual([await remove(true), await remove(false)], [true, false]);
    });

    it("denies what is conditional, and says on what", async () => {
      const { decision, context } = await point.answer("evaluation", question("carol", "visit", "record-1"));
      assert.deepEqual([decision, context.reason, context.missing_fields], [false, "conditional", ["hour"]]);
      const visit = (hour: unknown) => decide({ ...question("carol", "visit", "record-1"), context: { hour } });
      assert.deepEqual([await visit(12), await visit(20)], [true, false]);
    });

    it("denies what the schema does not know, what no object can be called, and what cannot be decided, and says so", async () => {
      const cases: readonly (readonly [body: unknown, code: string])[] = [
        [{ ...question("alice", "read", "1"), resource: { type: "spaceship", id: "1" } }, "unknown_type"],
        [{ ...question("alice", "read", "1"), subject: { type: "spaceship", id: "1" } }, "unknown_type"],
        [question("alice", "fly", "record-1"), "unknown_relation"],
        [question("alice", "no name", "record-1"), "invalid_name"],
        [question("al ice", "read", "record-1"), "invalid_id"],
        [question("*", "read", "public"), "invalid_id"],
        [{ ...question("x", "read", "public"), subject: { type: "group", id: "g#member" } }, "invalid_id"],
        [question("alice", "loop", "odd"), "cycle_through_exclusion"],
      ];
      for (const [body, code] of cases) {
        const { decision, context } = await point.answer("evaluation", body);
        assert.deepEqual([decision, context.error?.code], [false, code], JSON.stringify(body));
      }
    });

    it("is refused where it is none", async () => {
      const { subject, action, resource } = question("alice", "read", "record-1");
      const wrong: readonly (readonly [body: unknown, field: string])[] = [
        [[], "body"],
        ["text", "body"],
        [{ action, resource }, "subject"],
        [{ subject, resource }, "action"],
        [{ subject, action }, "resource"],
        [{ subject: "alice", action, resource }, "subject"],
        [{ subject: null, action, resource }, "subject"],
        [{ subject: { id: "alice" }, action, resource }, "subject.type"],
        [{ subject: { type: "user" }, action, resource }, "subject.id"],
        [{ subject: { type: "user", id: 7 }, action, resource }, "subject.id"],
        [{ subject: { type: "user", id: "" }, action, resource }, "subject.id"],
        [{ subject, action: {}, resource }, "action.name"],
        [{ subject, action: { name: 123 }, resource }, "action.name"],
        [{ subject, action, resource: { id: "1" } }, "resource.type"],
        [{ subject, action, resource: { type: "record" } }, "resource.id"],
        [{ subject: { ...subject, properties: [] }, action, resource }, "subject.properties"],
        [{ subject, action, resource, context: "x" }, "context"],
        [{ subject, action, resource, context: { subject_properties: { role: "admin" } } }, "context.subject_properties"],
      ];
      for (const [body, field] of wrong) {
        const refused = await point.ask("evaluation", body);
        const { error } = refused.body as { error: { code: string; details: { field: string } } };
        assert.deepEqual([refused.status, error.code, error.details.field], [400, "invalid_request", field], JSON.stringify(body));
      }
      const deep = JSON.parse(`{"a":${"[".repeat(limits.contextDepthMax)}${"]".repeat(limits.contextDepthMax)}}`) as object;
      assert.equal((await point.ask("evaluation", { subject, action, resource, context: deep })).status, 400);
      const typed = await point.ask("evaluation", { ...question("carol", "visit", "record-1"), context: { hour: "noon" } });
      assert.deepEqual([typed.status, codeOf(typed)], [400, "invalid_context"]);
      assert.equal((await point.ask("evaluation", 1, { headers: { "content-type": "text/plain" } })).status, 400);
      assert.equal((await point.ask("evaluation", undefined)).status, 400);
    });
  });

  describe("contextual tuples", () => {
    const read = (groups: unknown, sharedWith: unknown, name = "read") =>
      point.ask("evaluation", { subject: { type: "user", id: "frank", properties: { groups } }, action: { name }, resource: { type: "record", id: "record-1", properties: { sharedWith } } });

    it("are made of properties, one for each of a list, and stand for that question alone", async () => {
      assert.deepEqual(((await read(["sre", "ops"], "ops")).body as Reply).decision, true);
      assert.deepEqual(((await read(["sre", 7], ["dev", "7"])).body as Reply).decision, true);
      assert.deepEqual(((await read(["sre"], "ops")).body as Reply).decision, false);
      assert.deepEqual(((await read([], "ops")).body as Reply).decision, false);
      assert.equal(await decide(question("frank", "read", "record-1")), false);
    });

    it("are made for the questions that they are for", async () => {
      assert.deepEqual(((await read(["ops"], "ops", "write")).body as Reply).decision, false);
    });

    it("are never everybody, nor a userset that somebody wrote", async () => {
      for (const group of ["*", "ops#member"]) {
        const { decision, context } = (await read([group], "ops")).body as Reply;
        assert.deepEqual([decision, context.error?.code], [false, "invalid_id"]);
      }
      const shared = ({ subject, action, resource }: ReturnType<typeof question>, readers: string) => point.answer("evaluation", { subject, action, resource: { ...resource, properties: { readers } } });
      assert.equal((await shared(question("frank", "read", "record-1"), "frank")).decision, true);
      const everybody = await shared(question("frank", "read", "record-1"), "*");
      assert.deepEqual([everybody.decision, everybody.context.error?.code], [false, "invalid_id"]);
      assert.equal((await read([{}], "ops")).status, 400);
      assert.equal((await read(1.5, "ops")).status, 400);
    });

    it("are at most as many as checks take", async () => {
      const groups = (count: number) => Array.from({ length: count }, (_, i) => `g${i}`);
      assert.equal((await read(groups(limits.contextualTuplesMax - 1), "ops")).status, 200);
      assert.equal((await read(groups(limits.contextualTuplesMax), "ops")).status, 413);
    });
  });

  describe("evaluations", () => {
    const { subject, action } = question("alice", "read", "");
    const decisions = async (body: unknown) => (await point.answer("evaluations", body)).evaluations?.map(({ decision }) => decision);
    const records = (...ids: readonly string[]) => ids.map((id) => ({ resource: { type: "record", id } }));

    it("are answered in their order, with what stands beside the list where they say nothing", async () => {
      assert.deepEqual(await decisions({ subject, action, evaluations: records("record-1", "none", "record-2") }), [true, false, true]);
      assert.deepEqual(await decisions({ ...question("bob", "read", "record-1"), evaluations: [{}, { action: { name: "write" } }, { subject }] }), [true, false, true]);
      assert.deepEqual(await decisions({ evaluations: [question("alice", "read", "record-1"), question("bob", "write", "record-1")] }), [true, false]);
    });

    it("take an entity as a whole, but for the type, id or name that it leaves out", async () => {
      const body = {
        subject,
        action: { name: "write" },
        resource: { type: "record", id: "record-1", properties: { status: "archived" } },
        evaluations: [{ resource: { id: "record-1", properties: { status: "active" } } }, { resource: { id: "record-2" } }, {}],
      };
      const answered = await point.answer("evaluations", body);
      assert.deepEqual(answered.evaluations?.map(({ decision, context }) => [decision, context.missing_fields]), [[true, undefined], [false, ["resource_properties"]], [false, undefined]]);
    });

    it("take a context as a whole, too", async () => {
      const visit = question("carol", "visit", "record-1");
      assert.deepEqual(await decisions({ ...visit, context: { hour: 12 }, evaluations: [{}, { context: { hour: 3 } }, { context: {} }] }), [true, false, false]);
    });

    it("say of one that fails why, and go on", async () => {
      const answered = await point.answer("evaluations", { subject, action, evaluations: [...records("record-1"), {}, 7, { resource: { type: "ship", id: "1" } }, ...records("record-2")] });
      assert.deepEqual(
        answered.evaluations?.map(({ decision, context }) => [decision, context.error?.code]),
        [[true, undefined], [false, "invalid_request"], [false, "invalid_request"], [false, "unknown_type"], [true, undefined]],
      );
    });

    it("end with the first that is denied, or with the first that is allowed", async () => {
      const semantic = (evaluations_semantic: string) => ({ subject, action, options: { evaluations_semantic, other: 1 }, evaluations: records("record-1", "none", "record-2") });
      assert.deepEqual(await decisions(semantic("execute_all")), [true, false, true]);
      assert.deepEqual(await decisions(semantic("deny_on_first_deny")), [true, false]);
      assert.deepEqual(await decisions(semantic("permit_on_first_permit")), [true]);
      assert.deepEqual(await decisions({ ...semantic("permit_on_first_permit"), evaluations: [{}, ...records("none", "record-1", "record-2")] }), [false, false, true]);
      assert.deepEqual(await decisions({ ...semantic("deny_on_first_deny"), evaluations: [...records("record-1"), {}, ...records("record-2")] }), [true, false]);
    });

    it("are one evaluation where there is no list, or an empty one", async () => {
      assert.equal((await point.answer("evaluations", question("alice", "read", "record-1"))).decision, true);
      assert.equal((await point.answer("evaluations", { ...question("alice", "read", "record-1"), evaluations: [] })).decision, true);
      assert.equal((await point.ask("evaluations", { evaluations: [] })).status, 400);
    });

    it("are refused where they are none, or too many", async () => {
      for (const wrong of [{ evaluations: {} }, { options: 1, evaluations: [{}] }, { options: { evaluations_semantic: "some" }, evaluations: [{}] }]) {
        assert.equal((await point.ask("evaluations", { ...question("alice", "read", "record-1"), ...wrong })).status, 400, JSON.stringify(wrong));
      }
      const many = (length: number) => ({ ...question("alice", "read", "record-1"), evaluations: Array.from({ length }, () => ({})) });
      assert.equal((await point.answer("evaluations", many(limits.batchItemsMax))).evaluations?.length, limits.batchItemsMax);
      assert.equal((await point.ask("evaluations", many(limits.batchItemsMax + 1))).status, 413);
    });
  });

  describe("a search", () => {
    const { subject, action, resource } = question("alice", "read", "record-1");

    it("finds subjects, resources and actions, of whom an evaluation says true", async () => {
      const subjects = await point.answer("search/subject", { subject: { type: "user", id: "ignored" }, action, resource });
      assert.deepEqual(subjects.results, [{ type: "user", id: "alice" }, { type: "user", id: "bob" }]);
      const resources = await point.answer("search/resource", { subject, action, resource: { type: "record" } });
      assert.deepEqual(resources.results?.map(({ id }) => id), ["odd", "public", "record-1", "record-2"]);
      const actions = await point.answer("search/action", { subject, resource: { ...resource, properties: { status: "active" } } });
      assert.deepEqual(actions.results, [{ name: "read" }, { name: "write" }, { name: "loop" }]);
      for (const { page } of [subjects, resources, actions]) assert.equal(page?.next_token, "");
    });

    it("judges with the properties", async () => {
      const archived = { type: "record", id: "record-2", properties: { status: "archived" } };
      const bob = { type: "user", id: "bob", properties: { role: "admin" } };
      const found = async (path: string, body: object) => (await point.answer(`search/${path}`, body)).results;
      assert.deepEqual(await found("subject", { subject: { type: "user", properties: { role: "admin" } }, action: { name: "write" }, resource: archived }), [{ type: "user", id: "bob" }]);
      assert.deepEqual(await found("resource", { subject: bob, action: { name: "write" }, resource: { type: "record" } }), [{ type: "record", id: "record-1" }, { type: "record", id: "record-2" }]);
      assert.ok((await found("action", { subject: bob, resource: archived }))?.some(({ name }) => name === "write"));
      const conditional = { subject: { type: "user", id: "carol" }, action: { name: "visit" }, resource };
      assert.deepEqual(await found("subject", conditional), []);
      assert.deepEqual(await found("resource", conditional), []);
      assert.deepEqual(await found("action", conditional), []);
    });

    it("goes on from page to page", async () => {
      const ids: (string | undefined)[] = [];
      let token = "";
      do {
        const { results, page } = await point.answer("search/resource", { subject, action, resource: { type: "record" }, page: { limit: 1, ...(token === "" ? {} : { token }) } });
        ids.push(...(results ?? []).map(({ id }) => id));
        token = page?.next_token ?? "";
      } while (token !== "");
      assert.deepEqual(ids, ["odd", "public", "record-1", "record-2"]);
    });

    it("tells of everybody beside the results, since nobody is called `*`", async () => {
      const { results, context } = await point.answer("search/subject", { subject: { type: "user" }, action, resource: { type: "record", id: "public" } });
      assert.deepEqual([results, (context as { everybody?: unknown }).everybody], [[], { type: "user", except: ["dave"] }]);
    });

    it("finds nothing of what the schema does not know", async () => {
      for (const [path, body] of [
        ["subject", { subject: { type: "spaceship" }, action, resource }],
        ["resource", { subject, action, resource: { type: "spaceship" } }],
        ["resource", { subject, action: { name: "fly" }, resource: { type: "record" } }],
        ["action", { subject: { type: "user", id: "nobody" }, resource }],
      ] as const) {
        const { results, page } = await point.answer(`search/${path}`, body);
        assert.deepEqual([results, page?.next_token], [[], ""], path);
      }
    });

    it("is refused where it is none", async () => {
      for (const [path, body] of [
        ["subject", { subject: { type: "user" }, resource }],
        ["subject", { subject: { type: "user" }, action, resource: { type: "record" } }],
        ["resource", { action, resource: { type: "record" } }],
        ["resource", { subject: { type: "user" }, action, resource: { type: "record" } }],
        ["action", { subject }],
        ["resource", { subject, action, resource: { type: "record" }, page: { limit: 0 } }],
        ["resource", { subject, action, resource: { type: "record" }, page: { token: 7 } }],
        ["resource", { subject, action, resource: { type: "record" }, page: { token: "nonsense" } }],
        ["action", { subject, resource, page: { token: "nonsense" } }],
      ] as const) {
        assert.equal((await point.ask(`search/${path}`, body)).status, 400, JSON.stringify(body));
      }
    });
  });

  it("tells where its endpoints are", async () => {
    const { status, body } = await ask(point.address, "/.well-known/authzen-configuration", { method: "GET" });
    const base = `http://${point.address}`;
    assert.deepEqual([status, body], [
      200,
      {
        policy_decision_point: base,
        access_evaluation_endpoint: `${base}/access/v1/evaluation`,
        access_evaluations_endpoint: `${base}/access/v1/evaluations`,
        search_subject_endpoint: `${base}/access/v1/search/subject`,
        search_resource_endpoint: `${base}/access/v1/search/resource`,
        search_action_endpoint: `${base}/access/v1/search/action`,
      },
    ]);
  });

  it("echoes the id of a request", async () => {
    assert.equal((await point.ask("evaluation", question("alice", "read", "record-1"), { headers: { "x-request-id": "bfe9 eb29" } })).headers["x-request-id"], "bfe9 eb29");
  });

  it("never answers what failed: a store that cannot be read is a status, and every answer is counted", async () => {
    const desk = new Desk();
    const counted: string[] = [];
    const server = await serve(desk, {
      address: "127.0.0.1:0",
      onError: assert.fail,
      observer: { ...unobservedServer, onDecision: (answer) => counted.push(answer) },
      http: { address: "127.0.0.1:0", adapters: [authzenAdapter(desk, noMapping)] },
    });
    const down = () => Promise.reject(new UsherError("store_unavailable", "the disk is gone"));
    for (const method of ["check", "batchCheck", "lookupSubjects", "lookupObjects", "lookupPermissions"] as const) desk.answer(method, down);
    const body = question("alice", "read", "record-1");
    for (const path of ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"]) {
      assert.equal((await ask(server.httpAddress ?? "", `/access/v1/${path}`, { body: { ...body, evaluations: [{}] } })).status, 503, path);
    }
    assert.deepEqual(counted, []);
    desk.answer("check", async () => ({ allowed: false, missingFields: ["x"], zookie: "z", instant: 1, validForMs: 5 }));
    const { body: answered } = await ask(server.httpAddress ?? "", "/access/v1/evaluation", { body });
    assert.deepEqual(answered, { decision: false, context: { zookie: "z", valid_for_ms: 5, reason: "conditional", missing_fields: ["x"] } });
    assert.deepEqual(counted, ["conditional"]);
    await server.close(0);
  });
});
