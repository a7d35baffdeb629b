import { z } from "zod";

import { limits } from "../../../base/limits.js";
import type { Context } from "../../../model/context.js";
import { quote } from "../../../model/object.js";
import type { HttpRequest } from "../../http/adapter.js";
import { Refusal } from "./failures.js";

const context = z.record(z.string(), z.unknown()).transform((value) => value as Context);
const condition = z.object({ name: z.string(), context: context.nullish().transform((value) => value ?? {}) });
const key = z.object({ user: z.string(), relation: z.string().min(1), object: z.string() });
const tuple = key.extend({ condition: condition.nullish() }).transform(({ condition: given, ...rest }) => (given && given.name !== "" ? { ...rest, condition: given } : rest));
const contextual = z.object({ tuple_keys: z.array(tuple) }).nullish().transform((value) => value?.tuple_keys ?? []);
const asked = {
  authorization_model_id: z.string().nullish().transform((value) => value ?? ""),
  consistency: z.enum(["UNSPECIFIED", "MINIMIZE_LATENCY", "HIGHER_CONSISTENCY"]).nullish(),
};
const question = { context: context.nullish().transform((value) => value ?? {}), contextual_tuples: contextual };

export const bodies = {
  store: z.object({ name: z.string().min(3).max(64) }),
  check: z.object({ tuple_key: key, ...question, ...asked }),
  batchCheck: z.object({ checks: z.array(z.object({ tuple_key: key, correlation_id: z.string().regex(/^[\w-]{1,36}$/), ...question })).min(1).max(limits.openfgaChecksMax), ...asked }),
  expand: z.object({ tuple_key: z.object({ relation: z.string().min(1), object: z.string() }), contextual_tuples: contextual, ...asked }),
  listObjects: z.object({ type: z.string().min(1), relation: z.string().min(1), user: z.string(), ...question, ...asked }),
  listUsers: z.object({
    object: z.object({ type: z.string().min(1), id: z.string().min(1) }),
    relation: z.string().min(1),
    user_filters: z.array(z.object({ type: z.string().min(1), relation: z.string().nullish().transform((value) => value ?? "") })).length(1),
    context: question.context,
    contextual_tuples: z.array(tuple).nullish().transform((value) => value ?? []),
    ...asked,
  }),
  read: z.object({
    tuple_key: z.object({ user: z.string().nullish(), relation: z.string().nullish(), object: z.string().nullish() }).nullish(),
    page_size: z.number().int().min(1).max(limits.openfgaTuplesMax).nullish(),
    continuation_token: z.string().nullish(),
    consistency: asked.consistency,
  }),
  write: z.object({
    writes: z.object({ tuple_keys: z.array(tuple), on_duplicate: z.enum(["error", "ignore"]).nullish() }).nullish(),
    deletes: z.object({ tuple_keys: z.array(key), on_missing: z.enum(["error", "ignore"]).nullish() }).nullish(),
    authorization_model_id: asked.authorization_model_id,
  }),
} as const;

export type Body<Name extends keyof typeof bodies> = z.output<(typeof bodies)[Name]>;

/** A request, and the store that its URL names. */
export type Asked<Name extends keyof typeof bodies> = Body<Name> & { readonly store: string };

/** @throws `validation_error` */
export function readBody<Name extends keyof typeof bodies>(name: Name, { body, parameters }: HttpRequest): Asked<Name> {
  const parsed = bodies[name].safeParse(body ?? {});
  if (parsed.success) return { ...(parsed.data as Body<Name>), store: parameters.store ?? "" };
  const [issue] = parsed.error.issues;
  throw new Refusal("validation_error", `field \`${issue?.path.join(".") ?? ""}\` is wrong: ${issue?.message ?? ""}`);
}

/** @throws `page_size_invalid` */
export function pageSize({ query }: HttpRequest): number {
  const text = query.get("page_size");
  const size = text === null ? limits.openfgaPageDefault : Number(text);
  if (Number.isInteger(size) && size >= 1 && size <= limits.openfgaTuplesMax) return size;
  throw new Refusal("page_size_invalid", `query parameter \`page_size\` is ${quote(text)}: give a whole number from 1 to ${limits.openfgaTuplesMax}`);
}
