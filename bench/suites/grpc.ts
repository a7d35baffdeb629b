import { cpus } from "node:os";

import { methods } from "../../src/model/wire/methods.js";
import { authzedMethods } from "../../src/server/adapters/authzed/methods.js";
import { contest, type Contender } from "../contest.js";
import { atLeast, atMost, type Row } from "../report.js";
import { withRig, type Rig, type Station } from "../servers/rig.js";
import { batchSize, type Settings, type Suite } from "../suite.js";

/** Batches under way: enough that the server never waits for the next one. */
const batchesInFlight = 4;

/** Checks over gRPC beside an echo of the same messages; one client process, one server process, in turns. */
export const grpc: Suite = {
  name: "grpc",
  about: "check over gRPC beside an echo of the same messages on the same stack; batches on one core",
  run: (settings) =>
    withRig(settings, async (rig) => {
      const rows: Row[] = [];
      for (const inFlight of [1, 40, 400]) rows.push(...(await checks(rig, inFlight, settings)));
      rows.push(...(await batches(rig, settings)));
      return rows;
    }),
};

async function checks({ echo, fixed, usher, checks: messages, authzedChecks }: Rig, inFlight: number, settings: Settings): Promise<Row[]> {
  const name = ({ name }: Station) => `Check, ${inFlight} in flight: ${name}`;
  const over = (station: Station): Contender => ({ ...calling(station, methods.check.path, (index) => messages[index % messages.length]), name: name(station), inFlight });
  const goals = ({ ratios }: Row) => [atLeast("rate beside echo", 0.8, ratios?.[0]?.perSecond), atMost("p99 beside echo", 1.5, ratios?.[0]?.p99)];
  const authzed: Contender = {
    ...calling(usher, authzedMethods.checkPermission.path, (index) => authzedChecks[index % authzedChecks.length]),
    name: `${name(usher)}, as SpiceDB's clients ask`,
    inFlight,
    beside: [name(usher)],
    ...(inFlight > 1 && { goals: ({ ratios }: Row) => [atLeast("rate beside our own Check", 0.85, ratios?.[0]?.perSecond)] }),
  };
  return contest([over(echo), { ...over(fixed), beside: [name(echo)] }, { ...over(usher), beside: [name(echo)], ...(inFlight > 1 && { goals }) }, authzed], settings);
}

/** The server is held to one core while they run, where the system has a way to. */
async function batches({ echo, usher, batch, freshBatch, warm }: Rig, settings: Settings): Promise<Row[]> {
  const pinned = [usher, echo].every(({ server }) => server.pinToOneCore(cpus().length));
  const what = (words: string, name: string) => `BatchCheck of ${batchSize}, ${words}: ${name}`;
  const over = (station: Station, words: string, message: () => Buffer, least?: number): Contender => ({
    ...calling(station, methods.batchCheck.path, message),
    name: what(words, station.name),
    inFlight: batchesInFlight,
    perCall: batchSize,
    ...(least !== undefined && { goals: ({ perSecond }: Row) => [atLeast("checks a second", least, perSecond)] }),
  });
  await warm(usher);
  const remembered = "remembered";
  const rows = await contest(
    [
      over(echo, remembered, () => batch),
      { ...over(usher, remembered, () => batch, 200_000), beside: [what(remembered, echo.name)] },
      over(usher, "data warm, each pair another", freshBatch, 40_000),
    ],
    settings,
  );
  const residentBytes = await usher.server.residentBytes();
  const note = pinned ? "the servers on one core" : "the servers on all cores: they could not be held to one";
  return rows.map((row, index) => (index === 0 ? { ...row, note } : index === 2 ? { ...row, residentBytes } : row));
}

function calling({ server, caller }: Station, path: string, message: (index: number) => Buffer | undefined) {
  return {
    call: (index: number) => caller.call(path, message(index) ?? Buffer.alloc(0)),
    cpuUs: () => server.cpuUs(),
  };
}
