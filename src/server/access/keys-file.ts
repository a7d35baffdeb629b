import { constants } from "node:fs";
import { open, realpath, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

import { isMap } from "yaml";

import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { quote } from "../../model/object.js";
import type { KeyEntry } from "./key-entry.js";
import { entriesOf, entryFieldsOf, listIn, parseKeys, parseKeysDocument } from "./keys-text.js";

/** What a keys file held, and what its operator should hear. */
export interface LoadedKeys {
  readonly entries: readonly KeyEntry[];
  readonly warnings: readonly string[];
}

/**
 * Reads a keys file. One that others may write is refused, since who writes it lets himself in. One that others may
 * read is only warned of: it holds hashes of 256 random bits, which open nothing, and mounted secrets are often so.
 * @throws `invalid_file`
 */
export async function loadKeys(file: string): Promise<LoadedKeys> {
  const { text, mode } = await readKeys(file);
  if (mode & 0o022) throw new UsherError("invalid_file", `keys file ${quote(file)} can be written by others than its owner (mode ${shown(mode)}): \`chmod 600\` it`);
  const warnings = mode & 0o044 ? [`keys file ${quote(file)} can be read by others than its owner (mode ${shown(mode)}): \`chmod 600\` it`] : [];
  return { entries: parseKeys(text, file), warnings };
}

/** Appends an entry, to a new file where there is none. @throws `invalid_file`, `invalid_request` where the id is taken */
export async function addKey(file: string, entry: KeyEntry): Promise<void> {
  await edit(file, true, (text) => {
    const document = parseKeysDocument(text, file);
    if (document.contents !== null && entriesOf(document, file).some(({ id }) => id === entry.id)) {
      throw new UsherError("invalid_request", `keys file ${quote(file)} has a key ${quote(entry.id)}: choose another id`);
    }
    listIn(document).add(document.createNode(entryFieldsOf(entry)));
    return document.toString();
  });
}

/** Removes an entry. @throws `invalid_file`, `invalid_request` where there is none */
export async function removeKey(file: string, id: string): Promise<void> {
  await edit(file, false, (text) => {
    const document = parseKeysDocument(text, file);
    entriesOf(document, file);
    const list = listIn(document);
    const at = list.items.findIndex((item) => isMap(item) && item.get("id") === id);
    if (at === -1) throw new UsherError("invalid_request", `keys file ${quote(file)} has no key ${quote(id)}`);
    list.delete(at);
    return document.toString();
  });
}

/**
 * Replaces the file as a whole: a server that reloads meanwhile reads the old or the new one. The new text is written
 * beside it first, to a name that only one can create: so it is also the lock that keeps two edits apart.
 */
async function edit(file: string, create: boolean, change: (text: string) => string): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const path = `${target}.new`;
  const written = await open(path, "wx", 0o600).catch((cause: unknown) => {
    throw new UsherError("invalid_file", `${quote(path)} cannot be created: ${asError(cause).message}; where no other \`usher key\` is at work, remove it`, { cause });
  });
  try {
    const { text, mode } = await readKeys(target).catch((error: unknown) => {
      if (create && error instanceof UsherError && error.details["reason"] === "missing") return { text: "", mode: 0o600 };
      throw error;
    });
    const changed = change(text);
    parseKeys(changed, file);
    await written.chmod(mode & 0o777);
    await written.writeFile(changed);
    await written.sync();
    await rename(path, target);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await written.close();
  }
  const folder = await open(dirname(target), constants.O_RDONLY);
  await folder.sync().finally(() => folder.close());
}

/** @throws `invalid_file` (details `reason`: `missing` where it is not there) */
async function readKeys(file: string): Promise<{ text: string; mode: number }> {
  let handle: FileHandle | undefined;
  try {
    // A pipe without a writer would hold up the reading for ever.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await handle.stat();
    const { size, mode } = stats;
    if (!stats.isFile()) throw new Error("it is no regular file");
    if (size > limits.keysFileBytesMax) throw new UsherError("invalid_file", `keys file ${quote(file)} has ${size} bytes: at most ${limits.keysFileBytesMax} are read`);
    return { text: await handle.readFile("utf8"), mode };
  } catch (cause) {
    if (cause instanceof UsherError) throw cause;
    const { message } = asError(cause);
    const missing = message.startsWith("ENOENT");
    throw new UsherError("invalid_file", `keys file ${quote(file)} cannot be read: ${message}`, { cause, ...(missing ? { details: { reason: "missing" } } : {}) });
  } finally {
    await handle?.close();
  }
}

function shown(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}
