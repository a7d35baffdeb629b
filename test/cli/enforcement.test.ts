import assert from "node:assert/strict";
import { addEnforcement, enforcementExit, receiptText } from "../../src/cli/enforcement.js";
import { connect, type Usher } from "../../src/client/usher.js";
import { parseCheck } from "../../src/model/tuple-text.js";
import { EnforcementPoint } from "../decisions/enforcement-point.js";
import { Place, usher } from "./command-line.js";

const schema = `definition user {}
definition team { relation member: user }
definition node {
  relation operator: user | team#member
  permission restart = operator
}
`;

describe("--await", () => {
  let place: Place;
  let client: Usher;
  const points: EnforcementPoint[] = [];

  /** Holds `node:n1#restart` of a subject, with a lease. */
  async function hold(subject: string, silent = false): Promise<EnforcementPoint> {
    const point = new EnforcementPoint({ live: (requests, _tenant, signal) => client.live(requests, signal && { signal }) as AsyncGenerator<never, void> }, { leaseMs: 30_000 });
    points.push(point);
    const { object, permission, subject: who } = parseCheck(`node:n1#restart@${subject}`);
    point.hold({ id: 1, object, permission, subject: who });
    await point.ping();
    assert.equal(point.states.get(1)?.allowed, true);
    point.silent = silent;
    return point;
  }

  beforeEach(async () => {
    place = await Place.open();
    client = await connect(place.address);
    await client.writeSchema(schema);
    assert.equal((await place.usher("tuple", "write", "node:n1#operator@team:sre#member", "team:sre#member@user:ana", "team:sre#member@user:bo")).code, 0);
  });

  afterEach(async () => {
    await Promise.all(points.splice(0).map((point) => point.finish()));
    await client.close();
    await place.close();
  });

  it("says how many enforcement points have let go of what was deleted", async () => {
    await hold("user:ana");
    await hold("user:ana");
    await hold("user:bo");
    const { code, stdout } = await place.usher("tuple", "delete", "team:sre#member@user:ana", "--reason", "offboarded", "--await");
    assert.match(stdout, /^deleted 1 {2}zookie (\S+)\ncommitted {2}zookie \1\nenforced {3}2 of 2 enforcement points, \d+(\.\d)? m?s\n$/);
    assert.equal(code, 0);
  });

  it("has an exit code of its own where one has not, and the commit stands", async () => {
    await hold("user:ana");
    await hold("user:ana", true);
    const { code, stdout, stderr } = await place.usher("tuple", "delete", "--object-type", "team", "--object-id", "sre", "--subject-type", "user", "--subject-id", "ana", "--await", "50ms");
    assert.match(stdout, /\nenforced {3}1 of 2 enforcement points, 1 pending after \d+(\.\d)? m?s\n$/);
    assert.deepEqual([code, stderr], [5, ""]);
    assert.equal((await place.usher("check", "node:n1", "restart", "user:ana")).code, 1);
  });

  it("waits for longer than a call may take otherwise", async () => {
    await hold("user:ana", true);
    const { code, stderr } = await place.usher("tuple", "delete", "team:sre#member@user:ana", "--await", "1500ms", "--timeout", "1s");
    assert.deepEqual([code, stderr], [5, ""]);
  });

  it("prints the numbers as JSON", async () => {
    await hold("user:ana");
    const named = JSON.parse((await place.usher("tuple", "delete", "team:sre#member@user:ana", "--await", "--json")).stdout) as Record<string, unknown>;
    assert.deepEqual(named["enforcement"], { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
    const touched = JSON.parse((await place.usher("tuple", "touch", "team:sre#member@user:cy", "--await", "1s", "--json")).stdout) as Record<string, unknown>;
    assert.deepEqual(touched["enforcement"], { affected: 0, acknowledged: 0, lapsed: 0, pending: 0 });
    const without = JSON.parse((await place.usher("tuple", "touch", "team:sre#member@user:di", "--json")).stdout) as Record<string, unknown>;
    assert.equal("enforcement" in without, false);
  });

  it("tells of no commit where there was none", async () => {
    const { code, stdout } = await place.usher("tuple", "touch", "team:sre#member@user:ana", "--await");
    assert.match(stdout, /^written {2}changed 0 {2}zookie \S+\nenforced {3}0 of 0 enforcement points, /);
    assert.equal(code, 0);
  });

  it("waits for what a schema takes away", async () => {
    await hold("user:ana");
    const ran = await place.usher("schema", "write", await place.file("less.zed", schema.replace("= operator", "= nil")), "--await", "10s");
    assert.match(ran.stdout, /^schema written {2}zookie \S+\ncommitted {2}zookie \S+\nenforced {3}1 of 1 enforcement point, /);
    assert.equal(ran.code, 0, ran.stderr);
  });

  it("refuses a wait that is none, is too long, or comes with nothing to wait for", async () => {
    const tuple = "team:sre#member@user:ana";
    for (const [words, message] of [
      [["--await", tuple], /no duration: write --await=30s, or --await after everything else/],
      [[tuple, "--await", "0s"], /no duration/],
      [[tuple, "--await", "121s"], /at most 120s/],
      [[tuple, "--await", "--validate-only"], /cannot be used with/],
    ] as const) {
      const ran = await place.usher("tuple", "delete", ...words);
      assert.equal(ran.code, 2, ran.stdout);
      assert.match(ran.stderr, message);
    }
    assert.equal((await place.usher("check", "node:n1", "restart", "user:ana")).code, 0);
    assert.equal((await place.usher("tuple", "delete", "team:sre#member@user:nobody", "--await", "120s")).code, 0);
    assert.match((await usher(["--help"])).stdout, /\n {2}5 {2}with --await: committed/);
  });

  it("says how many lapsed and how many are pending", () => {
    const text = receiptText("Z", true, { affected: 3, acknowledged: 1, lapsed: 1, pending: 1 }, 15_004);
    assert.equal(text, "\ncommitted  zookie Z\nenforced   2 of 3 enforcement points (1 lapsed), 1 pending after 15 s");
    assert.equal(receiptText("Z", true, { affected: 1, acknowledged: 0, lapsed: 1, pending: 0 }, 4.12), "\ncommitted  zookie Z\nenforced   1 of 1 enforcement point (1 lapsed), 4.1 ms");
    assert.equal(receiptText("Z", true, undefined, 4), "");
  });

  it("adds up what several commits of one command came to, and forgets nobody who is pending", () => {
    const [late, done] = [{ affected: 3, acknowledged: 1, lapsed: 1, pending: 1 }, { affected: 2, acknowledged: 2, lapsed: 0, pending: 0 }];
    assert.deepEqual(addEnforcement(late, done), { affected: 5, acknowledged: 3, lapsed: 1, pending: 1 });
    assert.deepEqual([addEnforcement(undefined, done), addEnforcement(late, undefined), addEnforcement(undefined, undefined)], [done, late, undefined]);
    assert.deepEqual([late, addEnforcement(late, done), done, undefined].map(enforcementExit), [5, 5, 0, 0]);
  });
});
