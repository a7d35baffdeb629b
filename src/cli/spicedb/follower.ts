import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { Usher } from "../../client/usher.js";
import { tupleIdentity } from "../../model/tuple.js";
import { isPassing } from "./failure.js";
import type { WatchMessage } from "./messages.js";
import { Mirror, occupied, type MirrorEvents } from "./mirror.js";
import { pause, type SpiceDb } from "./peer.js";
import { RefusedList } from "./refused.js";
import type { StateFile } from "./state-file.js";

export interface FollowEvents extends MirrorEvents {
  importing(why: string): void;
  imported(result: { readonly imported: number; readonly changed: number; readonly removed: number; readonly refused: number; readonly zookie: string | undefined }): void;
  following(token: string): void;
  schemaWritten(): void;
  /** @param lagMs since the update came in */
  applied(result: { readonly operations: number; readonly refused: number; readonly lagMs: number; readonly token: string }): void;
}

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Makes a mirror of a database that holds something else. */
  readonly replace: boolean;
  readonly schemaMs: number;
}

/**
 * Keeps a mirror: imports everything at one revision, then applies what was committed after it, in order. `#token` never runs ahead of what is committed, and what is
 * applied twice is the one update after it at most: an older one would for a moment bring back what a newer one has ended.
 */
export class Follower {
  readonly #source: SpiceDb;
  readonly #state: StateFile;
  readonly #mirror: Mirror;
  readonly #refused = new RefusedList();
  readonly #events: FollowEvents;
  readonly #options: FollowOptions;
  /** Everything of the source through it stands in the mirror; undefined: there is to be an import. */
  #token: string | undefined;
  #kept = { at: -Infinity, token: "", changes: 0 };
  /** A token that was given a moment ago is known: where it is not, importing again would not help. */
  #isFresh = false;

  constructor(source: SpiceDb, usher: Usher, state: StateFile, events: FollowEvents, options: FollowOptions) {
    this.#source = source;
    this.#state = state;
    this.#events = events;
    this.#options = options;
    this.#mirror = new Mirror(usher, source.name, this.#refused, events);
  }

  /** Until the signal aborts, which is no error. What fails before both sides have answered once is thrown; later it is tried again. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    let delay: number = limits.reconnectMsMin;
    let hasBegun = false;
    try {
      await this.#source.readSchema(signal);
      await this.#begin();
      hasBegun = true;
      for (;;) {
        try {
          await this.#follow(() => (delay = limits.reconnectMsMin));
        } catch (error) {
          if (signal.aborted || !isPassing(error)) throw error;
          this.#events.note(`${error.message}; trying again`);
          await pause(delay, signal);
          delay = Math.min(delay * 2, limits.reconnectMsMax);
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      if (hasBegun && this.#token !== undefined) await this.#keep();
    }
  }

  /** Finds out how far the mirror is. */
  async #begin(): Promise<void> {
    const { replace } = this.#options;
    const state = await this.#state.read();
    if (state !== undefined && state.source !== this.#source.name && !replace) {
      throw new UsherError("precondition_failed", `file \`${this.#state.path}\` is of a mirror of \`${state.source}\`: give another --state, or --replace to make this the mirror of \`${this.#source.name}\``);
    }
    if (state === undefined || state.source !== this.#source.name) {
      if (!(await this.#mirror.isEmpty()) && !replace) throw occupied(this.#state.path);
      return this.#keep();
    }
    for (const refusal of state.refused) this.#refused.add(refusal);
    if (state.zookie === undefined) {
      await this.#mirror.isEmpty();
      return;
    }
    const reached = await this.#mirror.reached(state.token ?? "", state.zookie).catch((error: unknown) => {
      const isOther = error instanceof UsherError && error.code.startsWith("zookie_of_other_");
      if (!isOther) throw error;
      if (!replace) throw new UsherError("precondition_failed", `file \`${this.#state.path}\` is of a mirror in another database: give another --state, or --replace to make this one the mirror`, { cause: error });
      return undefined;
    });
    this.#token = state.token === undefined ? undefined : reached;
  }

  async #follow(heard: () => void): Promise<void> {
    this.#token ??= await this.#import();
    if (!this.#isFresh) await this.#adoptSchema();
    this.#events.following(this.#token);
    const session = new AbortController();
    const messages = this.#source.watch(this.#token, AbortSignal.any([this.#options.signal, session.signal]));
    try {
      await this.#take(messages, heard);
    } catch (error) {
      const isForgotten = error instanceof UsherError && error.details["source"] === this.#source.name && (error.code === "zookie_expired" || error.code === "invalid_request");
      if (!isForgotten || this.#isFresh) throw error;
      this.#events.note(`${error.message}; importing everything anew`);
      this.#token = undefined;
    } finally {
      session.abort();
    }
  }

  /** Takes one after the other, and in between looks at the schema, since not every store behind SpiceDB tells of its changes. */
  async #take(messages: AsyncGenerator<WatchMessage, void>, heard: () => void): Promise<void> {
    let next = messages.next();
    for (;;) {
      // It may fail while nobody waits for it.
      next.catch(() => undefined);
      const result = await firstOf(next, this.#options.schemaMs);
      if (result === undefined) await this.#adoptSchema();
      else if (result.done === true) throw new UsherError("server_unreachable", `\`${this.#source.name}\` ended the watch`);
      else {
        heard();
        await this.#apply(result.value, performance.now());
        next = messages.next();
      }
      await this.#keepNowAndThen();
    }
  }

  async #apply(message: WatchMessage, since: number): Promise<void> {
    const token = message.changesThrough?.token;
    if (!token) throw new UsherError("internal", `\`${this.#source.name}\` sent an update without its revision`);
    if (message.schemaUpdated) await this.#adoptSchema();
    if (message.updates.length > 0) {
      const operations = this.#mirror.operationsOf(message);
      // Before the commit, which says that everything through the token is dealt with.
      await this.#keepRefused();
      await this.#mirror.commit(operations, message);
      this.#events.applied({ operations: operations.length, refused: this.#refused.size, lagMs: performance.now() - since, token });
    }
    this.#token = token;
    this.#isFresh = false;
  }

  async #adoptSchema(): Promise<void> {
    const { text } = await this.#source.readSchema(this.#options.signal);
    if (await this.#mirror.adoptSchema(text)) this.#events.schemaWritten();
    await this.#keepRefused();
  }

  /** Everything of one revision, which is told. */
  async #import(): Promise<string> {
    const { signal } = this.#options;
    const { text, token } = await this.#source.readSchema(signal);
    this.#events.importing(token);
    this.#refused.clear();
    const wasEmpty = await this.#mirror.isEmpty();
    await this.#keep();
    if (await this.#mirror.adoptSchema(text)) this.#events.schemaWritten();
    // What the new schema orphaned is either in the source, and refused again below, or not.
    this.#refused.clear();
    const held = new Set<string>();
    const result = await this.#mirror.importAll(this.#source.exportAll(token, signal), (tuple) => {
      if (!wasEmpty) held.add(tupleIdentity(tuple));
    });
    const removed = wasEmpty ? 0 : await this.#mirror.removeOthers((tuple) => held.has(tupleIdentity(tuple)));
    this.#token = token;
    this.#isFresh = true;
    await this.#keep();
    this.#events.imported({ ...result, removed, refused: this.#refused.size, zookie: this.#mirror.zookie });
    return token;
  }

  async #keepRefused(): Promise<void> {
    if (this.#refused.changes !== this.#kept.changes) await this.#keep();
  }

  async #keepNowAndThen(): Promise<void> {
    const { at, token } = this.#kept;
    if (token !== this.#token && performance.now() - at >= limits.followStateMs) await this.#keep();
  }

  async #keep(): Promise<void> {
    const { zookie } = this.#mirror;
    await this.#state.write({ source: this.#source.name, ...(this.#token !== undefined && { token: this.#token }), ...(zookie !== undefined && { zookie }), refused: this.#refused.list() });
    this.#kept = { at: performance.now(), token: this.#token ?? "", changes: this.#refused.changes };
  }
}

/** Undefined: the time was over first. */
async function firstOf<Value>(value: Promise<Value>, ms: number): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([value, new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)))]);
  } finally {
    clearTimeout(timer);
  }
}
