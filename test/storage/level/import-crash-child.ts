import { writeSync } from "node:fs";

import { openLevelStore } from "../../../src/storage/level/store.js";
import { crashImportTuples, crashImport } from "./import-crash-protocol.js";

/**
 * The process that is killed: `import-crash-child <folder> <import id>`. It imports, and says when it begins and, in a way that a kill
 * cannot swallow, when it has ended. An import of the id that was being committed is waited for instead.
 */
const [folder = "", id = ""] = process.argv.slice(2);

const say = (text: string) => void writeSync(1, `${text}\n`);

const store = await openLevelStore(folder, { maintenanceMs: Number.POSITIVE_INFINITY });
say("ready");
if ((await store.importOutcome(1, crashImport.principal, id)) === undefined) {
  const session = await store.beginImport({ ...crashImport, id });
  for (const tuples of crashImportTuples(id)) await session.append(tuples);
  await session.finish();
}
say("done");
await store.close();
