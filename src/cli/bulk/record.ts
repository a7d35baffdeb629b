import { z } from "zod";
import { asError, UsherError } from "../../base/errors.js";
import { CelValueError } from "../../model/conditions/cel-error.js";
import { Timestamp } from "../../model/conditions/timestamp.js";
import { checkContext, emptyContext } from "../../model/context.js";
import { checkName, checkType, object, quote } from "../../model/object.js";
import { subject } from "../../model/subject.js";
import { formatTuple, type Tuple } from "../../model/tuple.js";
import { parseTuple } from "../../model/tuple-text.js";

/** A tuple's fields as a file of records has them, before any is known to be right. */
export interface TupleFields {
  readonly object: { readonly type: string; readonly id: string };
  readonly relation: string;
  readonly subject: { readonly type: string; readonly id: string; readonly relation?: string | undefined };
  readonly condition?: { readonly name: string; readonly context?: unknown } | undefined;
  /** RFC 3339. */
  readonly expiresAt?: string | undefined;
}

/** @throws `invalid_id`, `invalid_name`, `invalid_request`, `invalid_context`, `invalid_tuple` */
export function tupleOfFields(fields: TupleFields): Tuple {
  const { condition, expiresAt } = fields;
  return {
    object: object(fields.object.type, fields.object.id),
    relation: checkName(fields.relation, "relation"),
    subject: subject(fields.subject.type, fields.subject.id, fields.subject.relation ?? ""),
    ...(condition !== undefined && { condition: { name: checkType(condition.name, "condition"), context: checkContext(condition.context ?? emptyContext, "the context") } }),
    ...(expiresAt !== undefined && { expiresAt: instantOf(expiresAt) }),
  };
}

function instantOf(text: string): number {
  try {
    return Timestamp.parse(text).ms;
  } catch (error) {
    if (error instanceof CelValueError) throw new UsherError("invalid_tuple", `expiration ${quote(text)} is ${error.message}`);
    throw error;
  }
}

const reference = { type: z.string(), id: z.string() };

/** What `tuple read --json` prints. Either the text or the parts may be left out. */
const jsonShape = z.strictObject({
  tuple: z.string().optional(),
  object: z.strictObject(reference).optional(),
  relation: z.string().optional(),
  subject: z.strictObject({ ...reference, relation: z.string().optional() }).optional(),
  condition: z.strictObject({ name: z.string(), context: z.unknown().optional() }).optional(),
  expiresAt: z.string().optional(),
});

/** @throws `invalid_tuple` and what is wrong with its fields */
export function parseJsonTuple(text: string): Tuple {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsherError("invalid_tuple", `the line is not JSON: ${asError(error).message}`);
  }
  const read = jsonShape.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new UsherError("invalid_tuple", `the line is no tuple: ${issue?.path.length ? `field ${quote(issue.path.join("."))}: ` : ""}${issue?.message ?? ""}`);
  }
  const { tuple: line, object: of, relation, subject: by, condition, expiresAt } = read.data;
  if (of === undefined || relation === undefined || by === undefined) {
    if (line !== undefined && of === undefined && relation === undefined && by === undefined) return parseTuple(line);
    throw new UsherError("invalid_tuple", "the line has neither `tuple` alone nor `object`, `relation` and `subject`");
  }
  const tuple = tupleOfFields({ object: of, relation, subject: by, condition, expiresAt });
  if (line !== undefined && formatTuple(parseTuple(line)) !== formatTuple(tuple)) throw new UsherError("invalid_tuple", "its field `tuple` says another tuple than the others");
  return tuple;
}
