import { join } from "node:path";

import { Database } from "../../src/database/database.js";
import type { WriteTuplesRequest } from "../../src/model/service.js";
import { methods } from "../../src/model/wire/methods.js";
import { openClassicLevel } from "../../src/storage/level/raw.js";
import { contest, type Contender } from "../contest.js";
import { withFolder } from "../folder.js";
import { atLeast, type Goal, type Row } from "../report.js";
import { withRig, type Station } from "../servers/rig.js";
import { quick, type Suite } from "../suite.js";

const writers = 64;
const syncedPut = "synced put into LevelDB, one at a time";
const echoed = `write over gRPC, ${writers} writers: echo`;

/** Durable writes of one tuple, embedded and over gRPC, beside synced puts on the same disk and an echo of the same messages. */
export const writes: Suite = {
  name: "writes",
  about: "durable writes of one tuple, beside synced puts and an echo",
  run: (settings) =>
    withFolder(async (folder) => {
      const raw = await openClassicLevel(join(folder, "raw"), { create: true });
      const database = await Database.open(join(folder, "embedded"));
      try {
        await database.writeSchema({ text: "definition user {}\ndefinition document { relation viewer: user }" }, {});
        const value = Buffer.alloc(100);
        let next = 0;
        const embedded = { name: "", inFlight: 1, call: () => database.writeTuples(write(next++), {}), beside: [syncedPut] } satisfies Contender;
        return await withRig({ ...settings, documentTuples: quick.documentTuples }, ({ echo, usher }) => {
          const over = ({ caller }: Station) => () => caller.call(methods.writeTuples.path, methods.writeTuples.request.encode(write(next++)));
          return contest(
            [
              { name: syncedPut, inFlight: 1, call: () => raw.batch([{ type: "put", key: Buffer.from(String(next++)), value }], { sync: true }) },
              { ...embedded, name: "write, embedded, one writer" },
              { ...embedded, name: `write, embedded, ${writers} writers`, inFlight: writers, goals: ({ ratios }) => [atLeast("rate beside synced puts", 10, ratios?.[0]?.perSecond)] },
              { name: echoed, inFlight: writers, call: over(echo), cpuUs: () => echo.server.cpuUs() },
              { name: `write over gRPC, ${writers} writers: Usher`, inFlight: writers, call: over(usher), cpuUs: () => usher.server.cpuUs(), beside: [syncedPut, echoed], goals: lesserOfBoth },
            ],
            settings,
          );
        });
      } finally {
        await database.close();
        await raw.close();
      }
    }),
};

/** Ten times the rate of synced puts, or 60 % of the echo, whichever is less. */
function lesserOfBoth({ ratios }: Row): Goal[] {
  const [put, echo] = [ratios?.[0]?.perSecond ?? 0, ratios?.[1]?.perSecond ?? 0];
  return [put >= 10 ? atLeast("rate beside synced puts", 10, put) : atLeast("rate beside echo", 0.6, echo)];
}

function write(index: number): WriteTuplesRequest {
  const tuple = { object: { type: "document", id: `new-${index >> 6}` }, relation: "viewer", subject: { type: "user", id: `u${index}`, relation: "" } };
  return { operations: [{ kind: "touch", tuple }] };
}
