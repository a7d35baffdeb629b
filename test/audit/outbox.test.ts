import assert from "node:assert/strict";

import { type Batch, Outbox } from "../../src/audit/outbox.js";
import { eachText } from "../../src/audit/texts.js";
import { limits } from "../../src/base/limits.js";
import { hasCode } from "./logs.js";

/** A disk that a test holds up, or fails. */
class Disk {
  readonly written: string[] = [];
  readonly errors: Error[] = [];
  sequence = 0;
  failing = false;
  /** Fails after it has written. */
  late = false;
  #held: (() => void)[] | undefined;

  outbox(blocking: boolean): Outbox {
    return new Outbox(0, {
      blocking,
      write: (batch) => this.#write(batch),
      reopen: async () => {
        if (this.failing) throw new Error("no space left");
        return this.sequence;
      },
      report: (error) => void this.errors.push(error),
      retryMs: { min: 1, max: 2 },
    });
  }

  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const go of held) go();
  }

  async #write({ sequence, payloads }: Batch): Promise<void> {
    if (this.#held !== undefined) await new Promise<void>((resolve) => this.#held?.push(resolve));
    if (this.failing) throw new Error("no space left");
    assert.equal(sequence, this.sequence + 1, "batches come one after another, each once");
    this.sequence = sequence;
    eachText(payloads.pack(), (text) => void this.written.push(text.toString()));
    if (!this.late) return;
    this.late = false;
    throw new Error("the word of it was lost");
  }
}

const text = (length: number) => ({ text: "x".repeat(length) });

describe("what is on its way to the decision log", () => {
  it("gathers while a batch is under way", async () => {
    const disk = new Disk();
    const outbox = disk.outbox(true);
    disk.hold();
    const first = outbox.put({ text: "0" }, true);
    await new Promise(setImmediate);
    const rest = Array.from({ length: 9 }, (_, i) => outbox.put({ text: String(i + 1) }, true));
    disk.release();
    await Promise.all([first, ...rest]);
    assert.equal(outbox.batches, 2);
    assert.deepEqual(disk.written, Array.from({ length: 10 }, (_, i) => String(i)));
    assert.equal(outbox.backlogBytes, 0);
  });

  it("sends a batch at its bound of records, and at its bound of bytes", async () => {
    const disk = new Disk();
    const outbox = disk.outbox(false);
    for (let i = 0; i < limits.auditBatchRecordsMax - 1; i++) void outbox.put(text(1), false);
    await new Promise(setImmediate);
    assert.equal(disk.written.length, 0);
    void outbox.put(text(1), false);
    await new Promise(setImmediate);
    assert.equal(disk.written.length, limits.auditBatchRecordsMax);
    void outbox.put(text(limits.auditBatchBytesMax - 1), false);
    await new Promise(setImmediate);
    assert.equal(outbox.batches, 1);
    void outbox.put(text(1), false);
    await new Promise(setImmediate);
    assert.equal(outbox.batches, 2);
    await outbox.close();
  });

  it("buffers without waiting up to the bound; then grants wait until it drains, and nothing else does", async () => {
    const disk = new Disk();
    const outbox = disk.outbox(false);
    disk.hold();
    const part = limits.auditBatchBytesMax;
    for (let bytes = 0; bytes < limits.auditBacklogBytesMax - part; bytes += part) assert.equal(outbox.put(text(part), true), undefined);
    assert.equal(outbox.put(text(part - 1), true), undefined);
    const waits = outbox.put(text(1), true);
    assert(waits instanceof Promise);
    assert.equal(outbox.put(text(1), false), undefined);
    disk.release();
    await waits;
    await outbox.close();
    assert.equal(disk.written.reduce((sum, each) => sum + each.length, 0), limits.auditBacklogBytesMax + 1);
  });

  it("refuses grants in block mode while the disk fails, and goes on by itself with what was handed over", async () => {
    const disk = new Disk();
    const outbox = disk.outbox(true);
    disk.failing = true;
    await assert.rejects(outbox.put({ text: "a" }, true)!, hasCode("audit_unavailable"));
    assert(outbox.failure !== undefined);
    await assert.rejects(outbox.put({ text: "refused" }, true)!, hasCode("audit_unavailable"));
    assert.equal(outbox.put({ text: "denied" }, false), undefined);
    assert.equal(outbox.refused, 1);
    disk.failing = false;
    while (outbox.failure !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    await outbox.put({ text: "b" }, true);
    assert.deepEqual(disk.written, ["a", "denied", "b"]);
    assert.equal(disk.errors.length, 1, "it is said once");
  });

  it("goes on in buffer mode while the disk fails, refuses grants once the bound is reached, and loses nothing", async () => {
    const disk = new Disk();
    const outbox = disk.outbox(false);
    disk.failing = true;
    const part = limits.auditBatchBytesMax;
    for (let bytes = 0; bytes < limits.auditBacklogBytesMax - part; bytes += part) assert.equal(outbox.put(text(part), true), undefined);
    while (outbox.failure === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(outbox.put(text(part - 1), true), undefined);
    // Which makes it full: this one is refused by the next attempt, later ones at once.
    await assert.rejects(outbox.put(text(1), true)!, hasCode("audit_unavailable"));
    await assert.rejects(outbox.put(text(1), true)!, hasCode("audit_unavailable"));
    assert.equal(outbox.refused, 1);
    assert.equal(outbox.put(text(1), false), undefined);
    disk.failing = false;
    await outbox.close();
    assert.equal(disk.written.reduce((sum, each) => sum + each.length, 0), limits.auditBacklogBytesMax + 1);
  });

  it("does not write a batch twice that had arrived", async () => {
    const disk = new Disk();
    const outbox = disk.outbox(true);
    disk.late = true;
    await assert.rejects(outbox.put({ text: "a" }, true)!, hasCode("audit_unavailable"));
    await outbox.flush().catch(() => undefined);
    await outbox.close();
    assert.deepEqual(disk.written, ["a"]);
  });

  it("says at its end what it could not write", async () => {
    const disk = new Disk();
    const outbox = disk.outbox(false);
    disk.failing = true;
    void outbox.put({ text: "a" }, false);
    await assert.rejects(outbox.close(), hasCode("audit_unavailable"));
  });
});
