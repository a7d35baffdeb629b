import { throwIfAborted } from "../base/abort.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { LiveDecisions } from "../decisions/live-decisions.js";
import { checkContext } from "../model/context.js";
import { checkName, quote } from "../model/object.js";
import type { PreviewChangeRequest, PreviewChangeResponse, PreviewCheck } from "../model/preview.js";
import { compileSchema } from "../model/schema/compile.js";
import type { Call } from "../model/service.js";
import type { Core } from "./core.js";
import { requireFields, requireList, requireText, validateAsked, validateObject, validateOperations } from "./validate.js";
import { writeSchema, writeTuples } from "./writes.js";

/** What a write would give and take. It is refused as the write would be, by which it is checked first; nothing is written. */
export async function previewChange(core: Core, live: LiveDecisions, request: PreviewChangeRequest, call: Call): Promise<PreviewChangeResponse> {
  throwIfAborted(call.signal);
  requireFields(request, "the request");
  const { operations = [], schemaText, checks = [], limit = limits.previewChangesDefault } = request;
  requireList(operations, "operations");
  if ((schemaText === undefined) === (operations.length === 0)) {
    throw new UsherError("invalid_request", `the request proposes ${schemaText === undefined ? "nothing" : "both operations and a schema, which are two commits"}: give either \`operations\` or \`schemaText\``);
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > limits.previewChangesMax) {
    throw new UsherError("invalid_request", `limit ${quote(limit)} must be 1 to ${limits.previewChangesMax}`);
  }
  const proposal = { operations: operations.length === 0 ? [] : validateOperations(operations), checks: validateChecks(checks), limit };
  const tenant = core.tenant(call);
  const schema = schemaText === undefined ? {} : { schema: await writable(core, schemaText, call) };
  if (schemaText === undefined) await writeTuples(core, { operations: proposal.operations, validateOnly: true }, call);
  const { revision, ...preview } = await live.preview(tenant, { ...proposal, ...schema }, call.signal);
  core.requireTenant(tenant);
  return { zookie: core.zookie(tenant, revision), ...preview };
}

/** @throws as a write of it */
async function writable(core: Core, text: string, call: Call) {
  requireText(text, "schemaText");
  await writeSchema(core, { text, validateOnly: true }, call);
  return compileSchema(text);
}

/** Copies of what needs no schema to be checked; the names are held against the schemas later. */
function validateChecks(checks: readonly PreviewCheck[]): PreviewCheck[] {
  requireList(checks, "checks");
  if (checks.length > limits.previewChecksMax) {
    throw new UsherError("request_too_large", `the request has ${checks.length} checks: at most ${limits.previewChecksMax} are taken at once`);
  }
  return checks.map((check) => {
    requireFields(check, "a check");
    const { object, permission, subject, context } = check;
    return {
      object: validateObject(object),
      permission: checkName(permission, "permission"),
      subject: validateAsked(subject),
      ...(context === undefined ? {} : { context: checkContext(context, "the context of a check") }),
    };
  });
}
