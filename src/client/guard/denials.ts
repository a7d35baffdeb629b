import { UsherError, type ErrorDetails } from "../../base/errors.js";
import type { Cause, HeldLookup } from "../../model/live.js";
import { formatObject } from "../../model/object.js";
import { formatSubject } from "../../model/subject.js";
import type { HeldDecision, Question } from "./held-decision.js";

/** Why a decision does not allow, as the error that `Guard.hold` rejects with. */
export function denial({ question, answer, missingFields, error }: HeldDecision): UsherError {
  const details = about(question);
  if (error !== undefined) return new UsherError(error.code, error.message, { details });
  if (answer === "conditional") {
    const fields = missingFields.join(", ");
    return new UsherError("permission_denied", `${said(question)}, since nothing says what its condition reads: give \`${fields}\` in the context`, {
      details: { ...details, why: "conditional", missingFields: fields },
    });
  }
  return new UsherError("permission_denied", said(question), { details: { ...details, why: "denied" } });
}

/** Why a permission that was held has ended: the reason of the signal. */
export function revocation(decision: HeldDecision, cause: Cause): UsherError {
  const details = { ...about(decision.question), ...causeDetails(cause) };
  if (decision.error !== undefined) return new UsherError(decision.error.code, decision.error.message, { details });
  const why = decision.answer === "conditional" ? "conditional" : "revoked";
  return new UsherError("permission_denied", `${said(decision.question)} any more`, { details: { ...details, why } });
}

/** @param leaseMs what was last asked for */
export function lapse(leaseMs: number): UsherError {
  return new UsherError("lease_lapsed", `nothing was heard of the server within the lease of ${leaseMs} ms, so what was held is denied until it is`, {
    details: { why: "lapsed" },
  });
}

/** An error about a question, as another of the same code that says which. */
export function refusal(question: Question, code: UsherError["code"], message: string): UsherError {
  return new UsherError(code, message, { details: { ...about(question), why: "refused" } });
}

/** The same about a set. */
export function lookupRefusal(what: HeldLookup, code: UsherError["code"], message: string): UsherError {
  const about: ErrorDetails = what.kind === "objects" ? { type: what.type, subject: formatSubject(what.subject) } : { object: formatObject(what.object), type: what.subjectType };
  return new UsherError(code, message, { details: { ...about, permission: what.permission, why: "refused" } });
}

function said({ object, permission, subject }: Question): string {
  return `\`${formatSubject(subject)}\` may not \`${permission}\` \`${formatObject(object)}\``;
}

function about({ object, permission, subject }: Question): ErrorDetails {
  return { object: formatObject(object), permission, subject: formatSubject(subject) };
}

/** What the commit's writer said of it is named `metadata.reason`, and the like. */
function causeDetails({ kind, zookie, metadata = {} }: Cause): ErrorDetails {
  const said = Object.entries(metadata).map(([name, value]): [string, string] => [`metadata.${name}`, value]);
  return { cause: kind, ...(zookie === undefined ? {} : { zookie }), ...Object.fromEntries(said) };
}
