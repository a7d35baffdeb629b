import { LiveDecisions } from "../../src/decisions/live-decisions.js";
import { leasesInMemory, type LeaseRecord } from "../../src/decisions/leases.js";
import type { LivePort } from "../../src/decisions/port.js";
import { RelationCache } from "../../src/evaluation/cache/relation-cache.js";
import type { HeldAnswer, Hold, LiveResponse } from "../../src/model/live.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import { parseCheck, parseTuple } from "../../src/model/tuple-text.js";
import type { StoreState } from "../../src/storage/store.js";
import { MemoryStore } from "../evaluation/memory-store.js";
import { UsherError } from "../../src/base/errors.js";
import { answerOf, EnforcementPoint } from "./enforcement-point.js";

export const now = Date.parse("2030-01-01T00:00:00Z");

/** A small world written as text, held by enforcement points, with clocks that are set by hand. */
export function live(schemaText: string, tuples: readonly string[] = [], { leases = leasesInMemory(), report = () => undefined }: { leases?: LeaseRecord; report?: LivePort["report"] } = {}) {
  const store = new MemoryStore(tuples.map(parseTuple), now, 1_000);
  const cache = new RelationCache(store);
  const schemas = [{ schema: compileSchema(schemaText), revision: 1 }];
  const clock = { instant: now, monotonic: 0 };
  const condition: { state: StoreState } = { state: "ready" };
  const conditionListeners = new Set<() => void>();
  /** Is waited for before a schema is read. */
  const slow: { schema?: () => Promise<void> } = {};
  const failing = { error: undefined as UsherError | undefined };
  const port = {
    store: Object.assign(store, { clock: { now: () => clock.instant }, condition, onCondition: (listener: () => void) => (conditionListeners.add(listener), () => conditionListeners.delete(listener)), hasTenant: () => true }),
    cache,
    observer: { onEvaluation: () => undefined },
    report,
    leases,
    schemaAt: async ({ revision }: { revision: number }) => {
      if (failing.error !== undefined) throw failing.error;
      await slow.schema?.();
      return schemas.findLast((version) => version.revision <= revision);
    },
    compiled: (text: string) => compileSchema(text),
    validate: (question: { object: { type: string }; permission: string }, schema: ReturnType<typeof compileSchema>) => {
      if (schema.definitions.get(question.object.type)?.members.has(question.permission) !== true) throw new UsherError("unknown_relation", "there is none");
      return question;
    },
    zookie: (_tenant: number, revision: number) => String(revision),
    revisionOf: (_tenant: number, zookie: string) => {
      if (Number(zookie) > store.head.revision) throw new UsherError("zookie_ahead", "ahead");
      return Number(zookie);
    },
    monotonicMs: () => clock.monotonic,
  } as unknown as LivePort;
  const decisions = new LiveDecisions(port);
  return {
    store,
    clock,
    decisions,
    failing,
    slow,
    /** Without a commit. */
    redefine: (text: string) => void schemas.splice(0, schemas.length, { schema: compileSchema(text), revision: 1 }),
    become: (state: StoreState) => {
      condition.state = state;
      for (const listener of conditionListeners) listener();
    },
    point: (options: ConstructorParameters<typeof EnforcementPoint>[1] = {}) => new EnforcementPoint(decisions, options),
    write: (...lines: string[]) => store.apply(lines.map((line) => ({ kind: "write" as const, tuple: parseTuple(line) })), clock.instant),
    remove: (...lines: string[]) => store.apply(lines.map((line) => ({ kind: "delete" as const, tuple: parseTuple(line) })), clock.instant),
    define: (text: string) => {
      schemas.push({ schema: compileSchema(text), revision: store.head.revision + 1 });
      store.apply([], clock.instant, text);
    },
    enforced: (waitMs: number) => decisions.enforced(store.head.revision, waitMs),
  };
}

/** `doc:1#view@user:ana` as a hold. */
export function hold(id: number, check: string, more: Partial<Hold> = {}): Hold {
  const { object, permission, subject } = parseCheck(check);
  return { id, object, permission, subject, ...more };
}

export function answers(point: EnforcementPoint): Record<number, HeldAnswer | undefined> {
  return Object.fromEntries([...point.states].map(([id, state]) => [id, answerOf(state)]));
}

export function flipsOf(point: EnforcementPoint) {
  return point.messages.flatMap((message: LiveResponse) => (message.kind === "flips" ? message.flips : []));
}
