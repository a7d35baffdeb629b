import assert from "node:assert/strict";

import { v1 } from "@authzed/authzed-node";
import { status, type ClientReadableStream } from "@grpc/grpc-js";

import { formatObject } from "../../../../src/model/object.js";
import { limits } from "../../../../src/base/limits.js";
import { relationshipOf, refuses, Spice, structOf, tokenOf, update } from "./spice.js";
import { parseTuple } from "../../../../src/model/tuple-text.js";

const schema = `
definition user {}
definition folder { relation viewer: user }
definition doc { relation viewer: user }`;

const { INCLUDE_RELATIONSHIP_UPDATES, INCLUDE_SCHEMA_UPDATES, INCLUDE_CHECKPOINTS } = v1.WatchKind;

/** What a watch has told, as it comes. */
class Watcher {
  readonly #stream: ClientReadableStream<v1.WatchResponse>;
  readonly #events: AsyncIterator<v1.WatchResponse>;

  constructor(spice: Spice, request: Partial<v1.WatchRequest> = {}) {
    this.#stream = spice.client.watch(v1.WatchRequest.create(request));
    this.#events = this.#stream[Symbol.asyncIterator]() as AsyncIterator<v1.WatchResponse>;
  }

  async next(): Promise<v1.WatchResponse> {
    const next = await this.#events.next();
    assert.ok(next.done !== true, "the watch goes on");
    return next.value;
  }

  /** The events up to the one with this many updates of all. */
  async updates(count: number): Promise<v1.WatchResponse[]> {
    const events: v1.WatchResponse[] = [];
    for (let seen = 0; seen < count; ) {
      const event = await this.next();
      events.push(event);
      seen += event.updates.length;
    }
    return events;
  }

  close(): void {
    this.#stream.on("error", () => undefined);
    this.#stream.cancel();
  }
}

const shown = ({ updates }: v1.WatchResponse) => updates.map(({ operation, relationship }) => [v1.RelationshipUpdate_Operation[operation], `${relationship?.resource?.objectType}:${relationship?.resource?.objectId}@${relationship?.subject?.object?.objectId}`]);

describe("Watch", () => {
  let spice: Spice;
  let start: string;
  const watchers: Watcher[] = [];

  beforeEach(async () => {
    spice = await Spice.open();
    start = await spice.schema(schema);
  });
  afterEach(async () => {
    for (const watcher of watchers.splice(0)) watcher.close();
    await spice.close();
  });

  function watch(request: Partial<v1.WatchRequest> = {}): Watcher {
    const watcher = new Watcher(spice, request);
    watchers.push(watcher);
    return watcher;
  }
  const after = (token: string) => ({ optionalStartCursor: { token } });

  it("tells of each commit, with its metadata, from where it is told to begin", async () => {
    const metadata = { reason: "joined", ticket: 7, tags: ["a", null], nested: { deep: true } };
    const { writtenAt } = await spice.calls.writeRelationships(v1.WriteRelationshipsRequest.create({ updates: [update("doc:1#viewer@user:ana"), update("folder:1#viewer@user:ana")], optionalTransactionMetadata: structOf(metadata) }));
    const removed = await spice.write("-doc:1#viewer@user:ana");
    const watcher = watch(after(start));
    const [first, second] = [await watcher.next(), await watcher.next()];
    assert.deepEqual([shown(first), tokenOf(first.changesThrough)], [[["TOUCH", "doc:1@ana"], ["TOUCH", "folder:1@ana"]], tokenOf(writtenAt)]);
    assert.ok(first.optionalTransactionMetadata);
    assert.deepEqual(v1.PbStruct.toJson(first.optionalTransactionMetadata), metadata);
    assert.deepEqual([shown(second), tokenOf(second.changesThrough), second.optionalTransactionMetadata, second.isCheckpoint, second.schemaUpdated], [[["DELETE", "doc:1@ana"]], removed, undefined, false, false]);
    assert.deepEqual(shown(await watch(after(tokenOf(first.changesThrough))).next()), [["DELETE", "doc:1@ana"]]);
  });

  it("begins now where nothing is said", async () => {
    await spice.write("doc:1#viewer@user:before");
    const watcher = watch({ optionalUpdateKinds: [INCLUDE_RELATIONSHIP_UPDATES, INCLUDE_CHECKPOINTS] });
    const first = await watcher.next();
    assert.ok(first.isCheckpoint);
    await spice.write("doc:1#viewer@user:ana");
    assert.deepEqual((await watcher.updates(1)).flatMap(shown), [["TOUCH", "doc:1@ana"]]);
  });

  it("begins where there is no schema yet", async () => {
    const empty = await Spice.open();
    try {
      const watcher = new Watcher(empty, { optionalUpdateKinds: [INCLUDE_SCHEMA_UPDATES] });
      watchers.push(watcher);
      const next = watcher.next();
      await empty.schema(schema);
      assert.equal((await next).schemaUpdated, true);
    } finally {
      watchers.pop()?.close();
      await empty.close();
    }
  });

  it("tells of types alone, or of what filters match", async () => {
    await spice.write("doc:1#viewer@user:ana", "folder:1#viewer@user:ana");
    await spice.write("doc:1#viewer@user:bob");
    assert.deepEqual(shown(await watch({ ...after(start), optionalObjectTypes: ["folder"] }).next()), [["TOUCH", "folder:1@ana"]]);
    const filter = v1.RelationshipFilter.create({ resourceType: "doc", optionalSubjectFilter: v1.SubjectFilter.create({ subjectType: "user", optionalSubjectId: "bob" }) });
    assert.deepEqual(shown(await watch({ ...after(start), optionalRelationshipFilters: [filter] }).next()), [["TOUCH", "doc:1@bob"]]);
  });

  it("tells of what it is asked for", async () => {
    await spice.write("doc:1#viewer@user:ana");
    const changed = await spice.schema(`${schema}\ndefinition team {}`);
    await spice.write("doc:1#viewer@user:bob");
    const both = watch({ ...after(start), optionalUpdateKinds: [INCLUDE_RELATIONSHIP_UPDATES, INCLUDE_SCHEMA_UPDATES] });
    const events = [await both.next(), await both.next(), await both.next()];
    assert.deepEqual(events.map((event) => [event.updates.length, event.schemaUpdated]), [[1, false], [0, true], [1, false]]);
    const schemas = await watch({ ...after(start), optionalUpdateKinds: [INCLUDE_SCHEMA_UPDATES] }).next();
    assert.deepEqual([tokenOf(schemas.changesThrough), schemas.updates], [changed, []]);
    const tuples = watch(after(start));
    assert.deepEqual([shown(await tuples.next()), shown(await tuples.next())], [[["TOUCH", "doc:1@ana"]], [["TOUCH", "doc:1@bob"]]]);
    const checkpoint = await watch({ optionalUpdateKinds: [INCLUDE_CHECKPOINTS] }).next();
    assert.ok(checkpoint.isCheckpoint && checkpoint.changesThrough);
  });

  it("repeats a large commit as a whole to whoever goes on from within it", async () => {
    const before = await spice.write("folder:1#viewer@user:ana");
    const count = limits.watchEventOperationsMax + 500;
    const relationships = Array.from({ length: count }, (_, i) => relationshipOf(parseTuple(`doc:${String(i).padStart(5, "0")}#viewer@user:ana`)));
    await new Promise<void>((resolve, reject) => {
      const stream = spice.client.importBulkRelationships((error) => (error ? reject(error) : resolve()));
      stream.write({ relationships });
      stream.end();
    });
    const events = await watch(after(before)).updates(count);
    assert.ok(events.length > 1, "the commit came in parts");
    assert.equal(tokenOf(events[0]?.changesThrough), before);
    const again = await watch(after(tokenOf(events[0]?.changesThrough))).updates(count);
    const ids = again.flatMap(({ updates }) => updates.map(({ relationship }) => formatObject({ type: "doc", id: relationship?.resource?.objectId ?? "" })));
    assert.equal(new Set(ids).size, count);
  });

  it("refuses types beside filters, a kind that is none, and a token that is none, from before a move too", async () => {
    const refused = (request: Partial<v1.WatchRequest>, code: status) => refuses(watch(request).next(), code, "ERROR_REASON_UNSPECIFIED");
    await refused({ optionalObjectTypes: ["doc"], optionalRelationshipFilters: [v1.RelationshipFilter.create({ resourceType: "doc" })] }, status.INVALID_ARGUMENT);
    await refused({ optionalUpdateKinds: [9 as v1.WatchKind] }, status.INVALID_ARGUMENT);
    await refused(after("GhUKEzE3MDAw"), status.INVALID_ARGUMENT);
    await refuses(watch({ optionalRelationshipFilters: [v1.RelationshipFilter.create()] }).next(), status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FILTER");
    const moved = await Spice.open({ foreignZedTokens: "latest" });
    try {
      await moved.schema(schema);
      await refuses(new Watcher(moved, after("GhUKEzE3MDAw")).next(), status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED");
    } finally {
      await moved.close();
    }
  });
});
