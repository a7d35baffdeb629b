import { visit, YAMLSeq, type Document } from "yaml";
import { z } from "zod";

import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { parseYaml } from "../../base/yaml.js";
import { quote } from "../../model/object.js";
import { roles } from "../../model/role.js";
import { checkTenantName } from "../../model/tenant.js";
import { isKeyId } from "./key.js";
import { allTenants, type KeyEntry } from "./key-entry.js";

/**
 * The text of a keys file. It is YAML, so that it can hold comments, and it is read strictly: a field that is not
 * known, a role that is misspelt or an id given twice refuses the whole file, with the key named.
 *
 *     keys:
 *       - id: billing-1
 *         hash: sha256:3f0a…            # of the key's text, 64 hex digits
 *         tenant: billing               # or "*": any tenant, as the call names it
 *         roles: [read, write]
 *         expires: 2027-01-01T00:00:00Z # optional
 *         note: the billing service     # optional
 *       - id: gateway
 *         certificate: URI:spiffe://example/gateway
 *         tenant: default
 *         roles: [read]
 */
const idField = z.string().refine(isKeyId, `must be letters, digits and \`-\`, at most ${limits.keyIdBytesMax}`);
const certificateField = z
  .string()
  .max(limits.certificateNameBytesMax)
  .regex(/^(?:URI:|DNS:|email:|CN=)\S+$/, "must be `URI:…`, `DNS:…`, `email:…` or `CN=…`, as the certificate has it");
const entryFields = z
  .strictObject({
    id: idField,
    hash: z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be `sha256:` and 64 hex digits").optional(),
    certificate: certificateField.optional(),
    tenant: z.string().refine((name) => name === allTenants || isTenantName(name), 'must be the name of a tenant, or "*" for any'),
    roles: z.array(z.enum(roles)).nonempty("must name a role").refine((list) => new Set(list).size === list.length, "must name each role once"),
    expires: z.iso.datetime({ offset: true, error: "must be an instant, as `2027-01-01T00:00:00Z`" }).refine((instant) => Number.isFinite(Date.parse(instant)), "must be an instant that there is").optional(),
    note: z.string().max(limits.keyNoteBytesMax).optional(),
  })
  .refine(({ hash, certificate }) => (hash === undefined) !== (certificate === undefined), "must have either `hash` or `certificate`")
  .refine(({ tenant, roles: list }) => tenant === allTenants || !list.includes("admin"), 'must have the tenant "*" for the role `admin`, which belongs to no tenant');
const fileFields = z.strictObject({ keys: z.array(z.unknown()).max(limits.keysMax) });

function isTenantName(name: string): boolean {
  try {
    return checkTenantName(name) === name;
  } catch {
    return false;
  }
}

/** @throws `invalid_file` (details `key`: whose entry is wrong, where it is one's) */
export function parseKeys(text: string, file: string): KeyEntry[] {
  return entriesOf(parseKeysDocument(text, file), file);
}

/** The document, for edits that keep comments and order. @throws `invalid_file` */
export function parseKeysDocument(text: string, file: string): Document {
  const { document, problems } = parseYaml(text);
  const [problem] = problems;
  if (problem !== undefined) throw new UsherError("invalid_file", `keys file ${quote(file)} cannot be read as YAML: ${problem}`);
  // A few of them may stand for more than memory holds.
  visit(document, {
    Alias: () => {
      throw new UsherError("invalid_file", `keys file ${quote(file)} has an alias: write out what it stands for`);
    },
  });
  return document;
}

/** @throws `invalid_file` */
export function entriesOf(document: Document, file: string): KeyEntry[] {
  const parsed = fileFields.safeParse(document.toJS());
  if (!parsed.success) throw new UsherError("invalid_file", `keys file ${quote(file)}: ${describe(parsed.error)}`);
  const entries = parsed.data.keys.map((entry, at) => readEntry(entry, at, file));
  checkUnique(entries, ({ id }) => id, file);
  checkUnique(entries.filter(({ proof }) => proof.kind === "certificate"), ({ proof }) => (proof.kind === "certificate" ? proof.name : ""), file);
  return entries;
}

function readEntry(entry: unknown, at: number, file: string): KeyEntry {
  const parsed = entryFields.safeParse(entry);
  const named = typeof entry === "object" && entry !== null && "id" in entry && typeof entry.id === "string" ? entry.id : undefined;
  if (!parsed.success) {
    const which = named === undefined ? `key number ${at + 1}` : `key ${quote(named)}`;
    throw new UsherError("invalid_file", `keys file ${quote(file)}, ${which}: ${describe(parsed.error)}`, { details: { key: named ?? String(at + 1) } });
  }
  const { id, hash, certificate, tenant, roles: list, expires, note } = parsed.data;
  return {
    id,
    proof: hash === undefined ? { kind: "certificate", name: certificate ?? "" } : { kind: "key", hash: Buffer.from(hash.slice("sha256:".length), "hex") },
    tenant,
    roles: new Set(list),
    ...(expires === undefined ? {} : { expiresAt: Date.parse(expires) }),
    ...(note === undefined ? {} : { note }),
  };
}

function describe(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => (path.length === 0 ? message : `\`${path.join(".")}\`: ${message}`)).join("; ");
}

function checkUnique(entries: readonly KeyEntry[], nameOf: (entry: KeyEntry) => string, file: string): void {
  const seen = new Set<string>();
  for (const entry of entries) {
    const name = nameOf(entry);
    if (seen.has(name)) throw new UsherError("invalid_file", `keys file ${quote(file)}: ${quote(name)} is given twice`, { details: { key: entry.id } });
    seen.add(name);
  }
}

/** The list of keys in the document, made where it is missing. */
export function listIn(document: Document): YAMLSeq {
  const list = document.get("keys");
  if (list instanceof YAMLSeq) return list;
  const made = new YAMLSeq();
  document.set("keys", made);
  return made;
}

/** An entry as it is written to a file. */
export function entryFieldsOf({ id, proof, tenant, roles: list, expiresAt, note }: KeyEntry): object {
  return {
    id,
    ...(proof.kind === "key" ? { hash: `sha256:${proof.hash.toString("hex")}` } : { certificate: proof.name }),
    tenant,
    roles: [...list],
    ...(expiresAt === undefined ? {} : { expires: new Date(expiresAt).toISOString() }),
    ...(note === undefined ? {} : { note }),
  };
}
