import { UsherError } from "../base/errors.js";
import type { HeldLookup } from "../model/live.js";
import { checkName, checkType } from "../model/object.js";
import { parseObject, parseSubject } from "../model/tuple-text.js";

/**
 * What is to be held: `TYPE PERMISSION SUBJECT`, or `OBJECT PERMISSION TYPE` with `TYPE#RELATION` for usersets.
 * @throws `invalid_request`, `invalid_tuple`, `invalid_name`
 */
export function readLookup(kind: HeldLookup["kind"], [first, permission, last, ...more]: readonly string[]): HeldLookup {
  if (first === undefined || permission === undefined || last === undefined || more.length > 0) {
    throw new UsherError("invalid_request", kind === "objects" ? "give `TYPE PERMISSION SUBJECT` with --objects" : "give `OBJECT PERMISSION TYPE` with --subjects");
  }
  checkName(permission, "permission");
  if (kind === "objects") return { kind, type: checkType(first), permission, subject: parseSubject(last) };
  const [type = "", relation] = last.split("#");
  return { kind, object: parseObject(first), permission, subjectType: checkType(type), ...(relation === undefined ? {} : { subjectRelation: checkName(relation, "relation") }) };
}
