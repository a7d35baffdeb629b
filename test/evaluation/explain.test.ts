import assert from "node:assert/strict";
import { explain } from "../../src/evaluation/trace.js";
import type { Explanation } from "../../src/model/service.js";
import { formatObject } from "../../src/model/object.js";
import { formatTuple } from "../../src/model/tuple.js";
import { world } from "./build.js";

const text = `
  use expiration
  caveat office(hour int) { hour >= 9 && hour < 17 }
  definition user {}
  definition group { relation member: user | group#member }
  definition folder { relation parent: folder; relation viewer: user | group#member | user with office | user with expiration; relation banned: user
    permission view = (viewer + parent->view) - banned }
`;

/** One line a step, indented. */
function lines(node: Explanation, indent = ""): string[] {
  const name = node.tuple ? formatTuple(node.tuple) : [node.object && formatObject(node.object), node.member].filter(Boolean).join("#");
  const note = node.note === undefined ? "" : ` (${node.note})`;
  return [`${indent}${node.kind} ${name} ${node.answer}${note}`.replace("  ", " "), ...node.children.flatMap((child) => lines(child, `${indent}. `))];
}

describe("an explanation", () => {
  const tuples = [
    "folder:a#parent@folder:b",
    "folder:b#viewer@group:g#member",
    "group:g#member@user:ana",
    "folder:b#viewer@user:bob[office]",
    "folder:b#viewer@user:old[expiration:2020-01-01T00:00:00Z]",
    "folder:a#banned@user:mallory",
    "folder:a#viewer@user:mallory",
  ];
  const { ask } = world(text, tuples);
  const explained = async (check: string, context = {}) => lines(explain(await ask(check, { explain: true, context })));

  it("shows the tuples that grant, from the object to the subject", async () => {
    assert.deepEqual(await explained("folder:a#view@user:ana"), [
      "permission folder:a#view allowed",
      ". exclusion allowed",
      ". . union allowed",
      ". . . relation folder:a#viewer denied",
      ". . . arrow folder:a#parent->view allowed",
      ". . . . tuple folder:a#parent@folder:b allowed",
      ". . . . . permission folder:b#view allowed",
      ". . . . . . exclusion allowed",
      ". . . . . . . union allowed",
      ". . . . . . . . relation folder:b#viewer allowed",
      ". . . . . . . . . tuple folder:b#viewer@group:g#member allowed",
      ". . . . . . . . . . relation group:g#member allowed",
      ". . . . . . . . . . . tuple group:g#member@user:ana allowed",
      ". . . . . . . relation folder:b#banned denied",
      ". . relation folder:a#banned denied",
    ]);
  });

  it("shows where a denial stopped", async () => {
    assert.deepEqual(await explained("folder:a#view@user:mallory"), [
      "permission folder:a#view denied",
      ". exclusion denied",
      ". . union allowed",
      ". . . relation folder:a#viewer allowed",
      ". . . . tuple folder:a#viewer@user:mallory allowed",
      ". . relation folder:a#banned allowed",
      ". . . tuple folder:a#banned@user:mallory allowed",
    ]);
    const expired = await explained("folder:b#viewer@user:old");
    assert.ok(expired.includes(". tuple folder:b#viewer@user:old[expiration:2020-01-01T00:00:00.000Z] denied (expired)"), expired.join("\n"));
  });

  it("names what a condition needs, and how it came out", async () => {
    assert.ok((await explained("folder:b#viewer@user:bob")).includes(". tuple folder:b#viewer@user:bob[office] conditional (condition needs `hour`)"));
    assert.ok((await explained("folder:b#viewer@user:bob", { hour: 10 })).includes(". tuple folder:b#viewer@user:bob[office] allowed (condition holds)"));
    assert.ok((await explained("folder:b#viewer@user:bob", { hour: 20 })).includes(". tuple folder:b#viewer@user:bob[office] denied (condition does not hold)"));
  });

  it("unfolds what several branches share once, and ends on cycles", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const nested = names.flatMap((a) => names.map((b) => `group:${a}#member@group:${b}#member`));
    const world_ = world(text, nested);
    const answer = explain(await world_.ask("group:a#member@user:ana", { explain: true }));
    assert.equal(answer.answer, "denied");
    assert.ok(lines(answer).length < 200, String(lines(answer).length));
  });
});
