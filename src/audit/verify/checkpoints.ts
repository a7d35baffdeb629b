import { quote } from "../../model/object.js";
import { type Checkpoint, signatureBy } from "../checkpoint.js";
import type { CheckpointInFile } from "../checkpoints-file.js";
import { equalHashes } from "../tree/merkle.js";
import type { Findings, FindingWord } from "./findings.js";
import type { Keys } from "./keys.js";

/** A checkpoint that has been compared. */
interface Compared {
  readonly checkpoint: Checkpoint;
  readonly given: boolean;
  /** Its root is the log's. */
  readonly matches: boolean;
}

/**
 * The log's own checkpoints in the order of their sizes, and the one that was given: each is compared with the root once that many records have been
 * read. Signatures are checked as soon as the key is known.
 */
export class Checkpoints {
  verified = 0;
  /** Of sizes behind retention, to which there is no root any more. */
  expired = 0;
  /** The end of the file is cut. */
  cut = false;
  /** The largest size that a checkpoint of the log says, and vouches for. */
  signedSize = 0;
  /** The same of the key that was said to be trusted. */
  trustedSize = 0;
  readonly #own: AsyncIterator<CheckpointInFile, undefined>;
  readonly #keys: Keys;
  readonly #findings: Findings;
  readonly #trusted: string | undefined;
  #next: Checkpoint | undefined;
  #given: Checkpoint | undefined;
  #last = 0;
  #origin: string | undefined;
  #failing = false;
  readonly #unsigned: Compared[] = [];

  constructor(own: AsyncIterable<CheckpointInFile, undefined>, given: Checkpoint | undefined, trusted: string | undefined, keys: Keys, findings: Findings, origin?: string) {
    this.#own = own[Symbol.asyncIterator]();
    this.#given = given;
    this.#trusted = trusted;
    this.#keys = keys;
    this.#findings = findings;
    this.#origin = origin;
  }

  get origin(): string | undefined {
    return this.#origin;
  }

  /** Reads the first one. */
  async begin(): Promise<void> {
    await this.#advance();
  }

  /** The next size of which the root is asked for. */
  get dueAt(): number {
    return Math.min(this.#next?.size ?? Infinity, this.#given?.size ?? Infinity);
  }

  /** @param root of so many records; undefined: it cannot be known. */
  async compare(size: number, root: Uint8Array | undefined): Promise<void> {
    while (this.#next !== undefined && this.#next.size <= size) {
      this.#compareOwn(this.#next, this.#next.size === size ? root : undefined);
      await this.#advance();
    }
    if (this.#given !== undefined && this.#given.size <= size) {
      this.#compareGiven(this.#given, this.#given.size === size ? root : undefined);
      this.#given = undefined;
    }
  }

  /** One that comes behind the records, which must be of just as many. */
  compareLast(checkpoint: Checkpoint, size: number, root: Uint8Array | undefined): void {
    if (checkpoint.size > size) this.#tooLarge(checkpoint, size, false);
    else if (checkpoint.size < size) this.#findings.add("changed", `${named(checkpoint)} stands behind ${size} records`);
    else if (root === undefined) this.#sign({ checkpoint, given: false, matches: false });
    else this.#compareOwn(checkpoint, root);
  }

  /** All records have been read, and all keys are known. */
  async conclude(size: number, declaredKey: string | undefined): Promise<void> {
    this.#keys.conclude(declaredKey);
    for (; this.#next !== undefined; await this.#advance()) this.#tooLarge(this.#next, size, false);
    if (this.#given !== undefined) this.#tooLarge(this.#given, size, true);
    for (const each of this.#unsigned) this.#checkSignature(each);
    if (this.#trusted === undefined || this.trustedSize > 0) return;
    this.#findings.add("wrong_key", `no checkpoint of this log is signed by the key ${quote(this.#trusted)}`);
  }

  async #advance(): Promise<void> {
    this.#next = undefined;
    while (this.#next === undefined) {
      const next: IteratorResult<CheckpointInFile, undefined> = await this.#own.next();
      if (next.done === true) return;
      const { value } = next;
      if (value.kind === "cut") this.cut = true;
      else if (value.kind === "unreadable") this.#findings.add("changed", `a checkpoint behind that of ${this.#last} records is not readable: ${value.why}`);
      else if (value.checkpoint.size < this.#last) this.#findings.add("reordered", `${named(value.checkpoint)} stands behind that of ${this.#last} records`);
      else this.#next = value.checkpoint;
    }
    this.#last = this.#next.size;
  }

  #compareOwn(checkpoint: Checkpoint, root: Uint8Array | undefined): void {
    const matches = root === undefined || equalHashes(root, checkpoint.root);
    if (root === undefined) this.expired++;
    // All that follow differ as well: the first says where to look.
    else if (!matches && !this.#failing) this.#findings.add("changed", `the first ${checkpoint.size} records are not those of ${named(checkpoint)}: something below was changed after ${this.signedSize}, or all of it written anew`);
    this.#failing = !matches;
    this.#sign({ checkpoint, given: false, matches: matches && root !== undefined });
  }

  #compareGiven(checkpoint: Checkpoint, root: Uint8Array | undefined): void {
    if (root === undefined) this.#findings.add("missing", `the records of ${named(checkpoint)} have expired: give a later checkpoint`);
    else if (!equalHashes(root, checkpoint.root)) this.#findings.add("forked", `${named(checkpoint)} is not of a beginning of this log`);
    this.#sign({ checkpoint, given: true, matches: root !== undefined && equalHashes(root, checkpoint.root) });
  }

  #tooLarge(checkpoint: Checkpoint, size: number, given: boolean): void {
    this.#findings.add("truncated", `${named(checkpoint)} is of ${checkpoint.size} records, and there are ${size}`);
    this.#sign({ checkpoint, given, matches: false });
  }

  #sign(compared: Compared): void {
    if (this.#keys.of(compared.checkpoint.size) === undefined || compared.given) this.#unsigned.push(compared);
    else this.#checkSignature(compared);
  }

  #checkSignature({ checkpoint, given, matches }: Compared): void {
    const problem = this.#problemOf(checkpoint, given);
    if (problem !== undefined) return this.#findings.add(...problem);
    if (!matches) return;
    if (!given) this.verified++;
    this.signedSize = Math.max(this.signedSize, checkpoint.size);
    if (this.#trusted !== undefined && signatureBy(checkpoint, this.#trusted) === "valid") this.trustedSize = Math.max(this.trustedSize, checkpoint.size);
  }

  #problemOf(checkpoint: Checkpoint, given: boolean): [FindingWord, string] | undefined {
    this.#origin ??= checkpoint.origin;
    if (checkpoint.origin !== this.#origin) return ["wrong_key", `${named(checkpoint)} is of the log ${quote(checkpoint.origin)}, and this is ${quote(this.#origin)}`];
    const key = this.#keys.of(checkpoint.size);
    // One that was given may be of the key that is trusted, whatever the log says of keys.
    const signatures = [key, given ? this.#trusted : undefined].filter((each) => each !== undefined).map((each) => signatureBy(checkpoint, each));
    if (signatures.includes("damaged")) return ["changed", `${named(checkpoint)} is not as it was signed`];
    if (signatures.includes("valid")) return undefined;
    return ["wrong_key", `${named(checkpoint)} is not signed by ${key === undefined ? "a key of this log" : `the key ${quote(key)}, which was in force`}`];
  }
}

function named({ size, at }: Checkpoint): string {
  return `the checkpoint of ${size} records at ${new Date(at).toISOString()}`;
}
