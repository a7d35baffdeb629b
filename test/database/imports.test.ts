import assert from "node:assert/strict";
import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { Remote } from "../../src/client/remote.js";
import { Usher, type ImportOptions } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import type { Call, ImportTuplesRequest, WatchEvent } from "../../src/model/service.js";
import { parseCheck, parseTuple } from "../../src/model/tuple-text.js";
import { formatTuple } from "../../src/model/tuple.js";
import { serve } from "../../src/server/server.js";
import { inFolder } from "../support/folder.js";
import { sharedFile, sharedFolder } from "../support/shared.js";

const call: Call = {};
const schema = "definition user {}; definition doc { relation viewer: user; relation editor: user; permission view = viewer + editor }";

function refusal(code: ErrorCode) {
  return (error: unknown) => error instanceof UsherError && error.code === code;
}

function lines(count: number, document = "1"): string[] {
  return Array.from({ length: count }, (_, i) => `doc:${document}#viewer@user:u${i}`);
}

/** The same with a database in this process, and over gRPC. */
for (const over of ["embedded", "remote"] as const) {
  describe(`importing and exporting, ${over}`, function () {
    this.timeout(60_000);

    async function withUsher(body: (usher: Usher, database: Database) => Promise<void>): Promise<void> {
      await inFolder(async (folder) => {
        const database = await Database.open(folder);
        const server = await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
        const remote = new Remote(server.address);
        try {
          await database.writeSchema({ text: schema }, call);
          await body(new Usher(over === "remote" ? remote : database), database);
        } finally {
          await remote.close();
          await server.close(1_000);
          await database.close();
        }
      });
    }

    async function exported(usher: Usher): Promise<string[]> {
      const found: string[] = [];
      for await (const { tuples } of usher.exportTuples()) found.push(...tuples.map(formatTuple));
      return found;
    }

    it("imports a stream, which checks see, and exports it", async () => {
      await withUsher(async (usher) => {
        const answer = await usher.importTuples(lines(2_500), { metadata: { reason: "load" } });
        assert.deepEqual([answer.imported, answer.changed, answer.chunks, answer.skipped], [2_500, 2_500, 1, 0]);
        assert(await usher.can("doc:1", "view", "user:u2499", { consistency: { kind: "exact", zookie: answer.zookie } }));
        assert.deepEqual((await exported(usher)).sort(), lines(2_500).sort());
        const batches = [];
        for await (const batch of usher.exportTuples({ objectType: "doc" })) batches.push(batch);
        assert(batches.length >= 3);
        const { cursor } = batches[0] ?? {};
        const rest: string[] = [];
        await usher.deleteMatching([{ objectType: "doc" }]);
        for await (const batch of usher.exportTuples({ objectType: "doc" }, { ...(cursor !== undefined && { cursor }) })) rest.push(...batch.tuples.map(formatTuple));
        assert.deepEqual(rest, batches.slice(1).flatMap(({ tuples }) => tuples.map(formatTuple)));
        const before: string[] = [];
        for await (const { tuples } of usher.exportTuples({}, { consistency: { kind: "exact", zookie: answer.zookie } })) before.push(...tuples.map(formatTuple));
        assert.equal(before.length, 2_500);
        assert.deepEqual(await exported(usher), []);
      });
    });

    it("leaves nothing of an import with a bad tuple, and says which it is; a watch sees nothing", async () => {
      await withUsher(async (usher) => {
        const { zookie } = await usher.readSchema();
        const bad: [tuple: string, code: ErrorCode][] = [["doc:1#nope@user:a", "unknown_relation"], ["doc:1#view@user:a", "relation_not_writable"], ["doc:1#viewer@doc:2", "subject_not_allowed"]];
        for (const [tuple, code] of bad) {
          const failed = usher.importTuples([...lines(1_500), tuple, ...lines(1_500, "2")]);
          await assert.rejects(failed, (error) => refusal(code)(error) && (error as UsherError).details["position"] === "1501");
        }
        await assert.rejects(usher.importTuples([...lines(3), ...lines(1)]), (error) => refusal("duplicate_operation")(error) && (error as UsherError).details["position"] === "4");
        assert.deepEqual(await exported(usher), []);
        const events: WatchEvent[] = [];
        for await (const event of usher.watch({ after: zookie, checkpointMs: 100 })) {
          events.push(event);
          break;
        }
        assert.deepEqual(events.map(({ kind, zookie: at }) => [kind, at]), [["checkpoint", zookie]]);
      });
    });

    it("skips what is wrong where it is told to, and tells of it", async () => {
      await withUsher(async (usher) => {
        const source = [{ tuple: "doc:1#nope@user:a", position: 7 }, { tuple: "doc:1#viewer@user:a", position: 8 }, { tuple: "doc:1#viewer@user:a", position: 12 }];
        const answer = await usher.importTuples(source, { skipProblems: true });
        assert.deepEqual([answer.imported, answer.skipped, answer.problems.map(({ position, code }) => [position, code])], [1, 2, [[7, "unknown_relation"], [12, "duplicate_operation"]]]);
        const many = await usher.importTuples(Array.from({ length: 150 }, () => "doc:1#nope@user:a"), { skipProblems: true });
        assert.deepEqual([many.imported, many.skipped, many.problems.length], [0, 150, limits.importProblemsMax]);
      });
    });

    it("is made once under an id, whatever is sent the second time", async () => {
      await withUsher(async (usher) => {
        const options: ImportOptions = { importId: "load-1" };
        const answer = await usher.importTuples(lines(3), options);
        assert.deepEqual(await usher.importTuples(lines(1_500_000), options), answer);
        assert.equal((await exported(usher)).length, 3);
      });
    });

    it("refuses another schema than expected, and one that changes meanwhile", async () => {
      await withUsher(async (usher) => {
        const { zookie } = await usher.readSchema();
        await usher.importTuples(lines(1), { schemaZookie: zookie });
        const changed = (async function* () {
          yield* lines(1_000, "a");
          await usher.writeSchema(`${schema}\ndefinition box {}`);
          yield* lines(10, "b");
        })();
        await assert.rejects(usher.importTuples(changed), refusal("schema_changed"));
        await assert.rejects(usher.importTuples(lines(1), { schemaZookie: zookie }), refusal("schema_changed"));
        await assert.rejects(usher.importTuples(lines(1), { schemaZookie: "nonsense" }), refusal("invalid_zookie"));
        assert.deepEqual(await exported(usher), lines(1));
      });
    });

    it("leaves nothing where its caller gives up, or its source fails", async () => {
      await withUsher(async (usher, database) => {
        const stop = new AbortController();
        const endless = (async function* () {
          for (let i = 0; ; i++) {
            if (i === 5_000) stop.abort();
            yield `doc:1#viewer@user:u${i}`;
          }
        })();
        await assert.rejects(usher.importTuples(endless, { signal: stop.signal }), refusal("cancelled"));
        const failing = (async function* () {
          yield* lines(3_000);
          throw new UsherError("invalid_file", "the file ended");
        })();
        await assert.rejects(usher.importTuples(failing), refusal("invalid_file"));
        await assert.rejects(usher.importTuples(["nonsense"]), refusal("invalid_tuple"));
        // Over the wire the end of a call is heard a little later.
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.deepEqual(await exported(usher), []);
        assert.equal(database.status().head.revision, 1);
      });
    });

    it("refuses a stream that does not begin, begins twice, or sends too much at once", async () => {
      await withUsher(async (_usher, database) => {
        const tuple = parseTuple("doc:1#viewer@user:a");
        const cases: [messages: ImportTuplesRequest[], code: ErrorCode][] = [
          [[], "invalid_request"],
          [[{ kind: "tuples", tuples: [tuple] }], "invalid_request"],
          [[{ kind: "begin" }, { kind: "begin" }], "invalid_request"],
          [[{ kind: "begin" }, { kind: "tuples", tuples: [] }], "invalid_request"],
          [[{ kind: "begin" }, { kind: "tuples", tuples: [tuple], positions: [1, 2] }], "invalid_request"],
          [[{ kind: "begin" }, { kind: "tuples", tuples: Array.from({ length: limits.importBatchTuplesMax + 1 }, (_, i) => parseTuple(`doc:1#viewer@user:u${i}`)) }], "request_too_large"],
          [[{ kind: "begin", importId: "" }], "invalid_request"],
          [[{ kind: "begin", metadata: { a: "x".repeat(limits.metadataBytesMax) } }], "request_too_large"],
        ];
        for (const [messages, code] of cases) {
          await assert.rejects(database.importTuples((async function* () { yield* messages; })(), call), refusal(code), JSON.stringify(messages).slice(0, 100));
        }
        assert.equal(database.status().head.revision, 1);
      });
    });

    it("gives back the Kubernetes organisation as it was, with the same answers", async function () {
      if (sharedFolder("data", "kubernetes-org") === undefined) this.skip();
      await withUsher(async (usher) => {
        await usher.writeSchema(sharedFile("data", "kubernetes-org", "schema.zed"));
        const tuples = sharedFile("data", "kubernetes-org", "tuples.txt").trim().split("\n");
        await usher.importTuples(tuples);
        assert.deepEqual((await exported(usher)).sort(), [...tuples].sort());
        const [, ...checks] = sharedFile("data", "kubernetes-org", "checks.tsv").trim().split("\n").map((line) => line.split("\t"));
        assert.equal(checks.length, 600);
        const items = checks.map(([object, permission, subject]) => parseCheck(`${object}#${permission}@${subject}`));
        const { results } = await usher.batchCheck(items);
        assert.deepEqual(results.map((result) => "decision" in result && String(result.decision.allowed)), checks.map((check) => check[3]));
      });
    });
  });
}
