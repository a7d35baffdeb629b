import { status } from "@grpc/grpc-js";

import type { Context } from "../../../model/context.js";
import { formatObject } from "../../../model/object.js";
import { formatSubject } from "../../../model/subject.js";
import { contextToStruct } from "../../../model/wire/struct.js";
import type { Template, Values } from "../template.js";
import type { CheckResponseMessage, HeaderOptionMessage } from "./messages.js";
import type { Allowed, Denied, Verdict } from "./verdict.js";

/** A verdict as Envoy takes it. */
export function responseOf(verdict: Verdict, requestId: string): CheckResponseMessage {
  const dynamicMetadata = contextToStruct(metadataOf(verdict, requestId), "Envoy's metadata");
  if (verdict.kind === "allowed") return { status: { code: status.OK, message: "" }, okResponse: okOf(verdict, requestId), dynamicMetadata };
  return { status: { code: verdict.reason === "unidentified" ? status.UNAUTHENTICATED : status.PERMISSION_DENIED, message: verdict.reason }, deniedResponse: deniedOf(verdict, requestId), dynamicMetadata };
}

/** A header of which there is nothing to set is taken out: what the client itself wrote there must not pass for ours. */
function okOf({ rule: { allowed }, values, check, decision }: Allowed, requestId: string): NonNullable<CheckResponseMessage["okResponse"]> {
  const known: Readonly<Record<string, string>> = {
    zookie: decision.zookie,
    request_id: requestId,
    "object.type": check.object.type,
    "object.id": check.object.id,
    "subject.type": check.subject.type,
    "subject.id": check.subject.id,
  };
  const all: Values = (name) => (Object.hasOwn(known, name) ? [known[name] ?? ""] : values(name));
  const headers = headersOf(allowed.headers, all);
  const set = new Set(headers.map(({ header }) => header.key));
  return {
    headers,
    headersToRemove: [...allowed.remove, ...Object.keys(allowed.headers).filter((name) => !set.has(name))],
    responseHeadersToAdd: headersOf(allowed.responseHeaders, all),
  };
}

function deniedOf({ denial }: Denied, requestId: string): NonNullable<CheckResponseMessage["deniedResponse"]> {
  return { status: { code: denial.status }, headers: headersOf(denial.headers, () => [requestId]), body: denial.body };
}

/** Each replaces what stood there. */
function headersOf(templates: Readonly<Record<string, Template>>, values: Values): HeaderOptionMessage[] {
  return Object.entries(templates).flatMap(([key, template]) => {
    const value = template.fillOne(values);
    return value === undefined || !isHeaderValue(value) ? [] : [{ header: { key, value }, append: { value: false } }];
  });
}

/** What came from a path may hold anything, a line break too. */
function isHeaderValue(value: string): boolean {
  return !/\p{Cc}/u.test(value);
}

/** For the access log and the filters that follow. */
function metadataOf(verdict: Verdict, requestId: string): Context {
  const { check, decision } = verdict;
  return {
    decision: verdict.kind === "allowed" ? "allowed" : verdict.reason,
    request_id: requestId,
    ...(check === undefined ? {} : { object: formatObject(check.object), permission: check.permission, subject: formatSubject(check.subject) }),
    ...(decision === undefined ? {} : { zookie: decision.zookie }),
    ...(decision === undefined || decision.missingFields.length === 0 ? {} : { missing_fields: [...decision.missingFields] }),
  };
}
