import { UsherError } from "../base/errors.js";
import { RelationCache } from "../evaluation/cache/relation-cache.js";
import type { SubjectEnumeration } from "../evaluation/lookup/lookup-subjects.js";
import { Shelf } from "../evaluation/lookup/shelf.js";
import { unobservedEvaluation, type EvaluationObserver } from "../evaluation/observer.js";
import { quote } from "../model/object.js";
import type { Enforcement } from "../model/live.js";
import type { Call, Consistency } from "../model/service.js";
import { defaultTenant } from "../model/tenant.js";
import { encodeZookie, type Revision, type TenantId } from "../model/zookie.js";
import { resolveZookie } from "../storage/resolve-zookie.js";
import type { Snapshot, Store } from "../storage/store.js";
import type { Recordings } from "./recordings.js";
import { Schemas } from "./schemas.js";

/** What every operation of the database works with: the store, the compiled schemas, and how a call names its snapshot. */
export class Core {
  readonly store: Store;
  readonly schemas: Schemas;
  readonly cache: RelationCache;
  readonly observer: EvaluationObserver;
  /** What lookups have enumerated, for their next pages. */
  readonly lookups = { objects: new Shelf<ReadonlySet<string>>(), subjects: new Shelf<SubjectEnumeration>() };
  /** Resolves when nobody can honour any more what a commit ended, or after so long. */
  enforced: (revision: Revision, waitMs: number, signal?: AbortSignal) => Promise<Enforcement> = () => Promise.reject(new UsherError("internal", "nothing enforces yet"));
  /** What is decided and done is recorded there; undefined: nowhere. */
  recordings: Recordings | undefined = undefined;
  readonly #zookies = new Map<TenantId, { readonly revision: Revision; readonly text: string }>();

  constructor(store: Store, observer: EvaluationObserver = unobservedEvaluation, memoryBudgetBytes?: number) {
    this.store = store;
    this.observer = observer;
    // The first to hear of a commit, so that whoever hears of it later is answered from it.
    this.cache = new RelationCache(store, memoryBudgetBytes);
    this.schemas = new Schemas(store);
  }

  /** @throws `tenant_unknown` */
  tenant(call: Call): TenantId {
    return this.store.tenant(call.tenant ?? defaultTenant);
  }

  /** For an answer on its way: what it was read from may have been purged under it. @throws `tenant_unknown` */
  requireTenant(tenant: TenantId): void {
    if (!this.store.hasTenant(tenant)) throw new UsherError("tenant_unknown", "the tenant was deleted while the call was on its way: name another");
  }

  /** Of each tenant the last one that was given is kept: thousands of answers of one revision carry the same. */
  zookie(tenant: TenantId, revision: Revision): string {
    const last = this.#zookies.get(tenant);
    if (last?.revision === revision) return last.text;
    const text = encodeZookie({ ...this.store.identity, tenant, revision });
    this.#zookies.set(tenant, { revision, text });
    return text;
  }

  /** A tenant that was deleted. */
  forget(tenant: TenantId): void {
    this.schemas.forget(tenant);
    this.cache.forget(tenant);
    this.#zookies.delete(tenant);
  }

  /** The snapshot that a request asks for; the caller releases it. @throws the codes of zookies, `invalid_request` for an instant to come */
  async snapshotOf(tenant: TenantId, consistency: Consistency | undefined): Promise<Snapshot> {
    if (consistency?.kind !== "asOf") return this.snapshot(tenant, consistency);
    const { instant } = consistency;
    if (!Number.isSafeInteger(instant) || instant > this.store.clock.now()) throw new UsherError("invalid_request", `instant ${quote(instant)} is to come, or none: name one that has been`);
    return this.store.snapshot(await this.store.revisionAt(instant));
  }

  /** The same where nothing has to be found first. */
  snapshot(tenant: TenantId, consistency: Consistency = { kind: "latest" }): Snapshot {
    switch (consistency?.kind) {
      case "latest":
        return this.store.snapshot();
      case "atLeast":
        // One store has one head, and it holds every zookie that it gave out: the freshest answer satisfies them all.
        resolveZookie(this.store, tenant, consistency.zookie);
        return this.store.snapshot();
      case "exact":
        return this.store.snapshot(resolveZookie(this.store, tenant, consistency.zookie));
      case "asOf":
        throw new UsherError("internal", "the revision of an instant must be found first");
      default:
        throw new UsherError("invalid_request", `consistency is ${quote((consistency as Consistency | null)?.kind)}: the kinds are \`latest\`, \`atLeast\`, \`exact\` and \`asOf\``);
    }
  }
}
