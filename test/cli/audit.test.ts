import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import { UsherError } from "../../src/base/errors.js";
import { Usher } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import { touch } from "../../src/client/references.js";
import { serve, type Server } from "../../src/server/server.js";
import { Desk } from "../server/desk.js";
import { eventually } from "../server/wire.js";
import { Running, usher, type Ran } from "./command-line.js";

const schema = `definition user {}
definition doc {
  relation viewer: user
  permission view = viewer
}
`;

const lines = (text: string) => text.trimEnd().split("\n").filter((line) => line !== "");

describe("usher audit", () => {
  let folder: string;
  let database: Database;
  let server: Server;
  let key: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-audit-"));
    database = await Database.open(join(folder, "data"), { audit: { mode: "buffer", version: "0", checkpointMs: Infinity }, report: (error) => assert.fail(error) });
    server = await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
    const program = new Usher(database);
    await program.writeSchema(schema);
    await program.write([touch("doc:1#viewer@user:ana"), touch("doc:1#viewer@user:bo")], { metadata: { reason: "hired" } });
    const bound = program.as({ actor: "Zoë", session: "s1" });
    await bound.check("doc:1", "view", "user:ana");
    await bound.check("doc:1", "view", "user:cy");
    await program.check("doc:2", "view", "user:bo");
    // Of an instant what was committed at it is true: the deletion comes at another.
    await setTimeout(5);
    await program.deleteMatching([{ objectType: "doc", objectId: "1", subjectType: "user", subjectId: "ana" }], { metadata: { reason: "offboarded" } });
    await program.check("doc:1", "view", "user:ana");
    await eventually(async () => assert.equal((await program.audit.queryPage({ kinds: ["check"] })).records.length, 4));
    ({ key } = await program.audit.checkpoint());
  });

  after(async () => {
    await server.close(100);
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (...words: string[]): Promise<Ran> => usher(["audit", ...words], { environment: { USHER_ADDRESS: server.address } });

  async function indexesOf(...words: string[]): Promise<number[]> {
    const { code, stdout, stderr } = await run("query", "--json", ...words);
    assert.equal(code, 0, stderr);
    return lines(stdout).map((line) => (JSON.parse(line) as { index: number }).index);
  }

  it("queries what matches, the newest first, with who it was for", async () => {
    const { code, stdout } = await run("query", "--actor", "Zoë");
    assert.equal(code, 0);
    const [newest = "", before = ""] = lines(stdout);
    assert.match(newest, /^\d+ {2}20\S+Z {2}denied {2}doc:1#view@user:cy {2}check {2}.*for Zoë {2}session s1/);
    assert.match(before, /^\d+ {2}20\S+Z {2}allowed {2}doc:1#view@user:ana {2}check {2}/);
    assert.equal(lines(stdout).length, 2);
  });

  it("queries by object, subject, permission, answer, kind and time", async () => {
    const counts = async (...words: string[]) => (await indexesOf(...words)).length;
    assert.equal(await counts("--subject", "user:ana", "--permission", "view"), 2);
    assert.equal(await counts("--object", "doc:2"), 1);
    assert.equal(await counts("--answer", "denied"), 3);
    assert.equal(await counts("--kind", "write", "--kind", "schema"), 3);
    assert.equal(await counts("--subject", "user:ana", "--from", "-1h", "--to", "2999-01-01T00:00:00Z"), 2);
    assert.equal(await counts("--subject", "user:ana", "--to", "-1h"), 0);
    assert.equal(await counts("--subject", "user:ana", "--limit", "1"), 1);
  });

  it("queries the other way round, and prints what was recorded as it was", async () => {
    const [first = 0, last = 0] = await indexesOf("--subject", "user:ana", "--kind", "check", "--oldest-first");
    assert.ok(first < last);
    const { stdout } = await run("query", "--json", "--subject", "user:ana", "--kind", "check", "--oldest-first");
    const told = JSON.parse(lines(stdout)[0] ?? "") as { at: string; hash: string; entry: { kind: string; answer: string; actor: string; grounds: string[] } };
    assert.match(told.at, /^20.*Z$/);
    assert.match(told.hash, /^[0-9a-f]{64}$/);
    assert.deepEqual([told.entry.kind, told.entry.answer, told.entry.actor, told.entry.grounds], ["check", "allowed", "Zoë", ["doc:1#viewer@user:ana"]]);
  });

  it("says that nothing matches a query, and refuses what is no filter", async () => {
    assert.deepEqual(await run("query", "--subject", "user:nobody"), { code: 0, stdout: "", stderr: "no record matches\n" });
    for (const [words, code] of [[["--kind", "chek"], 2], [["--answer", "yes"], 2], [["--from", "yesterday"], 2], [["--from", "-1x"], 2], [["--subject", "user"], 4], [["--limit", "0"], 2]] as const) {
      assert.equal((await run("query", ...words)).code, code, words.join(" "));
    }
  });

  it("tails from a record, and what comes, until interrupted", async () => {
    const [first = 0] = await indexesOf("--actor", "Zoë", "--oldest-first");
    const running = new Running(["audit", "tail", "--from", String(first), "--kind", "check", "--json"], { environment: { USHER_ADDRESS: server.address } });
    const before = await running.lines(4);
    assert.equal((JSON.parse(before[0] ?? "") as { index: number }).index, first);
    await new Usher(database).check("doc:7", "view", "user:ana");
    const [, , , , came = ""] = await running.lines(5);
    assert.equal((JSON.parse(came) as { entry: { object: string } }).entry.object, "doc:7");
    assert.equal((await running.interrupt()).code, 0);
  });

  it("proves a record, and does not believe another key", async () => {
    const [index = 0] = await indexesOf("--object", "doc:2");
    const { code, stdout } = await run("prove", String(index), "--key", key);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /doc:2#view@user:bo[^]*\nproven {2}by \d+ hashes, in the log usherdb\/\S+ of \d+ records[^]*\nsigned {2}/);
    const doubted = await run("prove", String(index), "--key", Buffer.alloc(32, 7).toString("base64"));
    assert.equal(doubted.code, 1);
    assert.match(doubted.stdout, /not proven {2}the checkpoint is not signed by/);
    assert.equal((await run("prove", "999999")).stderr.split(": ")[1], "record_unknown");
    const json = JSON.parse((await run("prove", String(index), "--json")).stdout) as { proven: boolean; path: string[]; key: string };
    assert.deepEqual([json.proven, json.key], [true, key]);
  });

  it("prints a checkpoint, into a file too", async () => {
    const { stdout } = await run("checkpoint");
    assert.match(stdout, /^usherdb\/\S+\n\d+\n\S{44}\n20\S+Z\n\n— usherdb\/\S+ \S+\n$/);
    const file = join(folder, "kept.checkpoint");
    assert.deepEqual(await run("checkpoint", "--output", file), { code: 0, stdout: "", stderr: `written  ${file}\n` });
    assert.match(await readFile(file, "utf8"), /^usherdb\//);
    const { consistency } = JSON.parse((await run("checkpoint", "--from-size", "2", "--json")).stdout) as { consistency: string[] };
    assert.ok(consistency.length > 0);
    assert.equal((await run("checkpoint", "--from-size", "999999")).code, 4);
  });

  it("exports what `verify` finds sound: all, from a record on, and one tenant's", async () => {
    for (const words of [[], ["--from", "3"], ["--tenant", "default"]]) {
      const file = join(folder, "export.jsonl");
      const exported = await run("export", ...words, "--output", file);
      assert.deepEqual([exported.code, exported.stderr], [0, `written  ${file}\n`]);
      const verified = await run("verify", file, "--key", key);
      assert.equal(verified.code, 0, `${words.join(" ")}: ${verified.stdout}${verified.stderr}`);
      const text = await readFile(file, "utf8");
      assert.ok(text.includes("user:cy"));
      await writeFile(file, text.replace("user:cy", "user:di"));
      const altered = await run("verify", file);
      assert.equal(altered.code, 1);
      assert.match(altered.stdout, /changed/);
    }
    assert.match(lines((await run("export")).stdout)[0] ?? "", /^\{"usher":"decision log","format":1,"origin":"usherdb\//);
  });

  it("shows one tenant nothing of another, and exports no half of the log as a whole", async () => {
    const program = new Usher(database);
    await program.createTenant("other");
    const other = program.withTenant("other");
    await other.writeSchema(schema);
    await other.check("doc:9", "view", "user:zed");
    await eventually(async () => assert.equal((await indexesOf("--subject", "user:zed")).length, 1));
    const [index = 0] = await indexesOf("--subject", "user:zed", "--tenant", "other");
    assert.deepEqual(await indexesOf("--subject", "user:zed", "--tenant", "default"), []);
    assert.deepEqual(await indexesOf("--subject", "user:ana", "--tenant", "other"), []);
    for (const words of [["prove", String(index)], ["replay", String(index)], ["redact", String(index), "--reason", "r"]]) {
      const refused = await run(...words, "--tenant", "default");
      assert.deepEqual([refused.code, refused.stderr.split(": ")[1]], [4, "record_unknown"], words[0]);
    }
    const exported = lines((await run("export", "--tenant", "other")).stdout).filter((line) => line.includes("user:ana"));
    // Somebody asked the tenant's log about her a moment ago, which is on record there.
    for (const line of exported) assert.match(line, /\\"kind\\":\\"query\\".*\\"tenant\\":\\"other\\"/);
    assert.equal((await run("query", "--tenant", "nobody")).stderr.split(": ")[1], "tenant_unknown");

    // What a key of one tenant is shown where it names none.
    const desk = new Desk();
    const whole = await program.audit.checkpoint();
    desk.answer("getCheckpoint", async () => whole);
    desk.answer("queryDecisions", (request) => program.audit.queryPage(request));
    desk.answer("tailDecisions", async function* () {
      for (const kept of [0, 2]) yield { kind: "records", records: [{ index: kept, hash: "00".repeat(32) }] };
    });
    const guarded = await serve(desk, { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
    const file = join(folder, "half.jsonl");
    const { code, stderr } = await usher(["audit", "export", "--output", file], { environment: { USHER_ADDRESS: guarded.address } });
    await guarded.close(100);
    assert.equal(code, 4);
    assert.match(stderr, /^usher: permission_denied: record 1 is not shown: .* name it with --tenant/);
    await assert.rejects(readFile(file), { code: "ENOENT" });
  });

  it("replays decisions, named or of a time, and finds them the same", async () => {
    const named = (await indexesOf("--kind", "check", "--oldest-first")).slice(0, 2).map(String);
    assert.deepEqual(await run("replay", ...named), { code: 0, stdout: "same 2  different 0  not replayable 0\n", stderr: "" });
    const { code, stdout } = await run("replay", "--since", "-1h", "--json");
    assert.equal(code, 0);
    const counts = JSON.parse(lines(stdout).at(-1) ?? "") as { same: number; different: number };
    assert.ok(counts.same >= 4 && counts.different === 0, stdout);
    for (const words of [[], ["1", "--since", "-1h"], ["1", "--until", "-1h"], ["x"]]) assert.equal((await run("replay", ...words)).code, 2, words.join(" "));
  });

  it("prints what comes to something else, with what it was recorded on, and fails", async () => {
    const desk = new Desk();
    const decision = { allowed: false, missingFields: [], zookie: "z", instant: 5, explanation: { kind: "relation" as const, answer: "denied" as const, member: "viewer", object: { type: "doc", id: "1" }, children: [] } };
    desk.answer("replayDecisions", async () => ({
      outcomes: [
        { kind: "same", index: 1 },
        { kind: "different", index: 2, recorded: "allowed", replayed: "denied", decision, grounds: ["doc:1#viewer@user:ana"] },
        { kind: "not_replayable", index: 3, why: "it is behind the horizon" },
      ],
    }));
    const other = await serve(desk, { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
    const replay = (...words: string[]) => usher(["audit", "replay", "1", "2", "3", ...words], { environment: { USHER_ADDRESS: other.address } });
    const { code, stdout } = await replay();
    assert.equal(code, 1);
    assert.deepEqual(lines(stdout), [
      "2  recorded allowed  replayed denied", "  recorded on", "    doc:1#viewer@user:ana", "  replayed", "    ✗ doc:1#viewer",
      "3  not replayable  it is behind the horizon", "same 1  different 1  not replayable 1",
    ]);
    const json = lines((await replay("--json")).stdout).map((line) => JSON.parse(line) as { kind?: string; decision?: { instant: string } });
    await other.close(100);
    assert.deepEqual(json.map(({ kind }) => kind), ["different", "not_replayable", undefined]);
    assert.equal(json[0]?.decision?.instant, "1970-01-01T00:00:00.005Z");
  });

  it("tells when a permission was lost, and by which commit", async () => {
    const { code, stdout, stderr } = await run("when-lost", "user:ana", "doc:1", "view");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^last allowed {2}\d+ [^\n]*allowed[^\n]*\nthen not {6}\d+ [^\n]*denied[^\n]*\nby {10}commit 20\S+Z {2}reason="offboarded"\n[^]*doc:1#viewer@user:ana/);
    const json = JSON.parse((await run("when-lost", "user:ana", "doc:1", "view", "--json")).stdout) as { commit: { metadata: object } };
    assert.deepEqual(json.commit.metadata, { reason: "offboarded" });
  });

  it("tells who could, now and at an instant", async () => {
    assert.deepEqual(lines((await run("who-could", "doc:1", "view", "--type", "user")).stdout), ["user:bo"]);
    const [allowed] = lines((await run("query", "--json", "--subject", "user:ana", "--answer", "allowed")).stdout).map((line) => (JSON.parse(line) as { at: string }).at);
    assert.deepEqual(lines((await run("who-could", "doc:1", "view", "--type", "user", "--at", allowed ?? "")).stdout), ["user:ana", "user:bo"]);
  });

  it("says what else to ask where it is not known any more who could", async () => {
    const desk = new Desk();
    desk.answer("lookupSubjects", async () => {
      throw new UsherError("zookie_expired", "older than the horizon");
    });
    const other = await serve(desk, { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
    const words = ["audit", "who-could", "doc:1", "view", "--type", "user", "--at", "2001-01-01T00:00:00Z"];
    const { code, stderr } = await usher(words, { environment: { USHER_ADDRESS: other.address } });
    await other.close(100);
    assert.equal(code, 4);
    assert.match(stderr, /^usher: zookie_expired: 2001-01-01T00:00:00\.000Z is behind the horizon, so that it is not known any more who could: ask for a later instant, or .* `usher audit query/);
    assert.deepEqual((desk.asked[0]?.request as { consistency: object }).consistency, { kind: "asOf", instant: Date.UTC(2001, 0) });
  });

  it("erases records by their number, and a subject's once that is confirmed", async () => {
    const [index = 0] = await indexesOf("--object", "doc:2");
    assert.equal((await run("redact", String(index))).code, 2, "no reason");
    assert.equal((await run("redact", "--reason", "r")).code, 2, "no record");
    assert.deepEqual(await run("redact", String(index), "--reason", "a secret"), { code: 0, stdout: "redacted 1\n", stderr: "" });
    assert.deepEqual(await indexesOf("--object", "doc:2"), []);
    assert.match((await run("prove", String(index))).stdout, /redacted\nproven/);
    const of = await indexesOf("--subject", "user:cy");
    assert.equal((await run("redact", "--subject", "user:cy", "--reason", "erasure")).stdout, `${of.length} records would be erased: say --yes\n`);
    assert.deepEqual(await indexesOf("--subject", "user:cy"), of);
    assert.equal((await run("redact", "--subject", "user:cy", "--reason", "erasure", "--yes")).stdout, `redacted ${of.length}\n`);
    assert.deepEqual(await indexesOf("--subject", "user:cy"), []);
    assert.match((await run("query", "--kind", "redaction")).stdout, /redaction {2}of 1: erasure/);
  });

  it("helps who misses an argument, of `verify` too", async () => {
    for (const words of [["verify"], ["prove"], ["when-lost", "user:ana"], ["who-could", "doc:1", "view"]]) assert.equal((await run(...words)).code, 2, words.join(" "));
  });
});
