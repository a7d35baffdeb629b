import { throwIfAborted } from "../base/abort.js";
import { UsherError } from "../base/errors.js";
import { compileSchema } from "../model/schema/compile.js";
import { diffSchemas } from "../model/schema/diff.js";
import type { Schema } from "../model/schema/schema.js";
import type { Call, DiffSchemaRequest, DiffSchemaResponse } from "../model/service.js";
import { within } from "../model/wire/field.js";
import type { Core } from "./core.js";
import { writeSchema } from "./writes.js";

/** Compares two texts, or a text with the schema in force; then also with the tuples that stand, as a write of it would. */
export async function diffSchema(core: Core, request: DiffSchemaRequest, call: Call): Promise<DiffSchemaResponse> {
  throwIfAborted(call.signal);
  const { text, fromText } = request;
  const to = compileSchema(text);
  if (fromText !== undefined) return { changes: diffSchemas(within("from_text", () => compileSchema(fromText)), to) };
  const { from, zookie } = await inForce(core, call);
  const orphans = await orphansUnder(core, text, call);
  return { changes: diffSchemas(from, to), ...(zookie === undefined ? {} : { zookie }), ...(orphans === undefined ? {} : { orphans }) };
}

/** Where no schema has been written, everything of the first one is new. */
async function inForce(core: Core, call: Call): Promise<{ from: Schema; zookie?: string }> {
  const tenant = core.tenant(call);
  const snapshot = core.store.snapshot();
  try {
    const { schema, revision } = await core.schemas.at(snapshot, tenant);
    return { from: schema, zookie: core.zookie(tenant, revision) };
  } catch (error) {
    if (error instanceof UsherError && error.code === "schema_missing") return { from: compileSchema("") };
    throw error;
  } finally {
    snapshot.release();
  }
}

async function orphansUnder(core: Core, text: string, call: Call): Promise<string | undefined> {
  try {
    await writeSchema(core, { text, validateOnly: true }, call);
    return undefined;
  } catch (error) {
    if (error instanceof UsherError && error.code === "schema_orphans_tuples") return error.message;
    throw error;
  }
}
