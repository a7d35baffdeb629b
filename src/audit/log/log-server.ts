import { assert, unreachable } from "../../base/assert.js";
import { asError, UsherError } from "../../base/errors.js";
import { asLogError } from "./failure.js";
import { Log } from "./log.js";
import type { FromLog, LogCall, OpenOrder, Opened, ToLog } from "./protocol.js";
import type { OpenRawLog } from "./raw.js";

/** Answers what the log's thread is asked, each call as soon as it can be: a search takes turns with what is to be written. */
export class LogServer {
  readonly #openRaw: OpenRawLog;
  readonly #send: (message: FromLog) => void;
  readonly #cancelled = new Set<number>();
  readonly #running = new Set<number>();
  #log: Log | undefined;

  constructor(openRaw: OpenRawLog, send: (message: FromLog) => void) {
    this.#openRaw = openRaw;
    this.#send = send;
  }

  async take(message: ToLog): Promise<void> {
    const { id } = message;
    if (message.name === "cancel") {
      if (this.#running.has(id)) this.#cancelled.add(id);
      return;
    }
    this.#running.add(id);
    try {
      this.#send({ id, result: await this.#call(message, () => this.#cancelled.has(id)) });
    } catch (thrown) {
      this.#send({ id, error: told(thrown, `decision log, ${message.name}`) });
    } finally {
      this.#running.delete(id);
      this.#cancelled.delete(id);
    }
  }

  async #call(call: LogCall, ended: () => boolean): Promise<unknown> {
    if (call.name === "open") return this.#open(call.order);
    if (call.name === "close") return this.#close();
    const log = this.#log;
    if (log === undefined) throw new UsherError("audit_unavailable", "the decision log is not open: see to the disk; it is opened again by itself");
    switch (call.name) {
      case "check":
        return log.check(call.order);
      case "append":
        return log.append(call.order);
      case "search":
        return log.search(call.order, ended);
      case "records":
        return log.records(call.order.indexes, call.order.tenant);
      case "tree":
        return log.tree();
      case "inclusion":
        return log.inclusion(call.order.index, call.order.size, call.order.tenant);
      case "consistency":
        return log.consistency(call.order.from, call.order.size);
      case "redact":
        return { redacted: await log.redact(call.order), figures: log.figures };
      case "retain":
        await log.retain(call.order);
        return log.figures;
      default:
        return unreachable(call);
    }
  }

  /** Opened again, it begins with what the disk has. */
  async #open(order: OpenOrder): Promise<Opened> {
    await this.#close();
    const log = await Log.open(order, this.#openRaw, (error) => this.#send({ id: -1, error: told(error, "index of the decision log") }));
    assert(this.#log === undefined, "the log is opened by one at a time");
    this.#log = log;
    return log.opened;
  }

  async #close(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    await log?.close();
  }
}

function told(thrown: unknown, doing: string): { code: UsherError["code"] | undefined; message: string } {
  const error = asLogError(thrown, doing);
  return { code: error instanceof UsherError ? error.code : undefined, message: asError(error).message };
}
