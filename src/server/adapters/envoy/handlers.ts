import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";

import type { Service } from "../../../model/service.js";
import type { Reception, ServedMethod } from "../../reception.js";
import type { ErrorReporter } from "../../statuses.js";
import { answerOf } from "../../telemetry/observer.js";
import { unaryHandler } from "../../unary.js";
import type { EnvoyMapping } from "./mapping.js";
import { checkRequestCodec, checkResponseCodec, type CheckRequestMessage, type CheckResponseMessage } from "./messages.js";
import { responseOf } from "./response.js";
import { judge } from "./verdict.js";

/** `ext_authz`. A request that cannot be read is denied rather than failed: a client may have brought that about. */
export const envoyCheck: ServedMethod<CheckRequestMessage | undefined, CheckResponseMessage> = {
  path: "/envoy.service.auth.v3.Authorization/Check",
  role: "read",
  writes: false,
  callClass: "check",
  request: { decode: readable },
  response: { encode: (response) => checkResponseCodec.encode(response) },
};

export function envoyHandlers(service: Service, mapping: EnvoyMapping, report: ErrorReporter, reception: Reception): UntypedServiceImplementation {
  return {
    check: unaryHandler(
      envoyCheck,
      async (request, call) => {
        const verdict = await judge(service, mapping, request, call);
        if (verdict.decision !== undefined) reception.observer.onDecision(answerOf(verdict.decision));
        else if (verdict.kind === "denied" && verdict.check !== undefined) reception.observer.onDecision("error");
        return responseOf(verdict, call.requestId ?? "");
      },
      report,
      reception,
    ),
  };
}

export const envoyDefinition: ServiceDefinition = {
  check: {
    path: envoyCheck.path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
};

function readable(bytes: Buffer): CheckRequestMessage | undefined {
  try {
    return checkRequestCodec.decode(bytes);
  } catch {
    return undefined;
  }
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
