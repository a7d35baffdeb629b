import { createHash } from "node:crypto";

import type { Schema } from "./schema.js";

const hashes = new WeakMap<Schema, string>();

/** Names a schema's text in the decision log: the first 16 hex digits of its SHA-256. */
export function schemaHash(schema: Schema): string {
  let hash = hashes.get(schema);
  if (hash === undefined) hashes.set(schema, (hash = textHash(schema.text)));
  return hash;
}

export function textHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
