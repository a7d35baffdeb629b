import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { compileSchema } from "../model/schema/compile.js";
import { schemaHash, textHash } from "../model/schema/hash.js";
import type { Schema } from "../model/schema/schema.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { Snapshot, Store } from "../storage/store.js";

/** A schema and the commit that wrote it. */
export interface SchemaVersion {
  readonly schema: Schema;
  readonly revision: Revision;
}

/**
 * Compiled schemas by the commit that wrote them. The newest of each tenant is at hand without a read; which one is the
 * newest is learnt from the commits themselves, so a schema is never older than the snapshot it is used with.
 */
export class Schemas {
  readonly #newest = new Map<TenantId, SchemaVersion>();
  /** The last commit seen that wrote a schema: what was read before it is not the newest. */
  readonly #writtenAt = new Map<TenantId, Revision>();
  readonly #startedAt: Revision;
  readonly #compiled = new Map<Revision, Schema>();
  readonly #hashes = new Map<TenantId, string>();
  #compilations = 0;
  readonly stop: () => void;

  constructor(store: Store) {
    this.#startedAt = store.head.revision;
    this.stop = store.onCommit((commit) => {
      if (commit.schema === undefined) return;
      this.#writtenAt.set(commit.tenant, commit.revision);
      this.#hashes.set(commit.tenant, textHash(commit.schema));
      this.#newest.delete(commit.tenant);
    });
  }

  /** How many schemas have been compiled since the start. */
  get compilations(): number {
    return this.#compilations;
  }

  /** The schema in force at the snapshot, where that is the newest and at hand. */
  atHand(snapshot: Snapshot, tenant: TenantId): SchemaVersion | undefined {
    const newest = this.#newest.get(tenant);
    return newest !== undefined && newest.revision <= snapshot.revision ? newest : undefined;
  }

  /** The schema in force at the snapshot. @throws `schema_missing` */
  async at(snapshot: Snapshot, tenant: TenantId): Promise<SchemaVersion> {
    const atHand = this.atHand(snapshot, tenant);
    if (atHand !== undefined) return atHand;
    const stored = await snapshot.schema(tenant);
    if (stored === undefined) throw new UsherError("schema_missing", "no schema has been written yet: write one first");
    const version = { schema: this.#compile(stored.text, stored.revision), revision: stored.revision };
    // Read at an old snapshot it need not be the newest; `#startedAt` covers what was written before this process listened.
    if (snapshot.revision >= Math.max(this.#startedAt, this.#writtenAt.get(tenant) ?? 0)) {
      this.#newest.set(tenant, version);
      this.#hashes.set(tenant, schemaHash(version.schema));
    }
    return version;
  }

  /** Of the newest schema's text; undefined: nothing has asked for it since the start. */
  hash(tenant: TenantId): string | undefined {
    return this.#hashes.get(tenant);
  }

  /** A tenant that was deleted has no schema any more; its number is not given again. */
  forget(tenant: TenantId): void {
    this.#newest.delete(tenant);
    this.#writtenAt.delete(tenant);
    this.#hashes.delete(tenant);
  }

  /** What a commit put in force; kept for when it is asked for. */
  compiled(text: string, revision: Revision): Schema {
    return this.#compile(text, revision);
  }

  #compile(text: string, revision: Revision): Schema {
    const known = this.#compiled.get(revision);
    if (known !== undefined) return known;
    const schema = compileSchema(text);
    this.#compilations++;
    if (this.#compiled.size >= limits.schemasCompiledMax) this.#compiled.delete(this.#compiled.keys().next().value ?? revision);
    this.#compiled.set(revision, schema);
    return schema;
  }
}
