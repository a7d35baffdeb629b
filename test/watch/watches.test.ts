import assert from "node:assert/strict";

import fc from "fast-check";

import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { matches, type TupleFilter } from "../../src/model/filter.js";
import type { Operation, WatchEvent, WatchTuplesRequest } from "../../src/model/service.js";
import { encodeZookie } from "../../src/model/zookie.js";
import type { Commit } from "../../src/storage/store.js";
import { Watches } from "../../src/watch/watches.js";
import { deleteViewer, testStore, touchViewer, type TestStore } from "./store.js";

type CommitEvent = WatchEvent & { kind: "commit" };

const code = (expected: ErrorCode) => (error: unknown) => {
  assert.ok(error instanceof UsherError, String(error));
  assert.equal(error.code, expected, error.message);
  return true;
};

describe("watch", () => {
  let test: TestStore;
  let watches: Watches;

  beforeEach(async () => {
    test = await testStore();
    watches = new Watches(test.store);
  });

  afterEach(async () => {
    watches.close();
    await test.close();
  });

  const zookie = (revision: number, tenant = 1) => encodeZookie({ ...test.store.identity, tenant, revision });

  function open(request: WatchTuplesRequest, signal?: AbortSignal): AsyncIterator<WatchEvent, void> {
    return watches.watch(1, request, signal)[Symbol.asyncIterator]() as AsyncIterator<WatchEvent, void>;
  }

  async function take(iterator: AsyncIterator<WatchEvent, void>, count: number): Promise<WatchEvent[]> {
    const events: WatchEvent[] = [];
    while (events.length < count) {
      const { value, done } = await iterator.next();
      assert.ok(!done && value);
      events.push(value);
    }
    return events;
  }

  const refused = (request: WatchTuplesRequest, expected: ErrorCode) => assert.rejects(open(request).next(), code(expected));

  it("sends what is committed after it was asked for, and nothing from before", async () => {
    await test.commit([touchViewer("1", "ana")]);
    const iterator = open({});
    test.clock.ms += 1_000;
    const { instant } = await test.commit([touchViewer("2", "bob")], { metadata: { reason: "asked" } });
    assert.deepStrictEqual(await take(iterator, 1), [
      { kind: "commit", instant, metadata: { reason: "asked" }, operations: [{ kind: "write", tuple: touchViewer("2", "bob").tuple }], last: true, zookie: zookie(2) },
    ]);
    const next = iterator.next();
    await test.commit([deleteViewer("2", "bob")]);
    const { value } = await next;
    assert.ok(value?.kind === "commit");
    assert.deepEqual(value.operations, [{ kind: "delete", tuple: touchViewer("2", "bob").tuple }]);
    await iterator.return?.();
  });

  it("sends schemas and tuples with conditions and expirations as they stand", async () => {
    const tuple = { ...touchViewer("1", "ana").tuple, condition: { name: "ip", context: { net: "10.0.0.0/8" } }, expiresAt: test.clock.ms + 5_000 };
    const iterator = open({});
    await test.commit([], { schema: { text: "definition user {}", admits: () => true } });
    await test.commit([{ kind: "touch", tuple }]);
    const [first, second] = (await take(iterator, 2)) as CommitEvent[];
    assert.deepEqual([first?.schema, first?.operations], ["definition user {}", []]);
    assert.deepStrictEqual(second?.operations, [{ kind: "write", tuple }]);
    await iterator.return?.();
  });

  it("sends what a filter matches, and schema changes only where they are asked for", async () => {
    const filters: TupleFilter[] = [{ objectType: "doc", objectId: "2" }, { subjectType: "user", subjectId: "eve" }];
    const filtered = open({ filters });
    const withSchemas = open({ filters, schemaChanges: true });
    await test.commit([touchViewer("1", "ana")]);
    await test.commit([], { schema: { text: "definition user {}", admits: () => true } });
    await test.commit([touchViewer("1", "eve"), touchViewer("1", "bob"), touchViewer("2", "ana")]);
    const [schema, ...rest] = (await take(withSchemas, 2)) as CommitEvent[];
    assert.equal(schema?.schema, "definition user {}");
    assert.deepEqual(rest, await take(filtered, 1));
    assert.deepEqual(rest[0]?.operations.map(({ tuple }) => `${tuple.object.id} ${tuple.subject.id}`).sort(), ["1 eve", "2 ana"]);
    await Promise.all([filtered.return?.(), withSchemas.return?.()]);
  });

  it("does not show one tenant the commits of another", async () => {
    const iterator = open({ checkpointMs: 100 });
    await take(iterator, 1);
    await test.commit([touchViewer("1", "ana")], { tenant: 2 });
    await test.commit([touchViewer("2", "ana")]);
    const [event] = (await take(iterator, 1)) as CommitEvent[];
    assert.equal(event?.operations[0]?.tuple.object.id, "2");
    await iterator.return?.();
  });

  it("splits a large commit, and lets nobody resume in its middle", async () => {
    const operations = Array.from({ length: 2 * limits.watchEventOperationsMax + 500 }, (_, index) => touchViewer(String(index), "ana"));
    const iterator = open({});
    await test.commit(operations);
    const parts = (await take(iterator, 3)) as CommitEvent[];
    assert.deepEqual(parts.map((part) => [part.operations.length, part.last, part.zookie]), [[1_000, false, undefined], [1_000, false, undefined], [500, true, zookie(1)]]);
    assert.equal(new Set(parts.flatMap((part) => part.operations.map(({ tuple }) => tuple.object.id))).size, operations.length);
    await iterator.return?.();
    const exact = open({ fromEarliest: true, filters: [{ subjectType: "user", subjectId: "bob" }] });
    await test.commit(Array.from({ length: limits.watchEventOperationsMax }, (_, index) => touchViewer(String(index), "bob")));
    const [only] = (await take(exact, 1)) as CommitEvent[];
    assert.deepEqual([only?.operations.length, only?.last], [1_000, true], "a commit of exactly one part");
    await exact.return?.();
  });

  it("keeps a part within its bytes", async () => {
    const context = { text: "x".repeat(30_000) };
    const operations: Operation[] = Array.from({ length: 20 }, (_, index) => ({ kind: "touch", tuple: { ...touchViewer(String(index), "ana").tuple, condition: { name: "c", context } } }));
    const iterator = open({});
    await test.commit(operations);
    const parts = (await take(iterator, 5)) as CommitEvent[];
    assert.deepEqual(parts.map((part) => part.operations.length), [4, 4, 4, 4, 4]);
    await iterator.return?.();
  });

  it("sends a checkpoint at the start, and then at its interval, complete through its zookie", async () => {
    await test.commit([touchViewer("1", "ana")]);
    const iterator = open({ fromEarliest: true, checkpointMs: 100 });
    const [commit, first] = await take(iterator, 2);
    assert.deepEqual([commit?.kind, first], ["commit", { kind: "checkpoint", zookie: zookie(1), instant: test.store.head.instant }]);
    await test.commit([touchViewer("1", "eve")], { tenant: 2 });
    const next = iterator.next();
    test.clock.ms += 100;
    assert.deepEqual((await next).value, { kind: "checkpoint", zookie: zookie(2), instant: test.store.head.instant });
    await iterator.return?.();
  });

  it("sends checkpoints while it catches up, so that a filter that matches nothing makes progress too", async () => {
    for (let index = 0; index < 3 * limits.watchPageCommitsMax; index++) await test.commit([touchViewer(String(index), "ana")]);
    const iterator = open({ fromEarliest: true, checkpointMs: 100, filters: [{ objectType: "nothing" }] });
    const zookies: string[] = [];
    for (let index = 0; index < 3; index++) {
      const [event] = await take(iterator, 1);
      assert.ok(event?.kind === "checkpoint");
      zookies.push(event.zookie);
      test.clock.ms += 100;
    }
    assert.deepEqual(zookies, [zookie(16), zookie(32), zookie(48)]);
    await iterator.return?.();
  });

  it("gives a checkpoint no instant beyond what it has read, though the store is further", async () => {
    const commits = 2 * limits.watchPageCommitsMax;
    for (let index = 0; index < commits; index++) {
      test.clock.ms += 1_000;
      await test.commit([touchViewer(String(index), "ana")]);
    }
    const iterator = open({ fromEarliest: true, checkpointMs: 100, filters: [{ objectType: "nothing" }] });
    const [event] = await take(iterator, 1);
    assert.ok(event?.kind === "checkpoint");
    assert.equal(event.zookie, zookie(limits.watchPageCommitsMax));
    assert.equal(event.instant, test.clock.ms - 1_000 * limits.watchPageCommitsMax);
    await iterator.return?.();
  });

  it("gives each watcher each commit once and in order, wherever it resumes and whatever happens meanwhile", async () => {
    const document = fc.constantFrom("1", "2", "3");
    const user = fc.constantFrom("ana", "bob");
    const operation = fc.oneof(fc.tuple(document, user).map(([d, u]) => touchViewer(d, u)), fc.tuple(document, user).map(([d, u]) => deleteViewer(d, u)));
    const commit = fc.record({ tenant: fc.constantFrom(1, 2), operations: fc.uniqueArray(operation, { minLength: 1, maxLength: 3, selector: ({ tuple }) => `${tuple.object.id} ${tuple.subject.id}` }) });
    const filters = fc.option(fc.array(document.map((objectId): TupleFilter => ({ objectType: "doc", objectId })), { minLength: 1, maxLength: 2 }), { nil: undefined });
    const step = fc.oneof({ weight: 3, arbitrary: commit }, { weight: 2, arbitrary: fc.constantFrom("read", "resume", "pause") });
    const log: Commit[] = [];
    test.store.onCommit((each) => log.push(each));
    await fc.assert(
      fc.asyncProperty(filters, fc.array(step, { maxLength: 40 }), async (wanted, steps) => {
        const from = test.store.head.revision;
        const request = wanted === undefined ? {} : { filters: wanted };
        const got: CommitEvent[] = [];
        let iterator = open({ ...request, after: zookie(from) });
        const expected = () => log.filter(({ tenant, revision }) => tenant === 1 && revision > from)
          .map((each) => ({ zookie: zookie(each.revision), tuples: each.changes.filter(({ tuple }) => wanted?.some((filter) => matches(filter, tuple)) ?? true) }))
          .filter(({ tuples }) => tuples.length > 0);
        const read = async () => {
          if (got.length < expected().length) got.push(...((await take(iterator, 1)) as CommitEvent[]));
        };
        for (const each of steps) {
          if (each === "read") await read();
          else if (each === "pause") await new Promise(setImmediate);
          else if (each === "resume") {
            await iterator.return?.();
            iterator = open({ ...request, after: got.at(-1)?.zookie ?? zookie(from) });
          } else void test.commit(each.operations, { tenant: each.tenant }).catch(assert.fail);
        }
        await test.commit([touchViewer("1", "ana"), touchViewer("2", "zed")]);
        while (got.length < expected().length) await read();
        await iterator.return?.();
        assert.deepEqual(got.map((event) => event.zookie), expected().map((event) => event.zookie));
        assert.deepEqual(got.map((event) => event.operations.length), expected().map((event) => event.tuples.length));
      }),
      { numRuns: 40 },
    );
  });

  it("goes on for a consumer that was slower than what is kept in memory", async () => {
    const slow = open({});
    const first = slow.next();
    const commits = 30;
    const rounds = Math.ceil(limits.watchRecentChangesMax / limits.operationsPerWriteMax) + 5;
    await test.commit([touchViewer("first", "ana")]);
    await first;
    for (let round = 0; round < rounds; round++) await test.commit(Array.from({ length: limits.operationsPerWriteMax }, (_, index) => touchViewer(String(index), `u${round}`)));
    for (let index = 0; index < commits; index++) await test.commit([touchViewer(String(index), "eve")]);
    const events = (await take(slow, rounds + commits)) as CommitEvent[];
    assert.deepEqual(events.map((event) => event.zookie), Array.from({ length: rounds + commits }, (_, index) => zookie(index + 2)));
    await slow.return?.();
  });

  it("wakes a thousand watchers by one commit", async () => {
    const iterators = Array.from({ length: 1_000 }, () => open({}));
    const events = iterators.map((iterator) => iterator.next());
    await new Promise(setImmediate);
    await test.commit([touchViewer("1", "ana")]);
    for (const { value } of await Promise.all(events)) assert.equal(value?.kind === "commit" && value.zookie, zookie(1));
    for (const iterator of iterators) await iterator.return?.();
  });

  describe("refuses", () => {
    it("two places to start", () => refused({ after: zookie(0), fromEarliest: true }, "invalid_request"));
    it("too many filters", () => refused({ filters: Array.from({ length: limits.filtersPerRequestMax + 1 }, () => ({ objectType: "doc" })) }, "invalid_request"));
    it("a filter that is none", () => refused({ filters: [{ relation: "viewer" }] }, "invalid_filter"));
    it("an interval out of bounds", async () => {
      for (const checkpointMs of [limits.watchCheckpointMsMin - 1, 0, -1, 100.5, Number.NaN, limits.timerMsMax + 1]) await refused({ checkpointMs }, "invalid_request");
    });
    it("a zookie that is none", () => refused({ after: "" }, "invalid_zookie"));
    it("a zookie of another tenant", () => refused({ after: zookie(0, 2) }, "zookie_of_other_tenant"));
    it("a zookie of another store", () => refused({ after: encodeZookie({ store: "00000000", timeline: test.store.identity.timeline, tenant: 1, revision: 0 }) }, "zookie_of_other_store"));
    it("a zookie of another timeline", () => refused({ after: encodeZookie({ ...test.store.identity, timeline: "ffffffff", tenant: 1, revision: 0 }) }, "zookie_of_lost_timeline"));
    it("a zookie ahead of the store", () => refused({ after: zookie(1) }, "zookie_ahead"));
  });

  it("takes filters and an interval at the bounds", async () => {
    for (const checkpointMs of [limits.watchCheckpointMsMin, limits.timerMsMax]) {
      const iterator = open({ checkpointMs, filters: Array.from({ length: limits.filtersPerRequestMax }, () => ({ objectType: "doc" })) });
      assert.equal((await take(iterator, 1))[0]?.kind, "checkpoint");
      await iterator.return?.();
    }
  });

  describe("past the horizon", () => {
    beforeEach(async () => {
      await test.close();
      test = await testStore(10_000);
      watches = new Watches(test.store);
    });

    /** More commits than are kept in memory, all behind the horizon but the last. */
    async function age(tenant: number): Promise<void> {
      const commits = Array.from({ length: limits.watchRecentCommitsMax + 1 }, (_, index) => test.commit([touchViewer(`old-${index}`, "bob")], { tenant }));
      await Promise.all(commits);
      test.clock.ms += 60_000;
      await test.commit([touchViewer("new", "ana")], { tenant });
      await test.store.maintain();
      assert.ok(test.store.horizon.revision > limits.watchRecentCommitsMax);
    }

    it("says where to start instead, to one that resumes and to one that lags", async () => {
      const lagging = open({});
      const first = lagging.next();
      await test.commit([touchViewer("1", "ana")]);
      await first;
      await age(1);
      const { horizon } = test.store;
      for (const iterator of [open({ after: zookie(1) }), lagging]) {
        const error: unknown = await iterator.next().catch((thrown: unknown) => thrown);
        assert.ok(code("zookie_expired")(error) && error instanceof UsherError);
        assert.equal(error.details["earliest"], zookie(horizon.revision));
        assert.match(error.message, new RegExp(zookie(horizon.revision)));
      }
      const again = open({ after: zookie(horizon.revision) });
      const earliest = open({ fromEarliest: true });
      await test.commit([touchViewer("2", "ana")]);
      assert.deepEqual(await take(again, 1), await take(earliest, 1));
      await Promise.all([again.return?.(), earliest.return?.()]);
    });

    it("keeps a watcher that waits, however much other tenants commit", async () => {
      const iterator = open({});
      const next = iterator.next();
      await new Promise(setImmediate);
      await age(2);
      const { revision } = await test.commit([touchViewer("1", "ana")]);
      assert.equal(((await next).value as CommitEvent).zookie, zookie(revision));
      await iterator.return?.();
    });
  });

  describe("ends", () => {
    it("with cancelled when the signal aborts, waiting or not", async () => {
      const controller = new AbortController();
      const waiting = assert.rejects(open({}, controller.signal).next(), code("cancelled"));
      const checkpointing = open({ checkpointMs: 60_000 }, controller.signal);
      await take(checkpointing, 1);
      await new Promise(setImmediate);
      controller.abort();
      await waiting;
      await assert.rejects(checkpointing.next(), code("cancelled"));
      await assert.rejects(open({}, controller.signal).next(), code("cancelled"));
    });

    it("with the signal's reason where that has a code", async () => {
      const controller = new AbortController();
      const waiting = assert.rejects(open({}, controller.signal).next(), code("deadline_exceeded"));
      controller.abort(new UsherError("deadline_exceeded", "the call's deadline passed"));
      await waiting;
    });

    it("with closed when the watches close", async () => {
      const waiting = assert.rejects(open({}).next(), code("closed"));
      await new Promise(setImmediate);
      watches.close();
      await waiting;
      await assert.rejects(open({}).next(), code("closed"));
    });

    it("when its consumer leaves, and then costs the store nothing", async () => {
      let listeners = 0;
      const onCommit = test.store.onCommit.bind(test.store);
      test.store.onCommit = (listener) => {
        listeners++;
        const unsubscribe = onCommit(listener);
        return () => {
          listeners--;
          unsubscribe();
        };
      };
      const both = [1, 2].map(() => open({ fromEarliest: true }));
      await test.commit([touchViewer("1", "ana")]);
      await Promise.all(both.map((iterator) => iterator.next()));
      assert.equal(listeners, 1);
      await both[0]?.return?.();
      assert.equal(listeners, 1);
      await both[1]?.return?.();
      assert.equal(listeners, 0);
    });
  });
});
