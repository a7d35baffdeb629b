import { join } from "node:path";

import { ClassicLevel } from "classic-level";

import { asError, UsherError } from "../../base/errors.js";
import { readBlock, type StoredRecord } from "./block.js";
import { type Group, decodeGroup } from "./group.js";
import { decodeHead, formatNewest, type Head } from "./head.js";
import { scrubLog } from "./scrub-log.js";
import { blockKey, chunkKey, fenceKey, groupKey, headKey, indexKey, tileKey } from "./keys.js";
import { unseal } from "./seal.js";
import type { Segment } from "./segment.js";

/** Rows that are read together. */
const rowsTogether = 64;
const checksumBytes = 4;

/** A block, as far as it can be read. */
export interface FoundBlock {
  readonly first: number;
  /** Undefined: it is no block any more. */
  readonly records: readonly StoredRecord[] | undefined;
  /** It does not match its checksum. */
  readonly damaged: boolean;
}

/** A row, where it is there; `damaged`: it cannot be trusted. */
export type Found<Value> = Value | "damaged" | undefined;

/** The rows of a log that nobody has open, for whoever doubts them: damage is returned, and not thrown. */
export class LogReading {
  readonly #level: ClassicLevel<Buffer, Buffer>;
  readonly #folder: string;

  /** @throws `store_in_use` while a server has it open, `not_a_store` where there is none, `store_corrupt` where LevelDB cannot open it */
  static async open(folder: string): Promise<LogReading> {
    await scrubLog(join(folder, "level"), Infinity);
    const level = new ClassicLevel<Buffer, Buffer>(join(folder, "level"), { keyEncoding: "buffer", valueEncoding: "buffer", createIfMissing: false });
    await level.open().catch((error: unknown) => {
      throw unopened(folder, error);
    });
    return new LogReading(level, folder);
  }

  private constructor(level: ClassicLevel<Buffer, Buffer>, folder: string) {
    this.#level = level;
    this.#folder = folder;
  }

  /** @throws `store_format_newer` */
  head(): Found<Head> {
    const head = this.#row(headKey, decodeHead);
    if (typeof head !== "object" || head.format <= formatNewest) return head;
    throw new UsherError("store_format_newer", `the decision log has format ${String(head.format)}, and this version knows ${formatNewest}: use the version that wrote it`);
  }

  tile(level: number, tile: number): Found<Buffer> {
    return this.#row(tileKey(level, tile), (body) => body);
  }

  group(number: number): Found<Group> {
    return this.#row(groupKey(number), decodeGroup);
  }

  /** In the order of their records. */
  async *blocks(): AsyncGenerator<readonly FoundBlock[]> {
    for await (const rows of this.#rows(blockKey(0), Buffer.of(blockKey(0)[0]! + 1))) yield rows.map(foundBlock);
  }

  /** Of all rows but blocks the keys of those that do not match their checksum, and of the index those that it should have and has not, in hexadecimal. */
  async *wrongRows(): AsyncGenerator<{ readonly key: string; readonly missing: boolean }> {
    const index = new Set<string>();
    for await (const rows of this.#rows(Buffer.of(blockKey(0)[0]! + 1), Buffer.of(0xff))) {
      for (const [key, value] of rows) {
        if (!isSealed(key, value)) yield { key: key.toString("hex"), missing: false };
        if (key[0] === fenceKey(0)[0] || key[0] === chunkKey(0, 0)[0]) index.add(key.toString("hex"));
      }
    }
    const catalogue = this.#row(indexKey, decodeCatalogue);
    if (catalogue === "damaged") return;
    if (catalogue === undefined && index.size > 0) yield { key: indexKey.toString("hex"), missing: true };
    for (const { id, chunks } of catalogue?.segments ?? []) {
      for (const key of [fenceKey(id), ...Array.from({ length: chunks }, (_, chunk) => chunkKey(id, chunk))]) {
        if (!index.has(key.toString("hex"))) yield { key: key.toString("hex"), missing: true };
      }
    }
  }

  close(): Promise<void> {
    return this.#level.close();
  }

  #row<Value>(key: Buffer, decode: (body: Buffer) => Value): Found<Value> {
    let value: Buffer | undefined;
    try {
      value = this.#level.getSync(key);
    } catch (error) {
      throw unopened(this.#folder, error);
    }
    if (value === undefined) return undefined;
    try {
      return decode(unseal(key, value));
    } catch {
      return "damaged";
    }
  }

  async *#rows(start: Buffer, end: Buffer): AsyncGenerator<readonly [Buffer, Buffer][]> {
    const iterator = this.#level.iterator({ gte: start, lt: end, fillCache: false });
    try {
      for (let rows = await iterator.nextv(rowsTogether); rows.length > 0; rows = await iterator.nextv(rowsTogether)) yield rows;
    } catch (error) {
      throw unopened(this.#folder, error);
    } finally {
      await iterator.close();
    }
  }
}

function decodeCatalogue(body: Buffer): { readonly segments: readonly Segment[] } {
  return JSON.parse(body.toString()) as { segments: Segment[] };
}

function foundBlock([key, value]: [Buffer, Buffer]): FoundBlock {
  const first = key.length === blockKey(0).length ? key.readUIntBE(1, 6) : Number.NaN;
  const damaged = !isSealed(key, value);
  try {
    return { first, records: readBlock(value.subarray(checksumBytes)), damaged };
  } catch {
    return { first, records: undefined, damaged: true };
  }
}

function isSealed(key: Buffer, value: Buffer): boolean {
  try {
    unseal(key, value);
    return true;
  } catch {
    return false;
  }
}

function unopened(folder: string, thrown: unknown): UsherError {
  if (thrown instanceof UsherError) return thrown;
  const error = asError(thrown);
  const { code, message } = asError(error.cause ?? error) as NodeJS.ErrnoException;
  const options = { details: { folder }, cause: error };
  if (code === "LEVEL_LOCKED") return new UsherError("store_in_use", `the decision log in \`${folder}\` is open in another process: stop it, or verify a copy of the folder`, options);
  if (message.includes("does not exist")) return new UsherError("not_a_store", `\`${folder}\` holds no decision log: name the folder that has its \`level\` and \`checkpoints\``, options);
  return new UsherError("store_corrupt", `the decision log in \`${folder}\` cannot be read: ${message}: what it still has is for a copy from elsewhere to tell`, options);
}
