import { setImmediate } from "node:timers/promises";

import type { Instant } from "../base/clock.js";
import { limits } from "../base/limits.js";
import type { Recorder } from "../base/recorder.js";
import { isRevocation } from "../decisions/live-decision.js";
import type { HoldEnd, LiveRecorder, Telling } from "../decisions/live-recorder.js";
import type { LiveHold } from "../decisions/live-hold.js";
import { isWildcardMember } from "../decisions/live-lookup.js";
import type { LiveStream } from "../decisions/live-stream.js";
import type { AuditEntry, RecordedAnswer } from "../model/audit.js";
import { formatObject } from "../model/object.js";
import { formatSubject, wildcardId } from "../model/subject.js";
import type { Revision } from "../model/zookie.js";
import type { Core } from "./core.js";
import { attributionOf } from "./recordings.js";

/** Entries of the decision log, made of what live decisions tell and hear. */
export class LiveRecordings implements LiveRecorder {
  readonly #recorder: Recorder<AuditEntry>;
  readonly #core: Core;
  #quiet: Promise<unknown> = Promise.resolve();

  constructor(recorder: Recorder<AuditEntry>, core: Core) {
    this.#recorder = recorder;
    this.#core = core;
  }

  told({ hold, standing, before, cause, revision, instant }: Telling): Promise<void> | undefined {
    const { stream, decision } = hold;
    const { value, missing, error, until, grounds } = standing;
    const { context } = decision.asked;
    const answer: RecordedAnswer = error === undefined ? value : "undecided";
    const entry = {
      kind: before === undefined || before === value ? "hold" : "flip",
      ...this.#attribution(stream, instant),
      ...aboutOf(hold),
      answer,
      before: before === undefined || before === value ? undefined : before,
      cause: before === undefined || before === value ? undefined : (cause ?? { kind: "resume" }),
      missing: missing.length === 0 ? undefined : missing,
      error: error?.code,
      zookie: this.#core.zookie(stream.tenant, revision),
      schema: this.#core.schemas.hash(stream.tenant),
      context: context === undefined || Object.keys(context).length === 0 ? undefined : context,
      until: Number.isFinite(until) ? until : undefined,
      grounds: grounds?.split("\n"),
    };
    // What is less than before is no grant, though it is not nothing: it waits for no disk.
    return this.#recorder.record(entry as AuditEntry, (answer === "allowed" || answer === "conditional") && !isRevocation(before, answer));
  }

  acknowledged(stream: LiveStream, revision: Revision, holds: readonly LiveHold[]): void {
    const zookie = this.#core.zookie(stream.tenant, revision);
    void this.#recorder.record({ kind: "acknowledgement", ...this.#attribution(stream), stream: stream.id, zookie, holds: [...new Set(holds.map(({ id }) => id))] }, false);
  }

  ended(holds: readonly LiveHold[], why: HoldEnd): void {
    const at = this.#core.store.clock.now();
    if (holds.length <= limits.holdsRecordedAtOnceMax) for (const hold of holds) this.#ended(hold, why, at);
    else this.#quiet = Promise.all([this.#quiet, this.#endedInParts(holds, why, at)]);
  }

  /** Resolves once all that ended together is handed over. */
  get quiet(): Promise<unknown> {
    return this.#quiet;
  }

  /** A hundred thousand at once would hold everybody else up. */
  async #endedInParts(holds: readonly LiveHold[], why: HoldEnd, at: Instant): Promise<void> {
    for (let from = 0; from < holds.length; from += limits.holdsRecordedAtOnceMax) {
      await setImmediate();
      for (const hold of holds.slice(from, from + limits.holdsRecordedAtOnceMax)) this.#ended(hold, why, at);
    }
  }

  #ended(hold: LiveHold, why: HoldEnd, at: Instant): void {
    const { stream, told, since, uses, recording } = hold;
    // The last that is on record, though its client may not have been told of it any more.
    const answer = recording?.standing.value ?? told;
    // Of a candidate that its client never heard of there is nothing to tell.
    if (answer === undefined || since === undefined) return;
    const entry = { kind: "release", ...this.#attribution(stream, at), ...aboutOf(hold), from: since, answer, uses: uses === 0 ? undefined : uses, why };
    void this.#recorder.record(entry as AuditEntry, false);
  }

  lapsed(stream: LiveStream, holds: number): void {
    void this.#recorder.record({ kind: "lease_end", ...this.#attribution(stream), stream: stream.id, holds }, false);
  }

  #attribution(stream: LiveStream, at = this.#core.store.clock.now()) {
    const { caller } = stream.client;
    return attributionOf({ ...caller, session: caller.session ?? stream.id }, at);
  }
}

/** Which hold it is, and what it asks. The decision of a wildcard is about an id that nobody can know: it stands for all that are not named. */
function aboutOf(hold: LiveHold) {
  const { id, stream, decision } = hold;
  const { object, permission, subject } = decision.asked;
  const asked = isWildcardMember(hold) ? { ...subject, id: wildcardId } : subject;
  return { stream: stream.id, hold: id, object: formatObject(object), permission, subject: formatSubject(asked) };
}
