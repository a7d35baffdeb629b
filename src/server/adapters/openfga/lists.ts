import { limits } from "../../../base/limits.js";
import { checkId } from "../../../model/object.js";
import type { Call, LookupSubjectsResult, Service } from "../../../model/service.js";
import { isWildcard } from "../../../model/subject.js";
import type { Asked } from "./bodies.js";
import { answered, contextualOf } from "./checks.js";
import { nativeName, openfgaName } from "./names.js";
import { nativeContext, nativeSubject, objectText, parseUser } from "./references.js";
import type { Model, Stores } from "./store.js";

/** At most `limits.openfgaListMax`, as OpenFGA does. */
export async function listObjects(service: Service, stores: Stores, asked: Asked<"listObjects">, call: Call): Promise<object> {
  return stores.answer(call, asked.authorization_model_id, async (model) => {
    const objects: string[] = [];
    for await (const found of objectsOf(service, asked, model, call)) {
      objects.push(found);
      if (objects.length >= limits.openfgaListMax) break;
    }
    return { objects };
  });
}

/** All of them. What cannot be decided is told when all others have been. @throws `validation_error`… */
export async function* objectsOf(service: Service, asked: Asked<"listObjects">, model: Model, call: Call): AsyncIterable<string> {
  const who = parseUser(asked.user);
  const permission = model.permission(asked.type, asked.relation, "type_not_found", "relation_not_found");
  model.requireUser(who);
  const request = { objectType: nativeName(asked.type), permission, subject: nativeSubject(who), context: nativeContext(asked.context), ...contextualOf(asked.contextual_tuples, model) };
  const missing = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await service.lookupObjects({ ...request, pageSize: limits.pageTuplesMax, ...(cursor !== undefined && { cursor }) }, call);
    for (const { object, allowed, missingFields } of page.results) {
      if (allowed) yield objectText(object);
      for (const field of missingFields) missing.add(field);
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  answered({ allowed: false, missingFields: [...missing] });
}

export async function listUsers(service: Service, stores: Stores, asked: Asked<"listUsers">, call: Call): Promise<object> {
  return stores.answer(call, asked.authorization_model_id, async (model) => {
    const [filter = { type: "", relation: "" }] = asked.user_filters;
    const permission = model.permission(asked.object.type, asked.relation, "type_not_found", "relation_not_found");
    if (filter.relation === "") model.requireType(filter.type, "type_not_found");
    else model.rewrite(filter.type, filter.relation, "type_not_found", "relation_not_found");
    const request = {
      object: { type: nativeName(asked.object.type), id: checkId(asked.object.id) },
      permission,
      subjectType: nativeName(filter.type),
      ...(filter.relation !== "" && { subjectRelation: nativeName(filter.relation) }),
      context: nativeContext(asked.context),
      ...contextualOf(asked.contextual_tuples, model),
    };
    return { users: await usersOf(service, request, call) };
  });
}

/** Somebody whom a list of users has. */
export interface FoundUser {
  readonly object?: { readonly type: string; readonly id: string };
  readonly userset?: { readonly type: string; readonly id: string; readonly relation: string };
  readonly wildcard?: { readonly type: string };
}

async function usersOf(service: Service, request: Parameters<Service["lookupSubjects"]>[0], call: Call): Promise<FoundUser[]> {
  const users: FoundUser[] = [];
  const missing = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await service.lookupSubjects({ ...request, pageSize: limits.pageTuplesMax, ...(cursor !== undefined && { cursor }) }, call);
    for (const result of page.results) {
      if (result.allowed && users.length < limits.openfgaListMax) users.push(userOf(result));
      for (const field of result.missingFields) missing.add(field);
    }
    cursor = users.length < limits.openfgaListMax ? page.cursor : undefined;
  } while (cursor !== undefined);
  answered({ allowed: users.length >= limits.openfgaListMax, missingFields: [...missing] });
  return users;
}

function userOf({ subject }: LookupSubjectsResult): FoundUser {
  const type = openfgaName(subject.type);
  if (isWildcard(subject)) return { wildcard: { type } };
  if (subject.relation === "") return { object: { type, id: subject.id } };
  return { userset: { type, id: subject.id, relation: openfgaName(subject.relation) } };
}

export function userTextOf({ object, userset, wildcard }: FoundUser): string {
  if (userset !== undefined) return `${userset.type}:${userset.id}#${userset.relation}`;
  return object === undefined ? `${wildcard?.type ?? ""}:*` : `${object.type}:${object.id}`;
}
