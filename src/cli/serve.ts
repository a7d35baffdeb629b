import type { Command } from "commander";
import { limits } from "../base/limits.js";
import type { AuditOptions } from "../database/audit-log.js";
import { Database } from "../database/database.js";
import { RefusalRecords } from "../server/access/refusal-records.js";
import type { Configuration } from "../server/configuration/configuration.js";
import { metricsAddressOf } from "../server/configuration/metrics-address.js";
import type { Settings } from "../server/configuration/options.js";
import { serve, type Server, type ServerBounds } from "../server/server.js";
import { callLog } from "../server/telemetry/call-log.js";
import { Endpoint } from "../server/telemetry/endpoint.js";
import { failureFields, openLog, type Logger } from "../server/telemetry/log.js";
import { Metrics } from "../server/telemetry/metrics.js";
import { observers, type ServerObserver } from "../server/telemetry/observer.js";
import { addConfigurationOptions, configurationHelp, configurationOf } from "./configuration-options.js";
import { dialectsOf } from "./dialects.js";
import { openGuards } from "./guards.js";
import type { Runner } from "./options.js";
import type { Output } from "./output.js";
import type { Terminal } from "./terminal.js";
import { packageVersion } from "./version.js";

export function addServe(program: Command, run: Runner): void {
  const command = addConfigurationOptions(program, program.command("serve"))
    .description("serve the database in a folder, until SIGINT or SIGTERM; a second signal ends it at once")
    .addHelpText("after", `${configurationHelp(program)}

On SIGHUP it reads its keys and certificates again. It listens on this machine alone, unless it has both, or --insecure is said.
Examples:
  $ usher serve --data ./usher-data
  $ usher serve --data /var/lib/usher --address 0.0.0.0:50051 --keys keys.yaml --tls-cert server.pem --tls-key server.key
  $ usher serve --config /etc/usher.yaml --horizon 7d`);
  command.action(() =>
    run(command, async ({ output, terminal }) => {
      const stopped = new Promise<void>((resolve) => terminal.onSignal(resolve));
      // Unheard it would end the process, which may be busy opening its store.
      const forget = terminal.onHangup(() => undefined);
      try {
        const { settings, entries } = await configurationOf(command, terminal);
        await runServer({ settings, entries }, output, terminal, stopped);
      } finally {
        forget();
      }
      return undefined;
    }),
  );
}

/** Opens everything in order, waits, and closes it in the other order; what was opened is closed too where the next cannot be. */
async function runServer({ settings, entries }: Configuration, output: Output, terminal: Terminal, stopped: Promise<void>): Promise<void> {
  const logger = openLog({ level: settings.logLevel, format: logFormatOf(settings, terminal), output: terminal.stderr });
  const running: { database?: Database; server?: Server } = {};
  const metrics = new Metrics(packageVersion(), () => {
    const { database, server } = running;
    return database && server && { database: database.status(), load: server.load, readiness: server.readiness };
  });
  const database = await Database.open(settings.data, {
    horizonMs: settings.horizon,
    memoryBudgetBytes: settings.memoryBudget,
    acceptClock: settings.acceptClock,
    report: (error) => logger.error(failureFields(error, logger), "background work failed"),
    observer: metrics,
    ...auditOf(settings),
  });
  running.database = database;
  const { recorder } = database;
  const refusals = recorder && new RefusalRecords(recorder, database);
  try {
    void recorder?.record({ kind: "configuration", at: database.now(), settings: Object.fromEntries(entries.map(({ key, text }) => [key, text ?? ""])) }, false);
    const watching = observers(metrics, callLog(logger, settings.slowCall));
    const { server, forget } = await openServer(settings, database, refusals === undefined ? watching : alsoTold(watching, refusals), logger, terminal);
    running.server = server;
    try {
      const endpoint = await openEndpoint(settings, metrics, server);
      try {
        await announce(settings, server, endpoint, output, logger);
        await stopped;
        logger.info({ drainMs: settings.drain }, "draining");
        await server.close(settings.drain);
      } finally {
        await endpoint?.close();
      }
    } finally {
      forget();
      await server.close(0);
    }
  } finally {
    refusals?.flush();
    await database.close();
  }
  logger.info("stopped");
}

async function openServer(settings: Settings, database: Database, observer: ServerObserver, logger: Logger, terminal: Terminal): Promise<{ server: Server; forget: () => void }> {
  const { reload, ...guards } = await openGuards(settings, (warning) => logger.warn({ code: warning.code }, warning.message), observer);
  const server = await serve(database, {
    ...guards,
    ...(await dialectsOf(settings, database)),
    address: settings.address,
    insecure: settings.insecure,
    quotas: database,
    accessEvents: observer,
    observer,
    conditions: database,
    bounds: boundsOf(settings),
    reflection: settings.reflection,
    foreignZedTokens: settings.foreignZedtokens,
    // The record of the call, which follows, says so.
    onError: () => undefined,
  });
  const forget = terminal.onHangup(() => {
    logger.info("reading keys and certificates again");
    void database.recorder?.record({ kind: "configuration", at: database.now(), settings: { reading: "keys and certificates" } }, false);
    void reload();
  });
  return { server, forget };
}

function auditOf(settings: Settings): { readonly audit?: AuditOptions } {
  const { audit: mode, auditFolder: folder, auditKey: keyFile, auditCheckpointInterval, auditWitness: witness, auditRetentionAge: ageMs, auditRetentionSize: bytes } = settings;
  if (mode === "off") return {};
  return {
    audit: {
      mode,
      version: packageVersion(),
      checkpointMs: auditCheckpointInterval,
      retention: { ...(Number.isFinite(ageMs) && { ageMs }), ...(Number.isFinite(bytes) && { bytes }) },
      hashedFields: settings.auditHashField ?? [],
      oneIn: settings.auditSample,
      ...(folder !== undefined && { folder }),
      ...(keyFile !== undefined && { keyFile }),
      ...(witness !== undefined && { witness }),
    },
  };
}

/** Refused authentications are written to the decision log as well. */
function alsoTold(observer: ServerObserver, refusals: RefusalRecords): ServerObserver {
  return {
    ...observer,
    onAuthentication: (event) => {
      observer.onAuthentication(event);
      refusals.onAuthentication(event);
    },
  };
}

function boundsOf({ callsMax, loopDelayMax, watchersMax, liveStreamsMax, connectionAge, connectionAgeGrace }: Settings): ServerBounds {
  const connectionAgeGraceMs = connectionAgeGrace ?? Math.min(connectionAge, limits.timerMsMax);
  return { callsMax, loopDelayMsMax: loopDelayMax, watchersMax, liveStreamsMax, connectionAgeMs: connectionAge, connectionAgeGraceMs };
}

async function openEndpoint(settings: Settings, { registry }: Metrics, server: Server): Promise<Endpoint | undefined> {
  const address = metricsAddressOf(settings);
  if (address === undefined) return undefined;
  const { metricsToken: token } = settings;
  return Endpoint.open({ address, registry, readiness: () => server.readiness, ...(token === undefined ? {} : { token }) });
}

async function announce({ data }: Settings, { address, httpAddress }: Server, endpoint: Endpoint | undefined, output: Output, logger: Logger): Promise<void> {
  const metricsAddress = endpoint?.address;
  logger.info({ address, httpAddress, metricsAddress, version: packageVersion() }, "serving");
  const others = `${httpAddress === undefined ? "" : `, HTTP on ${httpAddress}`}${metricsAddress === undefined ? "" : `, metrics on ${metricsAddress}`}`;
  await output.write(
    () => `usher listening on ${address}, data in ${data}${others}`,
    () => ({ address, data, ...(httpAddress === undefined ? {} : { httpAddress }), ...(metricsAddress === undefined ? {} : { metricsAddress }) }),
  );
}

function logFormatOf({ logFormat }: Settings, { stderr }: Terminal): "json" | "text" {
  if (logFormat !== "auto") return logFormat;
  return stderr.isTTY === true ? "text" : "json";
}
