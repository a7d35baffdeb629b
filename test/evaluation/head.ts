import { RelationCache } from "../../src/evaluation/cache/relation-cache.js";
import { evaluateAtHead, type Evaluation, type Question } from "../../src/evaluation/evaluate.js";
import { compileSchema } from "../../src/model/schema/compile.js";
import { parseCheck, parseTuple } from "../../src/model/tuple-text.js";
import type { ListQuery, Snapshot, TupleKey } from "../../src/storage/store.js";
import { MemoryStore } from "./memory-store.js";

export const now = Date.parse("2030-01-01T00:00:00Z");

/** Is waited for before the store answers a read: what holds it up, or throws in its place. */
export type Hindrance = (read: { readonly probe: readonly TupleKey[] } | { readonly list: ListQuery }) => Promise<void>;

export interface Asked extends Partial<Question> {
  readonly at?: number;
  readonly signal?: AbortSignal;
  readonly hindered?: Hindrance;
  /** Is called whenever something is to be loaded. */
  readonly onLoad?: () => void;
  /** What is loaded from, in place of the store. */
  readonly newest?: () => Snapshot;
  /** Milliseconds by which the walk yields. */
  readonly timer?: () => number;
}

/** A small world written as text, of which the newest state is asked, and which changes. */
export function head(schemaText: string, tuples: readonly string[], { budgetBytes, depthMax }: { budgetBytes?: number; depthMax?: number } = {}) {
  const compile = (text: string) => compileSchema(text, depthMax === undefined ? {} : { dialect: { depthMax } });
  const store = new MemoryStore(tuples.map(parseTuple), now, 1_000);
  const cache = new RelationCache(store, budgetBytes);
  let written = { schema: compile(schemaText), schemaRevision: 1 };

  const askAll = (checks: readonly string[], { at = now, signal, hindered, onLoad, newest = () => store.snapshot(), timer, ...extra }: Asked = {}): Promise<Evaluation> => {
    const loading = () => {
      onLoad?.();
      return hindered === undefined ? newest() : new HinderedSnapshot(newest(), hindered);
    };
    const questions = checks.map((check): Question => ({ ...parseCheck(check), ...extra }));
    return evaluateAtHead(questions, { ...written, snapshot: store.snapshot(), tenant: 1, now: at, cache, newest: loading, tellsGrounds: true }, signal, timer);
  };
  return {
    store,
    cache,
    askAll,
    /** Its value alone. */
    ask: async (check: string, asked?: Asked) => (await askAll([check], asked)).answers[0]?.value,
    write: (lines: readonly string[], instant?: number) => store.apply(lines.map((line) => ({ kind: "write", tuple: parseTuple(line) })), instant),
    remove: (lines: readonly string[], instant?: number) => store.apply(lines.map((line) => ({ kind: "delete", tuple: parseTuple(line) })), instant),
    define: (text: string) => {
      store.apply([], undefined, text);
      written = { schema: compile(text), schemaRevision: store.head.revision };
    },
  };
}

export class HinderedSnapshot implements Snapshot {
  readonly revision: number;
  readonly instant: number;
  readonly #below: Snapshot;
  readonly #hindered: Hindrance;

  constructor(below: Snapshot, hindered: Hindrance) {
    this.revision = below.revision;
    this.instant = below.instant;
    this.#below = below;
    this.#hindered = hindered;
  }

  async probe(...asked: Parameters<Snapshot["probe"]>): ReturnType<Snapshot["probe"]> {
    await this.#hindered({ probe: asked[1] });
    return this.#below.probe(...asked);
  }

  async list(...asked: Parameters<Snapshot["list"]>): ReturnType<Snapshot["list"]> {
    await this.#hindered({ list: asked[1] });
    return this.#below.list(...asked);
  }

  schema(tenant: number): ReturnType<Snapshot["schema"]> {
    return this.#below.schema(tenant);
  }

  release(): void {
    this.#below.release();
  }
}

/** A gate that is closed until it is opened. */
export function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = () => undefined as void;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}
