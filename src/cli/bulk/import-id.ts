import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

import { UsherError } from "../../base/errors.js";
import { quote } from "../../model/object.js";

/** One of ours, which ends with what its file held. */
const pattern = /^[0-9a-f-]{36}\.([0-9a-f]{32})$/;

/**
 * The id by which an import can be gone on with. A server answers an id that it knows with what came of it, whatever follows; so an id
 * holds a hash of the file, and is good for that file alone:
 *
 *     3b241101-e2bb-4255-8caf-4136c566a962.9f86d081884c7d659a2feaa0c55ad015
 *
 * @param resumed the id that the user gives; absent: a new one
 * @throws `request_id_reused` where it is another file's
 */
export async function importIdOf(file: string, resumed: string | undefined): Promise<string> {
  if (resumed === undefined) {
    const hash = await hashOf(file);
    return hash === undefined ? randomUUID() : `${randomUUID()}.${hash}`;
  }
  const expected = pattern.exec(resumed)?.[1];
  const hash = expected === undefined ? undefined : await hashOf(file);
  if (hash === expected || hash === undefined) return resumed;
  throw new UsherError("request_id_reused", `import ${quote(resumed)} is of another file, or ${quote(file)} was changed since: import it anew, without --resume`);
}

/** Undefined for what can be read once only. */
async function hashOf(file: string): Promise<string | undefined> {
  if (file === "-" || !(await stat(file)).isFile()) return undefined;
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex").slice(0, 32);
}
