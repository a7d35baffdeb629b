import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";

import { type ErrorCode, UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { type LevelStoreOptions, openLevelStore } from "../../../src/storage/level/store.js";
import { openClassicLevel } from "../../../src/storage/level/raw.js";
import type { LevelStore } from "../../../src/storage/level/level-store.js";
import type { Commit } from "../../../src/storage/store.js";
import { ManualTime } from "../conformance.js";
import { Faults } from "../faults.js";
import { assertConsistent, logOf, touchWrite } from "./checks.js";

const has = (code: ErrorCode) => (error: unknown) => error instanceof UsherError && error.code === code;

describe("the LevelDB store", () => {
  let root: string;
  let folder: string;
  let time: ManualTime;
  const opened: LevelStore[] = [];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "usher-store-"));
    folder = join(root, "data");
    time = new ManualTime();
  });

  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    await rm(root, { recursive: true });
  });

  async function open(options: LevelStoreOptions = {}): Promise<LevelStore> {
    const store = await openLevelStore(folder, { time, maintenanceMs: Number.POSITIVE_INFINITY, ...options });
    opened.push(store);
    return store;
  }

  /** The marker with some of its fields changed, its checksum right. */
  async function changeMarker(fields: object): Promise<void> {
    const [line = ""] = (await readFile(join(folder, "STORE"), "utf8")).split("\n");
    const changed = JSON.stringify({ ...(JSON.parse(line) as object), ...fields });
    await writeFile(join(folder, "STORE"), `${changed}\n${crc32(changed).toString(16).padStart(8, "0")}\n`);
  }

  describe("opening", () => {
    it("creates a store for its owner alone, with the default tenant, and opens it again as the same", async () => {
      const store = await open();
      assert.equal((await stat(folder)).mode & 0o777, 0o700);
      assert.equal(store.tenant("default"), 1);
      assert.throws(() => store.tenant("acme"), has("tenant_unknown"));
      assert.match(store.identity.store + store.identity.timeline, /^[0-9a-f]{16}$/);
      await store.close();
      assert.deepEqual((await open()).identity, store.identity);
    });

    it("refuses a folder that is in use, and leaves it in use", async () => {
      const store = await open();
      await store.commit(touchWrite(["user:ana"]));
      await assert.rejects(open(), has("store_in_use"));
      await store.commit(touchWrite(["user:ben"]));
    });

    it("refuses a folder that holds something else, and writes nothing there", async () => {
      await mkdir(folder);
      await writeFile(join(folder, "photo.jpg"), "…");
      await assert.rejects(open(), has("not_a_store"));
      assert.deepEqual(await readdir(folder), ["photo.jpg"]);
      for (const path of [join(folder, "photo.jpg"), join(folder, "photo.jpg", "store")]) {
        folder = path;
        await assert.rejects(open(), (error: Error) => has("not_a_store")(error) && error.message === `\`${path}\` is not a folder: name the folder of a store, or one for a new store`);
      }
    });

    it("refuses a newer format, another store's marker, and one that knows of commits that are gone", async () => {
      await (await open()).close();
      for (const [fields, code] of [[{ format: 2 }, "store_format_newer"], [{ store: "00000000" }, "store_corrupt"], [{ revision: 9 }, "store_corrupt"]] as const) {
        const marker = await readFile(join(folder, "STORE"));
        await changeMarker(fields);
        await assert.rejects(open(), has(code));
        await writeFile(join(folder, "STORE"), marker);
      }
      await open();
    });

    it("completes a creation that a crash cut short, at whichever step", async () => {
      await mkdir(folder);
      await writeFile(join(folder, "STORE.tmp"), "{");
      const { identity } = await open();
      await opened.pop()?.close();
      await changeMarker({ complete: false });
      assert.deepEqual((await open()).identity, identity, "its first batch was written");
      await opened.pop()?.close();
      await rm(join(folder, "level"), { recursive: true });
      await changeMarker({ complete: false });
      assert.deepEqual((await open()).identity, identity, "nothing was written yet");
    });

    it("refuses a clock that stands behind the last commit, unless it is accepted; time goes on from there", async () => {
      const store = await open();
      const { instant } = await store.commit(touchWrite(["user:ana"]));
      await store.close();
      time.ms -= limits.clockJumpMsMax;
      await (await open()).close();
      time.ms -= 1;
      await assert.rejects(open(), has("clock_behind"));
      const accepted = await open({ acceptClock: true });
      assert.equal((await accepted.commit(touchWrite(["user:ben"]))).instant, instant);
    });

    it("gives LevelDB's own failures a code, and says what is to be done", async () => {
      await (await open()).close();
      const faults = new Faults();
      faults.reason = "ENOSPC";
      faults.decide = (call) => (call === "open" ? "before" : "pass");
      await assert.rejects(
        open({ openRaw: faults.wrap(openClassicLevel) }),
        (error: Error) => has("store_unavailable")(error) && /^open the store: .*: see to the disk; then start again$/.test(error.message),
      );
      await open();
    });
  });

  describe("commit", () => {
    it("gives each write of a group a revision of its own, in one batch", async () => {
      let batches = 0;
      const faults = new Faults();
      faults.decide = (call) => {
        if (call === "batch") batches++;
        return "pass";
      };
      const store = await open({ openRaw: faults.wrap(openClassicLevel) });
      batches = 0;
      const writes = Array.from({ length: limits.groupWritesMax + 1 }, (_, i) => store.commit(touchWrite([`user:u${i}`])));
      const revisions = (await Promise.all(writes)).map(({ revision }) => revision);
      assert.deepEqual(revisions, writes.map((_, i) => i + 1));
      assert.equal(batches, 2, "one group is full, and the last write has the next");
      await assertConsistent(store, store.snapshot(), 1);
    });

    it("refuses a write when the queue is full, and two operations on one tuple", async () => {
      const store = await open();
      const nothing = touchWrite([]);
      const queued = Array.from({ length: limits.writesQueuedMax }, () => store.commit(nothing));
      await assert.rejects(store.commit(nothing), has("overloaded"));
      assert.equal((await Promise.all(queued)).length, limits.writesQueuedMax);
      await assert.rejects(store.commit(touchWrite(["user:ana", "user:ana"])), has("duplicate_operation"));
      assert.equal(store.head.revision, 0);
    });

    it("makes the snapshot, then the head, then calls the listeners, then answers", async () => {
      const store = await open();
      const order: string[] = [];
      const read: Promise<number>[] = [];
      store.onCommit(({ revision }) => {
        order.push(`heard ${revision} at head ${store.head.revision}`);
        const snapshot = store.snapshot();
        assert.equal(snapshot.revision, revision);
        read.push(snapshot.list(1, { filter: {}, limit: 10 }).then(({ tuples }) => tuples.length).finally(() => snapshot.release()));
      });
      await Promise.all(["user:ana", "user:ben"].map((subject) => store.commit(touchWrite([subject])).then(({ revision }) => order.push(`answered ${revision}`))));
      assert.deepEqual(order, ["heard 1 at head 1", "heard 2 at head 2", "answered 1", "answered 2"]);
      assert.deepEqual(await Promise.all(read), [1, 2], "the snapshot of a listener is that of its commit");
    });

    it("goes on when a listener throws, and reports it", async () => {
      const reported: Error[] = [];
      const store = await open({ report: (error) => reported.push(error) });
      const heard: number[] = [];
      store.onCommit(() => {
        throw new Error("a bug");
      });
      const stop = store.onCommit(({ revision }) => heard.push(revision));
      await store.commit(touchWrite(["user:ana"]));
      stop();
      await store.commit(touchWrite(["user:ben"]));
      assert.deepEqual(heard, [1]);
      assert.deepEqual(reported.map(({ message }) => message), ["a bug", "a bug"]);
    });

    it("keeps what was written apart from what the caller does to its objects later", async () => {
      const store = await open();
      const heard: Commit[] = [];
      store.onCommit((commit) => heard.push(commit));
      const context: { limit: number } = { limit: 1 };
      const [operation] = touchWrite(["user:ana"]).operations;
      assert(operation);
      await store.commit({ ...touchWrite([]), operations: [{ kind: "touch", tuple: { ...operation.tuple, condition: { name: "small", context } } }] });
      context.limit = 99;
      assert.deepEqual(heard[0]?.changes[0]?.tuple.condition?.context, { limit: 1 });
    });

    it("names a tuple that a schema would orphan", async () => {
      const store = await open();
      await store.commit(touchWrite(["user:ana"]));
      const write = { ...touchWrite([]), schema: { text: "definition user {}", admits: () => false } };
      await assert.rejects(store.commit(write), (error) => {
        assert(error instanceof UsherError && error.code === "schema_orphans_tuples");
        return error.details["tuple"] === "doc:1#viewer@user:ana";
      });
    });

    it("answers what is in flight on closing, and refuses what waits and what comes", async () => {
      const store = await open();
      const first = store.commit(touchWrite(["user:ana"]));
      await new Promise((resolve) => setImmediate(resolve));
      const behind = store.commit(touchWrite(["user:ben"])).then(() => "done", (error: UsherError) => error.code);
      const held = store.snapshot();
      await Promise.all([store.close(), store.close()]);
      assert.equal((await first).revision, 1);
      assert.equal(await behind, "closed");
      await assert.rejects(store.commit(touchWrite([])), has("closed"));
      assert.throws(() => store.snapshot(), has("closed"));
      await assert.rejects(held.list(1, { filter: {}, limit: 1 }), has("closed"));
      held.release();
      assert.equal((await open()).head.revision, 1);
    });
  });

  describe("reads", () => {
    it("bound what a write's filter may read, and erase what was found until then", async function () {
      this.timeout(120_000);
      const store = await open();
      const name = (i: number) => `user:${String(i).padStart(6, "0")}`;
      const chunk = limits.operationsPerWriteMax;
      for (let at = 0; at <= limits.stageRowsMax + limits.pageRowsMax; at += chunk) {
        await store.commit(touchWrite(Array.from({ length: chunk }, (_, i) => name(at + i))));
      }
      const rare = { objectType: "doc", subjectType: "user", relation: "owner" };
      await assert.rejects(store.commit(touchWrite([], { preconditions: [{ kind: "mustNotMatch", filter: rare }] })), has("request_too_large"));
      await assert.rejects(store.commit(touchWrite([], { erase: { filters: [rare], limit: 5 } })), has("request_too_large"));
      const found = { ...touchWrite(["user:zoe"]).operations[0]?.tuple, relation: "owner", object: { type: "doc", id: "0" } };
      await store.commit(touchWrite([], { operations: [{ kind: "touch", tuple: found as never }] }));
      const { changed, more } = await store.commit(touchWrite([], { erase: { filters: [rare], limit: 5 } }));
      assert.deepEqual([changed, more], [1, true]);
    });

    it("end when the caller cancels, whether they wait or not", async () => {
      const store = await open();
      await store.commit(touchWrite(["user:ana"]));
      const snapshot = store.snapshot();
      const keys = Array.from({ length: 1_000 }, () => ({ object: { type: "doc", id: "1" }, relation: "viewer", subject: { type: "user", id: "ana", relation: "" } }));
      const abort = new AbortController();
      const reads = [snapshot.probe(1, keys, abort.signal), snapshot.list(1, { filter: {}, limit: 1 }, abort.signal)].map((read) => assert.rejects(read, has("cancelled")));
      abort.abort();
      await Promise.all(reads);
      await assert.rejects(snapshot.list(1, { filter: {}, limit: 1 }, AbortSignal.abort()), has("cancelled"));
      assert.equal((await snapshot.probe(1, keys)).length, 1_000);
      snapshot.release();
    });

    it("have a bounded number of batches in flight, each of a bounded number of keys", async () => {
      let [inFlight, most, counting] = [0, 0, false];
      const store = await open({
        openRaw: async (path, options) => {
          const raw = await new Faults().wrap(openClassicLevel)(path, options);
          return {
            ...raw,
            getMany: async (keys, snapshot) => {
              if (!counting) return raw.getMany(keys, snapshot);
              assert(keys.length <= limits.readBatchKeysMax);
              most = Math.max(most, ++inFlight);
              return raw.getMany(keys, snapshot).finally(() => inFlight--);
            },
          };
        },
      });
      counting = true;
      const snapshot = store.snapshot();
      const keys = Array.from({ length: 200 }, (_, i) => ({ object: { type: "doc", id: String(i) }, relation: "viewer", subject: { type: "user", id: "ana", relation: "" } }));
      await Promise.all(Array.from({ length: 20 }, () => snapshot.probe(1, keys)));
      counting = false;
      assert.equal(most, limits.readBatchesInFlightMax);
      snapshot.release();
    });
  });

  describe("the horizon", () => {
    it("moves by time, and what is behind it is gone from the disk, but for what lives at head", async () => {
      const horizonMs = 1_000;
      const rows = async () => {
        const raw = await openClassicLevel(join(folder, "level"), { create: false });
        const snapshot = raw.snapshot();
        const iterator = raw.iterate({ gte: Buffer.from([0x10]), lt: Buffer.from([0xff]), snapshot });
        const spaces: number[] = [];
        for (let entries = await iterator.next(1_000); entries.length > 0; entries = await iterator.next(1_000)) spaces.push(...entries.map(([key]) => key[0] ?? 0));
        await iterator.close();
        await snapshot.close();
        await raw.close();
        return [...new Set(spaces)].map((space) => space.toString(16));
      };
      let store = await open({ horizonMs });
      for (let i = 0; i < 3 * limits.maintenanceCommitsMax; i++) {
        await store.commit(touchWrite([`user:u${i % 5}`], i % 2 ? {} : { operations: touchWrite([`user:u${i % 5}`]).operations.map(({ tuple }) => ({ kind: "delete", tuple })) }));
        await store.commit(touchWrite([], { schema: { text: `definition t${i} {}`, admits: () => true }, requestId: String(i), requestHash: "h" }));
      }
      const standing = await assertConsistent(store, store.snapshot(), 1);
      const held = store.snapshot(3);
      const schema = await held.schema(1);
      time.ms += horizonMs + 1;
      await store.maintain();
      assert.deepEqual(store.horizon, store.head);
      assert.throws(() => store.snapshot(store.head.revision - 1), has("zookie_expired"));
      await assert.rejects(store.log(1, 0, 10), has("zookie_expired"));
      assert.deepEqual(await logOf(store, 1), []);
      assert.deepEqual(await held.schema(1), schema, "a snapshot that is held sees no deletion");
      held.release();
      await store.close();
      assert.deepEqual(await rows(), ["10", "11", "30", "40"], "tuples at head by object and by subject, the schema in force, counters");
      store = await open({ horizonMs });
      assert.deepEqual(await assertConsistent(store, store.snapshot(), 1), standing);
      const again = await store.commit(touchWrite([], { requestId: "0", requestHash: "another" }));
      assert.equal(again.repeated, false, "a request id older than the horizon is free again");
    });

    it("does not move where history is kept for ever", async () => {
      const store = await open({ horizonMs: Number.POSITIVE_INFINITY });
      await store.commit(touchWrite(["user:ana"]));
      time.ms += 1e12;
      await store.maintain();
      assert.equal(store.horizon.revision, 0);
    });
  });
});
