import assert from "node:assert/strict";

import fc from "fast-check";

import { PathTemplate, pathSegments } from "../../../../src/server/adapters/envoy/path.js";

function matchOf(template: string, target: string): Record<string, string> | undefined {
  const parsed = PathTemplate.parse(template);
  assert.ok(typeof parsed !== "string", template);
  const segments = pathSegments(target);
  const values = segments && parsed.match(segments);
  return values && Object.fromEntries(values);
}

describe("paths through Envoy", () => {
  it("match segment by segment, decoded, without their query", () => {
    assert.deepEqual(matchOf("/nodes/{id}/logs", "/nodes/n%201/logs?tail=5#x"), { id: "n 1" });
    assert.deepEqual(matchOf("/nodes/{id}/logs", "/n%6fdes/n1/logs"), { id: "n1" });
    assert.deepEqual(matchOf("/", "/?a=/b"), {});
    assert.deepEqual(matchOf("/static/**", "/static/a/b"), {});
    for (const other of ["/nodes/n1", "/nodes/n1/logs/x", "/nodes/n1/logs/", "/Nodes/n1/logs", "/nodes/n1/log", "nodes/n1/logs", "", "*"]) assert.equal(matchOf("/nodes/{id}/logs", other), undefined, other);
    for (const other of ["/static", "/static/", "/statics/a"]) assert.equal(matchOf("/static/**", other), undefined, other);
  });

  it("match nothing where what is behind may read them otherwise", () => {
    for (const target of ["/nodes//n1", "//nodes/n1", "/nodes/./n1", "/nodes/../admin", "/nodes/%2e%2e/admin", "/nodes/%2E", "/nodes/a%2Fb", "/nodes/a%2fb", "/nodes/a\\b", "/nodes/a%5cb", "/nodes/%00", "/nodes/a%0d%0ab", "/nodes/%zz", "/nodes/%ff"]) {
      assert.equal(pathSegments(target), undefined, target);
      assert.equal(matchOf("/nodes/**", target), undefined, target);
    }
  });

  it("give back what was encoded, and nothing else", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (id) => {
        const values = matchOf("/nodes/{id}", `/nodes/${encodeURIComponent(id)}`);
        const ambiguous = id === "." || id === ".." || /[/\\\p{Cc}]/u.test(id);
        assert.deepEqual(values, ambiguous ? undefined : { id });
      }),
    );
  });
});
