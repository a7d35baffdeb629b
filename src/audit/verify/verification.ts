import { equalHashes, leafHash } from "../tree/merkle.js";
import { Frontier } from "../tree/frontier.js";
import type { Checkpoint } from "../checkpoint.js";
import type { CheckpointInFile } from "../checkpoints-file.js";
import { Checkpoints } from "./checkpoints.js";
import { type Gap, logEntryOf } from "./entries.js";
import { type Finding, Findings } from "./findings.js";
import { type KeyFrom, Keys } from "./keys.js";
import { Mismatches } from "./mismatches.js";

/** What a log is held against, beside itself. */
export interface VerifyOptions {
  /** A checkpoint that was kept elsewhere: the log must go on from there. */
  readonly checkpoint?: Checkpoint;
  /** A key of the log that is known from elsewhere, base64 of the 32 bytes: it must have signed. */
  readonly key?: string;
}

/** What a verification came to. Sound: no findings. The rest are facts. */
export interface AuditVerification {
  readonly origin?: string;
  readonly size: number;
  /** Of the tree, 64 hex digits; absent where something is missing. */
  readonly root?: string;
  /** The first of `limits.auditFindingsMax`. */
  readonly findings: readonly Finding[];
  readonly findingsCount: number;
  /** Of the log, whose signature and root are right. */
  readonly checkpoints: number;
  /** Of the log, of sizes behind retention: their signatures are right, and their roots unknown. */
  readonly checkpointsExpired: number;
  /** The checkpoints end in one that is cut, as a crash leaves it. */
  readonly checkpointsCut: boolean;
  /** Records below are vouched for by a checkpoint, the others by nobody yet. */
  readonly signedSize: number;
  /** Where a key was given: records below are vouched for by it. What is beyond rests on what the log says of newer keys. */
  readonly trustedSize?: number;
  readonly keys: readonly KeyFrom[];
  readonly redacted: number;
  readonly expired: number;
  /** An export of a part: nothing can be said of what is left out. */
  readonly partial: boolean;
  readonly gaps: readonly Gap[];
}

/** One record, as it was found. */
export interface FoundRecord {
  readonly salt?: Uint8Array;
  readonly payload?: Buffer;
  /** What the hash of the record is said to be; of a redacted one all that there is. */
  readonly expected?: Uint8Array;
}

/** Takes the records of a log one by one, in their order, and holds them against each other and its checkpoints. Memory does not grow with the log. */
export class Verification {
  readonly findings = new Findings();
  readonly gaps: Gap[] = [];
  readonly #keys = new Keys(this.findings);
  readonly #mismatches = new Mismatches();
  readonly #checkpoints: Checkpoints;
  readonly #trusted: string | undefined;
  /** Undefined where a hash is missing: no root is known from there on. */
  #frontier: Frontier | undefined = new Frontier();
  #size = 0;
  #expired = 0;
  /** With which an export begins. */
  #first = 0;
  #redacted = 0;
  /** Records below may have expired. */
  #below = 0;
  #chosen = false;
  #chosenRoot: Uint8Array | undefined;
  /** Redacted ones that no record has named yet. */
  readonly #unnamed = new Set<number>();

  constructor(own: AsyncIterable<CheckpointInFile, undefined>, options: VerifyOptions, origin?: string) {
    this.#trusted = options.key;
    this.#checkpoints = new Checkpoints(own, options.checkpoint, options.key, this.#keys, this.findings, origin);
  }

  /** Must be called first. */
  async begin(): Promise<void> {
    await this.#checkpoints.begin();
    if (this.isDue) await this.compare();
  }

  get size(): number {
    return this.#size;
  }

  /** Whether a checkpoint is to be compared before anything goes on: then `compare` must be called. */
  get isDue(): boolean {
    return this.#checkpoints.dueAt <= this.#size;
  }

  async compare(): Promise<void> {
    await this.#checkpoints.compare(this.#size, this.#root());
  }

  /** With a checkpoint that comes behind the records. */
  compareLast(checkpoint: Checkpoint): void {
    this.#checkpoints.compareLast(checkpoint, this.#size, this.#root());
  }

  /** Records that have expired, of which a full subtree is left. @returns the roots of those that it made full, from its own up */
  expire(height: number, root: Uint8Array): readonly Buffer[] {
    this.#size += 2 ** height;
    this.#expired += 2 ** height;
    return this.#frontier?.appendSubtree(height, root) ?? [];
  }

  /** An export that begins with this record. @param frontier of all before it; undefined: it is not known */
  beginWith(index: number, frontier: Frontier | undefined): void {
    this.#frontier = frontier;
    this.#size = index;
    this.#first = index;
  }

  /** @returns the roots of the subtrees that it made full, from the leaf up */
  record({ salt, payload, expected }: FoundRecord): readonly Buffer[] {
    const index = this.#size;
    if (payload === undefined || salt === undefined) return this.#redactedOne(index, expected);
    const is = leafHash(salt, payload);
    if (expected !== undefined && !equalHashes(is, expected)) this.#mismatches.add(index, expected, is, this.findings);
    else this.#follow(index, payload);
    return this.#append(expected ?? is);
  }

  /** So many records are not there. */
  missing(count: number, why: string): void {
    this.findings.add("missing", why, this.#size);
    this.lose(count);
  }

  /** Of so many records nothing is known, and that is told. */
  lose(count: number): void {
    this.#frontier = undefined;
    this.#size += count;
  }

  /** Records that were chosen stand in a tree of this size; to this root lead their paths. */
  choose(size: number, root: Uint8Array | undefined, redacted: number): void {
    this.#size = size;
    this.#chosen = true;
    this.#chosenRoot = root;
    this.#redacted = redacted;
  }

  /** A record that says in another place what its hash is. */
  compareHash(index: number, { salt, payload }: FoundRecord, expected: Uint8Array): void {
    if (payload === undefined || salt === undefined) return;
    const is = leafHash(salt, payload);
    if (!equalHashes(is, expected)) this.#mismatches.add(index, expected, is, this.findings);
  }

  async conclude(declaredKey?: string): Promise<AuditVerification> {
    this.#mismatches.conclude(this.findings);
    await this.#checkpoints.conclude(this.#size, declaredKey);
    for (const index of this.#unnamed) this.findings.add("missing", `record ${index} is without its payload, and no record says that it was redacted`, index);
    if (this.#first > 0) this.#expired = Math.min(this.#first, this.#below);
    if (this.#expired > this.#below) this.findings.add("missing", `records below ${this.#expired} are not there, and no record says that those from ${this.#below} on have expired`, this.#below);
    const root = this.#root();
    const { origin, verified, expired, cut, signedSize, trustedSize } = this.#checkpoints;
    return {
      ...(origin === undefined ? {} : { origin }),
      size: this.#size,
      ...(root === undefined ? {} : { root: Buffer.from(root).toString("hex") }),
      findings: this.findings.list,
      findingsCount: this.findings.count,
      checkpoints: verified,
      checkpointsExpired: expired,
      checkpointsCut: cut,
      signedSize,
      ...(this.#trusted === undefined ? {} : { trustedSize }),
      keys: this.#keys.list,
      redacted: this.#redacted,
      expired: this.#expired,
      partial: this.#chosen || this.#first > this.#expired,
      gaps: this.gaps,
    };
  }

  #root(): Uint8Array | undefined {
    return this.#chosen ? this.#chosenRoot : this.#frontier?.root();
  }

  #redactedOne(index: number, expected: Uint8Array | undefined): readonly Buffer[] {
    this.#redacted++;
    this.#unnamed.add(index);
    if (expected !== undefined) return this.#append(expected);
    this.missing(1, `record ${index} has no hash`);
    return [];
  }

  #append(leaf: Uint8Array): readonly Buffer[] {
    this.#size++;
    return this.#frontier?.append(leaf) ?? [];
  }

  #follow(index: number, payload: Buffer): void {
    const entry = logEntryOf(payload);
    switch (entry?.kind) {
      case "start":
        if (!entry.clean) this.gaps.push({ index, ...(entry.lastAt === undefined ? {} : { from: entry.lastAt }), to: entry.at });
        break;
      case "key":
        this.#keys.follow(index, entry);
        break;
      case "redaction":
        for (const each of entry.records) this.#unnamed.delete(each);
        break;
      case "retention":
        this.#below = Math.max(this.#below, entry.below);
        break;
      default:
    }
  }
}
