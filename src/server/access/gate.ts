import type { ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";

import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { defaultTenant } from "../../model/tenant.js";
import { namedTenant } from "../incoming.js";
import type { Access, Caller, Credentials, Needs } from "./access.js";
import type { CallClass } from "../admission.js";
import type { AccessEvents } from "./events.js";
import { Rates, type RateQuotas } from "./rates.js";
import { Slowdown } from "./slowdown.js";

/** What the gate reads of a call, of any rpc of any service. */
export type GateCall = Pick<ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>, "metadata" | "getPeer" | "getAuthContext">;

export interface GateOptions {
  /** Absent: everybody may do everything, and a call's tenant is the one that it names. */
  readonly access?: Access | undefined;
  readonly quotas?: RateQuotas | undefined;
  /** Told of calls that are let in where there is no access to tell of them. */
  readonly events?: AccessEvents | undefined;
  readonly monotonicMs: () => number;
}

/** The header of a key. */
const authorizationKey = "authorization";

/**
 * The one way into the server: every handler passes here before it reads a byte of its request. Who fails to
 * authenticate is answered slowly (`Slowdown`); who is let in is held to the tenant's rate, once it is known what it wants.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #slowdown: Slowdown;
  readonly #rates: Rates | undefined;
  #delayed = 0;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#slowdown = new Slowdown(options.monotonicMs);
    this.#rates = options.quotas && new Rates(options.quotas, options.monotonicMs);
  }

  /** Whether the call may be read: it comes from somebody, or everybody may. */
  knows(call: GateCall): boolean {
    const { access } = this.#options;
    return access === undefined || access.knows(credentialsOf(call, addressOf(call.getPeer())));
  }

  /** What a call is told that is not known, once it has waited. */
  async refusal(call: GateCall, signal: AbortSignal): Promise<unknown> {
    const peer = addressOf(call.getPeer());
    try {
      this.#options.access?.authenticate(credentialsOf(call, peer));
    } catch (error) {
      await this.#delay(this.#slowdown.fail(peer), signal);
      return error;
    }
    return new UsherError("unauthenticated", "the key was not valid when the call arrived: retry");
  }

  /** Release it when the call has ended. @throws `unauthenticated`, `permission_denied`, `invalid_request` */
  async enter(call: GateCall, needs: Needs, controller: AbortController): Promise<Caller> {
    const peer = addressOf(call.getPeer());
    try {
      return this.#admit(call, needs, controller, peer);
    } catch (error) {
      if (error instanceof UsherError && error.code === "unauthenticated") await this.#delay(this.#slowdown.fail(peer), controller.signal);
      throw error;
    }
  }

  /** Holds the caller's tenant to its rate; what is asked as `admin` is no tenant's. @throws `quota_exceeded` */
  charge({ tenant = defaultTenant }: Caller, { role }: Pick<Needs, "role">, callClass: CallClass): void {
    if (role !== "admin") this.#rates?.take(tenant, callClass === "revocation");
  }

  #admit(call: GateCall, needs: Needs, controller: AbortController, peer: string): Caller {
    const { access, events } = this.#options;
    if (access !== undefined) return access.admit(credentialsOf(call, peer), needs, controller);
    events?.onAuthentication({ outcome: "accepted", reason: "open", peer });
    const tenant = namedTenant(call.metadata);
    return { principal: "", ...(tenant === undefined ? {} : { tenant }), release: nothing };
  }

  /** Not more at a time than memory shall be spent on: who comes then is refused at once. */
  async #delay(ms: number, signal: AbortSignal): Promise<void> {
    if (ms === 0 || this.#delayed >= limits.failuresDelayedMax) return;
    this.#delayed++;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms).unref();
      signal.addEventListener("abort", end);
    });
    this.#delayed--;
  }
}

function credentialsOf(call: GateCall, peer: string): Credentials {
  const authorization = call.metadata.get(authorizationKey).map(String);
  return {
    authorization,
    // Reading it costs, and a key alone counts where there is one.
    certificate: authorization.length > 0 ? undefined : call.getAuthContext()?.sslPeerCertificate,
    tenant: () => namedTenant(call.metadata),
    peer,
  };
}

/** `127.0.0.1:50312` and `::1:50312` without their ports. */
function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, "");
}

function nothing(): void {
  // Nothing is held of a call that everybody may make.
}
