import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { connect } from "../../src/client/usher.js";

/**
 * The program of `PointProcess`: `node point-program.js ADDRESS LEASE_MS OBJECT PERMISSION SUBJECT`. It says lines of JSON on stdout, and takes one word
 * a line on stdin: `now` asks how its hold stands; `doze` keeps its event loop from running until it was stopped and goes on, and tells its first read after that.
 */
const [address = "", leaseMs = "", object = "", permission = "", subject = ""] = process.argv.slice(2);

/** A stop shorter than this is taken for the machine's being busy. */
const stopMs = 400;
const dozeMsMax = 30_000;

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

const client = await connect(address);
const guard = client.guard({ leaseMs: Number(leaseMs) });
const hold = await guard.hold(object, permission, subject);

/** By the wall clock, which the test shares: when it last allowed. */
let allowedAt = 0;
let reads = 0;

function read(): { readonly allowed: boolean; readonly reason: string | undefined } {
  const { allowed } = hold;
  reads++;
  if (allowed) allowedAt = Date.now();
  return { allowed, reason: hold.reason };
}

function doze(): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const began = Date.now();
  let before = began;
  say({ dozing: read() });
  for (;;) {
    Atomics.wait(pause, 0, 0, 1);
    // The clock before the hold: whatever the moment of the stop, what is told was read after it.
    const now = Date.now();
    const first = read();
    // Nothing that has arrived meanwhile was heard: no callback runs before this returns.
    if (now - before >= stopMs || now - began >= dozeMsMax) {
      say({ woken: first });
      return;
    }
    before = now;
  }
}

hold.signal.addEventListener("abort", () => say({ aborted: (hold.signal.reason as { readonly code?: string }).code }));
setInterval(read, 1);
createInterface({ input: process.stdin }).on("line", (word) => {
  if (word === "doze") doze();
  else say({ now: read(), allowedAt, reads });
});
say({ held: read() });
