import assert from "node:assert/strict";

import * as fc from "fast-check";

import { UsherError } from "../../src/base/errors.js";
import { Database } from "../../src/database/database.js";
import type { CheckRequest, Consistency, Decision, Operation, WatchEvent } from "../../src/model/service.js";
import { tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { decodeZookie, type Revision } from "../../src/model/zookie.js";
import { History, isGroupBanned, objects, schemaTexts, tuples, users } from "./history.js";
import { CountingStore } from "./store.js";

/** What a client does next; numbers pick from what there is. */
export type Action =
  | { readonly kind: "check"; readonly doc: number; readonly user: number; readonly how: "latest" | "atLeast" | "exact"; readonly zookie: number }
  | { readonly kind: "cancel"; readonly doc: number; readonly user: number; readonly when: "at once" | "later" }
  | { readonly kind: "write"; readonly picks: readonly (readonly [tuple: number, remove: boolean])[] }
  | { readonly kind: "schema"; readonly text: number }
  | { readonly kind: "read"; readonly pageSize: number };

const question = { doc: fc.nat(1), user: fc.nat(1) };
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("check" as const), ...question, how: fc.constantFrom("latest", "atLeast", "exact"), zookie: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), ...question, when: fc.constantFrom("at once", "later") }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("write" as const), picks: fc.array(fc.tuple(fc.nat(tuples.length - 1), fc.boolean()), { minLength: 1, maxLength: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("schema" as const), text: fc.nat(schemaTexts.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("read" as const), pageSize: fc.integer({ min: 1, max: 3 }) }) },
);

/** Some clients, each doing one thing after the other, beside each other. */
export const programs: fc.Arbitrary<Action[][]> = fc.array(fc.array(action, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 5 });

/** The clients of one database, each of whose answers is held against the oracle at the zookie that it bears. */
export class Clients {
  readonly database: Database;
  readonly history: History;
  readonly #scheduler: fc.Scheduler;
  readonly #store: CountingStore;
  readonly #zookies: string[] = [];
  /** The newest revision that a writer was told of. */
  #acknowledged: Revision = 0;

  constructor(store: CountingStore, scheduler: fc.Scheduler, options: { readonly memoryBudgetBytes?: number } = {}) {
    this.#store = store;
    this.#scheduler = scheduler;
    this.history = new History(store);
    this.database = new Database(store, options);
  }

  /** Runs the program under the first schema, with a watcher beside it from the beginning. */
  async run(program: readonly (readonly Action[])[]): Promise<void> {
    const stop = new AbortController();
    const seen: WatchEvent[] = [];
    let arrived: () => void = () => undefined;
    const watching = this.#watch(stop.signal, seen, () => arrived()).catch((error: unknown) => this.#cancelled(error));
    await this.writeSchema(0);
    await Promise.all(program.map((actions) => this.#client(actions)));
    const { revision } = this.#store.head;
    await within(5_000, "the watcher is given the newest commit", async () => {
      while (lastRevision(seen) !== revision) await new Promise<void>((resolve) => (arrived = resolve));
    });
    stop.abort();
    await watching;
    this.#checkWatched(seen);
    assert.equal(this.#store.held, 0, "every snapshot is released");
  }

  async writeSchema(text: number): Promise<void> {
    const { zookie } = await this.database.writeSchema({ text: schemaTexts[text] ?? "" }, {});
    this.#acknowledge(zookie);
    assert.equal(this.history.schemaAt(revisionOf(zookie)), schemaTexts[text]);
  }

  async #client(actions: readonly Action[]): Promise<void> {
    for (const next of actions) {
      await this.#scheduler.schedule(Promise.resolve(), `a client is to ${next.kind}`);
      await this.#act(next);
    }
  }

  #act(next: Action): Promise<void> {
    switch (next.kind) {
      case "check": return this.#check(next);
      case "cancel": return this.#cancel(next);
      case "write": return this.#write(next.picks);
      case "schema": return this.writeSchema(next.text).catch((error: unknown) => assert.equal(codeOf(error), "schema_orphans_tuples"));
      case "read": return this.#read(next.pageSize);
    }
  }

  async #check({ doc, user, how, zookie: pick }: Extract<Action, { kind: "check" }>): Promise<void> {
    const zookie = this.#zookies[pick % this.#zookies.length] ?? "";
    const consistency: Consistency = how === "latest" ? { kind: "latest" } : { kind: how, zookie };
    const acknowledged = this.#acknowledged;
    const revision = await this.#answered(await this.database.check({ ...questionOf(doc, user), consistency }, {}), doc, user);
    if (how === "exact") assert.equal(revision, revisionOf(zookie), "an exact zookie is answered at itself");
    else assert.ok(revision >= acknowledged, `a check sees what was acknowledged before it was asked: ${revision} is before ${acknowledged}`);
    if (how === "atLeast") assert.ok(revision >= revisionOf(zookie), "a check is at least as fresh as its zookie");
  }

  /** Where the call was cancelled before it had anything to answer, it must not answer. */
  async #cancel({ doc, user, when }: Extract<Action, { kind: "cancel" }>): Promise<void> {
    const controller = new AbortController();
    if (when === "at once") controller.abort();
    const checking = this.database.check(questionOf(doc, user), { signal: controller.signal });
    const aborting = (when === "at once" ? Promise.resolve() : this.#scheduler.schedule(Promise.resolve(), "a client cancels")).then(() => controller.abort());
    const [outcome] = await Promise.allSettled([checking, aborting]);
    if (outcome.status === "rejected") return this.#cancelled(outcome.reason);
    assert.equal(when, "later", "a cancelled call rejects");
    await this.#answered(outcome.value, doc, user);
  }

  async #write(picks: readonly (readonly [number, boolean])[]): Promise<void> {
    const operations = new Map<string, Operation>();
    for (const [pick, remove] of picks) {
      const tuple = tuples[pick] as Tuple;
      operations.set(tupleIdentity(tuple), { kind: remove ? "delete" : "touch", tuple });
    }
    try {
      const { zookie } = await this.database.writeTuples({ operations: [...operations.values()] }, {});
      this.#acknowledge(zookie);
      for (const { kind, tuple } of operations.values()) assert.equal(this.history.stands(tuple, revisionOf(zookie)), kind === "touch", "a write stands at its zookie");
    } catch (error) {
      if (codeOf(error) !== "subject_not_allowed") throw error;
      assert.ok([...operations.values()].some(({ kind, tuple }) => kind === "touch" && isGroupBanned(tuple)));
    }
  }

  async #read(pageSize: number): Promise<void> {
    const filter = { objectType: "doc" };
    const acknowledged = this.#acknowledged;
    let page = await this.database.readTuples({ filter, pageSize }, {});
    const { zookie } = page;
    const found = [...page.tuples];
    while (page.cursor !== undefined) {
      page = await this.database.readTuples({ filter, pageSize, cursor: page.cursor }, {});
      assert.equal(page.zookie, zookie, "all pages are of one snapshot");
      found.push(...page.tuples);
    }
    assert.ok(revisionOf(zookie) >= acknowledged, "a read sees what was acknowledged before it was asked");
    const expected = this.history.tuplesAt(revisionOf(zookie)).filter(({ object }) => object.type === "doc");
    assert.deepEqual(found.map(tupleIdentity).sort(), expected.map(tupleIdentity).sort());
  }

  async #watch(signal: AbortSignal, seen: WatchEvent[], arrived: () => void): Promise<void> {
    for await (const event of this.database.watchTuples({}, { signal })) {
      seen.push(event);
      arrived();
      await this.#scheduler.schedule(Promise.resolve(), "the watcher goes on");
    }
  }

  #checkWatched(seen: readonly WatchEvent[]): void {
    const told = seen.map((event) => {
      assert.ok(event.kind === "commit" && event.last);
      return { revision: revisionOf(event.zookie ?? ""), schema: event.schema, changes: event.operations.map(({ kind, tuple }) => `${kind} ${tupleIdentity(tuple)}`) };
    });
    const committed = this.history.commits.map(({ revision, schema, changes }) => ({ revision, schema, changes: changes.map(({ kind, tuple }) => `${kind} ${tupleIdentity(tuple)}`) }));
    assert.deepEqual(told, committed, "a watcher is given every commit once, in order");
    for (const { revision } of committed) {
      const forbidden = this.history.schemaAt(revision) === schemaTexts[2] ? this.history.tuplesAt(revision).filter(isGroupBanned) : [];
      assert.deepEqual(forbidden, [], `no tuple stands at revision ${revision} that its schema forbids`);
    }
  }

  async #answered(decision: Decision, doc: number, user: number): Promise<Revision> {
    const { object, subject } = questionOf(doc, user);
    const revision = revisionOf(decision.zookie);
    assert.equal(decision.allowed, this.history.mayRead(object, subject, revision), `${tupleIdentity({ object, relation: "read", subject })} at revision ${revision}`);
    return revision;
  }

  #acknowledge(zookie: string): void {
    this.#zookies.push(zookie);
    this.#acknowledged = Math.max(this.#acknowledged, revisionOf(zookie));
  }

  #cancelled(error: unknown): void {
    assert.equal(codeOf(error), "cancelled");
  }
}

function questionOf(doc: number, user: number): Pick<CheckRequest, "object" | "permission" | "subject"> {
  const [object, subject] = [objects[doc], users[user]];
  assert.ok(object && subject);
  return { object, permission: "read", subject };
}

export function revisionOf(zookie: string): Revision {
  return decodeZookie(zookie).revision;
}

function lastRevision(seen: readonly WatchEvent[]): Revision {
  const last = seen.at(-1);
  return last?.zookie === undefined ? 0 : revisionOf(last.zookie);
}

export function codeOf(error: unknown): string {
  if (error instanceof UsherError) return error.code;
  throw error;
}

/** Fails rather than hangs, where what is waited for never comes. */
async function within(ms: number, what: string, body: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => (timer = setTimeout(() => reject(new Error(`in vain: ${what}`)), ms)));
  await Promise.race([body(), late]).finally(() => clearTimeout(timer));
}
