import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { tupleIdentity, formatTuple, type Tuple } from "../../model/tuple.js";
import { parseTuple } from "../../model/tuple-text.js";
import { readRelationship, type RelationshipMessage } from "../../server/adapters/authzed/references.js";

/** A relationship of SpiceDB's that stands there and cannot stand here, and why. */
export interface Refusal {
  readonly relationship: string;
  readonly reason: string;
}

/** A relationship as a tuple, or why there is no such tuple. */
export type Received = { readonly tuple: Tuple } | Refusal;

export function receive(message: RelationshipMessage | null | undefined): Received {
  try {
    return { tuple: readRelationship(message ?? { relation: "" }) };
  } catch (error) {
    if (!(error instanceof UsherError)) throw error;
    return { relationship: messageText(message), reason: `${error.code}: ${error.message}` };
  }
}

/** What SpiceDB holds and the mirror refuses, so that it can be named, and tried again after a change of the schema. */
export class RefusedList {
  readonly #refusals = new Map<string, Refusal>();
  #changes = 0;

  constructor(refusals: readonly Refusal[] = []) {
    for (const refusal of refusals) this.#refusals.set(keyOf(refusal.relationship), refusal);
  }

  get size(): number {
    return this.#refusals.size;
  }

  /** Rises whenever another one is kept or one goes. */
  get changes(): number {
    return this.#changes;
  }

  /** @throws `invalid_tuple` where they are more than a few: then the schemas are not the same */
  add(refusal: Refusal): void {
    const key = keyOf(refusal.relationship);
    if (!this.#refusals.has(key) && this.#refusals.size >= limits.refusedRelationshipsMax) {
      throw new UsherError("invalid_tuple", `more than ${limits.refusedRelationshipsMax} relationships are refused, the last one ${refusal.reason}: the two schemas are not the same`);
    }
    this.#refusals.set(key, refusal);
    this.#changes++;
  }

  remove(relationship: string): void {
    if (this.#refusals.delete(keyOf(relationship))) this.#changes++;
  }

  clear(): void {
    if (this.#refusals.size > 0) this.#changes++;
    this.#refusals.clear();
  }

  list(): Refusal[] {
    return [...this.#refusals.values()];
  }

  /** Those that are tuples, and only not of the schema. */
  tuples(): Tuple[] {
    return this.list().flatMap(({ relationship }) => parsed(relationship) ?? []);
  }
}

/** By its identity, so that a relationship that is touched with another caveat is the same one. */
function keyOf(relationship: string): string {
  const tuple = parsed(relationship);
  return tuple === undefined ? relationship : tupleIdentity(tuple);
}

function parsed(relationship: string): Tuple | undefined {
  try {
    return parseTuple(relationship);
  } catch {
    return undefined;
  }
}

export function refusalOf(tuple: Tuple, { code, message }: UsherError): Refusal {
  return { relationship: formatTuple(tuple), reason: `${code}: ${message}` };
}

/** Its identity as far as it was sent: what cannot be read is to be named all the same. */
function messageText(message: RelationshipMessage | null | undefined): string {
  const { resource, relation = "", subject } = message ?? {};
  const userset = subject?.optionalRelation ? `#${subject.optionalRelation}` : "";
  return `${resource?.objectType ?? ""}:${resource?.objectId ?? ""}#${relation}@${subject?.object?.objectType ?? ""}:${subject?.object?.objectId ?? ""}${userset}`;
}
