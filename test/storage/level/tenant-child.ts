import { writeSync } from "node:fs";

import { openLevelStore } from "../../../src/storage/level/store.js";
import { touchWrite } from "./checks.js";

/** The process that is killed while it deletes a tenant: `tenant-child <folder>`. What it says, it writes before it goes on. */
const store = await openLevelStore(process.argv[2] ?? "", { maintenanceMs: Number.POSITIVE_INFINITY });
await store.commit(touchWrite(["user:stays"]));
await store.createTenant("doomed", {});
const tenant = store.tenant("doomed");
for (let i = 0; i < 5; i++) await store.commit(touchWrite(Array.from({ length: 1_000 }, (_, j) => `user:${i}-${j}`), { tenant }));
writeSync(1, `deleting ${tenant}\n`);
await store.deleteTenant("doomed");
writeSync(1, "deleted\n");
await store.maintain();
setInterval(() => undefined, 1_000);
