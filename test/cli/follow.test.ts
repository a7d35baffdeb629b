import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ServerCredentials } from "@grpc/grpc-js";
import { RefusedList } from "../../src/cli/spicedb/refused.js";
import { limits } from "../../src/base/limits.js";
import { authority, certificate } from "../server/access/certificates.js";
import { Place, Running, usher } from "./command-line.js";
import { eventually, FakeSpiceDb, follow, relationship, tuplesOf, Wire } from "./spicedb-place.js";

const schema = `use expiration

caveat on_call(hour int) { hour < 18 }
definition user {}
definition document {
  relation viewer: user | user with on_call | user with expiration
  permission view = viewer
}
`;

const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

interface Kept {
  token?: string;
  zookie?: string;
  source: string;
  refused: { relationship: string; reason: string }[];
}

describe("usher follow", () => {
  let source: Place;
  let mirror: Place;

  const state = async () => JSON.parse(await readFile(join(mirror.folder, "state.json"), "utf8")) as Kept;
  const write = async (...tuples: string[]) => assert.equal((await source.usher("tuple", "touch", ...tuples)).code, 0);
  /** So that there is something to import: a server of ours tells, as the revision of its schema, that of the commit that wrote it, and what came after is watched. */
  const settle = async (text = schema) => assert.equal((await source.usher("schema", "write", await source.file("schema.zed", `${text}// ${settled++}\n`))).code, 0);
  let settled = 0;
  const same = async () => (await tuplesOf(mirror)) === (await tuplesOf(source));

  beforeEach(async () => {
    [source, mirror] = await Promise.all([Place.open(), Place.open()]);
    assert.equal((await source.usher("schema", "write", await source.file("schema.zed", schema))).code, 0);
  });

  afterEach(async () => {
    await source.close();
    await mirror.close();
  });

  it("imports schema and relationships, then applies what is committed, with its metadata, and ends cleanly", async () => {
    await write("document:1#viewer@user:ana", "document:1#viewer@user:bo[on_call:{\"hour\":9}]", "document:2#viewer@user:cy[expiration:2040-01-01T00:00:00.000Z]");
    await settle();
    const running = follow(source.address, mirror);
    const lines = await running.lines(4);
    assert.match(lines.join("\n"), /^importing {2}spicedb:\/\/127\.0\.0\.1:\d+ {2}at .+\nthe schema was written\nimported 3 {2}changed 3 {2}removed 0 {2}refused 0 {2}zookie .+\nfollowing {2}after /);
    assert.equal(await tuplesOf(mirror), await tuplesOf(source));
    await source.usher("tuple", "touch", "document:3#viewer@user:di", "--reason", "new here");
    await source.usher("tuple", "delete", "document:1#viewer@user:ana", "--reason", "left");
    assert.match((await running.lines(6)).slice(4).join("\n"), /^applied 1 {2}refused 0 {2}lag [\d.]+ ms {2}through .+\napplied 1 /);
    assert.ok(await same());
    const { code, stderr } = await running.interrupt();
    assert.deepEqual([code, stderr], [0, ""]);
    const { token = "" } = await state();
    const watch = mirror.start(["watch", "--earliest", "--json"]);
    const commits = (await watch.lines(4)).map((line) => (JSON.parse(line) as { metadata: Record<string, string> }).metadata);
    await watch.interrupt();
    assert.deepEqual(commits.slice(2).map((metadata) => metadata["reason"]), ["new here", "left"]);
    assert.equal(commits[3]?.["spicedb.zedtoken"], token);
  });

  it("goes on where it was, without importing again, and finds in the mirror what the state does not tell yet", async () => {
    await write("document:1#viewer@user:ana");
    let running = follow(source.address, mirror);
    await running.lines(4);
    const imported = await state();
    await write("document:2#viewer@user:ana");
    await source.usher("tuple", "delete", "document:2#viewer@user:ana");
    await running.lines(6);
    await running.interrupt();
    const { token } = await state();
    // As after a kill -9, before the state was written again.
    await writeFile(join(mirror.folder, "state.json"), JSON.stringify({ format: 1, ...imported }));
    await write("document:3#viewer@user:ana");
    running = follow(source.address, mirror);
    const lines = await running.lines(2);
    assert.equal(lines[0], `following  after ${token}`);
    assert.match(lines[1] ?? "", /^applied 1 /);
    assert.ok(await same());
    await running.interrupt();
  });

  it("was killed during an import: imports again, and removes what has gone since", async () => {
    await write("document:1#viewer@user:ana", "document:2#viewer@user:ana");
    await settle();
    await (async () => {
      const running = follow(source.address, mirror);
      await running.lines(4);
      await running.interrupt();
    })();
    const { token: _, ...unfinished } = await state();
    await writeFile(join(mirror.folder, "state.json"), JSON.stringify({ format: 1, ...unfinished }));
    await source.usher("tuple", "delete", "document:2#viewer@user:ana");
    await settle();
    const running = follow(source.address, mirror);
    assert.match((await running.lines(3))[2] ?? "", /^imported 1 {2}changed 0 {2}removed 1 {2}refused 0/);
    assert.ok(await same());
    await running.interrupt();
  });

  it("is killed at any moment, and holds the same in the end", async () => {
    const many = Array.from({ length: 3_000 }, (_, at) => `document:${at}#viewer@user:ana`);
    assert.equal((await source.usher("tuple", "import", await source.file("many.txt", many.join("\n")))).code, 0);
    await settle();
    const words = ["--address", mirror.address, "follow", `spicedb://${source.address}`, "--spicedb-insecure", "--state", join(mirror.folder, "state.json")];
    for (const [round, line] of ["importing", "imported", "following", "applied"].entries()) {
      const child = spawn(process.execPath, [main, ...words], { stdio: ["ignore", "pipe", "inherit"] });
      for await (const said of createInterface({ input: child.stdout })) {
        if (said.startsWith("following")) await write(`document:round${round}#viewer@user:bo`);
        if (said.startsWith(line)) child.kill("SIGKILL");
      }
      await source.usher("tuple", "delete", `document:${round}#viewer@user:ana`);
    }
    const running = follow(source.address, mirror);
    await eventually(same, "the mirror holds the same");
    await running.interrupt();
  });

  it("misses nothing that is committed during the export", async () => {
    const many = Array.from({ length: 3_000 }, (_, at) => `document:${at}#viewer@user:ana`);
    assert.equal((await source.usher("tuple", "import", await source.file("many.txt", many.join("\n")))).code, 0);
    await settle();
    const running = follow(source.address, mirror);
    await running.lines(1);
    for (let at = 0; at < 20; at++) {
      await write(`document:during${at}#viewer@user:bo`);
      await source.usher("tuple", "delete", `document:${at}#viewer@user:ana`);
    }
    await eventually(same, "the mirror holds the same");
    await running.interrupt();
  });

  it("takes over a change of the schema, also where the new one no longer allows what was deleted before", async () => {
    await write("document:1#viewer@user:ana");
    const running = follow(source.address, mirror, "--schema-interval", "100ms");
    await running.lines(4);
    await source.usher("tuple", "delete", "document:1#viewer@user:ana");
    const next = "definition user {}\ndefinition paper { relation reader: user }\n";
    assert.equal((await source.usher("schema", "write", await source.file("next.zed", next))).code, 0);
    await write("paper:1#reader@user:ana");
    await eventually(async () => (await tuplesOf(mirror)) === "paper:1#reader@user:ana", "the mirror has the new schema's tuple");
    assert.equal((await mirror.usher("schema", "read")).stdout.trim(), next.trim());
    assert.equal((await state()).refused.length, 0);
    await running.interrupt();
  });

  it("comes back to a source that went away", async () => {
    const wire = await Wire.to(source.address);
    try {
      await write("document:1#viewer@user:ana");
      const running = follow(wire.address, mirror);
      await running.lines(4);
      wire.cut();
      await write("document:2#viewer@user:bo");
      await source.usher("tuple", "delete", "document:1#viewer@user:ana");
      wire.lay();
      await eventually(same, "the mirror holds the same");
      const { code, stderr } = await running.interrupt();
      assert.equal(code, 0);
      assert.match(stderr, /cannot be reached: .*; trying again/);
    } finally {
      wire.close();
    }
  });

  it("comes back to a mirror that went away", async () => {
    await write("document:1#viewer@user:ana");
    const running = follow(source.address, mirror);
    await running.lines(4);
    await mirror.restartServer(() => write("document:2#viewer@user:bo"));
    await write("document:3#viewer@user:bo");
    await eventually(same, "the mirror holds the same");
    assert.equal((await running.interrupt()).code, 0);
  });

  it("does not take a database that holds something else, unless it is told to", async () => {
    await write("document:1#viewer@user:ana");
    await settle();
    await mirror.usher("schema", "write", await mirror.file("other.zed", "definition user {}\ndefinition team { relation member: user }"));
    await mirror.usher("tuple", "touch", "team:1#member@user:mallory");
    const refused = await follow(source.address, mirror).ended;
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /^usher: precondition_failed: the database holds tuples/);
    assert.equal(await tuplesOf(mirror), "team:1#member@user:mallory");
    const running = follow(source.address, mirror, "--replace");
    await running.lines(4);
    assert.ok(await same());
    await running.interrupt();
    const foreign = { ...(await state()), source: "spicedb://elsewhere:50051" };
    await writeFile(join(mirror.folder, "state.json"), JSON.stringify({ format: 1, ...foreign }));
    assert.match((await follow(source.address, mirror).ended).stderr, /is of a mirror of `spicedb:\/\/elsewhere:50051`/);
  });

  it("does not take the state of a mirror in another database", async () => {
    const running = follow(source.address, mirror);
    await running.lines(4);
    await running.interrupt();
    const text = await readFile(join(mirror.folder, "state.json"), "utf8");
    await writeFile(join(source.folder, "state.json"), text);
    const { code, stderr } = await follow(source.address, source).ended;
    assert.equal(code, 4);
    assert.match(stderr, /^usher: precondition_failed: file `.*` is of a mirror in another database/);
  });

  it("says what is wrong with how it was called", async () => {
    for (const [words, message] of [
      [["follow", "http://spicedb"], /^usher: invalid_configuration: `http:\/\/spicedb` is not where a SpiceDB is/],
      [["follow", "spicedb://127.0.0.1:1", "--spicedb-insecure"], /^usher: server_unreachable: `spicedb:\/\/127\.0\.0\.1:1` cannot be reached/],
      // TLS, unless it is said otherwise: no token goes in the clear by accident.
      [["follow", `spicedb://localhost:${source.address.split(":")[1] ?? ""}`, "--spicedb-token", "somekey"], /^usher: server_unreachable: /],
      [["follow", "spicedb://127.0.0.1:1", "--spicedb-ca", join(mirror.folder, "none.pem")], /^usher: invalid_file: file `.*` cannot be read/],
      [["follow", "spicedb://127.0.0.1:1", "--spicedb-insecure", "--spicedb-token", "two words"], /^usher: invalid_configuration: the token of SpiceDB is not one/],
    ] as const) {
      const { code, stderr } = await usher([...words, "--state", join(mirror.folder, "none.json")], { environment: { USHER_ADDRESS: mirror.address } });
      assert.equal(code, 4);
      assert.match(stderr, message);
    }
    await writeFile(join(mirror.folder, "state.json"), "{}");
    assert.match((await follow(source.address, mirror).ended).stderr, /^usher: invalid_file: the state in file `.*` cannot be read/);
  });

  describe("of a SpiceDB that says what is unusual", () => {
    let fake: FakeSpiceDb;

    beforeEach(async () => {
      fake = await FakeSpiceDb.open();
      fake.schema = "definition user {}\ndefinition document { relation viewer: user }\n";
    });

    afterEach(() => fake.close());

    it("ends where the token is not taken, and goes on where it is", async () => {
      fake.key = "somekey";
      for (const options of [[], ["--spicedb-token", "otherkey"]]) {
        const { code, stderr } = await follow(fake.address, mirror, ...options).ended;
        assert.equal(code, 4);
        assert.match(stderr, /^usher: permission_denied: `spicedb:\/\/.*` does not take the token.*: invalid preshared key/);
      }
      const running = follow(fake.address, mirror, "--spicedb-token", "somekey");
      await running.lines(4);
      await running.interrupt();
    });

    it("speaks TLS with whom the authority vouches for, and with nobody else", async () => {
      const ca = await authority("ca");
      const { cert, key } = await certificate(ca, "spicedb");
      const guarded = await FakeSpiceDb.open(ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }]));
      try {
        [guarded.schema, guarded.key] = [fake.schema, "somekey"];
        const words = ["follow", `spicedb://localhost:${guarded.address.split(":")[1] ?? ""}`, "--state", join(mirror.folder, "state.json")];
        const environment = { USHER_ADDRESS: mirror.address, USHER_SPICEDB_TOKEN: "somekey" };
        assert.match((await usher(words, { environment })).stderr, /^usher: server_unreachable: .*certificate/);
        const running = new Running([...words, "--spicedb-ca", await mirror.file("ca.pem", ca.cert)], { environment });
        await running.lines(4);
        assert.equal((await running.interrupt()).code, 0);
      } finally {
        guarded.close();
      }
    });

    it("names what cannot stand here, takes back what stood under the same identity, and tries again after a change of the schema", async () => {
      fake.relationships = [relationship("document:1#viewer@user:ana"), relationship("document:1#viewer@robot:r2"), relationship("document:a b#viewer@user:ana")];
      const running = follow(fake.address, mirror, "--json");
      const imported = (await running.lines(6)).map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.deepEqual(imported.filter(({ event }) => event === "refused").map(({ relationship: name }) => name), ["document:1#viewer@robot:r2", "document:a b#viewer@user:ana"]);
      assert.equal(imported.find(({ event }) => event === "imported")?.["refused"], 2);
      const caveated = { ...relationship("document:1#viewer@user:ana"), optionalCaveat: { caveatName: "unheard_of" } };
      await fake.send({ updates: [{ operation: 2, relationship: caveated }], changesThrough: { token: "t1" } });
      await running.lines(8);
      assert.equal(await tuplesOf(mirror), "");
      assert.deepEqual((await state()).refused.map(({ relationship: name }) => name), ["document:1#viewer@robot:r2", "document:a b#viewer@user:ana", "document:1#viewer@user:ana[unheard_of]"]);
      fake.schema = "definition user {}\ndefinition robot {}\ndefinition document { relation viewer: user | robot }\n";
      await fake.send({ schemaUpdated: true, changesThrough: { token: "t2" } });
      await eventually(async () => (await tuplesOf(mirror)) === "document:1#viewer@robot:r2", "the relationship that fits now stands");
      await fake.send({ updates: [{ operation: 3, relationship: relationship("document:a b#viewer@user:ana") }], changesThrough: { token: "t3" } });
      await eventually(async () => (await state()).refused.length === 1, "a deleted one is refused no longer");
      await running.interrupt();
    });

    it("applies a transaction that is more than one write takes, and says so in its last commit alone", async () => {
      const running = follow(fake.address, mirror);
      await running.lines(4);
      const updates = Array.from({ length: limits.operationsPerWriteMax + 1 }, (_, at) => ({ operation: 2, relationship: relationship(`document:${at}#viewer@user:ana`) }));
      await fake.send({ updates, changesThrough: { token: "t1" } });
      await running.lines(5);
      await running.interrupt();
      assert.equal((await tuplesOf(mirror)).split("\n").length, limits.operationsPerWriteMax + 1);
      const watch = mirror.start(["watch", "--earliest", "--json"]);
      const commits = (await watch.lines(3)).map((line) => (JSON.parse(line) as { metadata: Record<string, string> }).metadata["spicedb.zedtoken"]);
      await watch.interrupt();
      assert.deepEqual(commits, [undefined, undefined, "t1"]);
    });

    it("keeps the metadata of a transaction, leaves out what is too large, and lets nobody say how far the mirror is", async () => {
      const running = follow(fake.address, mirror);
      await running.lines(4);
      const updates = (id: string) => [{ operation: 2, relationship: relationship(`document:${id}#viewer@user:ana`) }];
      const fields = { reason: { stringValue: "moved" }, ticket: { numberValue: 7 }, "spicedb.zedtoken": { stringValue: "forged" } };
      await fake.send({ updates: updates("1"), optionalTransactionMetadata: { fields }, changesThrough: { token: "t1" } });
      const large = { reason: { stringValue: "r".repeat(limits.metadataBytesMax) } };
      await fake.send({ updates: updates("2"), optionalTransactionMetadata: { fields: large }, changesThrough: { token: "t2" } });
      await running.lines(6);
      assert.match((await running.interrupt()).stderr, /^the metadata of a transaction are left out: /m);
      const watch = mirror.start(["watch", "--earliest", "--json"]);
      const [, first, second] = (await watch.lines(3)).map((line) => (JSON.parse(line) as { metadata: Record<string, string> }).metadata);
      await watch.interrupt();
      const own = { "spicedb.source": `spicedb://${fake.address}` };
      assert.deepEqual(first, { ...own, "authzed.api.v1/values": '{"ticket":7}', reason: "moved", "spicedb.zedtoken": "t1" });
      assert.deepEqual(second, { ...own, "spicedb.zedtoken": "t2" });
    });

    it("watches without schemas where the store behind it cannot tell of them", async () => {
      fake.refusesKinds = true;
      const running = follow(fake.address, mirror, "--schema-interval", "50ms");
      await running.lines(4);
      fake.schema = "definition user {}\ndefinition paper { relation reader: user }\n";
      await eventually(async () => (await mirror.usher("schema", "read")).stdout.includes("paper"), "the schema is read all the same");
      await running.interrupt();
    });

    it("imports everything anew where the source does not know the revision any more", async () => {
      fake.relationships = [relationship("document:1#viewer@user:ana")];
      const first = follow(fake.address, mirror);
      await first.lines(4);
      await first.interrupt();
      fake.forgotten.add("t0");
      fake.token = "t9";
      fake.relationships = [relationship("document:2#viewer@user:ana")];
      const running = follow(fake.address, mirror);
      await eventually(async () => fake.starts.at(-1) === "t9", "it watches from the new revision");
      assert.equal(await tuplesOf(mirror), "document:2#viewer@user:ana");
      assert.match((await running.interrupt()).stderr, /revision has expired; importing everything anew/);
    });

    it("goes on with an export that breaks off, as often as it gets on", async () => {
      fake.relationships = Array.from({ length: limits.recoveriesMax + 3 }, (_, at) => relationship(`document:${at}#viewer@user:ana`));
      fake.breaks = limits.recoveriesMax + 2;
      const running = follow(fake.address, mirror);
      assert.match((await running.lines(3))[2] ?? "", new RegExp(`^imported ${limits.recoveriesMax + 3} `));
      await running.interrupt();
    });

    it("takes the export of an older SpiceDB", async () => {
      fake.isOld = true;
      fake.relationships = [relationship("document:1#viewer@user:ana")];
      const running = follow(fake.address, mirror);
      assert.match((await running.lines(3))[2] ?? "", /^imported 1 /);
      await running.interrupt();
    });

    it("gives up where a revision that was just given is not known", async () => {
      fake.forgotten.add("t0");
      const { code, stderr } = await follow(fake.address, mirror).ended;
      assert.equal(code, 4);
      assert.match(stderr, /usher: zookie_expired: /);
    });
  });

  it("keeps as many refused relationships as it may, and ends at one more", () => {
    const list = new RefusedList();
    for (let at = 0; at < limits.refusedRelationshipsMax; at++) list.add({ relationship: `document:${at}#viewer@user:ana`, reason: "r" });
    list.add({ relationship: "document:1#viewer@user:ana[again]", reason: "r" });
    assert.equal(list.size, limits.refusedRelationshipsMax);
    assert.throws(() => list.add({ relationship: "document:more#viewer@user:ana", reason: "r" }), /more than 10000 relationships are refused/);
  });
});
