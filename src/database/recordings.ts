import type { Instant } from "../base/clock.js";
import type { Recorder } from "../base/recorder.js";
import type { Answer } from "../evaluation/answer.js";
import type { Question } from "../evaluation/evaluate.js";
import { groundsOf, wasRemembered } from "../evaluation/grounds.js";
import type { Attribution, AuditEntry, LookupEntry, RecordedAnswer } from "../model/audit.js";
import type { Context } from "../model/context.js";
import { formatObject } from "../model/object.js";
import { schemaHash, textHash } from "../model/schema/hash.js";
import type { Schema } from "../model/schema/schema.js";
import type { Call, DeleteTuplesRequest, ImportTuplesOptions, Metadata, Operation } from "../model/service.js";
import { formatSubject } from "../model/subject.js";
import { defaultTenant } from "../model/tenant.js";
import { formatTuple, type Tuple } from "../model/tuple.js";

/** Where a decision holds. */
export interface RecordedAt {
  readonly schema: Schema;
  readonly now: Instant;
  readonly zookie: string;
}

export interface RecordedLookup extends Pick<LookupEntry, "found" | "object" | "subject" | "results" | "count"> {
  readonly permission?: string;
  readonly context: Context;
  readonly contextualTuples: readonly Tuple[];
}

/** What a commit was, for the record. */
export interface RecordedWrite {
  readonly zookie: string;
  readonly changed: number;
  readonly metadata?: Metadata | undefined;
  readonly operations?: readonly Operation[];
  readonly filters?: DeleteTuplesRequest["filters"];
  readonly importId?: ImportTuplesOptions["importId"];
}

/**
 * Entries of the decision log, made of what was decided and done. Of each method the promise is what a `Recorder` gives: what is given away is
 * kept back until it resolves.
 */
export class Recordings {
  readonly #recorder: Recorder<AuditEntry>;
  readonly #now: () => Instant;

  constructor(recorder: Recorder<AuditEntry>, now: () => Instant) {
    this.#recorder = recorder;
    this.#now = now;
  }

  /** @param answer with its grounds told, and not `pending` */
  decision(kind: "check" | "batch_item", { object, permission, subject, context, contextualTuples }: Question, answer: Answer, at: RecordedAt, call: Call): Promise<void> | undefined {
    const value = answer.value as RecordedAnswer;
    const grounds = groundsOf(answer);
    // One literal, in which what says nothing is undefined, as JSON leaves it out: this is done for every check.
    const entry = {
      kind,
      ...attributionOf(call, at.now),
      object: formatObject(object),
      permission,
      subject: formatSubject(subject),
      answer: value,
      missing: value === "conditional" ? answer.missing : undefined,
      error: answer.error?.code,
      zookie: at.zookie,
      schema: schemaHash(at.schema),
      context: context === undefined || Object.keys(context).length === 0 ? undefined : context,
      contextual: contextualTuples === undefined || contextualTuples.length === 0 ? undefined : contextualTuples.map(formatTuple),
      until: Number.isFinite(answer.until) ? answer.until : undefined,
      cached: wasRemembered(answer) ? true : undefined,
      grounds: grounds.length === 0 ? undefined : grounds,
    };
    return this.#recorder.record(entry as AuditEntry, value === "allowed" || value === "conditional");
  }

  lookup({ found, object, permission, subject, results, count, context, contextualTuples }: RecordedLookup, at: RecordedAt, call: Call): Promise<void> | undefined {
    const entry = {
      kind: "lookup",
      ...attributionOf(call, at.now),
      found,
      object,
      permission,
      subject,
      results,
      count,
      zookie: at.zookie,
      schema: schemaHash(at.schema),
      context: Object.keys(context).length === 0 ? undefined : context,
      contextual: contextualTuples.length === 0 ? undefined : contextualTuples.map(formatTuple),
    };
    return this.#recorder.record(entry as AuditEntry, count !== undefined || results.some(([, answer]) => answer !== "denied"));
  }

  /** A commit stands whatever becomes of its record: it is waited for, and never fails. */
  async write({ zookie, changed, metadata, operations, filters, importId }: RecordedWrite, call: Call): Promise<void> {
    const entry = {
      kind: "write",
      ...attributionOf(call, this.#now()),
      zookie,
      operations: operations?.map(({ kind, tuple }) => `${kind} ${formatTuple(tuple)}`),
      filters,
      import: importId,
      changed,
      metadata: metadata === undefined || Object.keys(metadata).length === 0 ? undefined : metadata,
    };
    await this.#done(entry as AuditEntry);
  }

  async schema({ zookie, text, metadata }: { readonly zookie: string; readonly text: string; readonly metadata: Metadata }, call: Call): Promise<void> {
    await this.#done({ kind: "schema", ...attributionOf(call, this.#now()), zookie, schema: textHash(text), text, metadata });
  }

  async tenant(action: "created" | "deleted" | "quotas", name: string, quotas: Readonly<Record<string, number>> | undefined, call: Call): Promise<void> {
    await this.#done({ kind: "tenant", ...ofServer(call, this.#now()), action, name, ...(quotas === undefined ? {} : { quotas }) });
  }

  /** Somebody read the log. */
  query(asked: object, call: Call): void {
    void this.#recorder.record({ kind: "query", ...attributionOfReader(call, this.#now()), asked: JSON.stringify(asked) }, false);
  }

  async #done(entry: AuditEntry): Promise<void> {
    await this.#recorder.record(entry, true)?.catch(() => undefined);
  }
}

/** What an entry says of the call that it is of. */
export function attributionOf({ tenant = defaultTenant, requestId, traceId, principal, actor, session }: Call, at: Instant): Attribution {
  return {
    at,
    tenant,
    request: requestId,
    trace: traceId,
    principal: principal === "" ? undefined : principal,
    actor,
    session,
  };
}

/** Of whoever asks for the log: that a call names no tenant means all of them. */
export function attributionOfReader(call: Call, at: Instant): Attribution {
  return (call.tenant === undefined ? ofServer : attributionOf)(call, at);
}

/** The same of a call that is of no tenant. */
function ofServer(call: Call, at: Instant): Attribution {
  return { ...attributionOf(call, at), tenant: undefined };
}
