import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { gate, head, now, type Hindrance } from "./head.js";

const documents = `
definition user {}
definition folder { relation viewer: user }
definition document { relation parent: folder; relation viewer: user; relation banned: user; permission view = viewer + parent->viewer; permission read = viewer - banned }`;

const minute = 60_000;
const expiring = (tuple: string, instant: number) => `${tuple}[expiration:${new Date(instant).toISOString()}]`;

/** Lets everything run that is not held up. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await setImmediate();
}

describe("what several requests load", () => {
  const parents = ["document:1#parent@folder:a", "document:2#parent@folder:b", "folder:b#viewer@user:ana"];

  it("is waited for no longer than it is loaded: one who waits for others as well does not keep a third from loading it anew", async () => {
    const { ask, askAll, write } = head(documents, parents);
    const slow = gate();
    const overtaken = gate();
    const first = ask("document:2#view@user:ana", { hindered: () => slow.passed });
    // Loads the parents of the one document, and waits for the parents of the other.
    const second = askAll(["document:1#view@user:ana", "document:2#view@user:ana"], { hindered: () => overtaken.passed });
    await settled();
    write(["document:1#parent@folder:b"]);
    overtaken.open();
    await settled();
    let loads = 0;
    const onLoad = () => assert.ok(++loads < 100, "it loads on and on, and lets nobody else run");
    assert.equal(await ask("document:1#view@user:ana", { onLoad }), "allowed");
    slow.open();
    assert.equal(await first, "allowed");
    assert.deepEqual((await second).answers.map(({ value }) => value), ["allowed", "allowed"]);
  });

  it("fails for those alone who loaded it: who joined them loads it again", async () => {
    const { ask } = head(documents, parents);
    const fails = gate();
    const failing = ask("document:2#view@user:ana", { hindered: () => fails.passed.then(() => Promise.reject(new Error("the disk"))) });
    const joined = ask("document:2#view@user:ana");
    await settled();
    fails.open();
    await assert.rejects(failing, /the disk/);
    assert.equal(await joined, "allowed");
  });

  it("is not cancelled with one of them, and one who waits for another can be cancelled", async () => {
    const { ask } = head(documents, parents);
    const slow = gate();
    const [leaving, waiting] = [new AbortController(), new AbortController()];
    const loading = ask("document:2#view@user:ana", { hindered: () => slow.passed, signal: leaving.signal });
    const joined = ask("document:2#view@user:ana");
    const gone = ask("document:2#view@user:ana", { signal: waiting.signal });
    await settled();
    waiting.abort();
    await assert.rejects(gone, { code: "cancelled" });
    leaving.abort();
    slow.open();
    await assert.rejects(loading, { code: "cancelled" });
    assert.equal(await joined, "allowed");
  });

  it("leaves no listener on a signal that many requests share", async () => {
    const { ask } = head(documents, parents);
    const slow = gate();
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on("warning", onWarning);
    const first = ask("document:2#view@user:ana", { hindered: () => slow.passed });
    const joined = Array.from({ length: 20 }, () => ask("document:2#view@user:ana", { signal }));
    await settled();
    slow.open();
    await first;
    await Promise.all(joined);
    await settled();
    process.off("warning", onWarning);
    assert.deepEqual(warnings, []);
  });
});

describe("time at head", () => {
  const text = `
    use expiration
    definition user {}
    definition group { relation member: user with expiration; permission access = member }
    definition folder { relation excluded: group#access }
    definition document { relation viewer: user; relation parent: folder; permission shut = parent->excluded; permission view = viewer - shut }`;
  // So many that what is found out about them is kept.
  const folders = Array.from({ length: 20 }, (_, i) => [`document:1#parent@folder:f${i}`, `folder:f${i}#excluded@group:g${i}#access`]).flat();

  it("never goes back: what was found later is not made older by a request that came before and is slower", async () => {
    const { ask, write } = head(text, ["document:1#viewer@user:ana", ...folders, expiring("group:g0#member@user:ana", now + 2 * minute), expiring("group:shut#member@user:ana", now + 9 * minute)]);
    const late = { at: now + 3 * minute };
    assert.equal(await ask("document:1#view@user:ana", late), "allowed");
    // Its instant is that of its arrival; it has waited for something else meanwhile.
    await ask("document:1#shut@user:ana", { at: now + minute });
    // This was staged before, and took its time to become durable.
    write(["folder:f1#excluded@group:shut#access"], now + minute);
    assert.equal(await ask("document:1#view@user:ana", late), "denied");
  });

  it("goes on for a request under way: what it was told before is asked again once that instant has come", async () => {
    const { ask, askAll } = head(`use expiration\n${documents.replaceAll("viewer: user", "viewer: user with expiration")}`, [
      expiring("document:1#viewer@user:ana", now + minute),
      "document:2#parent@folder:a",
    ]);
    await ask("document:1#view@user:ana");
    const slow = gate();
    const both = askAll(["document:1#view@user:ana", "document:2#view@user:ana"], { hindered: () => slow.passed });
    await settled();
    assert.equal(await ask("document:1#view@user:ana", { at: now + minute }), "denied");
    slow.open();
    const { answers, now: at } = await both;
    assert.deepEqual(answers.map(({ value }) => value), ["denied", "denied"]);
    assert.equal(at, now + minute);
  });
});

describe("the depth bound at head", () => {
  const folders = "definition user {} definition folder { relation viewer: user; relation parent: folder; permission view = viewer + parent->view }";
  /** Two folders a level, each in both of the next. */
  const ladder = (levels: number) =>
    Array.from({ length: levels }, (_, i) => ["a", "b"].flatMap((from) => ["a", "b"].map((to) => `folder:${from}${i}#parent@folder:${to}${i + 1}`))).flat();

  it("is kept without walking every way there is: what was cut there is remembered, beside what is known of it less deep", async () => {
    const { ask } = head(folders, ladder(60), { depthMax: 40 });
    let looks = 0;
    const timer = () => {
      assert.ok(++looks < 20_000, "it walks on and on");
      return looks;
    };
    assert.equal(await ask("folder:a20#view@user:ana", { timer }), "denied");
    assert.equal(await ask("folder:a0#view@user:ana", { timer }), "undecided");
    assert.equal(await ask("folder:a20#view@user:ana", { timer }), "denied");
  });

  it("is the same whether what lies there is in memory or not", async () => {
    const groups = "definition user {} definition group { relation member: user } definition folder { relation viewer: user | group#member; relation parent: folder; permission view = viewer + parent->view }";
    const chain = Array.from({ length: 3 }, (_, i) => `folder:${i}#parent@folder:${i + 1}`);
    const { ask } = head(groups, [...chain, "folder:3#viewer@group:a#member", "group:a#member@user:ana"], { depthMax: 3 });
    for (const when of ["cold", "warm"]) assert.equal(await ask("folder:0#view@user:ana"), "undecided", when);
    for (const when of ["cold", "warm"]) assert.equal(await ask("folder:1#view@user:ana"), "allowed", when);
    assert.equal(await ask("folder:0#view@user:ana"), "undecided");
  });
});

describe("groups that hold each other", () => {
  const groups = `
caveat at_work(place string) { place == "work" }
definition user {}
definition role { relation member: user | user with at_work | role#member }
definition group { relation member: group#member | role#member }`;
  /** Whoever is in the middle is so by the top, which is by the side: that is found in the first round, and the second hears it of the low one. */
  const circle = [
    "group:top#member@group:mid#member", "group:top#member@group:side#member", "group:mid#member@group:low#member", "group:mid#member@group:top#member",
    "group:low#member@group:mid#member", "group:side#member@role:r#member",
  ];
  const of = (group: string) => `group:${group}#member@user:ana`;

  it("do not let in, in another context, whom they let in by a condition", async () => {
    const { ask } = head(groups, [...circle, "role:r#member@user:ana[at_work]"]);
    assert.equal(await ask(of("top"), { context: { place: "work" } }), "allowed");
    for (const group of ["top", "mid", "low", "side"]) assert.equal(await ask(of(group), { context: { place: "home" } }), "denied", group);
  });

  it("do not go on letting in whom nothing lets in any more", async () => {
    const { ask, remove } = head(groups, [...circle, "role:r#member@role:s#member", "role:s#member@user:ana"]);
    assert.equal(await ask(of("top")), "allowed");
    remove(["group:side#member@role:r#member"]);
    for (const group of ["mid", "low", "top", "side"]) assert.equal(await ask(of(group)), "denied", group);
  });
});

describe("what reads nothing", () => {
  it("is not walked again every way it is come by", async () => {
    const permissions = Array.from({ length: 40 }, (_, i) => `permission p${i + 1} = (p${i} & p${i}) + (p${i} - nobody)`);
    const { ask } = head(`use self\ndefinition user {} definition document { relation nobody: user; permission p0 = self; ${permissions.join("; ")} }`, []);
    let looks = 0;
    const timer = () => {
      assert.ok(++looks < 1_000, "it walks on and on");
      return 0;
    };
    assert.equal(await ask("document:1#p40@document:2", { timer }), "denied");
  });
});

describe("contexts in one batch and after each other", () => {
  it("are told apart by the sign of zero, as conditions do", async () => {
    const { askAll } = head("caveat positive(x double) { 1.0 / x > 0.0 }\ndefinition user {} definition document { relation viewer: user with positive }", ["document:1#viewer@user:ana[positive]"]);
    const [zero, minusZero] = ["0", "-0"].map((x) => `document:1#viewer@user:ana with {"x":${x}}`) as [string, string];
    const values = async (...checks: string[]) => (await askAll(checks)).answers.map(({ value }) => value);
    assert.deepEqual(await values(zero, minusZero), ["allowed", "denied"]);
    assert.deepEqual(await values(minusZero, zero), ["denied", "allowed"]);
  });
});

describe("what a request has found out for itself", () => {
  it("is forgotten with what it rests on, where memory is small and others use it meanwhile", async () => {
    const text = "definition user {} definition folder { relation viewer: user } definition document { relation viewer: user; relation parent: folder; permission own = viewer; permission view = own & parent->viewer }";
    const { ask, remove } = head(text, ["document:1#viewer@user:ana", "document:1#parent@folder:a", "folder:a#viewer@user:ana"], { budgetBytes: 1 });
    const slow = gate();
    const onFolder = (read: Parameters<Hindrance>[0]) => ("probe" in read && read.probe.some(({ object }) => object.type === "folder") ? slow.passed : Promise.resolve());
    const view = ask("document:1#view@user:ana", { hindered: onFolder });
    await settled();
    for (let i = 0; i < 3; i++) await ask(`document:${2 + i}#view@user:ben`);
    remove(["document:1#viewer@user:ana"]);
    slow.open();
    assert.equal(await view, "denied");
  });
});
