import { forever, type Instant } from "../../base/clock.js";
import { emptyContext, type Context } from "../context.js";
import { toCel } from "./convert.js";
import { nowParameter, type Parameter } from "./parameters.js";
import { Timestamp } from "./timestamp.js";

/** Thrown to the library when an absent parameter is read. What was read is kept in the activation, so one error serves all. */
export const absent = new Error("a parameter that is absent was read");

/**
 * What one evaluation reads: the library asks this map for each variable, so a value is converted only
 * when it is read, and absent ones are noted. One activation serves a condition again and again.
 */
export class Activation extends Map<string, unknown> {
  readonly #parameters: ReadonlyMap<string, Parameter>;
  /** Converted values by the parameter's index, of this evaluation. */
  #values: unknown[] = [];
  /** The same by stored context, kept while the context is: a tuple's context is read again and again. */
  readonly #stored = new WeakMap<Context, unknown[]>();
  #storedContext: Context = emptyContext;
  #requestContext: Context = emptyContext;
  #now: Instant = 0;
  #until: Instant = forever;
  #missing: string[] = [];

  /** @param parameters by the library's variable names */
  constructor(parameters: ReadonlyMap<string, Parameter>) {
    super();
    this.#parameters = parameters;
  }

  begin(stored: Context, request: Context, now: Instant): void {
    this.#storedContext = stored;
    this.#requestContext = request;
    this.#now = now;
    this.#until = forever;
    if (this.#values.length > 0) this.#values = [];
    if (this.#missing.length > 0) this.#missing = [];
  }

  /** Lets go of the caller's contexts. */
  end(): void {
    this.#storedContext = emptyContext;
    this.#requestContext = emptyContext;
    if (this.#values.length > 0) this.#values = [];
  }

  get now(): Instant {
    return this.#now;
  }

  get until(): Instant {
    return this.#until;
  }

  /** The result may change in so many milliseconds, unless the request fixed the time. */
  changesIn(ms: number): void {
    if (!this.#fixesNow()) this.#until = Math.min(this.#until, this.#now + ms);
  }

  /** The absent parameters that were read, sorted. */
  get missing(): readonly string[] {
    return this.#missing.sort();
  }

  override get(variable: string): unknown {
    const parameter = this.#parameters.get(variable);
    return parameter === undefined ? undefined : (this.#values[parameter.index] ??= this.#read(parameter));
  }

  #read(parameter: Parameter): unknown {
    const { name, type } = parameter;
    if (name === nowParameter && !this.#fixesNow()) return Timestamp.ofInstant(this.#now);
    const stored = this.#storedContext[name];
    if (stored !== undefined && name !== nowParameter && Object.hasOwn(this.#storedContext, name)) {
      return typeof stored === "object" || type.kind !== typeof stored ? this.#readStored(parameter) : stored;
    }
    const requested = this.#requestContext[name];
    if (requested !== undefined && Object.hasOwn(this.#requestContext, name)) return toCel(name, type, requested);
    if (!this.#missing.includes(name)) this.#missing.push(name);
    throw absent;
  }

  #fixesNow(): boolean {
    return Object.hasOwn(this.#requestContext, nowParameter);
  }

  #readStored(parameter: Parameter): unknown {
    let values = this.#stored.get(this.#storedContext);
    if (values === undefined) this.#stored.set(this.#storedContext, (values = []));
    return (values[parameter.index] ??= toCel(parameter.name, parameter.type, this.#storedContext[parameter.name] ?? null));
  }
}
