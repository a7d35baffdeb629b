import type {
  FindLossRequest, FindLossResponse, RedactDecisionsRequest, RedactDecisionsResponse, ReplayDecisionsRequest, ReplayDecisionsResponse, ReplayOutcome,
} from "../audit.js";
import { checkName } from "../object.js";
import type { Metadata } from "../service.js";
import { readRecord, recordedAnswers, writeRecord, type RecordMessage } from "./audit.js";
import { readDecision, writeDecision, type DecisionMessage } from "./decision.js";
import { compact, readEach, required, uint32, within } from "./field.js";
import { readLargeNumber, writeLargeNumber, type LargeNumberMessage } from "./large-number.js";
import { kindOf } from "./live.js";
import { readObject, readSubject, type ObjectMessage, type SubjectMessage } from "./references.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";
import { readMetadata } from "./tuples.js";

interface IndexesMessage {
  readonly indexes: readonly LargeNumberMessage[];
}

export type ReplayDecisionsRequestMessage = IndexesMessage;

export interface ReplayDecisionsResponseMessage {
  readonly outcomes: readonly OutcomeMessage[];
}

interface OutcomeMessage {
  readonly index: LargeNumberMessage;
  readonly same?: boolean | null;
  readonly different?: DifferenceMessage | null;
  readonly notReplayable?: string | null;
}

interface DifferenceMessage {
  readonly recorded: number;
  readonly replayed: number;
  readonly decision?: DecisionMessage | null | undefined;
  readonly grounds: readonly string[];
}

export interface RedactDecisionsRequestMessage extends IndexesMessage {
  readonly reason: string;
}

export interface FindLossRequestMessage {
  readonly object?: ObjectMessage | null;
  readonly permission: string;
  readonly subject?: SubjectMessage | null;
}

export interface FindLossResponseMessage {
  readonly allowed?: RecordMessage | null | undefined;
  readonly lost?: RecordMessage | null | undefined;
  readonly commit?: CommitMessage | null | undefined;
  readonly note?: string | null | undefined;
}

interface CommitMessage {
  readonly zookie: string;
  readonly at?: TimestampMessage | null;
  readonly metadata?: Metadata | undefined;
  readonly changes: readonly string[];
}

const outcomeKinds = ["same", "different", "notReplayable"] as const;

export function writeReplayDecisionsRequest({ indexes }: ReplayDecisionsRequest): ReplayDecisionsRequestMessage {
  return { indexes: writeIndexes(indexes) };
}

/** @throws `invalid_request` */
export function readReplayDecisionsRequest({ indexes }: ReplayDecisionsRequestMessage): ReplayDecisionsRequest {
  return { indexes: readIndexes(indexes) };
}

export function writeReplayDecisionsResponse({ outcomes }: ReplayDecisionsResponse): ReplayDecisionsResponseMessage {
  return { outcomes: outcomes.map(writeOutcome) };
}

export function readReplayDecisionsResponse({ outcomes }: ReplayDecisionsResponseMessage): ReplayDecisionsResponse {
  return { outcomes: readEach(outcomes, "outcomes", readOutcome) };
}

export function writeRedactDecisionsRequest({ indexes, reason }: RedactDecisionsRequest): RedactDecisionsRequestMessage {
  return { indexes: writeIndexes(indexes), reason };
}

/** @throws `invalid_request` */
export function readRedactDecisionsRequest({ indexes, reason }: RedactDecisionsRequestMessage): RedactDecisionsRequest {
  return { indexes: readIndexes(indexes), reason };
}

export function writeRedactDecisionsResponse({ redacted }: RedactDecisionsResponse): RedactDecisionsResponse {
  return { redacted: uint32(redacted, "redacted") };
}

export function readRedactDecisionsResponse({ redacted }: RedactDecisionsResponse): RedactDecisionsResponse {
  return { redacted };
}

export function writeFindLossRequest({ object, permission, subject }: FindLossRequest): FindLossRequestMessage {
  return { object, permission, subject };
}

/** @throws `invalid_request`, `invalid_name`, `invalid_id` */
export function readFindLossRequest({ object, permission, subject }: FindLossRequestMessage): FindLossRequest {
  return { object: readObject(object, "object"), permission: checkName(permission, "permission"), subject: readSubject(subject, "subject") };
}

export function writeFindLossResponse({ allowed, lost, commit, note }: FindLossResponse): FindLossResponseMessage {
  return {
    allowed: allowed && writeRecord(allowed),
    lost: lost && writeRecord(lost),
    commit: commit && { ...commit, at: instantToTimestamp(commit.at) },
    note,
  };
}

export function readFindLossResponse({ allowed, lost, commit, note }: FindLossResponseMessage): FindLossResponse {
  return compact<FindLossResponse>({
    allowed: allowed && within("allowed", () => readRecord(allowed)),
    lost: lost && within("lost", () => readRecord(lost)),
    commit: commit && within("commit", () => readCommit(commit)),
    note,
  });
}

function writeIndexes(indexes: readonly number[]): readonly number[] {
  return indexes.map((index) => writeLargeNumber(index, "indexes"));
}

function readIndexes(indexes: readonly LargeNumberMessage[]): readonly number[] {
  return indexes.map((index) => readLargeNumber(index, "indexes"));
}

function writeOutcome(outcome: ReplayOutcome): OutcomeMessage {
  const index = writeLargeNumber(outcome.index, "index");
  switch (outcome.kind) {
    case "same":
      return { index, same: true };
    case "not_replayable":
      return { index, notReplayable: outcome.why };
    case "different": {
      const { recorded, replayed, decision, grounds } = outcome;
      return { index, different: { recorded: recordedAnswers.toWire(recorded), replayed: recordedAnswers.toWire(replayed), decision: decision && writeDecision(decision), grounds } };
    }
  }
}

function readOutcome(message: OutcomeMessage): ReplayOutcome {
  const index = readLargeNumber(message.index, "index");
  switch (kindOf({ ...message }, outcomeKinds, "an outcome of a replay")) {
    case "same":
      return { kind: "same", index };
    case "notReplayable":
      return { kind: "not_replayable", index, why: message.notReplayable ?? "" };
    case "different": {
      const { recorded, replayed, decision, grounds } = required(message.different, "different");
      return compact<ReplayOutcome & { kind: "different" }>({
        kind: "different",
        index,
        recorded: recordedAnswers.fromWire(recorded, "recorded"),
        replayed: recordedAnswers.fromWire(replayed, "replayed"),
        decision: decision && within("decision", () => readDecision(decision)),
        grounds,
      });
    }
  }
}

function readCommit({ zookie, at, metadata, changes }: CommitMessage): NonNullable<FindLossResponse["commit"]> {
  return { zookie, at: timestampToInstant(required(at, "at"), "at"), metadata: readMetadata(metadata) ?? {}, changes };
}
