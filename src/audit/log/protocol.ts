import type { Instant } from "../../base/clock.js";
import type { ErrorCode } from "../../base/errors.js";
import type { PackedTexts } from "../texts.js";
import type { AuditKind, AuditRecord, Attribution } from "../../model/audit.js";
import type { IndexShape } from "./segments.js";
import type { Found, SearchOrder } from "./search.js";

/** A state of the tree. */
export interface TreeState {
  readonly size: number;
  /** 64 hex digits. */
  readonly root: string;
}

export interface OpenOrder {
  readonly folder: string;
  /** Where there is none begin one. */
  readonly create: boolean;
  readonly shape: IndexShape;
}

/** How the log was found. */
export interface Opened {
  readonly size: number;
  readonly sequence: number;
  readonly last?: { readonly kind: AuditKind; readonly at: Instant };
  readonly key?: string;
  readonly oneIn: number;
  readonly figures: LogFigures;
}

export interface AppendOrder {
  /** One above the batch before. */
  readonly sequence: number;
  readonly payloads: PackedTexts;
  /** By place in the batch, of those whose payload holds hashes that were made with them; the others get theirs here. */
  readonly salts?: ReadonlyMap<number, Uint8Array>;
}

export interface RedactOrder {
  readonly indexes: readonly number[];
  readonly tenant?: string;
  readonly reason: string;
  readonly attribution: Attribution;
}

export interface RetainOrder {
  readonly now: Instant;
  readonly ageMs?: number;
  readonly bytes?: number;
}

export interface LogFigures {
  readonly size: number;
  readonly kept: number;
  readonly redacted: number;
  /** Of payloads and salts that are kept, before compression. */
  readonly bytes: number;
  /** Of the index. */
  readonly segments: number;
}

export interface SearchedLog extends Found {
  /** Records below were not there any more. */
  readonly kept: number;
}

/** What can be asked of the thread, and what it answers. */
export interface LogCalls {
  open(order: OpenOrder): Promise<Opened>;
  /** Holds it against the last checkpoint, where there is one: it must go on from there. @throws `store_corrupt` */
  check(order: TreeState | undefined): Promise<void>;
  append(order: AppendOrder): Promise<LogFigures>;
  search(order: SearchOrder): Promise<SearchedLog>;
  records(order: { readonly indexes: readonly number[]; readonly tenant?: string }): Promise<readonly AuditRecord[]>;
  tree(order: undefined): Promise<TreeState>;
  inclusion(order: { readonly index: number; readonly size: number; readonly tenant?: string }): Promise<{ readonly record: AuditRecord; readonly path: readonly string[] }>;
  consistency(order: { readonly from: number; readonly size: number }): Promise<readonly string[]>;
  redact(order: RedactOrder): Promise<{ readonly redacted: number; readonly figures: LogFigures }>;
  retain(order: RetainOrder): Promise<LogFigures>;
  close(order: undefined): Promise<void>;
}

export type LogCall = { [Name in keyof LogCalls]: { readonly name: Name; readonly order: Parameters<LogCalls[Name]>[0] } }[keyof LogCalls];

export type ToLog = (LogCall & { readonly id: number }) | { readonly name: "cancel"; readonly id: number };

export type FromLog =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly code: ErrorCode | undefined; readonly message: string } }
  /** Background work failed. */
  | { readonly id: -1; readonly error: { readonly code: ErrorCode | undefined; readonly message: string } };
