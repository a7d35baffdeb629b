import { randomUUID } from "node:crypto";

import type { Metadata } from "@grpc/grpc-js";

/** The metadata key of a call's id, in requests and in answers. */
export const requestIdKey = "x-request-id";

/** What goes into a log line as it stands. */
const wellFormed = /^[A-Za-z0-9._:/+=-]{1,128}$/;

/** The caller's own id where it gave one that can be logged, else a new one. */
export function requestIdOf(metadata: Metadata): string {
  const [given] = metadata.get(requestIdKey);
  return typeof given === "string" && wellFormed.test(given) ? given : randomUUID();
}
