import assert from "node:assert/strict";
import { Place, usher } from "./command-line.js";

const schema = `definition user {}
definition doc {
  relation viewer: user
  relation banned: user
  permission view = viewer - banned
}
`;

describe("usher preview", () => {
  let place: Place;

  before(async () => {
    place = await Place.open();
    const file = await place.file("schema.zed", schema);
    assert.equal((await place.usher("schema", "write", file)).code, 0);
    assert.equal((await place.usher("tuple", "write", "doc:1#viewer@user:ana", "doc:1#viewer@user:bo", "doc:1#banned@user:bo")).code, 0);
  });
  after(async () => place.close());

  const words = async (...more: string[]) => {
    const checks = await place.file("checks.txt", "// who must be let in\ndoc:1#view@user:ana\n\ndoc:1#view@user:bo\r\ndoc:1#view@user:cy\n");
    return ["preview", "--checks", checks, ...more];
  };

  it("prints what would be lost and gained, lost first, and writes nothing", async () => {
    const { code, stdout, stderr } = await place.usher(...(await words("--delete", "doc:1#viewer@user:ana", "--delete", "doc:1#banned@user:bo", "--touch", "doc:1#viewer@user:bo")));
    assert.equal(stderr, "");
    assert.deepEqual(stdout.split("\n"), ["- doc:1#view@user:ana  allowed → denied", "+ doc:1#view@user:bo  denied → allowed", "lost 1  gained 1  of 3", ""]);
    assert.equal(code, 0);
    assert.equal((await place.usher("check", "doc:1#view@user:ana")).code, 0);
  });

  it("counts who holds it", async () => {
    const holder = place.start(["watch", "--decisions", "doc:1#view@user:ana"]);
    await holder.lines(1);
    const { stdout } = await place.usher("preview", "--write", "doc:1#banned@user:ana");
    assert.equal(stdout.split("\n")[0], "- doc:1#view@user:ana  allowed → denied  (1 hold)");
    await holder.interrupt();
  });

  it("fails on a loss where it is told to, and not on a gain", async () => {
    assert.equal((await place.usher(...(await words("--write", "doc:1#banned@user:ana", "--fail-on-loss")))).code, 1);
    assert.equal((await place.usher(...(await words("--write", "doc:1#viewer@user:cy", "--fail-on-loss")))).code, 0);
    assert.equal((await place.usher(...(await words("--write", "doc:1#viewer@user:cy", "--delete", "doc:1#banned@user:bo", "--limit", "1", "--fail-on-loss")))).code, 1, "not everything was listed");
  });

  it("previews a schema, from stdin too, as JSON too", async () => {
    const proposed = schema.replace("view = viewer - banned", "view = banned");
    const { code, stdout } = await usher(await words("--schema", "-", "--json"), { stdin: proposed, environment: { USHER_ADDRESS: place.address } });
    assert.equal(code, 0);
    const { changes, evaluated, more, instant } = JSON.parse(stdout) as { changes: { question: string; lost: boolean; before: string; after: string }[]; evaluated: number; more: boolean; instant: string };
    assert.deepEqual(changes.map(({ question, lost, before, after }) => [question, lost, before, after]), [
      ["doc:1#view@user:ana", true, "allowed", "denied"],
      ["doc:1#view@user:bo", false, "denied", "allowed"],
    ]);
    assert.deepEqual([evaluated, more], [3, false]);
    assert.match(instant, /^\d{4}-.*Z$/);
  });

  it("is an error where the write would be, where nothing is proposed, and where a check is none", async () => {
    for (const [expected, ...more] of [
      ["tuple_exists", "--write", "doc:1#viewer@user:ana"],
      ["invalid_request"],
      ["invalid_request", "--schema", "-", "--checks", "-"],
      ["invalid_tuple", "--write", "doc:1"],
      ["invalid_file", "--schema", "/nowhere"],
    ]) {
      const { code, stderr } = await place.usher("preview", ...more);
      assert.deepEqual([code, stderr.split(": ")[1]], [4, expected]);
    }
  });
});
