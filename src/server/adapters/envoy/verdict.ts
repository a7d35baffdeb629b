import { UsherError } from "../../../base/errors.js";
import type { Context } from "../../../model/context.js";
import { object } from "../../../model/object.js";
import type { Call, CheckRequest, Decision, Service } from "../../../model/service.js";
import { denialOf } from "../denials.js";
import type { Values } from "../template.js";
import type { EnvoyDenial, EnvoyMapping, EnvoyRule } from "./mapping.js";
import type { CheckRequestMessage } from "./messages.js";
import { ProxiedRequest } from "./proxied-request.js";

/** What became of a request: let through by a rule's check, or not. */
export type Verdict = Allowed | Denied;

export interface Allowed {
  readonly kind: "allowed";
  readonly rule: EnvoyRule;
  readonly values: Values;
  readonly check: CheckRequest;
  readonly decision: Decision;
}

export interface Denied {
  readonly kind: "denied";
  /** `unmatched`, `unidentified`, `denied`, `conditional`, or the code of an error. */
  readonly reason: string;
  readonly denial: EnvoyDenial;
  /** What was asked, where something was. */
  readonly check?: CheckRequest;
  readonly decision?: Decision;
}

/** What a client can bring about by what it sends is an answer, and no failure: a proxy may be told to let through what fails. */
const broughtAbout = ["invalid_context", "invalid_request"] as const;

/** @param asked undefined: it could not be read @throws what is no answer: the proxy decides what becomes of a request then */
export async function judge(service: Pick<Service, "check">, mapping: EnvoyMapping, asked: CheckRequestMessage | undefined, call: Call): Promise<Verdict> {
  const request = ProxiedRequest.of(asked?.attributes ?? null);
  if (request === undefined) return { kind: "denied", reason: "invalid_request", denial: mapping.unmatched };
  for (const rule of mapping.rules) {
    const values = request.match(rule);
    // The first that matches counts, and none after it.
    if (values !== undefined) return judgeBy(service, mapping, rule, values, call);
  }
  return { kind: "denied", reason: "unmatched", denial: mapping.unmatched };
}

async function judgeBy(service: Pick<Service, "check">, mapping: EnvoyMapping, rule: EnvoyRule, values: Values, call: Call): Promise<Verdict> {
  const denial = rule.denied ?? mapping.denied;
  let check: CheckRequest | undefined;
  try {
    const subjectId = rule.subject.id.fillOne(values);
    if (subjectId === undefined) return { kind: "denied", reason: "unidentified", denial: mapping.unidentified };
    check = checkOf(rule, values, subjectId);
    const decision = await service.check(check, call);
    if (decision.allowed) return { kind: "allowed", rule, values, check, decision };
    return { kind: "denied", reason: decision.missingFields.length > 0 ? "conditional" : "denied", denial, check, decision };
  } catch (thrown) {
    const { code } = denialOf(thrown, broughtAbout);
    return { kind: "denied", reason: code, denial, ...(check === undefined ? {} : { check }) };
  }
}

/** Ids are ids: neither can be everybody, nor a userset that a client wrote. @throws `invalid_id` */
function checkOf({ object: { type, id }, permission, subject, context }: EnvoyRule, values: Values, subjectId: string): CheckRequest {
  const objectId = id.fillOne(values);
  if (objectId === undefined) throw new UsherError("invalid_id", "nothing in the request says which object it is about");
  return {
    object: object(type, objectId),
    permission,
    subject: { ...object(subject.type, subjectId), relation: subject.relation ?? "" },
    context: contextOf(context, values),
  };
}

/** A field of which the request says nothing is left out, so that what needs it is conditional, and not let through. */
function contextOf(fields: EnvoyRule["context"], values: Values): Context {
  const entries = Object.entries(fields).flatMap(([field, from]) => {
    const value = typeof from === "object" ? from.fillOne(values) : from;
    return value === undefined ? [] : [[field, value] as const];
  });
  return Object.fromEntries(entries);
}
