import { parseAddress } from "../../model/wire/address.js";
import type { Settings } from "./options.js";

const offset = 1_000;

/** Where metrics are served: 127.0.0.1:51051 beside a server at port 50051; undefined: nowhere. */
export function metricsAddressOf({ address, metricsAddress }: Pick<Settings, "address" | "metricsAddress">): string | undefined {
  if (metricsAddress === "off") return undefined;
  if (metricsAddress !== "auto") return metricsAddress;
  const { port } = parseAddress(address);
  if (port === 0) return "127.0.0.1:0";
  return `127.0.0.1:${port + offset <= 65_535 ? port + offset : port - offset}`;
}
