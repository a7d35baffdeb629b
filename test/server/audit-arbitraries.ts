import fc from "fast-check";

import {
  auditKinds, type AuditFilter, type AuditRecord, type FindLossRequest, type FindLossResponse, type GetCheckpointRequest, type GetCheckpointResponse, type ProveDecisionRequest,
  type ProveDecisionResponse, type QueryDecisionsRequest, type QueryDecisionsResponse, type RedactDecisionsRequest, type RedactDecisionsResponse, type ReplayDecisionsRequest,
  type ReplayDecisionsResponse, type TailDecisionsRequest, type TailEvent,
} from "../../src/model/audit.js";
import { formatObject, type ObjectRef } from "../../src/model/object.js";
import type { Decision, Metadata } from "../../src/model/service.js";
import { formatSubject, type SubjectRef } from "../../src/model/subject.js";

/** What messages are made of, whatever they are about. */
interface Parts {
  readonly text: fc.Arbitrary<string>;
  readonly name: fc.Arbitrary<string>;
  readonly zookie: fc.Arbitrary<string>;
  readonly instant: fc.Arbitrary<number>;
  readonly metadata: fc.Arbitrary<Metadata>;
  readonly decision: fc.Arbitrary<Decision>;
  readonly objectRef: fc.Arbitrary<ObjectRef>;
  readonly subjectRef: fc.Arbitrary<SubjectRef>;
  readonly flag: fc.Arbitrary<true>;
  readonly uint32: fc.Arbitrary<number>;
}

const optional = { requiredKeys: [] as never[] };

/** A request and a response of every rpc of the decision log. */
export function auditArbitraries({ text, name, zookie, instant, metadata, decision, objectRef, subjectRef, flag, uint32 }: Parts) {
  const index = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 32, Number.MAX_SAFE_INTEGER));
  const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
  const answer = fc.constantFrom("allowed" as const, "denied" as const, "conditional" as const, "undecided" as const);
  const filter = fc.record(
    {
      kinds: fc.uniqueArray(fc.constantFrom(...auditKinds), { minLength: 1, maxLength: 4 }),
      object: objectRef.map(formatObject), permission: name, subject: subjectRef.map(formatSubject),
      principal: text, actor: text, session: text, request: text, answer, zookie, from: instant, to: instant,
    },
    optional,
  ) as fc.Arbitrary<AuditFilter>;
  const record = fc.record({ index, hash: hex, salt: fc.stringMatching(/^[0-9a-f]{32}$/), payload: text }, { requiredKeys: ["index", "hash"] }) as fc.Arbitrary<AuditRecord>;
  const records = fc.array(record, { maxLength: 3 });
  const indexes = fc.array(index, { maxLength: 5 });
  const outcome = fc.oneof(
    fc.record({ kind: fc.constant("same"), index }),
    fc.record({ kind: fc.constant("different"), index, recorded: answer, replayed: answer, decision, grounds: fc.array(text, { maxLength: 3 }) }, { requiredKeys: ["kind", "index", "recorded", "replayed", "grounds"] }),
    fc.record({ kind: fc.constant("not_replayable"), index, why: text }),
  );
  const commit = fc.record({ zookie, at: instant, metadata: fc.oneof(metadata, fc.constant({})), changes: fc.array(text, { maxLength: 3 }) });
  return {
    queryDecisions: {
      request: fc.record({ filter, pageSize: uint32, cursor: text, oldestFirst: flag }, { requiredKeys: ["filter"] }) as fc.Arbitrary<QueryDecisionsRequest>,
      response: fc.record({ records, cursor: text }, { requiredKeys: ["records"] }) as fc.Arbitrary<QueryDecisionsResponse>,
    },
    tailDecisions: {
      request: fc.record({ filter, fromIndex: index, follow: flag }, { requiredKeys: ["filter"] }) as fc.Arbitrary<TailDecisionsRequest>,
      response: fc.oneof(fc.record({ kind: fc.constant("records"), records }), fc.record({ kind: fc.constant("checkpoint"), checkpoint: text })) as fc.Arbitrary<TailEvent>,
    },
    getCheckpoint: {
      request: fc.record({ fromSize: index }, optional) as fc.Arbitrary<GetCheckpointRequest>,
      response: fc.record({ checkpoint: text, key: text, consistency: fc.array(hex, { maxLength: 3 }) }) as fc.Arbitrary<GetCheckpointResponse>,
    },
    proveDecision: {
      request: fc.record({ index, size: index }, { requiredKeys: ["index"] }) as fc.Arbitrary<ProveDecisionRequest>,
      response: fc.record({ record, path: fc.array(hex, { maxLength: 3 }), checkpoint: text, key: text }) as fc.Arbitrary<ProveDecisionResponse>,
    },
    replayDecisions: {
      request: fc.record({ indexes }) as fc.Arbitrary<ReplayDecisionsRequest>,
      response: fc.record({ outcomes: fc.array(outcome, { maxLength: 3 }) }) as fc.Arbitrary<ReplayDecisionsResponse>,
    },
    redactDecisions: {
      request: fc.record({ indexes, reason: text }) as fc.Arbitrary<RedactDecisionsRequest>,
      response: fc.record({ redacted: uint32 }) as fc.Arbitrary<RedactDecisionsResponse>,
    },
    findLoss: {
      request: fc.record({ object: objectRef, permission: name, subject: subjectRef }) as fc.Arbitrary<FindLossRequest>,
      response: fc.record({ allowed: record, lost: record, commit, note: text }, optional) as fc.Arbitrary<FindLossResponse>,
    },
  };
}
