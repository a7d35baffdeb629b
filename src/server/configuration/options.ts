import { z } from "zod";

import { limits } from "../../base/limits.js";
import { memoryBudgetBytesDefault, memoryBudgetBytesMax } from "../../base/memory-budget.js";
import { foreignZedTokens } from "../adapters/authzed/consistency.js";
import { logFormats, logLevels } from "../telemetry/log.js";
import { auditModes } from "../../model/audit.js";
import { address, choice, count, duration, durationFrom, durationOrUnlimited, names, size, sizeOrUnlimited, text, toggle, url } from "./values.js";

/** What is said of an option beside its value. */
export interface OptionFacts {
  readonly description: string;
  /** What stands for the value in help; absent: it is true or false, and a flag alone means true. */
  readonly placeholder?: string;
  /** Never printed, and no flag: a command line can be read by every process of the machine. */
  readonly secret?: boolean;
  /** The flag may be given several times; elsewhere the values stand in one, with commas between them. */
  readonly repeatable?: boolean;
}

const facts = z.registry<OptionFacts>();

const mebibytes = (bytes: number) => `${Math.floor(bytes / 2 ** 20)}MiB`;

/** By the heap of this process. */
const memoryBudgetBounds = { min: limits.memoryBudgetBytesMin, max: memoryBudgetBytesMax() };
const memoryBudgetWords = `from ${mebibytes(memoryBudgetBounds.min)} to ${mebibytes(memoryBudgetBounds.max)}, for which the heap of this process has room; \`--max-old-space-size\` makes it larger`;

/**
 * Every option of a server, once. The key stands so in the file; the flag is `--metrics-address` and the variable
 * `USHER_METRICS_ADDRESS` for `metricsAddress`. A default is written as it would be in the file.
 */
export const settingsSchema = z.strictObject({
  data: text().register(facts, { placeholder: "folder", description: "where the database is; an empty or absent folder becomes a new one" }),
  address: address().prefault("127.0.0.1:50051").register(facts, { placeholder: "host:port", description: "where the server listens; port 0 takes a free one" }),
  httpAddress: address().optional().register(facts, { placeholder: "host:port", description: "where HTTP is served: AuthZEN, OpenFGA's API, and watches as server-sent events; under the same keys and TLS (default: nowhere)" }),
  httpUrl: url().optional().register(facts, { placeholder: "URL", description: "the URL under which others reach `httpAddress`, for what tells them of it (default: as it is bound)" }),
  authzenMapping: text().optional().register(facts, { placeholder: "file", description: "a YAML file that says which contextual tuples AuthZEN's properties become" }),
  envoyMapping: text().optional().register(facts, { placeholder: "file", description: "a YAML file that says which check a request through Envoy is; with it `ext_authz` is served at `address`" }),
  metricsAddress: address("auto", "off").prefault("auto").register(facts, {
    placeholder: "host:port",
    description: "where metrics and health are answered over HTTP; `auto`: this machine alone, at the port of `address` plus 1000; `off`: nowhere",
  }),
  metricsToken: text().optional().register(facts, { placeholder: "token", secret: true, description: "what whoever scrapes the metrics must show as a bearer token" }),
  horizon: durationOrUnlimited().prefault("24h").register(facts, { placeholder: "duration", description: "how far back snapshots and watches reach, or `unlimited`" }),
  memoryBudget: size(memoryBudgetBounds.min, memoryBudgetBounds.max, memoryBudgetWords)
    .prefault(mebibytes(memoryBudgetBytesDefault()))
    .register(facts, { placeholder: "size", description: "what the tuples and results that are kept in memory may take, as `512MiB` or `1GB`" }),
  acceptClock: toggle().prefault("false").register(facts, { description: "this machine's clock is right, though it stands behind the last commit" }),
  keys: text().optional().register(facts, { placeholder: "file", description: "the keys file: who may do what; without it everybody may do everything" }),
  tlsCert: text().optional().register(facts, { placeholder: "file", description: "the server's certificate and those between it and its authority, PEM" }),
  tlsKey: text().optional().register(facts, { placeholder: "file", description: "the private key of the certificate, PEM" }),
  tlsClientCa: text().optional().register(facts, { placeholder: "file", description: "the authorities whose certificates clients must show, PEM" }),
  insecure: toggle().prefault("false").register(facts, { description: "something else guards the address: serve without TLS or keys to other machines" }),
  audit: choice(auditModes).prefault("buffer").register(facts, {
    placeholder: auditModes.join("|"),
    description: "the decision log: `block` keeps each grant back until it is recorded, `buffer` records a moment later, `off` keeps none",
  }),
  auditFolder: text().optional().register(facts, { placeholder: "folder", description: "where the decision log is (default: `audit` in `data`)" }),
  auditKey: text().optional().register(facts, { placeholder: "file", description: "the Ed25519 key, PEM, that signs the decision log; made where there is no such file (default: `audit-signing-key.pem` in `data`)" }),
  auditCheckpointInterval: durationFrom(1_000, limits.timerMsMax).prefault(`${limits.auditCheckpointMs / 1_000}s`).register(facts, { placeholder: "duration", description: "how often the decision log is signed, while there is something new" }),
  auditWitness: url().optional().register(facts, { placeholder: "URL", description: "who is sent each signature of the decision log, so that nothing before it can be changed unseen" }),
  auditRetentionAge: durationOrUnlimited().prefault("unlimited").register(facts, { placeholder: "duration", description: "how long records of the decision log are kept, or `unlimited`" }),
  auditRetentionSize: sizeOrUnlimited(2 ** 20, "of at least 1MiB").prefault("unlimited").register(facts, { placeholder: "size", description: "how much of the decision log is kept, the oldest going first, or `unlimited`" }),
  auditHashField: names().optional().register(facts, { placeholder: "name", repeatable: true, description: "a context field of which the decision log keeps a salted hash in place of the value; may be repeated" }),
  auditSample: count(1, 1_000_000).prefault("1").register(facts, { placeholder: "count", description: "of checks and lookups one in so many is recorded; live decisions, and what changes something, always are" }),
  callsMax: count(10, limits.writesQueuedMax / 2).prefault(String(limits.callsUnderWayMax)).register(facts, {
    placeholder: "count",
    description: "calls under way at which writes are shed; checks at 80 %, reads at 60 %, revocations never",
  }),
  loopDelayMax: duration(60_000).prefault(`${limits.loopDelayMsMax}ms`).register(facts, {
    placeholder: "duration",
    description: "how late the event loop may stay before reads are shed; checks at twice as much, writes at four times, revocations never",
  }),
  watchersMax: count(1, limits.watchersMax).prefault(String(limits.watchersMax)).register(facts, { placeholder: "count", description: "watch streams at a time" }),
  liveStreamsMax: count(1, limits.liveStreamsMax).prefault(String(limits.liveStreamsMax)).register(facts, { placeholder: "count", description: "live streams at a time" }),
  connectionAge: durationOrUnlimited().prefault("unlimited").register(facts, {
    placeholder: "duration",
    description: "after so long, give or take a tenth, a connection is asked to be made anew, so that load spreads over servers that were added",
  }),
  connectionAgeGrace: duration(limits.timerMsMax).optional().register(facts, {
    placeholder: "duration",
    description: "how long such a connection's calls and streams may still last; streams end a little before, with `closed` (default: as `connectionAge`, at most 24h)",
  }),
  drain: duration(3_600_000).prefault(`${limits.drainMsDefault / 1_000}s`).register(facts, { placeholder: "duration", description: "how long calls under way may take to end once the server was told to stop" }),
  reflection: toggle().prefault("true").register(facts, { description: "answer server reflection, for grpcurl and the like; where there are keys, whoever has one" }),
  foreignZedtokens: choice(foreignZedTokens).prefault("reject").register(facts, {
    placeholder: foreignZedTokens.join("|"),
    description: "what becomes of ZedTokens that were stored before a move from SpiceDB, or from another store: `latest` reads the newest snapshot for them",
  }),
  logLevel: choice(logLevels).prefault("info").register(facts, { placeholder: logLevels.join("|"), description: "what is logged to stderr; `debug` shows what callers ask" }),
  logFormat: choice(["auto", ...logFormats]).prefault("auto").register(facts, { placeholder: "auto|json|text", description: "`auto`: text on a terminal, else JSON" }),
  slowCall: duration(3_600_000).prefault(`${limits.slowCallMs / 1_000}s`).register(facts, { placeholder: "duration", description: "calls that take longer are logged" }),
});

export type Settings = Readonly<z.output<typeof settingsSchema>>;
export type SettingKey = keyof Settings;

export const settingKeys = Object.keys(settingsSchema.shape) as readonly SettingKey[];

export function factsOf(key: SettingKey): OptionFacts {
  return facts.get(settingsSchema.shape[key]) ?? { description: "" };
}

/** As it would be written in the file; undefined: none. */
export function defaultOf(key: SettingKey): string | undefined {
  const field = settingsSchema.shape[key];
  return field instanceof z.ZodPrefault ? String(field.def.defaultValue) : undefined;
}

/** `--metrics-address` */
export function flagOf(key: SettingKey): string {
  return `--${words(key).join("-")}`;
}

/** `USHER_METRICS_ADDRESS` */
export function variableOf(key: SettingKey): string {
  return `USHER_${words(key).join("_").toUpperCase()}`;
}

function words(key: SettingKey): string[] {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).split(" ");
}
