import assert from "node:assert/strict";
import { limits } from "../../src/base/limits.js";
import { planOf } from "../../src/evaluation/plan.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import { head } from "./head.js";

const nested = `
definition user {}
definition group { relation member: user | group#member }
definition document { relation viewer: group#member; relation banned: group#member; permission view = viewer - banned }`;

const groups = (count: number) => Array.from({ length: count }, (_, i) => `group:g${i}#member@user:ana`);

describe("groups seen from the subject's side", () => {
  for (const [what, count] of [["as many as are climbed", limits.holdersMax], ["more than are climbed", limits.holdersMax + 1]] as const) {
    it(`are all found where there are ${what}: none is missed, be it to grant or to take away`, async () => {
      const { ask, remove } = head(nested, [...groups(count), "document:1#viewer@group:g0#member", "document:2#viewer@group:g0#member", "document:2#banned@group:top#member", `group:top#member@group:g${count - 1}#member`]);
      assert.equal(await ask("document:1#view@user:ana"), "allowed");
      assert.equal(await ask("document:2#view@user:ana"), "denied");
      assert.equal(await ask("document:1#view@user:eve"), "denied");
      remove([`group:g${count - 1}#member@user:ana`]);
      assert.equal(await ask("document:2#view@user:ana"), "allowed");
      remove(["group:g0#member@user:ana"]);
      assert.equal(await ask("document:1#view@user:ana"), "denied");
    });
  }

  it("are climbed anew when a commit leads further up, or no longer so far", async () => {
    const { ask, write, remove } = head(nested, ["document:1#viewer@group:top#member", "group:low#member@user:ana"]);
    assert.equal(await ask("document:1#view@user:ana"), "denied");
    write(["group:top#member@group:mid#member"]);
    assert.equal(await ask("document:1#view@user:ana"), "denied");
    write(["group:mid#member@group:low#member"]);
    assert.equal(await ask("document:1#view@user:ana"), "allowed");
    remove(["group:mid#member@group:low#member"]);
    assert.equal(await ask("document:1#view@user:ana"), "denied");
  });

  it("are climbed through so many relations and no more", () => {
    const rungsOf = (count: number) => {
      const relations = Array.from({ length: count }, (_, i) => `relation r${i}: user${i === 0 ? "" : ` | group#r${i - 1}`}`);
      const schema = compileSchema(`definition user {}\ndefinition group {\n${relations.join("\n")}\n}`);
      return planOf(schema).types.get("group")?.get(`r${count - 1}`)?.rungs?.length;
    };
    assert.equal(rungsOf(limits.rungsMax), limits.rungsMax);
    assert.equal(rungsOf(limits.rungsMax + 1), undefined);
  });
});
