/**
 * Permissions in a browser, kept true by `browserStream` of the service. It hides and disables; what must not happen, the service refuses.
 * @typedef {{ url: string, token: () => string | Promise<string>, fetch?: typeof fetch, random?: () => number }} Options
 */

const limits = { reconnectMsMin: 250, reconnectMsMax: 30_000, renewMsMin: 1_000, eventCharactersMax: 1_048_576 };
const noLease = { monotonic: 0, wall: 0, ms: 0 };

/** @param {Options} options `token` is asked for a fresh one of the service before each stream. */
export const connectUsher = (options) => new UsherConnection(options);

/** Tells `change` when an answer changes, `error` when a stream fails; it then tries again by itself. */
export class UsherConnection extends EventTarget {
  #options;
  #answers = new Map();
  #told = new Map();
  /** Until so long after this request was sent: by each clock, since one stops in sleep and the other can be set. */
  #lease = noLease;
  #leaseTimer;
  #closing = new AbortController();

  constructor(options) {
    super();
    this.#options = { fetch: (...args) => fetch(...args), random: Math.random, ...options };
    this.#run();
  }

  /** Whether it is allowed now. Read it where it is used. @param {string} object @param {string} permission */
  allowed(object, permission) {
    return this.#answers.get(`${object}\n${permission}`) === true && this.#remainingMs() > 0;
  }

  /** Disables the element, or hides it where it cannot be disabled, while it is not allowed. Returns what ends that. */
  bind(element, object, permission) {
    const property = "disabled" in element ? "disabled" : "hidden";
    const apply = () => (element[property] = !this.allowed(object, permission));
    this.addEventListener("change", apply);
    apply();
    return () => this.removeEventListener("change", apply);
  }

  /** Denies everything from now on. */
  close() {
    this.#closing.abort();
    this.#lease = noLease;
    clearTimeout(this.#leaseTimer);
    this.#tell();
  }

  async #run() {
    for (let failures = 0; !this.#closing.signal.aborted; ) {
      try {
        await this.#stream();
        failures = 0;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        failures++;
        this.dispatchEvent(new CustomEvent("error", { detail: error }));
      }
      const delayMs = this.#options.random() * Math.min(limits.reconnectMsMax, limits.reconnectMsMin * 2 ** failures);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }

  /** Until the token is to be renewed, or the service ends it. Answers and lease outlive it, so that a renewal is not seen. */
  async #stream() {
    const token = await this.#options.token();
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, stop.signal]);
    const sent = { monotonic: performance.now(), wall: Date.now() };
    const state = { sent, stop, renewed: false, leased: false, timer: setTimeout(() => stop.abort(), limits.reconnectMsMax) };
    try {
      const headers = { authorization: `Bearer ${token}`, accept: "text/event-stream" };
      const response = await this.#options.fetch(this.#options.url, { headers, signal, cache: "no-store", redirect: "error" });
      if (!response.ok) throw new Error(`the live stream was refused with status ${response.status}: ${await response.text()}`);
      let text = "";
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        const events = (text + piece.value).split("\n\n");
        text = events.pop();
        if (text.length > limits.eventCharactersMax) throw new Error("the live stream sent more in one event than may be");
        for (const event of events) this.#take(/^event: (.*)$/m.exec(event)?.[1], JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? "null"), state);
      }
      if (!state.leased) throw new Error("the live stream ended before it gave a lease");
    } catch (error) {
      if (!state.renewed) throw error;
    } finally {
      clearTimeout(state.timer);
      stop.abort();
    }
  }

  #take(event, data, state) {
    if (this.#closing.signal.aborted) return;
    const answerOf = ({ object, permission, allowed }) => [`${object}\n${permission}`, allowed === true];
    if (event === "permissions") {
      this.#answers = new Map(data.permissions.map(answerOf));
      state.renewMs = Math.max(limits.renewMsMin, data.renewMs);
    } else if (event === "change") {
      this.#answers.set(...answerOf(data));
    } else if (event === "lease" && state.renewMs !== undefined) {
      if (!state.leased) this.#renewLater(state);
      this.#lease = { ...state.sent, ms: data.at + data.ms };
      clearTimeout(this.#leaseTimer);
      // A stream whose lease has ended is silent or late: another takes its place.
      this.#leaseTimer = setTimeout(() => (state.stop.abort(), this.#tell()), Math.max(0, this.#remainingMs()) + 1);
    }
    this.#tell();
  }

  #renewLater(state) {
    state.leased = true;
    clearTimeout(state.timer);
    state.timer = setTimeout(() => ((state.renewed = true), state.stop.abort()), state.renewMs);
  }

  #remainingMs() {
    const { monotonic, wall, ms } = this.#lease;
    return ms - Math.max(performance.now() - monotonic, Date.now() - wall);
  }

  #tell() {
    for (const key of new Set([...this.#told.keys(), ...this.#answers.keys()])) {
      const [object, permission] = key.split("\n");
      const allowed = this.allowed(object, permission);
      if (allowed === (this.#told.get(key) ?? false)) continue;
      this.#told.set(key, allowed);
      this.dispatchEvent(new CustomEvent("change", { detail: { object, permission, allowed } }));
    }
  }
}
