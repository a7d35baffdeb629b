import type { Snapshot } from "../store.js";
import { ReadGate } from "./gate.js";
import { Handle } from "./handle.js";
import { openClassicLevel } from "./raw.js";
import { LevelSnapshot } from "./snapshot.js";
import { corrupt, readMeta } from "./state.js";

/** A checkpoint, opened: what the store held at one moment, and nothing that came after. For a thread that has it to itself. */
export class CheckpointReader {
  readonly #handle: Handle;
  readonly #instant: number;
  readonly #gate = new ReadGate();

  private constructor(handle: Handle, instant: number) {
    this.#handle = handle;
    this.#instant = instant;
  }

  /** @throws `store_corrupt`, and what LevelDB throws */
  static async open(folder: string): Promise<CheckpointReader> {
    const raw = await openClassicLevel(folder, { create: false });
    try {
      const snapshot = raw.snapshot();
      const { head } = await readMeta(raw, snapshot).finally(() => snapshot.close());
      return new CheckpointReader(new Handle(raw, head.revision), head.instant);
    } catch (error) {
      await raw.close();
      throw error;
    }
  }

  snapshot(): Snapshot {
    const { pin } = this.#handle;
    return new LevelSnapshot({ pinFor: (revision) => (revision === pin.revision ? pin : fail()) }, this.#gate, pin.hold(), pin.revision, this.#instant);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function fail(): never {
  throw corrupt("a checkpoint has one revision");
}
