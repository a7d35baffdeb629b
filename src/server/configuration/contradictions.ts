import { parseAddress } from "../../model/wire/address.js";
import { metricsAddressOf } from "./metrics-address.js";
import type { SettingKey, Settings } from "./options.js";
import type { Problem } from "./sources.js";

interface Rule {
  readonly keys: readonly SettingKey[];
  readonly broken: (settings: Settings) => boolean;
  readonly message: string;
}

const given = (value: string | number | undefined) => value !== undefined;

/** Values that are right each by itself, and wrong together. */
const rules: readonly Rule[] = [
  { keys: ["tlsCert", "tlsKey"], broken: ({ tlsCert, tlsKey }) => given(tlsCert) !== given(tlsKey), message: "one of `tlsCert` and `tlsKey` is given without the other: give both, or none" },
  { keys: ["tlsClientCa", "tlsCert"], broken: ({ tlsClientCa, tlsCert }) => given(tlsClientCa) && !given(tlsCert), message: "`tlsClientCa` is given without `tlsCert`: clients show certificates over TLS alone" },
  { keys: ["insecure", "tlsCert"], broken: ({ insecure, tlsCert, keys }) => insecure && given(tlsCert) && given(keys), message: "`insecure` is given beside `tlsCert` and `keys`: leave it out, or leave them out" },
  { keys: ["metricsAddress", "address"], broken: samePort, message: "`metricsAddress` and `address` name the same port: give them two" },
  { keys: ["metricsToken", "metricsAddress"], broken: ({ metricsToken, metricsAddress }) => given(metricsToken) && metricsAddress === "off", message: "`metricsToken` guards metrics that `metricsAddress: off` does not serve: leave one out" },
  {
    keys: ["connectionAgeGrace", "connectionAge"],
    broken: ({ connectionAgeGrace, connectionAge }) => given(connectionAgeGrace) && connectionAge === Infinity,
    message: "`connectionAgeGrace` is given, and `connectionAge` is unlimited: give that too",
  },
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

/** On different hosts one port may be two; port 0 always is. */
function samePort(settings: Settings): boolean {
  const metrics = metricsAddressOf(settings);
  if (metrics === undefined) return false;
  const [a, b] = [parseAddress(settings.address), parseAddress(metrics)];
  return a.port !== 0 && a.port === b.port && (a.host === b.host || [a.host, b.host].some((host) => host === "0.0.0.0" || host === "::"));
}
