import { Worker } from "node:worker_threads";

import { abortError, onAbort } from "../../base/abort.js";
import { asError, UsherError } from "../../base/errors.js";
import type { FromLog, LogCalls, ToLog } from "./protocol.js";

/** The other end of a `LogServer`: a thread, or what a test puts in its place. */
export interface LogPort {
  postMessage(message: ToLog): void;
  /** `end`: it has ended by itself; what it was asked is not answered any more. */
  listen(message: (message: FromLog) => void, end: (why: Error) => void): void;
  terminate(): Promise<void>;
}

export type ConnectLog = () => LogPort;

export const startLogWorker: ConnectLog = () => {
  const worker = new Worker(new URL("./log-worker.js", import.meta.url));
  return {
    postMessage: (message) => worker.postMessage(message),
    listen: (message, end) => {
      let why = new Error("the thread of the decision log ended");
      worker.on("message", message);
      worker.on("error", (error) => (why = asError(error)));
      worker.on("exit", () => end(why));
    },
    terminate: async () => void (await worker.terminate()),
  };
};

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** Calls the log in its thread. A thread that ended is started anew by the next call to open it. */
export class LogThread {
  readonly #connect: ConnectLog;
  readonly #report: (error: Error) => void;
  readonly #waiting = new Map<number, Waiting>();
  #port: LogPort | undefined;
  #next = 0;

  /** @param report hears of background work that failed */
  constructor(connect: ConnectLog, report: (error: Error) => void) {
    this.#connect = connect;
    this.#report = report;
  }

  /** @throws what the call throws; `audit_unavailable` where the thread has ended; the signal's reason */
  call<Name extends keyof LogCalls>(name: Name, order: Parameters<LogCalls[Name]>[0], signal?: AbortSignal): ReturnType<LogCalls[Name]> {
    if (signal?.aborted) return Promise.reject(abortError(signal)) as ReturnType<LogCalls[Name]>;
    if (name === "open") this.#port ??= this.#start();
    const port = this.#port;
    if (port === undefined) return Promise.reject(unavailable()) as ReturnType<LogCalls[Name]>;
    const id = this.#next++;
    const unhear = onAbort(signal, () => {
      this.#take(id)?.reject(abortError(signal!));
      port.postMessage({ name: "cancel", id });
    });
    const answer = new Promise<never>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      port.postMessage({ name, order, id } as ToLog);
    });
    return (signal === undefined ? answer : answer.finally(unhear)) as unknown as ReturnType<LogCalls[Name]>;
  }

  async terminate(): Promise<void> {
    await this.#port?.terminate();
  }

  #start(): LogPort {
    const port = this.#connect();
    port.listen(
      (message) => this.#hear(message),
      (why) => {
        if (this.#port === port) this.#port = undefined;
        for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(unavailable(why));
      },
    );
    return port;
  }

  #hear(message: FromLog): void {
    const waiting = this.#take(message.id);
    if ("result" in message) return waiting?.resolve(message.result as never);
    const { code, message: text } = message.error;
    const error = code === undefined ? new Error(text) : new UsherError(code, text);
    if (message.id === -1) this.#report(error);
    else waiting?.reject(error);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}

function unavailable(cause?: unknown): UsherError {
  return new UsherError("audit_unavailable", "the thread of the decision log has ended: it is started again by itself; retry later", { cause });
}
