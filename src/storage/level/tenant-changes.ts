import type { Clock } from "../../base/clock.js";
import { UsherError } from "../../base/errors.js";
import { checkQuotas, checkTenantName, type Quotas, type Tenant } from "../../model/tenant.js";
import type { Apply } from "./pipeline.js";
import type { RawOperation } from "./raw.js";
import { tuplesOf, type State } from "./state.js";
import { creationRows, endRows, quotaRows, type StoredTenant } from "./tenants.js";

/** What the changes of tenants work on. */
export interface TenantChangesPort {
  readonly clock: Clock;
  readonly state: State;
  /** Runs a task between two groups of commits. */
  between(task: (apply: Apply) => Promise<void>): Promise<void>;
}

/**
 * Creates, bounds and ends tenants. Each change takes its turn in the queue of commits, so that a write
 * is staged either before a tenant's end or after it: then it is refused. A change is no commit: it has no
 * revision and stands in no log.
 */
export class TenantChanges {
  readonly #port: TenantChangesPort;

  constructor(port: TenantChangesPort) {
    this.#port = port;
  }

  /** @throws `invalid_name`, `invalid_request`, `tenant_exists`, `quota_exceeded`, `outcome_unknown`, `store_unavailable` */
  async create(name: string, quotas: Quotas): Promise<Tenant> {
    checkTenantName(name);
    const checked = checkQuotas(quotas);
    return this.#inTurn(async (apply) => {
      const { state, clock } = this.#port;
      state.tenants.checkNew(name);
      const tenant: StoredTenant = { id: state.tenants.next, name, createdAt: Math.max(clock.now(), state.head.instant), quotas: checked };
      await write(apply, creationRows(tenant));
      state.tenants.set(tenant);
      return describe(state, tenant);
    });
  }

  /** @throws `tenant_unknown`, `invalid_request`, `outcome_unknown`, `store_unavailable` */
  async setQuotas(name: string, quotas: Quotas): Promise<Tenant> {
    const checked = checkQuotas(quotas);
    return this.#inTurn(async (apply) => {
      const { state } = this.#port;
      const tenant: StoredTenant = { ...state.tenants.named(name), quotas: checked };
      await write(apply, quotaRows(tenant));
      state.tenants.set(tenant);
      return describe(state, tenant);
    });
  }

  /** @throws `tenant_unknown`, `outcome_unknown`, `store_unavailable` */
  async end(name: string): Promise<void> {
    await this.#inTurn(async (apply) => {
      const { state } = this.#port;
      const tenant = state.tenants.named(name);
      await write(apply, endRows(tenant, state.tenants.next));
      state.tenants.end(tenant);
      state.counters.delete(tenant.id);
      state.schemas.delete(tenant.id);
    });
  }

  async #inTurn<Result>(change: (apply: Apply) => Promise<Result>): Promise<Result> {
    const results: Result[] = [];
    await this.#port.between(async (apply) => void results.push(await change(apply)));
    return results[0] as Result;
  }
}

export function describe(state: State, { id, name, createdAt, quotas }: StoredTenant): Tenant {
  return { name, ...(createdAt === undefined ? {} : { createdAt }), quotas, tuples: tuplesOf(state.counters, id) };
}

/** A batch that was refused may have been applied; reopening the store will show. */
async function write(apply: Apply, rows: readonly RawOperation[]): Promise<void> {
  try {
    await apply(rows);
  } catch (cause) {
    throw new UsherError("outcome_unknown", "the disk failed while the tenant was being changed: list the tenants to see whether it took effect", { cause });
  }
}
