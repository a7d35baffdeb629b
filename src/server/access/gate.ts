import type { Metadata, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";

import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { defaultTenant } from "../../model/tenant.js";
import { namedTenant } from "../incoming.js";
import type { Access, Caller, Credentials, Identity, Needs } from "./access.js";
import type { CallClass } from "../admission.js";
import type { AccessEvents } from "./events.js";
import { Rates, type RateQuotas } from "./rates.js";
import type { Ending } from "./open-calls.js";
import { Slowdown } from "./slowdown.js";

/** What the gate reads of a call, of any rpc of any service. */
export type GateCall = Pick<ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>, "metadata" | "getPeer" | "getAuthContext">;

/** A call that can be ended, and tells of it. */
type Cancellable = Pick<AbortController, "abort" | "signal">;

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

/** Under which a call's metadata keeps who makes it, from the door to its handler. Nothing that is sent comes there. */
const identityKey = "usher.identity";

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
    if (access === undefined) return true;
    const identity = access.identify(new CallCredentials(call));
    if (identity !== undefined) call.metadata.setOpaque(identityKey, identity);
    return identity !== undefined;
  }

  /** What a call is told that is not known, once it has waited. */
  async refusal(call: GateCall, signal: AbortSignal): Promise<unknown> {
    const credentials = new CallCredentials(call);
    try {
      this.#options.access?.authenticate(credentials);
    } catch (error) {
      await this.#delay(this.#slowdown.fail(credentials.peer), signal);
      return error;
    }
    return new UsherError("unauthenticated", "the key was not valid when the call arrived: retry");
  }

  /** Release it when the call has ended. What is not authenticated rejects, once it has waited. @throws `permission_denied`, `invalid_request` */
  enter(call: GateCall, needs: Needs, ending: Cancellable): Caller | Promise<never> {
    const credentials = new CallCredentials(call);
    try {
      return this.#admit(credentials, call.metadata, needs, ending);
    } catch (error) {
      if (error instanceof UsherError && error.code === "unauthenticated") return this.#refuse(error, credentials, ending.signal);
      throw error;
    }
  }

  /** Holds the caller's tenant to its rate; what is asked as `admin` is no tenant's. @throws `quota_exceeded` */
  charge({ tenant = defaultTenant }: Caller, { role }: Pick<Needs, "role">, callClass: CallClass): void {
    if (role !== "admin") this.#rates?.take(tenant, callClass === "revocation");
  }

  #admit(credentials: CallCredentials, metadata: Metadata, needs: Needs, ending: Ending): Caller {
    const { access, events } = this.#options;
    if (access !== undefined) return access.admit(credentials, needs, ending, metadata.getOpaque(identityKey) as Identity | undefined);
    events?.onAuthentication({ outcome: "accepted", reason: "open", peer: credentials.peer });
    const tenant = credentials.tenant();
    return tenant === undefined ? nobody : { principal: "", tenant, release: nothing };
  }

  async #refuse(error: UsherError, { peer }: CallCredentials, signal: AbortSignal): Promise<never> {
    await this.#delay(this.#slowdown.fail(peer), signal);
    throw error;
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

/** Read when they are asked for: the certificate and the address cost, and most calls need neither. */
class CallCredentials implements Credentials {
  readonly #call: GateCall;

  constructor(call: GateCall) {
    this.#call = call;
  }

  get authorization(): readonly string[] {
    return this.#call.metadata.get(authorizationKey).map(String);
  }

  get certificate(): Credentials["certificate"] {
    return this.#call.getAuthContext()?.sslPeerCertificate;
  }

  get peer(): string {
    return addressOf(this.#call.getPeer());
  }

  tenant(): string | undefined {
    return namedTenant(this.#call.metadata);
  }
}

/** `127.0.0.1:50312` and `::1:50312` without their ports. */
function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, "");
}

function nothing(): void {
  // Nothing is held of a call that everybody may make.
}

/** Who names no tenant where everybody may call. */
const nobody: Caller = { principal: "", release: nothing };
