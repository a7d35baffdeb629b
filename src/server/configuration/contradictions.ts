import { parseAddress } from "../../model/wire/address.js";
import { metricsAddressOf } from "./metrics-address.js";
import type { SettingKey, Settings } from "./options.js";
import type { Problem } from "./sources.js";

interface Rule {
  readonly keys: readonly SettingKey[];
  readonly broken: (settings: Settings) => boolean;
  readonly message: string;
}

const given = (value: string | number | readonly string[] | undefined) => value !== undefined;

/** Values that are right each by itself, and wrong together. */
const rules: readonly Rule[] = [
  { keys: ["tlsCert", "tlsKey"], broken: ({ tlsCert, tlsKey }) => given(tlsCert) !== given(tlsKey), message: "one of `tlsCert` and `tlsKey` is given without the other: give both, or none" },
  { keys: ["tlsClientCa", "tlsCert"], broken: ({ tlsClientCa, tlsCert }) => given(tlsClientCa) && !given(tlsCert), message: "`tlsClientCa` is given without `tlsCert`: clients show certificates over TLS alone" },
  { keys: ["insecure", "tlsCert"], broken: ({ insecure, tlsCert, keys }) => insecure && given(tlsCert) && given(keys), message: "`insecure` is given beside `tlsCert` and `keys`: leave it out, or leave them out" },
  { keys: ["metricsAddress", "address"], broken: samePort, message: "`metricsAddress` and `address` name the same port: give them two" },
  { keys: ["httpAddress", "address", "metricsAddress"], broken: sameHttpPort, message: "`httpAddress` names the port of `address` or of `metricsAddress`: give it one of its own" },
  { keys: ["httpUrl", "httpAddress"], broken: ({ httpUrl, httpAddress }) => given(httpUrl) && !given(httpAddress), message: "`httpUrl` is given without `httpAddress`: there is nothing to be reached; give both" },
  { keys: ["authzenMapping", "httpAddress"], broken: ({ authzenMapping, httpAddress }) => given(authzenMapping) && !given(httpAddress), message: "`authzenMapping` is given without `httpAddress`: AuthZEN is served there alone; give both" },
  { keys: ["metricsToken", "metricsAddress"], broken: ({ metricsToken, metricsAddress }) => given(metricsToken) && metricsAddress === "off", message: "`metricsToken` guards metrics that `metricsAddress: off` does not serve: leave one out" },
  {
    keys: ["connectionAgeGrace", "connectionAge"],
    broken: ({ connectionAgeGrace, connectionAge }) => given(connectionAgeGrace) && connectionAge === Infinity,
    message: "`connectionAgeGrace` is given, and `connectionAge` is unlimited: give that too",
  },
  { keys: ["auditWitness", "audit"], broken: ({ auditWitness, audit }) => given(auditWitness) && audit === "off", message: "`auditWitness` is given, and `audit` is `off`: there is nothing to be sent; leave one out" },
  { keys: ["auditSample", "audit"], broken: ({ auditSample, audit }) => auditSample > 1 && audit === "block", message: "`auditSample` leaves out decisions that `audit: block` would keep back until they are recorded: sample with `buffer`" },
  { keys: ["horizon", "drain"], broken: ({ horizon, drain }) => horizon < drain, message: "`horizon` is shorter than `drain`: what a watcher holds when the server stops would be gone when it comes back" },
  {
    keys: ["horizon", "connectionAge"],
    broken: ({ horizon, connectionAge }) => connectionAge !== Infinity && horizon < connectionAge,
    message: "`horizon` is shorter than `connectionAge`: a quiet watcher's zookie would be gone when its stream has to be begun anew",
  },
];

export function contradictions(settings: Settings): Problem[] {
  return rules.filter(({ broken }) => broken(settings));
}

function samePort(settings: Settings): boolean {
  return collide(settings.address, metricsAddressOf(settings));
}

function sameHttpPort(settings: Settings): boolean {
  const { address, httpAddress } = settings;
  return httpAddress !== undefined && (collide(httpAddress, address) || collide(httpAddress, metricsAddressOf(settings)));
}

/** On different hosts one port may be two; port 0 always is. */
function collide(one: string, other: string | undefined): boolean {
  if (other === undefined) return false;
  const [a, b] = [parseAddress(one), parseAddress(other)];
  return a.port !== 0 && a.port === b.port && (a.host === b.host || [a.host, b.host].some((host) => host === "0.0.0.0" || host === "::"));
}
