import assert from "node:assert/strict";
import { Place, type Ran } from "./command-line.js";

const schema = `caveat on_call(hour int) {
  hour < 18
}

definition user {}

definition team {
  relation member: user
}

definition site {}

definition node {
  relation site: site
  relation operator: user | user:* | team#member | user with on_call
  relation banned: user
  permission restart = operator - banned
  permission view = restart
}
`;

const tuples = [
  "team:sre#member@user:ana", "node:n1#operator@team:sre#member", "node:n1#operator@user:cy[on_call]", "node:n2#operator@user:ana", "node:n2#site@site:s",
  "node:n3#operator@user:ana[on_call]", "node:public#operator@user:*", "node:public#banned@user:bo",
];

function lines(ran: Ran): unknown[] {
  return ran.stdout.trim().split("\n").map((line) => JSON.parse(line) as unknown);
}

describe("usher lookup", () => {
  let place: Place;

  before(async () => {
    place = await Place.open();
    assert.equal((await place.usher("schema", "write", await place.file("schema.zed", schema))).code, 0);
    assert.equal((await place.usher("tuple", "write", ...tuples)).code, 0);
  });
  after(async () => place.close());

  function refused(ran: Ran, exitCode: number, message: RegExp): void {
    assert.equal(ran.code, exitCode, ran.stderr);
    assert.match(ran.stderr, message);
    assert.equal(ran.stdout, "");
  }

  it("objects prints what is allowed alone, and says what was left out", async () => {
    const ran = await place.usher("lookup", "objects", "node", "restart", "user:ana");
    assert.deepEqual([ran.code, ran.stdout], [0, "node:n1\nnode:n2\nnode:public\n"]);
    assert.match(ran.stderr, /^1 more depend on context fields/);
    assert.deepEqual(await place.usher("lookup", "objects", "node", "restart", "user:eve"), { code: 0, stdout: "node:public\n", stderr: "" });
  });

  it("objects prints what is conditional when asked to, and decides it with a context", async () => {
    assert.equal((await place.usher("lookup", "objects", "node", "restart", "user:ana", "--conditional")).stdout, "node:n1\nnode:n2\nnode:n3  conditional  needs hour\nnode:public\n");
    assert.equal((await place.usher("lookup", "objects", "node", "restart", "user:ana", "--context", '{"hour": 9}', "--prefix", "n3")).stdout, "node:n3\n");
  });

  it("objects is narrowed, counted, limited, and asked with tuples that do not stand", async () => {
    const objects = (...more: string[]) => place.usher("lookup", "objects", "node", "restart", "user:ana", ...more);
    assert.equal((await objects("--within", "site@site:s")).stdout, "node:n2\n");
    assert.equal((await objects("--count")).stdout, "3 allowed, 1 conditional\n");
    assert.deepEqual(await objects("--limit", "1"), { code: 0, stdout: "node:n1\n", stderr: "" });
    assert.equal((await objects("--with", "node:n9#operator@user:ana", "--prefix", "n9")).stdout, "node:n9\n");
    refused(await objects("--within", "site"), 4, /invalid_request: --within `site` is not/);
    refused(await objects("--count", "--limit", "1"), 2, /--count/);
  });

  it("objects reads at a snapshot", async () => {
    const { zookie } = JSON.parse((await place.usher("check", "node:n1", "restart", "user:ana", "--json")).stdout) as { zookie: string };
    assert.equal((await place.usher("tuple", "write", "node:n8#operator@user:ana")).code, 0);
    assert.equal((await place.usher("lookup", "objects", "node", "restart", "user:ana", "--prefix", "n8", "--at", zookie)).stdout, "");
    assert.equal((await place.usher("lookup", "objects", "node", "restart", "user:ana", "--prefix", "n8")).stdout, "node:n8\n");
    assert.equal((await place.usher("tuple", "delete", "node:n8#operator@user:ana")).code, 0);
  });

  it("subjects prints a wildcard with whom it does not cover, usersets, and counts", async () => {
    assert.deepEqual(await place.usher("lookup", "subjects", "node:public", "restart", "user"), { code: 0, stdout: "user:*  without user:bo\n", stderr: "" });
    assert.equal((await place.usher("lookup", "subjects", "node:n1", "restart", "user")).stdout, "user:ana\n");
    assert.equal((await place.usher("lookup", "subjects", "node:n1", "restart", "user", "--conditional")).stdout, "user:ana\nuser:cy  conditional  needs hour\n");
    assert.equal((await place.usher("lookup", "subjects", "node:n1", "restart", "team#member")).stdout, "team:sre#member\n");
    assert.equal((await place.usher("lookup", "subjects", "node:n1", "restart", "user", "--count")).stdout, "1 allowed, 1 conditional\n");
  });

  it("permissions prints every permission with its answer", async () => {
    assert.deepEqual(await place.usher("lookup", "permissions", "node:n1", "user:cy"), { code: 0, stdout: "conditional  restart  needs hour\nconditional  view  needs hour\n", stderr: "" });
    assert.equal((await place.usher("lookup", "permissions", "node:n2", "user:ana", "--relations")).stdout, "denied  site\nallowed  operator\ndenied  banned\nallowed  restart\nallowed  view\n");
  });

  it("prints JSON: a line for each that is found, one document for counts and permissions", async () => {
    assert.deepEqual(lines(await place.usher("lookup", "objects", "node", "restart", "user:ana", "--prefix", "n3", "--conditional", "--json")), [{ object: { type: "node", id: "n3" }, allowed: false, missingFields: ["hour"] }]);
    assert.deepEqual(lines(await place.usher("lookup", "objects", "node", "restart", "user:ana", "--count", "--json")), [{ allowed: 3, conditional: 1 }]);
    const [permissions] = lines(await place.usher("lookup", "permissions", "node:n2", "user:ana", "--json")) as [{ zookie: string; instant: string; results: unknown }];
    assert.deepEqual(permissions.results, [{ permission: "restart", allowed: true, missingFields: [] }, { permission: "view", allowed: true, missingFields: [] }]);
    assert.match(permissions.instant, /^\d{4}-/);
    assert.equal((await place.usher("lookup", "objects", "node", "restart", "user:ana", "--json")).stderr, "");
  });

  it("refuses what is malformed or unknown", async () => {
    refused(await place.usher("lookup", "objects", "none", "restart", "user:ana"), 4, /^usher: unknown_type: /);
    refused(await place.usher("lookup", "objects", "node", "restart", "ana"), 4, /^usher: /);
    refused(await place.usher("lookup", "subjects", "node:n1", "none", "user"), 4, /^usher: unknown_relation: /);
    refused(await place.usher("lookup", "permissions", "node:n1", "user:*"), 4, /^usher: invalid_request: /);
    refused(await place.usher("lookup", "objects", "node"), 2, /missing required argument/);
    refused(await place.usher("lookup", "objects", "node", "restart", "user:ana", "--context", "{"), 4, /invalid_context: --context is not JSON/);
  });
});
