import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { OpenRaw, RawDatabase, RawIterator, RawOperation } from "../../src/storage/level/raw.js";

/** The operations that reach LevelDB. */
export type Call = "open" | "getMany" | "getSync" | "next" | "batch" | "close";

/** What a call comes to: it passes, or it fails before or after it took effect. */
export type Verdict = "pass" | "before" | "after";

/** An error as LevelDB gives it for a system call that failed. */
export function ioError(reason: "EIO" | "ENOSPC"): Error {
  const text = reason === "EIO" ? "Input/output error" : "No space left on device";
  return Object.assign(new Error(`IO error: 000007.log: ${text}`), { code: "LEVEL_IO_ERROR" });
}

/**
 * Stands between the store and LevelDB. `decide` is asked for each call, and says whether it fails;
 * `calls` counts them. A batch that fails "after" was applied, and nobody was told.
 */
export class Faults {
  decide: (call: Call, nth: number) => Verdict = () => "pass";
  reason: "EIO" | "ENOSPC" = "EIO";
  calls = 0;

  wrap(open: OpenRaw): OpenRaw {
    return async (folder, options) => {
      const raw = await this.#run("open", () => open(folder, options));
      return this.#database(raw);
    };
  }

  #database(raw: RawDatabase): RawDatabase {
    return {
      getMany: (keys, snapshot) => this.#run("getMany", () => raw.getMany(keys, snapshot)),
      getSync: (key, snapshot) => {
        if (this.decide("getSync", this.calls++) !== "pass") throw ioError(this.reason);
        return raw.getSync(key, snapshot);
      },
      iterate: (range) => this.#iterator(raw.iterate(range)),
      batch: (operations, options) => this.#run("batch", () => raw.batch(operations, options)),
      snapshot: () => raw.snapshot(),
      close: () => this.#run("close", () => raw.close()),
    };
  }

  #iterator(iterator: RawIterator): RawIterator {
    return { next: (count) => this.#run("next", () => iterator.next(count)), close: () => iterator.close() };
  }

  async #run<Result>(call: Call, action: () => Promise<Result>): Promise<Result> {
    const verdict = this.decide(call, this.calls++);
    if (verdict === "before") throw ioError(this.reason);
    const result = await action();
    // What close has closed stays closed, whatever it says.
    if (verdict === "after" && call !== "open") throw ioError(this.reason);
    return result;
  }
}

/** Every call takes a random time before it begins and before it is answered, so that they overtake each other. */
export function withLatency(open: OpenRaw, random: () => number = Math.random): OpenRaw {
  const pause = () => (random() < 0.5 ? Promise.resolve() : delay(random() * 2));
  const slow = async <Result>(action: () => Promise<Result>): Promise<Result> => {
    await pause();
    const result = await action();
    await pause();
    return result;
  };
  return async (folder, options) => {
    const raw = await open(folder, options);
    return {
      getMany: (keys, snapshot) => slow(() => raw.getMany(keys, snapshot)),
      getSync: (key, snapshot) => raw.getSync(key, snapshot),
      iterate: (range) => {
        const iterator = raw.iterate(range);
        return { next: (count) => slow(() => iterator.next(count)), close: () => iterator.close() };
      },
      batch: (operations, options) => slow(() => raw.batch(operations, options)),
      snapshot: () => raw.snapshot(),
      close: () => slow(() => raw.close()),
    };
  };
}

/**
 * A disk that keeps nothing unless it is told to sync: what was not, is there once something later
 * is; what never was is gone when the database is opened the next time.
 */
export function losingUnsynced(open: OpenRaw): OpenRaw {
  return async (folder, options) => {
    const raw = await open(folder, options);
    let unsynced: RawOperation[] = [];
    return {
      getMany: (keys, snapshot) => raw.getMany(keys, snapshot),
      getSync: (key, snapshot) => raw.getSync(key, snapshot),
      iterate: (range) => raw.iterate(range),
      batch: async (operations, { sync }) => {
        unsynced = [...unsynced, ...operations];
        if (!sync) return;
        const kept = unsynced;
        unsynced = [];
        await raw.batch(kept, { sync });
      },
      snapshot: () => raw.snapshot(),
      close: () => raw.close(),
    };
  };
}

/** The files of a closed store that hold data; of logs and manifests the newest, since older ones may linger unused. */
export function storeFiles(folder: string): string[] {
  const level = join(folder, "level");
  const names = readdirSync(level).sort();
  const newest = (pattern: RegExp) => names.filter((name) => pattern.test(name)).slice(-1);
  const used = ["CURRENT", ...newest(/^MANIFEST-/), ...newest(/\.log$/), ...names.filter((name) => name.endsWith(".ldb"))];
  return [join(folder, "STORE"), ...used.map((name) => join(level, name))];
}

export function flipBit(file: string, bit: number): void {
  const bytes = readFileSync(file);
  const at = Math.floor(bit / 8) % Math.max(1, bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
  writeFileSync(file, bytes);
}

export function cutTail(file: string, count: number): void {
  truncateSync(file, Math.max(0, readFileSync(file).length - count));
}

export function removeFile(file: string): void {
  rmSync(file);
}
