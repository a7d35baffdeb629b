import type { TenantId } from "../../model/zookie.js";
import { crc32 } from "./crc.js";
import type { StagedTuple } from "./import-block.js";
import { fieldsBySubject, headPrefixBytes, writeHeadPrefix } from "./keys.js";
import type { RawBatch, RawOperation } from "./raw.js";
import { checksumBytes } from "./seal.js";

/**
 * The batch of one commit of an import. Nearly all its rows are those of plain tuples that are new; they stand side by side in one
 * buffer, and are keys and values only while LevelDB is handed them: ten thousand tuples, each of four buffers, would live just
 * long enough to cost the collector a third of an import. By example, `document:1#viewer@user:ana`:
 *
 *     10 00000001 document 00 1 00 viewer 00 user 00  00 ana | crc32 00 ac 02 | 11 00000001 user 00 ana 00  00 document 00 viewer 00 1 | crc32 00 ac 02
 */
export class ChunkRows implements RawBatch {
  readonly #tenant: TenantId;
  readonly #body: Uint8Array;
  readonly #bytes: Buffer;
  /** Of each row there, where its key ends, and where its value does. */
  readonly #ends: Uint32Array;
  /** Where each field of the identity in hand stands. */
  readonly #starts = new Uint32Array(fieldsBySubject.length);
  #rows = 0;
  #at = 0;
  readonly #others: RawOperation[] = [];

  /**
   * @param body what the row of a plain tuple holds beyond its checksum
   * @param tuples those for which there is to be room
   */
  constructor(tenant: TenantId, body: Uint8Array, tuples: readonly StagedTuple[]) {
    this.#tenant = tenant;
    this.#body = body;
    const bytesBeside = headPrefixBytes + checksumBytes + body.length;
    this.#bytes = Buffer.allocUnsafeSlow(2 * tuples.reduce((sum, { order }) => sum + order.length + bytesBeside, 0));
    this.#ends = new Uint32Array(4 * tuples.length);
  }

  get length(): number {
    return this.#rows + this.#others.length;
  }

  push(...operations: readonly RawOperation[]): void {
    this.#others.push(...operations);
  }

  /** Both rows of a plain tuple. @param fields those of its order */
  putPlain(order: string, fields: readonly string[]): void {
    const byObject = this.#at;
    const identity = writeHeadPrefix(this.#bytes, byObject, "object", this.#tenant);
    this.#seal(byObject, identity + this.#bytes.write(order, identity, "latin1"));
    const bySubject = this.#at;
    this.#seal(bySubject, this.#copyBySubject(identity, fields, writeHeadPrefix(this.#bytes, bySubject, "subject", this.#tenant)));
  }

  /** The fields of the identity there, each followed by a separator but the last. */
  #copyBySubject(identity: number, fields: readonly string[], to: number): number {
    const bytes = this.#bytes as { [index: number]: number };
    for (let field = 0, start = identity; field < fields.length; field++) {
      this.#starts[field] = start;
      start += (fields[field] as string).length + 1;
    }
    let at = to;
    for (const field of fieldsBySubject) {
      let from = this.#starts[field] as number;
      for (const end = from + (fields[field] as string).length; from < end; ) bytes[at++] = bytes[from++] as number;
      bytes[at++] = 0;
    }
    return at - 1;
  }

  /** The key from `start` to `keyEnd` gets its value. */
  #seal(start: number, keyEnd: number): void {
    const body = this.#body;
    const bodyAt = this.#bytes.writeUInt32BE(crc32(body, 0, body.length, crc32(this.#bytes, start, keyEnd)), keyEnd);
    this.#bytes.set(body, bodyAt);
    this.#at = bodyAt + body.length;
    this.#ends[2 * this.#rows] = keyEnd;
    this.#ends[2 * this.#rows + 1] = this.#at;
    this.#rows++;
  }

  /** One index after the other: LevelDB finds the place of a row fastest where that of the row before was. */
  *[Symbol.iterator](): Generator<RawOperation> {
    for (let row = 0; row < this.#rows; row += 2) yield this.#row(row);
    for (let row = 1; row < this.#rows; row += 2) yield this.#row(row);
    yield* this.#others;
  }

  #row(row: number): RawOperation {
    const start = row === 0 ? 0 : (this.#ends[2 * row - 1] as number);
    const [keyEnd, end] = [this.#ends[2 * row] as number, this.#ends[2 * row + 1] as number];
    return { type: "put", key: this.#bytes.subarray(start, keyEnd), value: this.#bytes.subarray(keyEnd, end) };
  }
}
