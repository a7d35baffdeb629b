import assert from "node:assert/strict";
import { UsherError, type ErrorCode } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { lookupSubjects } from "../../../src/evaluation/lookup/lookup-subjects.js";
import { emptyContext } from "../../../src/model/context.js";
import { compileSchema } from "../../../src/model/schema/compile.js";
import type { LookupSubjectsResult } from "../../../src/model/service.js";
import { formatSubject } from "../../../src/model/subject.js";
import type { StoredTuple } from "../../../src/model/tuple.js";
import { parseObject, parseTuple } from "../../../src/model/tuple-text.js";
import type { ListQuery, Snapshot } from "../../../src/storage/store.js";
import { now, world } from "../build.js";
import { allSubjects, type SubjectsAsked } from "./pages.js";

const schema = `
  use expiration
  use self
  caveat office_hours(hour int) { hour < 18 }
  caveat on_site(ip string) { ip == "10.0.0.1" }
  definition user { permission me = self }
  definition group { relation member: user | group#member; relation admin: user }
  definition folder {
    relation parent: folder
    relation viewer: user | user:* | group#member | user with office_hours | user:* with on_site | user with expiration
    relation banned: user | user with office_hours | group#member
    permission view = viewer + parent->view
    permission see = view - banned
    permission seen = see & view
  }`;

type Extra = Partial<Omit<SubjectsAsked, "object" | "wanted">> & { kind?: string };

async function texts(tuples: readonly string[], object: string, { permission = "see", kind = "user", ...extra }: Extra = {}): Promise<string[]> {
  const [type = "", relation = ""] = kind.split("#");
  const results = await allSubjects({ object: parseObject(object), permission, wanted: { type, relation }, ...extra }, world(schema, tuples).ground);
  return results.map(text);
}

/** `user:*[ip] - {user:bo, user:cy?}`. */
function text({ subject, missingFields, excluded }: LookupSubjectsResult): string {
  const without = excluded.map((each) => `${formatSubject(each.subject)}${each.conditional ? "?" : ""}`).join(", ");
  return `${formatSubject(subject)}${missingFields.length > 0 ? `[${missingFields.join(" ")}]` : ""}${without === "" ? "" : ` - {${without}}`}`;
}

function refusal(code: ErrorCode, undecided?: string) {
  return (error: unknown) => error instanceof UsherError && error.code === code && error.details["undecided"] === undecided;
}

describe("looking up subjects", () => {
  const tree = ["folder:b#parent@folder:a", "folder:a#viewer@user:ana", "folder:a#viewer@group:g#member", "group:g#member@group:h#member", "group:h#member@user:bo", "group:h#admin@user:cy"];

  it("finds who has a permission directly, through groups, and from above", async () => {
    assert.deepEqual(await texts(tree, "folder:b"), ["user:ana", "user:bo"]);
    assert.deepEqual(await texts(tree, "folder:z"), []);
    assert.deepEqual(await texts([...tree, "folder:b#banned@group:g#member"], "folder:b"), ["user:ana"]);
  });

  it("finds usersets, each a member of itself", async () => {
    assert.deepEqual(await texts(tree, "folder:b", { kind: "group#member" }), ["group:g#member", "group:h#member"]);
    assert.deepEqual(await texts(tree, "group:g", { kind: "group#member", permission: "member" }), ["group:g#member", "group:h#member"]);
    assert.deepEqual(await texts(tree, "folder:b", { kind: "folder#view", permission: "view" }), ["folder:a#view", "folder:b#view"]);
    assert.deepEqual(await texts(tree, "folder:b", { kind: "group#admin" }), []);
    assert.deepEqual(await texts([], "user:ana", { permission: "me" }), ["user:ana"]);
  });

  it("leaves out who has expired, and shows who depends on fields that are missing as such", async () => {
    const tuples = ["folder:a#viewer@user:ana[office_hours]", "folder:a#viewer@user:bo[expiration:2029-01-01T00:00:00Z]", "folder:a#viewer@user:cy[expiration:2031-01-01T00:00:00Z]"];
    assert.deepEqual(await texts(tuples, "folder:a"), ["user:ana[hour]", "user:cy"]);
    assert.deepEqual(await texts(tuples, "folder:a", { context: { hour: 20 } }), ["user:cy"]);
  });

  it("shows a wildcard first, with whom it does not cover, and those that are named beside it", async () => {
    const tuples = ["folder:a#viewer@user:*", "folder:a#viewer@user:ana", "folder:a#banned@user:bo", "folder:a#banned@user:cy[office_hours]"];
    assert.deepEqual(await texts(tuples, "folder:a"), ["user:* - {user:bo, user:cy?}", "user:ana", "user:cy[hour]"]);
    for (const size of [1, 2]) assert.deepEqual(await texts(tuples, "folder:a", { size }), ["user:* - {user:bo, user:cy?}", "user:ana", "user:cy[hour]"]);
    assert.deepEqual(await texts(tuples, "folder:a", { context: { hour: 20 } }), ["user:* - {user:bo}", "user:ana", "user:cy"]);
    assert.deepEqual(await texts(tuples, "folder:a", { permission: "seen" }), ["user:* - {user:bo, user:cy?}", "user:ana", "user:cy[hour]"]);
  });

  it("shows a wildcard that depends on fields as such; who is named is no exclusion where it is more certain", async () => {
    const tuples = ["folder:a#viewer@user:*[on_site]", "folder:a#viewer@user:ana", "folder:a#banned@user:bo"];
    assert.deepEqual(await texts(tuples, "folder:a"), ["user:*[ip] - {user:bo}", "user:ana"]);
    assert.deepEqual(await texts(tuples, "folder:a", { context: { ip: "192.168.0.1" } }), ["user:ana"]);
  });

  it("asks of a wildcard as of somebody whom nothing names, whatever they are called", async () => {
    const tuples = ["folder:a#viewer@user:*", "folder:a#banned@user:nobody", "folder:a#banned@user:nobody-1"];
    assert.deepEqual(await texts(tuples, "folder:a"), ["user:* - {user:nobody, user:nobody-1}"]);
  });

  it("is narrowed by a prefix of the ids, the wildcard's exclusions too", async () => {
    const tuples = ["folder:a#viewer@user:*", "folder:a#viewer@user:bob", "folder:a#banned@user:bo", "folder:a#banned@user:cy"];
    assert.deepEqual(await texts(tuples, "folder:a", { idPrefix: "bo" }), ["user:* - {user:bo}", "user:bob"]);
    assert.deepEqual(await texts(tree, "folder:b", { idPrefix: "a" }), ["user:ana"]);
  });

  it("counts contextual tuples", async () => {
    assert.deepEqual(await texts(tree, "folder:b", { contextualTuples: ["group:h#member@user:eve", "folder:b#banned@user:ana"].map(parseTuple) }), ["user:bo", "user:eve"]);
  });

  it("counts without results, a wildcard as one", async () => {
    const tuples = ["folder:a#viewer@user:*", "folder:a#viewer@user:ana", "folder:a#banned@user:cy[office_hours]"];
    const asked = { object: parseObject("folder:a"), permission: "see", wanted: { type: "user", relation: "" }, context: emptyContext, contextualTuples: [], idPrefix: "", size: 1, countOnly: true };
    assert.deepEqual(await lookupSubjects(asked, world(schema, tuples).ground), { results: [], count: { allowed: 2, conditional: 1 } });
  });

  it("leaves out who is banned through groups that it did not come by on the way to who may", async () => {
    const plain = `
      definition user {}
      definition group { relation member: user | group#member; relation lead: group }
      definition doc {
        relation viewer: user | group#member
        relation banned: user | group#member
        permission view = viewer - banned
        permission led = (viewer - lead->member) - banned
        relation lead: group
      }`;
    const tuples = [
      "doc:1#viewer@user:ana", "doc:1#viewer@user:bo", "doc:1#viewer@group:g#member", "group:g#member@user:cy", "group:g#member@user:di",
      "doc:1#banned@group:b#member", "group:b#member@group:c#member", "group:c#member@user:ana", "group:c#member@user:cy",
      "doc:1#lead@group:l", "doc:1#lead@group:m", "doc:1#lead@group:n", "doc:1#lead@group:o", "group:o#member@group:p#member", "group:p#member@user:bo",
    ];
    const found = async (permission: string) => {
      const results = await allSubjects({ object: parseObject("doc:1"), permission, wanted: { type: "user", relation: "" } }, world(plain, tuples).ground);
      return results.map(text);
    };
    assert.deepEqual(await found("view"), ["user:bo", "user:di"]);
    assert.deepEqual(await found("led"), ["user:di"]);
  });

  it("fails, naming the subject, where one cannot be decided", async () => {
    const cyclic = "definition user {} definition doc { relation viewer: user; relation banned: doc#view; permission view = viewer - banned }";
    const { ground } = world(cyclic, ["doc:1#viewer@user:ana", "doc:1#banned@doc:1#view"]);
    const asked = { object: parseObject("doc:1"), permission: "view", wanted: { type: "user", relation: "" } };
    await assert.rejects(allSubjects(asked, ground), refusal("cycle_through_exclusion", "user:ana"));
  });

  it("reads the users of a relation once, and not once for each", async () => {
    const users = Array.from({ length: 500 }, (_, i) => `folder:a#viewer@user:u${i}`);
    const { ground, snapshot } = world(schema, users);
    const results = await allSubjects({ object: parseObject("folder:a"), permission: "view", wanted: { type: "user", relation: "" } }, ground);
    assert.equal(results.length, 500);
    // The pages of the relation, of two tuples each, and little else.
    assert.ok(snapshot.reads < 250 + 50, String(snapshot.reads));
  });

  describe("beside a wildcard", () => {
    const public_ = compileSchema("definition user {} definition doc { relation viewer: user:*; relation banned: user; relation listed: user; permission view = viewer - banned; permission both = viewer + listed }");
    const asked = { object: parseObject("doc:1"), wanted: { type: "user", relation: "" }, context: emptyContext, contextualTuples: [], idPrefix: "", size: 1, countOnly: false };
    const look = (permission: string, users: number, idBytes = 6) => lookupSubjects({ ...asked, permission }, { schema: public_, snapshot: new Public(users, idBytes), tenant: 1, now });

    it("excludes as many as the bound, and refuses one more", async () => {
      const { results } = await look("view", limits.lookupExclusionsMax);
      assert.equal(results[0]?.excluded.length, limits.lookupExclusionsMax);
      await assert.rejects(look("view", limits.lookupExclusionsMax + 1), refusal("response_too_large"));
      await assert.rejects(look("view", Math.ceil(limits.pageBytesMax / 1_000), 1_000), refusal("response_too_large"));
    });

    it("checks as many as the bound, and refuses one more", async () => {
      const { results, after } = await look("both", limits.lookupBesideWildcardMax);
      assert.deepEqual([results.length, results[0]?.excluded, after], [1, [], "*"]);
      await assert.rejects(look("both", limits.lookupBesideWildcardMax + 1), refusal("evaluation_too_large"));
    });
  });
});

/** A document that everybody views, and with each of its other relations so many users. */
class Public implements Snapshot {
  readonly revision = 1;
  readonly instant = 0;
  readonly #users: number;
  readonly #idBytes: number;

  constructor(users: number, idBytes: number) {
    this.#users = users;
    this.#idBytes = idBytes;
  }

  async probe(...[, keys]: Parameters<Snapshot["probe"]>): Promise<(StoredTuple | undefined)[]> {
    return keys.map((key) => (key.relation === "viewer" && key.subject.id === "*" ? { ...key, since: 1 } : undefined));
  }

  async list(_tenant: number, { filter, after, limit }: ListQuery): Promise<{ tuples: StoredTuple[]; next?: StoredTuple }> {
    const tuple = (id: string): StoredTuple => ({ object: { type: "doc", id: "1" }, relation: filter.relation ?? "", subject: { type: "user", id, relation: "" }, since: 1 });
    if (filter.relation === "viewer") return { tuples: [tuple("*")] };
    const start = after === undefined ? 0 : Number(after.subject.id) + 1;
    const tuples = Array.from({ length: Math.min(limit, this.#users - start) }, (_, i) => tuple(String(start + i).padStart(this.#idBytes, "0")));
    const next = start + tuples.length < this.#users ? tuples.at(-1) : undefined;
    return next === undefined ? { tuples } : { tuples, next };
  }

  schema(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  release(): void {}
}
