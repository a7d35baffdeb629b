import { status, type handleServerStreamingCall, type handleUnaryCall, type Server as GrpcServer, type ServerWritableStream } from "@grpc/grpc-js";
import { service as definition, type ServingStatus } from "grpc-health-check";

import { limits } from "../base/limits.js";
import type { DatabaseStatus } from "../database/status.js";
import { methods } from "../model/wire/methods.js";

interface HealthRequest {
  readonly service: string;
}

interface HealthResponse {
  readonly status: ServingStatus | "SERVICE_UNKNOWN";
}

/** Whose health is told. The database is one. */
export interface Conditions {
  status(): DatabaseStatus;
  /** Called after the store's state has become another; returns how to stop that. */
  onStatus(listener: () => void): () => void;
}

/** What the server can do now. */
export interface Readiness {
  readonly draining: boolean;
  /** Checks and reads are answered. */
  readonly reads: boolean;
  readonly writes: boolean;
}

/** Services with a method that writes are ready when writes are; the others when reads are. */
const servicesWrite = new Map<string, boolean>();
for (const { path, writes } of Object.values<{ readonly path: string; readonly writes: boolean }>(methods)) {
  const name = path.split("/")[1] ?? "";
  servicesWrite.set(name, writes || (servicesWrite.get(name) ?? false));
}

/**
 * `grpc.health.v1` over the store's condition. The empty service name is liveness: `SERVING` until the server drains, since to
 * start it anew would not help a disk. A store that cannot write is not ready for writes, and still answers checks. The package's
 * own implementation is not used, since it keeps a set for each name that anybody asks for, and its streams never end.
 */
export class Health {
  readonly #conditions: Conditions | undefined;
  readonly #watchers = new Set<HealthWatcher>();
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #draining = false;

  constructor(conditions?: Conditions) {
    this.#conditions = conditions;
    this.#unsubscribe = conditions?.onStatus(() => this.#tell()) ?? (() => undefined);
    // A clock jumps without telling.
    this.#timer = setInterval(() => this.#tell(), limits.healthMs).unref();
  }

  get readiness(): Readiness {
    const store = this.#conditions?.status().store;
    const draining = this.#draining;
    return {
      draining,
      reads: !draining && (store?.readable ?? true),
      writes: !draining && (store?.writable ?? true),
    };
  }

  addTo(server: Pick<GrpcServer, "addService">): void {
    const check: handleUnaryCall<HealthRequest, HealthResponse> = ({ request: { service } }, callback) => {
      const serving = this.#statusOf(service);
      if (serving === undefined) callback({ code: status.NOT_FOUND, details: "there is no such service" });
      else callback(null, { status: serving });
    };
    const watch: handleServerStreamingCall<HealthRequest, HealthResponse> = (call) => this.#watch(call);
    const list: handleUnaryCall<object, { statuses: Record<string, HealthResponse> }> = (_call, callback) => {
      const names = ["", ...servicesWrite.keys()];
      callback(null, { statuses: Object.fromEntries(names.map((name) => [name, { status: this.#statusOf(name) ?? "UNKNOWN" }])) });
    };
    server.addService(definition, { check, watch, list });
  }

  /** From now on nothing is served, and those who watch are told so and let go. */
  drain(): void {
    this.#draining = true;
    this.#tell();
    for (const watcher of this.#watchers) watcher.end();
    this.stop();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  #statusOf(service: string): ServingStatus | undefined {
    const { draining, reads, writes } = this.readiness;
    const write = servicesWrite.get(service);
    if (service !== "" && write === undefined) return undefined;
    const ready = service === "" ? !draining : write ? writes : reads;
    return ready ? "SERVING" : "NOT_SERVING";
  }

  #watch(call: ServerWritableStream<HealthRequest, HealthResponse>): void {
    if (this.#draining || this.#watchers.size >= limits.healthWatchersMax) {
      call.emit("error", { code: status.UNAVAILABLE, details: this.#draining ? "the server is stopping" : "too many watch the health: ask with Check" });
      return;
    }
    const watcher = new HealthWatcher(call, () => this.#statusOf(call.request.service) ?? "SERVICE_UNKNOWN");
    this.#watchers.add(watcher);
    call.once("cancelled", () => this.#watchers.delete(watcher));
    watcher.tell();
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher.tell();
  }
}

/** Sends a status when it is another than the last one sent; while the client does not read, none, and then the newest. */
class HealthWatcher {
  readonly #call: ServerWritableStream<HealthRequest, HealthResponse>;
  readonly #status: () => HealthResponse["status"];
  #sent: HealthResponse["status"] | undefined;

  constructor(call: ServerWritableStream<HealthRequest, HealthResponse>, status: () => HealthResponse["status"]) {
    this.#call = call;
    this.#status = status;
    call.on("drain", () => this.tell());
  }

  tell(): void {
    const now = this.#status();
    if (now === this.#sent || this.#call.writableNeedDrain) return;
    this.#sent = now;
    this.#call.write({ status: now });
  }

  end(): void {
    this.#call.end();
  }
}
