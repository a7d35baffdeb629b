import { InvalidArgumentError, type Command } from "commander";

import type { Quotas, Tenant } from "../model/tenant.js";
import { instantText } from "./json.js";
import { withUsher, type Runner } from "./options.js";

interface QuotaOptions {
  readonly tuples?: number;
  readonly requests?: number;
}

export function addTenant(program: Command, run: Runner): void {
  const group = program.command("tenant").description("create, list, bound and delete tenants; takes a key with the role `admin`");
  addCreate(group, run);
  addList(group, run);
  addQuota(group, run);
  addDelete(group, run);
}

function addCreate(group: Command, run: Runner): void {
  const command = addQuotaOptions(group.command("create"))
    .description("make a tenant, with no schema and no tuples")
    .argument("<name>")
    .addHelpText("after", "\nExamples:\n  $ usher tenant create billing --tuples 1000000 --requests 500");
  command.action((name: string) =>
    run<QuotaOptions>(command, async ({ options, output }) => {
      const tenant = await withUsher(options, (usher) => usher.createTenant(name, quotasOf(options)));
      await output.write(() => `created  ${line(tenant)}`, () => tenantJson(tenant));
      return undefined;
    }),
  );
}

function addList(group: Command, run: Runner): void {
  const command = group.command("list").description("every tenant, its tuples and its quotas").addHelpText("after", "\nExamples:\n  $ usher tenant list --json");
  command.action(() =>
    run(command, async ({ options, output }) => {
      const tenants = await withUsher(options, (usher) => usher.listTenants());
      await output.write(() => tenants.map(line).join("\n"), () => ({ tenants: tenants.map(tenantJson) }));
      return undefined;
    }),
  );
}

function addQuota(group: Command, run: Runner): void {
  const command = addQuotaOptions(group.command("quota"))
    .description("replace a tenant's quotas; one that is not given is no longer bounded")
    .argument("<name>")
    .addHelpText("after", "\nExamples:\n  $ usher tenant quota billing --tuples 2000000");
  command.action((name: string) =>
    run<QuotaOptions>(command, async ({ options, output }) => {
      const tenant = await withUsher(options, (usher) => usher.setTenantQuotas(name, quotasOf(options)));
      await output.write(() => line(tenant), () => tenantJson(tenant));
      return undefined;
    }),
  );
}

function addDelete(group: Command, run: Runner): void {
  const command = group
    .command("delete")
    .description("end a tenant: its calls and watches end at once, and all that it holds is deleted")
    .argument("<name>")
    .requiredOption("--confirm <name>", "the name once more, since nothing brings a tenant back")
    .addHelpText("after", "\nExamples:\n  $ usher tenant delete billing --confirm billing");
  command.action((name: string) =>
    run<{ confirm: string }>(command, async ({ options, output }) => {
      if (options.confirm !== name) throw new InvalidArgumentError(`--confirm names ${options.confirm}, and ${name} is to be deleted`);
      await withUsher(options, (usher) => usher.deleteTenant(name));
      await output.write(() => `deleted  ${name}`, () => ({ deleted: name }));
      return undefined;
    }),
  );
}

function addQuotaOptions(command: Command): Command {
  return command
    .option("--tuples <count>", "at most so many tuples (default: not bounded)", parseCount)
    .option("--requests <count>", "at most so many requests a second (default: not bounded)", parseCount);
}

function quotasOf({ tuples, requests }: QuotaOptions): Quotas {
  return { ...(tuples === undefined ? {} : { tuples }), ...(requests === undefined ? {} : { requestsPerSecond: requests }) };
}

function parseCount(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("give a whole number");
}

function line({ name, tuples, quotas }: Tenant): string {
  const bounds = [
    `${tuples}${quotas.tuples === undefined ? "" : ` of ${quotas.tuples}`} tuples`,
    ...(quotas.requestsPerSecond === undefined ? [] : [`${quotas.requestsPerSecond} requests a second`]),
  ];
  return `${name}  ${bounds.join(", ")}`;
}

function tenantJson({ createdAt, ...tenant }: Tenant): object {
  return { ...tenant, ...(createdAt === undefined ? {} : { createdAt: instantText(createdAt) }) };
}
