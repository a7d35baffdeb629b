import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";

import { limits } from "../../../base/limits.js";
import type { AuthorizationModel } from "./model.js";

/** A model that was written, as it is kept. */
export interface KeptModel {
  readonly id: string;
  /** Over the native schema that it becomes: models with one hash answer alike. */
  readonly hash: string;
  /** Deflated, in base64. */
  readonly packed: string;
}

/** What the head of a store's schema text tells. */
export interface StoreHead {
  readonly name: string;
  /** The newest last. */
  readonly models: readonly KeptModel[];
}

const mark = "// openfga ";

/**
 * A store is a tenant whose schema text begins so. Its models are kept there, in comments: they are written in one commit with the schema that they
 * become, are in every backup, and outlast every horizon. Of models that do not fit in `limits.openfgaModelsBytesMax` the oldest go first.
 *
 *     // openfga store "documents"
 *     // openfga model 01JZ… 5f0c… rVNNb9sw…
 *     // openfga model 01K0… 9ab1… nVRbb9sw…
 *     use openfga
 *
 *     definition user {}
 */
export function formatStore({ name, models }: StoreHead, native: string): string {
  const kept: string[] = [];
  let bytes = 0;
  for (const { id, hash, packed } of [...models].reverse()) {
    const line = `${mark}model ${id} ${hash} ${packed}`;
    bytes += line.length;
    if (bytes > limits.openfgaModelsBytesMax && kept.length > 0) break;
    kept.unshift(line);
  }
  return [`${mark}store ${JSON.stringify(name)}`, ...kept, "use openfga", "", native].join("\n");
}

/** Undefined: the text is of no store of OpenFGA's. */
export function parseStore(text: string): StoreHead | undefined {
  const lines = text.split("\n", limits.schemaBytesMax);
  const [first = "", ...others] = lines.slice(0, lines.findIndex((line) => !line.startsWith(mark)));
  const [, quoted] = /^\/\/ openfga store (".*")$/.exec(first) ?? [];
  if (quoted === undefined) return undefined;
  const models = others.flatMap((line) => {
    const [, id, hash, packed] = /^\/\/ openfga model (\S+) (\S+) (\S+)$/.exec(line) ?? [];
    return id === undefined || hash === undefined || packed === undefined ? [] : [{ id, hash, packed }];
  });
  return { name: JSON.parse(quoted) as string, models };
}

export function keepModel(id: string, model: AuthorizationModel, native: string): KeptModel {
  const packed = deflateRawSync(JSON.stringify(model)).toString("base64");
  return { id, hash: createHash("sha256").update(native).digest("hex").slice(0, 32), packed };
}

export function unpackModel({ packed }: KeptModel): AuthorizationModel {
  return JSON.parse(inflateRawSync(Buffer.from(packed, "base64")).toString("utf8")) as AuthorizationModel;
}
