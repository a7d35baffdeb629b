import assert from "node:assert/strict";
import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../../src/base/limits.js";
import { validateQuestion } from "../../src/database/validate.js";
import { VerificationThread } from "../../src/database/verification-thread.js";
import { leasesInMemory } from "../../src/decisions/leases.js";
import { LiveDecisions } from "../../src/decisions/live-decisions.js";
import type { LivePort, Verification } from "../../src/decisions/port.js";
import { RelationCache } from "../../src/evaluation/cache/relation-cache.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import { parseSubject, parseTuple } from "../../src/model/tuple-text.js";
import type { LevelStore } from "../../src/storage/level/level-store.js";
import { openLevelStore } from "../../src/storage/level/store.js";
import type { Commit } from "../../src/storage/store.js";
import { inFolder } from "../support/folder.js";
import { EnforcementPoint } from "./enforcement-point.js";
import { answers, flipsOf, hold } from "./live.js";

const schemaText = `
  definition user {}
  definition doc { relation viewer: user
    permission view = viewer }`;

interface Site {
  readonly folder: string;
  readonly store: LevelStore;
  readonly decisions: LiveDecisions;
  readonly reported: Error[];
  /** How often something was evaluated in this thread. */
  readonly evaluatedHere: () => number;
  /** What no code should ever do: nobody is told of what is committed meanwhile. */
  readonly unheard: (kind: "touch" | "delete", tuple: string) => Promise<void>;
  readonly write: (kind: "touch" | "delete", tuple: string) => Promise<void>;
}

/** Live decisions over a store on the disk. @param verification default: the thread */
async function onSite(body: (site: Site) => Promise<void>, verification?: (store: LevelStore, signal: AbortSignal) => Promise<Verification>): Promise<void> {
  await inFolder(async (folder) => {
    const store = await openLevelStore(folder);
    const listeners = new Set<(commit: Commit) => void>();
    let muted = false;
    store.onCommit((commit) => {
      if (!muted) for (const listener of listeners) listener(commit);
    });
    const heard = new Proxy(store, {
      get: (target, name) => {
        if (name === "onCommit") return (listener: (commit: Commit) => void) => (listeners.add(listener), () => listeners.delete(listener));
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const commit = async (kind: "touch" | "delete", tuple: string) => {
      await store.commit({ tenant: 1, principal: "", preconditions: [], operations: [{ kind, tuple: parseTuple(tuple) }], metadata: {}, validateOnly: false });
    };
    const { revision } = await store.commit({ tenant: 1, principal: "", preconditions: [], operations: [], schema: { text: schemaText, admits: () => true }, metadata: {}, validateOnly: false });
    const schema = { schema: compileSchema(schemaText), revision };
    const reported: Error[] = [];
    let evaluated = 0;
    const cache = new RelationCache(heard);
    const port: LivePort = {
      store: heard,
      cache,
      observer: { onEvaluation: () => undefined },
      leases: leasesInMemory(),
      schemaAt: async () => (evaluated++, schema),
      compiled: (text) => compileSchema(text),
      validate: validateQuestion,
      zookie: (_tenant, at) => String(at),
      revisionOf: (_tenant, zookie) => Number(zookie),
      report: (error) => reported.push(error),
      monotonicMs: () => performance.now(),
      verification: (signal) => (verification ?? VerificationThread.begin)(store, signal),
    };
    const decisions = new LiveDecisions(port);
    const unheard = async (kind: "touch" | "delete", tuple: string) => {
      muted = true;
      await commit(kind, tuple).finally(() => (muted = false));
    };
    try {
      await body({ folder, store, decisions, reported, evaluatedHere: () => evaluated, unheard, write: commit });
    } finally {
      decisions.stop();
      await decisions.quiet;
      cache.stop();
      await store.close();
    }
  });
}

const checkpoints = async (folder: string) => (await readdir(folder)).filter((name) => name.startsWith("backup-"));

/** Holds two, of which one is allowed. */
async function held({ decisions, write }: Site): Promise<EnforcementPoint> {
  await write("touch", "doc:1#viewer@user:ana");
  const point = new EnforcementPoint(decisions);
  point.hold(hold(1, "doc:1#view@user:ana"), hold(2, "doc:1#view@user:bo"));
  await point.ping();
  assert.deepEqual(answers(point), { 1: "allowed", 2: "denied" });
  return point;
}

describe("the sweep in a thread of its own", () => {
  it("evaluates nothing here where all is as it stands, and leaves nothing behind", async () => {
    await onSite(async (site) => {
      await held(site);
      const before = site.evaluatedHere();
      await site.decisions.sweep();
      await site.decisions.sweep();
      assert.equal(site.evaluatedHere(), before);
      assert.deepEqual([site.decisions.status.findings, site.decisions.status.sweepFailures, site.reported], [0, 0, []]);
      assert.deepEqual(await checkpoints(site.folder), []);
    });
  });

  it("finds what memory holds otherwise than the store, in either direction, corrects and reports it", async () => {
    for (const [kind, tuple, id, answer] of [["delete", "doc:1#viewer@user:ana", 1, "denied"], ["touch", "doc:1#viewer@user:bo", 2, "allowed"]] as const) {
      await onSite(async (site) => {
        const point = await held(site);
        await site.unheard(kind, tuple);
        await point.ping();
        assert.equal(flipsOf(point).length, 0);
        await site.decisions.sweep();
        await point.ping();
        assert.deepEqual(flipsOf(point).map((flip) => [flip.id, flip.cause.kind]), [[id, "sweep"]]);
        assert.equal(answers(point)[id], answer);
        assert.deepEqual([site.decisions.status.findings, site.decisions.status.sweepFailures, site.reported.length], [1, 0, 1]);
      });
    }
  });

  it("leaves candidates of lookups to this one, which finds in the store whom they have missed", async () => {
    await onSite(async (site) => {
      await site.write("touch", "doc:1#viewer@user:ana");
      const point = new EnforcementPoint(site.decisions);
      point.lookup({ id: 1, what: { kind: "objects", type: "doc", permission: "view", subject: parseSubject("user:ana") } });
      await point.ping();
      await site.decisions.sweep();
      assert.deepEqual([site.decisions.status.findings, site.reported], [0, []]);
      await site.unheard("touch", "doc:2#viewer@user:ana");
      await site.decisions.sweep();
      await point.ping();
      assert.deepEqual([...(point.members.get(1)?.keys() ?? [])], ["1", "2"]);
      assert.deepEqual([site.decisions.status.findings, site.decisions.status.sweepFailures, site.reported.length], [1, 0, 1]);
    });
  });

  it("cannot end or give anything by itself, whatever it answers", async () => {
    const lying = async (): Promise<Verification> => ({
      answer: async (_tenant, questions) => ({ revision: 1_000, schemaRevision: 1_000, tookMs: 0, values: questions.map(({ subject }) => (subject.id === "bo" ? "allowed" : "denied")) }),
      end: async () => undefined,
    });
    await onSite(async (site) => {
      const point = await held(site);
      const before = site.evaluatedHere();
      await site.decisions.sweep();
      await point.ping();
      assert.equal(site.evaluatedHere(), before + 1, "what it says otherwise is evaluated here");
      assert.deepEqual([answers(point), flipsOf(point), site.decisions.status.findings], [{ 1: "allowed", 2: "denied" }, [], 0]);
    }, lying);
  });

  it("proves nothing about what was touched since, nor under another schema, nor by no answer", async () => {
    for (const [revision, schemaRevision, value] of [[0, 1_000, "same"], [1_000, 0, "same"], [1_000, 1_000, "none"]] as const) {
      const late = async (): Promise<Verification> => ({
        answer: async (_tenant, questions) => ({ revision, schemaRevision, tookMs: 0, values: questions.map(({ subject }) => (value === "none" ? undefined : subject.id === "bo" ? "denied" : "allowed")) }),
        end: async () => undefined,
      });
      await onSite(async (site) => {
        const point = await held(site);
        // What is held of a key from before the first look is as of no commit.
        await site.write("delete", "doc:1#viewer@user:ana");
        await site.write("touch", "doc:1#viewer@user:ana");
        if (schemaRevision === 0) await site.store.commit({ tenant: 1, principal: "", preconditions: [], operations: [], schema: { text: `${schemaText}\n`, admits: () => true }, metadata: {}, validateOnly: false });
        await point.ping();
        const before = site.evaluatedHere();
        await site.decisions.sweep();
        assert.equal(site.evaluatedHere(), before + 1, JSON.stringify([revision, schemaRevision, value]));
      }, late);
    }
  });

  it("is replaced by this one where it cannot be had, has no store to read, ends early or is gone: what is wrong is found all the same", async () => {
    const failing: Record<string, (store: LevelStore, signal: AbortSignal) => Promise<Verification>> = {
      "cannot be had": () => Promise.reject(new Error("no room")),
      "has nothing to read": async () =>
        VerificationThread.begin({ checkpoint: () => mkdtemp(join(tmpdir(), "usher-empty-")) }),
      "ends early": async (store, signal) => {
        const thread = await VerificationThread.begin(store, signal);
        await thread.end();
        return thread;
      },
      "ends meanwhile": async (store, signal) => {
        const thread = await VerificationThread.begin(store, signal);
        return { answer: (...asked) => (void thread.end(), thread.answer(...asked)), end: () => thread.end() };
      },
    };
    for (const [name, begin] of Object.entries(failing)) {
      await onSite(async (site) => {
        const point = await held(site);
        await site.unheard("delete", "doc:1#viewer@user:ana");
        await site.decisions.sweep();
        await point.ping();
        assert.deepEqual(answers(point), { 1: "denied", 2: "denied" }, name);
        assert.deepEqual([site.decisions.status.findings, site.decisions.status.sweepFailures, site.reported.length], [1, 1, 2], name);
        assert.deepEqual(await checkpoints(site.folder), [], name);
      }, begin);
    }
  });

  it("is gone when the database is closed in the middle of a sweep, whose promise resolves", async () => {
    await onSite(async (site) => {
      const point = new EnforcementPoint(site.decisions);
      point.hold(...Array.from({ length: 40 * limits.liveChunkMax }, (_, i) => hold(i + 1, `doc:${i}#view@user:ana`)));
      await point.ping();
      const sweep = site.decisions.sweep();
      while ((await checkpoints(site.folder)).length === 0) await new Promise(setImmediate);
      site.decisions.stop();
      await site.decisions.quiet;
      await sweep;
      assert.deepEqual(await checkpoints(site.folder), []);
      assert.deepEqual([site.decisions.status.sweepFailures, site.reported], [0, []], "to be told to end is no failure");
    });
  });
});
