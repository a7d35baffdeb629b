import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { touch } from "../../src/client/references.js";
import { connect, Usher } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import type { QueryEntry } from "../../src/model/audit.js";
import { parseCheck } from "../../src/model/tuple-text.js";
import { serve, type Server } from "../../src/server/server.js";
import { has } from "./access/has.js";

const schema = `definition user {}
definition doc { relation viewer: user; permission view = viewer }`;
const audit = { mode: "block", version: "0", checkpointMs: Infinity } as const;

/** A database with a decision log of two tenants, in this process and behind a server. */
class Place {
  readonly folder: string;
  database!: Database;
  server!: Server;

  constructor(folder: string) {
    this.folder = folder;
  }

  async open(): Promise<void> {
    this.database = await Database.open(join(this.folder, "data"), { audit, report: (error) => assert.fail(error) });
    this.server = await serve(this.database, { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
  }

  async close(): Promise<void> {
    await this.server.close(100);
    await this.database.close();
  }

  /** What is on record of who read the log, the newest first. */
  async queries(): Promise<string[]> {
    // A grant, which waits for its record and all before it.
    await this.database.check(parseCheck("doc:1#view@user:ana"), {});
    const { records } = await this.database.queryDecisions({ filter: { kinds: ["query"] }, pageSize: 1_000 }, { principal: "test" });
    return records.map(({ payload = "" }) => JSON.parse(payload) as QueryEntry).filter(({ principal }) => principal !== "test").map(({ asked }) => asked);
  }
}

const ways: Record<string, (place: Place) => Promise<Usher>> = {
  "in this process": async ({ database }) => new Usher(database),
  "over the wire": ({ server }) => connect(server.address),
};

for (const [way, open] of Object.entries(ways)) {
  describe(`pages of the decision log, ${way}`, () => {
    let place: Place;
    let usher: Usher;
    let acme: Usher;

    before(async () => {
      place = new Place(await mkdtemp(join(tmpdir(), "usher-audit-pages-")));
      await place.open();
      await place.database.createTenant({ name: "acme" }, {});
      usher = await open(place);
      acme = usher.withTenant("acme");
      for (const each of [usher, acme]) {
        await each.writeSchema(schema);
        await each.write([touch("doc:1#viewer@user:ana")]);
        for (let i = 0; i < 5; i++) await each.check("doc:1", "view", "user:ana");
      }
    });
    after(async () => {
      await usher.close();
      await place.close();
      await rm(place.folder, { recursive: true });
    });

    it("are on record as one query, all of them", async () => {
      const before = (await place.queries()).length;
      let records = 0;
      for await (const _ of usher.audit.query({ kinds: ["check"], pageSize: 2 })) records++;
      assert.equal(records, 11);
      const asked = await place.queries();
      assert.deepEqual([asked.length, asked[0]], [before + 1, '{"query":{"kinds":["check"]}}']);
    });

    it("are on record where they are read as a tail, from wherever that begins", async () => {
      const before = (await place.queries()).length;
      for (const fromIndex of [0, 3]) for await (const _ of usher.audit.tail({ kinds: ["check"], fromIndex })) continue;
      const asked = await place.queries();
      assert.deepEqual([asked.length, ...asked.slice(0, 2)], [before + 2, ...[3, 0].map((fromIndex) => `{"tail":{"filter":{"kinds":["check"]},"follow":false,"fromIndex":${fromIndex}}}`)]);
    });

    it("take no cursor but one that a page gave, for the same filter, tenant and order", async () => {
      const request = { kinds: ["check" as const], pageSize: 2 };
      const { cursor = "" } = await usher.audit.queryPage(request);
      const before = await place.queries();
      const fields = JSON.parse(Buffer.from(cursor, "base64url").toString()) as string[];
      const forged = Buffer.from(JSON.stringify(fields.with(0, "3"))).toString("base64url");
      for (const each of [forged, Buffer.from('["1","down","3"]').toString("base64url"), cursor.slice(0, -20), "x"]) {
        await assert.rejects(usher.audit.queryPage({ ...request, cursor: each }), has("invalid_cursor", /pass a cursor as a page gave it/));
      }
      for (const other of [{ subject: "user:bo" }, { kinds: ["write" as const] }, { from: 1 }, { oldestFirst: true }]) {
        await assert.rejects(usher.audit.queryPage({ ...request, ...other, cursor }), has("invalid_cursor", /of another query: pass the request/), JSON.stringify(other));
      }
      await assert.rejects(acme.audit.queryPage({ ...request, cursor }), has("invalid_cursor", /of another query/), "of another tenant");
      const own = (await acme.audit.queryPage(request)).cursor ?? "";
      await assert.rejects(usher.audit.queryPage({ ...request, cursor: own }), has("invalid_cursor", /of another query/), "a tenant's, for all of them");
      assert.equal((await usher.audit.queryPage({ ...request, pageSize: 3, cursor })).records.length, 3, "a page may be of another size");
      assert.equal((await place.queries()).length, before.length + 1, "but for that of the other tenant nothing is on record, and nothing was given");
    });
  });
}

describe("pages of the decision log, otherwise", () => {
  let place: Place;
  const all = { filter: {}, pageSize: 1 };

  beforeEach(async () => {
    place = new Place(await mkdtemp(join(tmpdir(), "usher-audit-pages-")));
    await place.open();
    await place.database.createTenant({ name: "acme" }, {});
    await place.database.writeSchema({ text: schema }, { tenant: "acme" });
    await place.database.writeSchema({ text: `${schema}\n` }, { tenant: "acme" });
  });
  afterEach(async () => {
    await place.close();
    await rm(place.folder, { recursive: true });
  });

  it("are for whom the first one is on record", async () => {
    const { cursor = "" } = await place.database.queryDecisions(all, { principal: "auditor" });
    await assert.rejects(place.database.queryDecisions({ ...all, cursor }, { principal: "intern" }), has("invalid_cursor", /with the same key/));
    await assert.rejects(place.database.queryDecisions({ ...all, cursor }, {}), has("invalid_cursor"));
    assert.equal((await place.database.queryDecisions({ ...all, cursor }, { principal: "auditor", actor: "user:eve" })).records.length, 1);
  });

  it("go on after a restart", async () => {
    const { cursor = "", records } = await place.database.queryDecisions(all, {});
    await place.close();
    await place.open();
    assert.equal((await place.database.queryDecisions({ ...all, cursor }, {})).records[0]?.index, records[0]!.index - 1);
  });

  it("are not those of another tenant that had the name", async () => {
    const { cursor = "" } = await place.database.queryDecisions(all, { tenant: "acme" });
    await place.database.deleteTenant({ name: "acme" }, {});
    await place.database.createTenant({ name: "acme" }, {});
    await assert.rejects(place.database.queryDecisions({ ...all, cursor }, { tenant: "acme" }), has("invalid_cursor", /of another query/));
  });
});
