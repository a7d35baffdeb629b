import type { TenantId } from "../../model/zookie.js";
import type { Commit } from "../store.js";
import { type Counted, type Group, closingRows } from "./group.js";
import type { ChunkChanges } from "./import-changes.js";
import type { ChunkRows } from "./import-rows.js";
import type { ChainPoint } from "./meta.js";
import type { SchemaInForce, State } from "./state.js";

/** The parts of a commit that are known before it is asked for its changes. */
export type CommitHead = Omit<Commit, "changes">;

/** The group of one chunk: one commit, or none where nothing of it was new. */
export class ChunkGroup implements Group {
  readonly batch: ChunkRows;
  readonly schemas: ReadonlyMap<TenantId, SchemaInForce> = new Map();
  readonly counters: ReadonlyMap<string, Counted>;
  readonly mark: ChainPoint | undefined;
  readonly head: ChainPoint;
  readonly #commit: CommitHead;
  readonly #changes: ChunkChanges;
  #commits: readonly Commit[] | undefined;

  /** Closes the batch. @param base what the group is committed on */
  constructor(batch: ChunkRows, commit: CommitHead, changes: ChunkChanges, counters: ReadonlyMap<string, Counted>, head: ChainPoint, base: Pick<State, "unverified" | "head">) {
    const { rows, mark } = closingRows({ commits: changes.length > 0 ? [commit] : [], counters, head }, base);
    batch.push(...rows);
    this.batch = batch;
    this.counters = counters;
    this.mark = mark;
    this.head = head;
    this.#commit = commit;
    this.#changes = changes;
  }

  get commits(): readonly Commit[] {
    this.#commits ??= this.#changes.length > 0 ? [{ ...this.#commit, changes: this.#changes.make() }] : [];
    return this.#commits;
  }

  /** How much more is to be verified once it is committed. */
  get unverified(): number {
    return this.#changes.length > 0 ? 1 + this.#changes.length : 0;
  }
}
