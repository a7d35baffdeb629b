import { methods } from "../../src/model/wire/methods.js";
import { contest, type Contender } from "../contest.js";
import type { Row } from "../report.js";
import { withRig, type Rig, type Station } from "../servers/rig.js";
import type { Settings, Suite } from "../suite.js";

/** Checks over gRPC beside an echo of the same messages; one client process, one server process, in turns. */
export const server: Suite = {
  name: "server",
  about: "check over gRPC beside an echo of the same messages on the same stack",
  run: (settings) =>
    withRig(settings, async (rig) => {
      const rows: Row[] = [];
      for (const inFlight of [1, 40, 400]) rows.push(...(await checks(rig, inFlight, settings)));
      rows.push(...(await batches(rig, settings)));
      return rows;
    }),
};

function checks({ echo, fixed, usher, checks: messages }: Rig, inFlight: number, settings: Settings): Promise<Row[]> {
  const contender = (station: Station) => over(station, `Check, ${inFlight} in flight`, methods.check.path, messages, inFlight);
  const floor = contender(echo);
  return contest([floor, { ...contender(fixed), beside: [floor.name] }, { ...contender(usher), beside: [floor.name] }], settings);
}

function batches({ echo, usher, batches: messages }: Rig, settings: Settings): Promise<Row[]> {
  const contender = (station: Station) => ({ ...over(station, "checks in batches of 100", methods.batchCheck.path, messages, 4), perCall: 100 });
  const floor = contender(echo);
  return contest([floor, { ...contender(usher), beside: [floor.name] }], settings);
}

function over({ name, server: process, caller }: Station, what: string, path: string, messages: readonly Buffer[], inFlight: number): Contender {
  return {
    name: `${what}: ${name}`,
    inFlight,
    call: (index) => caller.call(path, messages[index % messages.length] ?? Buffer.alloc(0)),
    cpuUs: () => process.cpuUs(),
  };
}
