import type { Instant } from "../base/clock.js";
import type { ErrorCode } from "../base/errors.js";
import type { Context } from "./context.js";
import type { Cause, HeldAnswer } from "./live.js";
import type { ObjectRef } from "./object.js";
import type { Decision, LookupCount, Metadata } from "./service.js";
import type { SubjectRef } from "./subject.js";

/**
 * What the decision log holds: one entry for each thing that happened, as plain JSON, in which objects, subjects and tuples are text. A field
 * that says nothing is left out. Kinds:
 *
 * - decisions: `check`, `batch_item`, `lookup`; of live ones `hold` (its first answer), `flip`, `acknowledgement`, `release`, `lease_end`
 * - changes: `write`, `schema`, `tenant`, `configuration`
 * - access: `authentication` (refused ones), `query` (of this log)
 * - the log itself: `start`, `stop`, `key`, `redaction`, `retention`, `sampling`
 */
export type AuditEntry =
  | CheckEntry
  | LookupEntry
  | HoldEntry
  | FlipEntry
  | AcknowledgementEntry
  | ReleaseEntry
  | LeaseEndEntry
  | WriteEntry
  | SchemaEntry
  | TenantEntry
  | ConfigurationEntry
  | AuthenticationEntry
  | QueryEntry
  | LogEntry;

export type AuditKind = AuditEntry["kind"];

export const auditKinds = [
  "check", "batch_item", "lookup", "hold", "flip", "acknowledgement", "release", "lease_end",
  "write", "schema", "tenant", "configuration", "authentication", "query",
  "start", "stop", "key", "redaction", "retention", "sampling",
] as const satisfies readonly AuditKind[];

/** Who did it, and for whom. */
export interface Attribution {
  readonly at: Instant;
  /** By name; absent: it is of the server, and of no tenant. */
  readonly tenant?: string;
  /** The id of the call. */
  readonly request?: string;
  /** The id of its trace, 32 hex digits. */
  readonly trace?: string;
  /** The service that called: the id of its key or certificate. */
  readonly principal?: string;
  /** On whose behalf, as the caller said. */
  readonly actor?: string;
  /** In which session, as the caller said; of live decisions the stream where it said none. */
  readonly session?: string;
}

export type RecordedAnswer = HeldAnswer | "undecided";

/** What was asked, and what came of it. */
export interface Recorded extends Attribution {
  readonly object: string;
  readonly permission: string;
  readonly subject: string;
  readonly answer: RecordedAnswer;
  /** Of `conditional`: the context fields that were missing. */
  readonly missing?: readonly string[];
  /** Of `undecided`. */
  readonly error?: ErrorCode;
  readonly zookie: string;
  /** The first 16 hex digits of the schema text's SHA-256. */
  readonly schema: string;
  readonly context?: Context;
  /** Of `context`, fields that are salted hashes: `sha256:` and hex, of the record's salt and the value's JSON. */
  readonly hashed?: readonly string[];
  /** The instant up to which time alone could not change it. */
  readonly until?: Instant;
  /** It was remembered, and not evaluated for this call. */
  readonly cached?: true;
  /** Of an allowed one the tuples that granted it; of a denied one what stood in the way, where something did. */
  readonly grounds?: readonly string[];
}

export interface CheckEntry extends Recorded {
  readonly kind: "check" | "batch_item";
  /** Tuples that the request brought. */
  readonly contextual?: readonly string[];
}

/** One page. Each result is a decision of its own: `[what was found, answer]`. */
export interface LookupEntry extends Omit<Recorded, "object" | "permission" | "subject" | "answer"> {
  readonly kind: "lookup";
  /** What was looked for. */
  readonly found: "objects" | "subjects" | "permissions";
  /** Of `objects` the type alone. */
  readonly object: string;
  /** Of `permissions` it is looked for. */
  readonly permission?: string;
  /** Of `subjects` the type, or the type and relation. */
  readonly subject: string;
  readonly contextual?: readonly string[];
  readonly results: readonly (readonly [string, RecordedAnswer])[];
  /** Where their number alone was asked for, and there are any. */
  readonly count?: LookupCount;
}

interface OfHold {
  /** The stream, and the hold's id in it. */
  readonly stream: string;
  readonly hold: number;
}

export interface HoldEntry extends Recorded, OfHold {
  readonly kind: "hold";
}

export interface FlipEntry extends Recorded, OfHold {
  readonly kind: "flip";
  readonly before: HeldAnswer;
  readonly cause: Cause;
}

/** A client said that what it was told up to the zookie has taken effect. */
export interface AcknowledgementEntry extends Attribution {
  readonly kind: "acknowledgement";
  readonly stream: string;
  readonly zookie: string;
  /** Those from which something had been taken. */
  readonly holds: readonly number[];
}

/** A hold is over. */
export interface ReleaseEntry extends Attribution, OfHold {
  readonly kind: "release";
  readonly object: string;
  readonly permission: string;
  readonly subject: string;
  /** From its first answer on. */
  readonly from: Instant;
  /** How it stood at the end. */
  readonly answer: RecordedAnswer;
  /** How often the client let something pass on the strength of it, as far as it said. */
  readonly uses?: number;
  /** `released`: nobody holds it any more, or it can be no member of its lookup any more; `replaced`: another stream took it over; `lapsed`: its lease ended after the connection had; `refused`: a bound, or the schema. */
  readonly why: "released" | "replaced" | "lapsed" | "refused";
}

/** The last lease of a stream whose connection broke has ended. */
export interface LeaseEndEntry extends Attribution {
  readonly kind: "lease_end";
  readonly stream: string;
  /** How many holds ended with it. */
  readonly holds: number;
}

export interface WriteEntry extends Attribution {
  readonly kind: "write";
  readonly zookie: string;
  /** `create`, `touch` or `delete`, a space and the tuple; of deletions by filter and imports none. */
  readonly operations?: readonly string[];
  /** Of deletions by filter: the filters, as JSON. */
  readonly filters?: readonly Readonly<Record<string, string>>[];
  /** Of an import. */
  readonly import?: string;
  readonly changed: number;
  readonly metadata?: Metadata;
}

export interface SchemaEntry extends Attribution {
  readonly kind: "schema";
  readonly zookie: string;
  readonly schema: string;
  readonly text: string;
  readonly metadata?: Metadata;
}

export interface TenantEntry extends Attribution {
  readonly kind: "tenant";
  readonly action: "created" | "deleted" | "quotas";
  readonly name: string;
  readonly quotas?: Readonly<Record<string, number>>;
}

/** As of the start of a server; and that it reads its keys and certificates again. No secrets. */
export interface ConfigurationEntry extends Attribution {
  readonly kind: "configuration";
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

/** Refused ones; many of one peer in a second are one entry. */
export interface AuthenticationEntry extends Attribution {
  readonly kind: "authentication";
  readonly reason: string;
  readonly peer: string;
  readonly count: number;
}

/** Somebody read the log. */
export interface QueryEntry extends Attribution {
  readonly kind: "query";
  readonly asked: string;
}

export type LogEntry = Attribution &
  (
    | {
        readonly kind: "start";
        /** False: the process before did not close the log, so that what it had not yet written is missing; `lastAt` says from when on. */
        readonly clean: boolean;
        readonly lastAt?: Instant;
        readonly mode: AuditMode;
        readonly origin: string;
        readonly version: string;
      }
    | { readonly kind: "stop" }
    /** From the next checkpoint on. Keys are Ed25519 public keys, base64 of the 32 bytes. */
    | { readonly kind: "key"; readonly key: string; readonly before?: string }
    | { readonly kind: "redaction"; readonly records: readonly number[]; readonly reason: string }
    /** Records below this index are not kept any more; the tree still proves the others. */
    | { readonly kind: "retention"; readonly below: number; readonly reason: "age" | "size" }
    /** From here on one decision in so many is recorded; 1: all. */
    | { readonly kind: "sampling"; readonly oneIn: number }
  );

/**
 * When a record is written. `block`: a grant waits until its record is on disk. `buffer`: records are written together within
 * `limits.auditFlushMs`; a crash may lose the last ones, and the log shows it. `off`: there is none.
 */
export const auditModes = ["block", "buffer", "off"] as const;
export type AuditMode = (typeof auditModes)[number];

/**
 * A record as the tree holds it. The hash is that of RFC 6962 over salt and payload, `SHA-256(0x00 || salt || payload)`, so that whoever has the
 * three needs nothing else to check it.
 */
export interface AuditRecord {
  /** From 0, without gaps. */
  readonly index: number;
  /** The leaf's, 64 hex digits. */
  readonly hash: string;
  /** 16 random bytes as 32 hex digits; absent where the record was redacted. */
  readonly salt?: string;
  /** The entry's exact JSON; absent where the record was redacted. */
  readonly payload?: string;
}

/** Fields that are given must all match. */
export interface AuditFilter {
  readonly kinds?: readonly AuditKind[];
  /** `document:1`; lookups that found it match. */
  readonly object?: string;
  readonly permission?: string;
  readonly subject?: string;
  readonly principal?: string;
  readonly actor?: string;
  readonly session?: string;
  /** Of the call. */
  readonly request?: string;
  readonly answer?: RecordedAnswer;
  /** Decisions at, and changes by, exactly this commit. */
  readonly zookie?: string;
  /** Inclusive. */
  readonly from?: Instant;
  /** Exclusive. */
  readonly to?: Instant;
}

export interface QueryDecisionsRequest {
  readonly filter: AuditFilter;
  /** Default and maximum in `limits`. */
  readonly pageSize?: number;
  readonly cursor?: string;
  /** Default: newest first. */
  readonly oldestFirst?: boolean;
}

export interface QueryDecisionsResponse {
  readonly records: readonly AuditRecord[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

export interface TailDecisionsRequest {
  readonly filter: AuditFilter;
  /** From this index on; absent: from now. */
  readonly fromIndex?: number;
  /** Goes on with what comes; else it ends with the last record of now, and a checkpoint. */
  readonly follow?: boolean;
}

export type TailEvent =
  /** In the order of their indexes. */
  | { readonly kind: "records"; readonly records: readonly AuditRecord[] }
  /** All matching records below its size have been sent. */
  | { readonly kind: "checkpoint"; readonly checkpoint: string };

export interface GetCheckpointRequest {
  /** Also proves that the tree of this size is a beginning of it. */
  readonly fromSize?: number;
}

/** A signed note of the form that C2SP's `tlog-checkpoint` and `signed-note` give. */
export interface GetCheckpointResponse {
  readonly checkpoint: string;
  /** Of the key that signed it: Ed25519, base64 of the 32 bytes. */
  readonly key: string;
  /** RFC 6962 consistency proof, 64 hex digits each. */
  readonly consistency: readonly string[];
}

export interface ProveDecisionRequest {
  readonly index: number;
  /** Of the tree in which it is proven: that of a checkpoint which the caller has. Absent: that of the response's. */
  readonly size?: number;
}

export interface ProveDecisionResponse {
  readonly record: AuditRecord;
  /** RFC 6962 inclusion proof in the checkpoint's tree, or that of the size which was asked for; 64 hex digits each, from the leaf up. */
  readonly path: readonly string[];
  readonly checkpoint: string;
  readonly key: string;
}

export interface ReplayDecisionsRequest {
  /** Of decisions: at most `limits.replayPerCallMax`. */
  readonly indexes: readonly number[];
}

export interface ReplayDecisionsResponse {
  /** In the order of the indexes. */
  readonly outcomes: readonly ReplayOutcome[];
}

export type ReplayOutcome =
  | { readonly kind: "same"; readonly index: number }
  /** A finding: evaluated again at its zookie, schema, context and instant it comes to something else. */
  | { readonly kind: "different"; readonly index: number; readonly recorded: RecordedAnswer; readonly replayed: RecordedAnswer; readonly decision?: Decision; readonly grounds: readonly string[] }
  | { readonly kind: "not_replayable"; readonly index: number; readonly why: string };

export interface RedactDecisionsRequest {
  /** At most `limits.redactPerCallMax`. */
  readonly indexes: readonly number[];
  readonly reason: string;
}

export interface RedactDecisionsResponse {
  readonly redacted: number;
}

export interface FindLossRequest {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
}

/** When a subject lost a permission: the last recorded decision that allowed it, the first after it that did not, and the commit in between. */
export interface FindLossResponse {
  readonly allowed?: AuditRecord;
  readonly lost?: AuditRecord;
  /** Absent: no commit did it (time or another context), or it is behind the horizon; `note` says which. */
  readonly commit?: { readonly zookie: string; readonly at: Instant; readonly metadata: Metadata; readonly changes: readonly string[] };
  readonly note?: string;
}
