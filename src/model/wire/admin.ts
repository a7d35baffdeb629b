import type { CreateTenantRequest, DeleteTenantRequest, ListTenantsResponse } from "../service.js";
import type { Quotas, Tenant } from "../tenant.js";
import { compact, readEach, required, uint32 } from "./field.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";

interface QuotasMessage {
  readonly tuples?: number | null | undefined;
  readonly requestsPerSecond?: number | null | undefined;
}

interface TenantMessage {
  readonly name: string;
  readonly createdAt?: TimestampMessage | null | undefined;
  readonly quotas?: QuotasMessage | null | undefined;
  readonly tuples: number;
}

/** Of CreateTenant and SetTenantQuotas. */
export interface NamedQuotasMessage {
  readonly name: string;
  readonly quotas?: QuotasMessage | null | undefined;
}

/** Of CreateTenant and SetTenantQuotas. */
export interface TenantAnswerMessage {
  readonly tenant?: TenantMessage | null | undefined;
}

export interface ListTenantsResponseMessage {
  readonly tenants: readonly TenantMessage[];
}

export function writeNamedQuotas({ name, quotas }: CreateTenantRequest): NamedQuotasMessage {
  return { name, quotas: quotas && writeQuotas(quotas) };
}

export function readNamedQuotas({ name, quotas }: NamedQuotasMessage): CreateTenantRequest {
  return compact<CreateTenantRequest>({ name, quotas: quotas && readQuotas(quotas) });
}

export function writeDeleteTenantRequest({ name }: DeleteTenantRequest): DeleteTenantRequest {
  return { name };
}

export function readDeleteTenantRequest({ name }: DeleteTenantRequest): DeleteTenantRequest {
  return { name };
}

export function writeTenantAnswer(tenant: Tenant): TenantAnswerMessage {
  return { tenant: writeTenant(tenant) };
}

export function readTenantAnswer({ tenant }: TenantAnswerMessage): Tenant {
  return readTenant(required(tenant, "tenant"));
}

export function writeListTenantsResponse({ tenants }: ListTenantsResponse): ListTenantsResponseMessage {
  return { tenants: tenants.map(writeTenant) };
}

export function readListTenantsResponse({ tenants }: ListTenantsResponseMessage): ListTenantsResponse {
  return { tenants: readEach(tenants, "tenants", readTenant) };
}

/** A message without fields. */
export function empty(): object {
  return {};
}

function writeTenant({ name, createdAt, quotas, tuples }: Tenant): TenantMessage {
  return { name, createdAt: createdAt === undefined ? undefined : instantToTimestamp(createdAt), quotas: writeQuotas(quotas), tuples: uint32(tuples, "tuples") };
}

function readTenant({ name, createdAt, quotas, tuples }: TenantMessage): Tenant {
  return compact<Tenant>({ name, createdAt: createdAt && timestampToInstant(createdAt, "created_at"), quotas: readQuotas(quotas ?? {}), tuples });
}

function writeQuotas({ tuples, requestsPerSecond }: Quotas): QuotasMessage {
  return {
    tuples: tuples === undefined ? undefined : uint32(tuples, "quotas.tuples"),
    requestsPerSecond: requestsPerSecond === undefined ? undefined : uint32(requestsPerSecond, "quotas.requests_per_second"),
  };
}

function readQuotas({ tuples, requestsPerSecond }: QuotasMessage): Quotas {
  return compact<Quotas>({ tuples, requestsPerSecond });
}
