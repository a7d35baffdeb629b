import type { Instant } from "../base/clock.js";
import type { RelationCache } from "../evaluation/cache/relation-cache.js";
import type { EvaluationObserver } from "../evaluation/observer.js";
import type { Question } from "../evaluation/evaluate.js";
import type { Answer } from "../evaluation/answer.js";
import type { Cause } from "../model/live.js";
import type { Schema } from "../model/schema/schema.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { Snapshot, Store } from "../storage/store.js";
import type { LeaseRecord } from "./leases.js";
import type { LiveRecorder } from "./live-recorder.js";

/** What live decisions need of the database. */
export interface LivePort {
  readonly store: Store;
  readonly cache: RelationCache;
  readonly observer: EvaluationObserver & LiveObserver;
  readonly leases: LeaseRecord;
  /** The schema in force at the snapshot. @throws `schema_missing` */
  schemaAt(snapshot: Snapshot, tenant: TenantId): Promise<{ readonly schema: Schema; readonly revision: Revision }>;
  /** What a commit has just put in force. @throws where the text is none: it never is */
  compiled(text: string, revision: Revision): Schema;
  /** A copy of the question, as it was checked. @throws what it is refused with */
  validate(question: Question, schema: Schema): Question;
  zookie(tenant: TenantId, revision: Revision): string;
  /** @throws the codes of zookies */
  revisionOf(tenant: TenantId, zookie: string): Revision;
  /** Told of what should never be: a live decision that the sweep found otherwise than it stood, or a lookup that had missed somebody, a decision that could not be evaluated. */
  report(error: Error): void;
  /** Absent: nothing is recorded. */
  readonly recorder?: LiveRecorder | undefined;
  /** Milliseconds that no setting of a clock changes. */
  monotonicMs(): number;
  /** Begins one, unless the signal is aborted before it has; absent: there is none. @throws what keeps it from beginning */
  readonly verification?: ((signal: AbortSignal) => Promise<Verification>) | undefined;
}

/** Somebody else who answers from the store as it was when this began, off the event loop, and knows of no cache. */
export interface Verification {
  /** @throws whatever keeps it from answering */
  answer(tenant: TenantId, questions: readonly Question[], now: Instant): Promise<VerifiedAnswers>;
  /** Resolves once it is gone. Whoever waits for an answer is refused. */
  end(): Promise<void>;
}

export interface VerifiedAnswers {
  /** What was read. */
  readonly revision: Revision;
  readonly schemaRevision: Revision;
  /** What it took there, in milliseconds. */
  readonly tookMs: number;
  /** In the order of the questions; undefined: it was not answered. */
  readonly values: readonly (Answer["value"] | undefined)[];
}

/** Hears what live decisions do, for figures. It must be quick, and must not throw. */
export interface LiveObserver {
  /** A flip has been handed to its stream. @param ms since its commit was published; absent: no commit caused it */
  onFlip?(kind: Cause["kind"], revoked: boolean, ms: number | undefined): void;
  /** A stream has acknowledged what a commit took from it. @param ms since the commit was published */
  onEnforced?(ms: number): void;
  /** Every decision that a commit marked has been evaluated since. @param decisions how many they were: never 0 */
  onCommitEvaluated?(decisions: number): void;
  /** A lease has ended, unrenewed, of a client that held something. */
  onLapse?(): void;
}
