import { UsherError } from "../../src/base/errors.js";
import type { Service } from "../../src/model/service.js";
import { serve } from "../../src/server/server.js";
import { fixedDecision } from "./answers.js";
import type { Running } from "./running.js";

/** Usher's server over a service that always answers the same: what is left is what the database costs. */
export async function startFixed(): Promise<Running> {
  const { zookie } = fixedDecision;
  const refuse = () => {
    throw new UsherError("invalid_request", "this service answers checks and writes alone");
  };
  const service: Service = {
    check: () => Promise.resolve(fixedDecision),
    batchCheck: ({ items }) => Promise.resolve({ zookie, results: items.map(() => ({ decision: fixedDecision })) }),
    writeTuples: ({ operations }) => Promise.resolve({ zookie, changed: operations.length }),
    deleteTuples: refuse,
    readTuples: refuse,
    importTuples: refuse,
    exportTuples: refuse,
    backup: refuse,
    watchTuples: refuse,
    live: refuse,
    previewChange: refuse,
    listHolds: refuse,
    expand: refuse,
    lookupObjects: refuse,
    lookupSubjects: refuse,
    lookupPermissions: refuse,
    readSchema: refuse,
    writeSchema: refuse,
    diffSchema: refuse,
    queryDecisions: refuse,
    tailDecisions: refuse,
    getCheckpoint: refuse,
    proveDecision: refuse,
    replayDecisions: refuse,
    redactDecisions: refuse,
    findLoss: refuse,
    createTenant: refuse,
    listTenants: refuse,
    deleteTenant: refuse,
    setTenantQuotas: refuse,
    close: () => Promise.resolve(),
  };
  const server = await serve(service, { address: "127.0.0.1:0", onError: (error, path) => console.error(path, error) });
  return { address: server.address, close: () => server.close(1_000) };
}
