import { assert } from "../../base/assert.js";
import type { Revision } from "../../model/zookie.js";
import type { RawDatabase, RawSnapshot } from "./raw.js";

/**
 * An opened LevelDB with the snapshot of its newest published state. A handle is replaced after a
 * failed batch (SEMANTICS 1), so that all that hangs on it, hangs on it by name.
 */
export class Handle {
  readonly raw: RawDatabase;
  #pin: Pin;
  #alive = true;

  constructor(raw: RawDatabase, revision: Revision) {
    this.raw = raw;
    this.#pin = new Pin(this, revision);
  }

  /** What is published on it: all reads below the caches see this and never a bare `get` (SEMANTICS 2). */
  get pin(): Pin {
    return this.#pin;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Takes the snapshot of what the handle's last batch, now durable, made of the store. */
  advance(revision: Revision): void {
    const before = this.#pin;
    this.#pin = new Pin(this, revision);
    before.release();
  }

  /** Snapshots that are held on it die with it. */
  async close(): Promise<void> {
    this.#alive = false;
    await this.raw.close();
  }
}

/** A LevelDB snapshot with the revision it shows, shared by whoever reads there, closed by the last one. */
export class Pin {
  readonly handle: Handle;
  readonly revision: Revision;
  readonly snapshot: RawSnapshot;
  #holders = 1;

  constructor(handle: Handle, revision: Revision) {
    this.handle = handle;
    this.revision = revision;
    this.snapshot = handle.raw.snapshot();
  }

  hold(): this {
    assert(this.#holders > 0, "a released pin is not held again");
    this.#holders++;
    return this;
  }

  /** Closing a snapshot only drops a reference inside LevelDB; after the handle it is closed already. */
  release(): void {
    assert(this.#holders > 0, "a pin is released once by each holder");
    this.#holders--;
    if (this.#holders === 0 && this.handle.alive) void this.snapshot.close();
  }
}
