import assert from "node:assert/strict";
import { Place } from "./command-line.js";

const schema = `definition user {}
definition doc {
  relation viewer: user
  permission view = viewer
}
`;

describe("usher holds", () => {
  let place: Place;

  before(async () => {
    place = await Place.open();
    const file = await place.file("schema.zed", schema);
    assert.equal((await place.usher("schema", "write", file)).code, 0);
    assert.equal((await place.usher("tuple", "write", "doc:1#viewer@user:ana")).code, 0);
  });
  after(async () => place.close());

  it("prints nothing where nothing is held", async () => {
    assert.deepEqual(await place.usher("holds"), { code: 0, stdout: "", stderr: "0 streams, 0 holds\n" });
    assert.deepEqual(await place.usher("holds", "--decisions", "--json"), { code: 0, stdout: "", stderr: "" });
  });

  it("prints streams, and decisions with their answers", async () => {
    const holder = place.start(["watch", "--decisions", "doc:1#view@user:ana", "doc:1#view@user:bo"]);
    await holder.lines(2);
    const streams = await place.usher("holds");
    assert.match(streams.stdout, /^[0-9a-f-]{36} {2}tenant default {2}from 127\.0\.0\.1:\d+ {2}lease 10 s {2}2 holds {2}complete 20\S+Z( {2}acknowledged 20\S+Z)?\n$/);
    assert.equal(streams.stderr, "1 stream, 2 holds\n");
    const { stdout } = await place.usher("holds", "--object", "doc:1");
    assert.deepEqual(stdout.trimEnd().split("\n").sort(), ["allowed  doc:1#view@user:ana  tenant default  1 hold", "denied  doc:1#view@user:bo  tenant default  1 hold"]);
    const only = async (...words: string[]) => (await place.usher("holds", ...words)).stdout.trimEnd().split("\n").filter((line) => line !== "").length;
    const id = streams.stdout.split(" ")[0] ?? "";
    assert.deepEqual([await only("--subject", "user:bo"), await only("--permission", "viewer"), await only("--stream", id), await only("--decisions", "--limit", "1"), await only("--decisions", "--tenant", "default")], [1, 0, 2, 1, 2]);
    const json = await place.usher("holds", "--json");
    const told = JSON.parse(json.stdout) as { stream: string; holds: number; lagging: boolean; sent: { zookie: string; instant: string } };
    assert.deepEqual([told.stream, told.holds, told.lagging], [id, 2, false]);
    assert.match(told.sent.instant, /^20.*Z$/);
    const decision = JSON.parse((await place.usher("holds", "--subject", "user:ana", "--json")).stdout) as { question: string; answer: string; honoured: number };
    assert.deepEqual([decision.question, decision.answer, decision.honoured], ["doc:1#view@user:ana", "allowed", 1]);
    await holder.interrupt();
  });

  it("is an error where the tenant is none, or a filter is", async () => {
    for (const [expected, ...words] of [["tenant_unknown", "--tenant", "nobody"], ["invalid_tuple", "--object", "doc"], ["invalid_name", "--permission", "no name"]] as const) {
      const { code, stderr } = await place.usher("holds", ...words);
      assert.deepEqual([code, stderr.split(": ")[1]], [4, expected], stderr);
    }
  });
});
