import { methods } from "../../src/model/wire/methods.js";
import { contest, type Contender } from "../contest.js";
import { atLeast, type Row } from "../report.js";
import { withRig, type Rig, type Station } from "../servers/rig.js";
import type { Settings, Suite } from "../suite.js";

/** Unary checks with the decision log on beside the same with it off; one client process, one server process at a time, in turns. */
export const audit: Suite = {
  name: "audit",
  about: "check over gRPC with the decision log on, beside the same with it off",
  run: (settings) =>
    withRig(
      settings,
      async (rig) => {
        const rows: Row[] = [];
        for (const inFlight of [40, 400]) rows.push(...(await checks(rig, inFlight, settings)));
        return rows;
      },
      true,
    ),
};

async function checks({ usher, logging, checks: messages }: Rig, inFlight: number, settings: Settings): Promise<Row[]> {
  if (logging === undefined) throw new Error("the rig has no server with a decision log");
  const name = (station: Station) => `Check, ${inFlight} in flight: ${station.name}`;
  const over = (station: Station): Contender => ({
    name: name(station),
    inFlight,
    call: (index: number) => station.caller.call(methods.check.path, messages[index % messages.length] ?? Buffer.alloc(0)),
    cpuUs: () => station.server.cpuUs(),
    ...(station !== usher && { beside: [name(usher)] }),
  });
  const goals = ({ ratios }: Row) => [atLeast("rate beside no log", 0.9, ratios?.[0]?.perSecond)];
  return contest([over(usher), { ...over(logging.buffer), goals }, over(logging.block)], settings);
}
