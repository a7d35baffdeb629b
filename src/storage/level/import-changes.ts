import type { Revision } from "../../model/zookie.js";
import type { StoredChange } from "../store.js";
import { fieldsOf, type StagedTuple, tupleOf } from "./import-block.js";

/**
 * What a commit of an import changes. They become tuples when they are asked for, as the commit is published, and not before: those of
 * three commits, one in flight, one built ahead and one being merged, are more than the collector should have to copy again and again.
 */
export class ChunkChanges {
  readonly #written: StagedTuple[] = [];
  /** Since when what the change of that place ended had stood. */
  readonly #replaced = new Map<number, Revision>();

  get length(): number {
    return this.#written.length;
  }

  add(written: StagedTuple, replaced?: Revision): void {
    if (replaced !== undefined) this.#replaced.set(this.#written.length, replaced);
    this.#written.push(written);
  }

  make(): StoredChange[] {
    let fields: readonly string[] = [];
    return this.#written.map((staged, at) => {
      const tuple = tupleOf(staged, (fields = fieldsOf(staged.order, fields)));
      const replaced = this.#replaced.size === 0 ? undefined : this.#replaced.get(at);
      return replaced === undefined ? { kind: "write", tuple } : { kind: "write", tuple, replaced };
    });
  }
}
