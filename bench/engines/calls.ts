import { batchSize, warmQuestions } from "../suite.js";
import type { Work } from "../turn.js";
import { verdict } from "../worlds/fill.js";
import { questionsOf, type StreamedCheck, type StreamName, type World } from "../worlds/world.js";
import type { Engine } from "./engine.js";
import type { What } from "./process.js";

type Calls = Pick<Work, "call" | "before" | "perCall">;
type Ask = () => Promise<unknown>;

/** A world's questions as calls of an engine, prepared before the clock of the call starts. A stream goes on where the last turn left it. */
export class PreparedCalls {
  readonly #engine: Engine;
  readonly #world: World;
  readonly #seed: number;
  readonly #streams = new Map<StreamName, Iterator<StreamedCheck, never>>();

  constructor(engine: Engine, world: World, seed: number) {
    this.#engine = engine;
    this.#world = world;
    this.#seed = seed;
  }

  of(what: What): Calls {
    switch (what) {
      case "allowed":
      case "denied":
        return again(questionsOf(this.#world, what === "allowed").slice(0, warmQuestions).map((question) => this.#engine.prepare(question)));
      case "batches":
        return { ...again([this.#engine.prepareBatch(this.#world.checks.slice(0, batchSize).map(({ question }) => question))]), perCall: batchSize };
      case "batches of pairs":
        return { ...anew(() => this.#freshBatch()), perCall: batchSize };
      case "pairs":
      case "zipf":
      case "uniform":
        return anew(() => this.#streamed(this.#next(what)));
      case "schema":
        return again([() => this.#engine.readSchema()]);
      default:
        return again([this.#lookup(Number(what.slice("lookup ".length)))]);
    }
  }

  #lookup(index: number): Ask {
    const lookup = this.#world.lookups[index];
    if (lookup === undefined) throw new Error(`world \`${this.#world.name}\` has no lookup ${index}`);
    return async () => {
      const found = await this.#engine.lookup(lookup);
      if (found !== lookup.count) throw new Error(`lookup ${index} of world \`${this.#world.name}\` found ${found}: it must find ${lookup.count}`);
    };
  }

  /** Goes through the pairs until all there is was read once. */
  async warm(): Promise<void> {
    for (let asked = 0; asked < (this.#world.pairsUntilWarm ?? 0); asked += batchSize) await this.#freshBatch()();
  }

  #freshBatch(): Ask {
    return this.#engine.prepareBatch(Array.from({ length: batchSize }, () => this.#next("pairs").question));
  }

  #streamed({ question, allowed }: StreamedCheck): Ask {
    const ask = this.#engine.prepare(question);
    if (allowed === undefined) return ask;
    return async () => {
      const answer = await ask();
      if (answer !== verdict(allowed)) throw new Error(`the answer to ${JSON.stringify(question)} is wrong: ${answer}`);
    };
  }

  #next(name: StreamName): StreamedCheck {
    const stream = this.#streams.get(name) ?? this.#world.streams?.[name]?.(this.#seed);
    if (stream === undefined) throw new Error(`world \`${this.#world.name}\` has no stream \`${name}\``);
    this.#streams.set(name, stream);
    return stream.next().value;
  }
}

function again(calls: readonly Ask[]): Calls {
  return {
    call: (index) => {
      const ask = calls[index % calls.length];
      if (ask === undefined) throw new RangeError("there is no question");
      return ask();
    },
  };
}

function anew(prepare: () => Ask): Calls {
  const ready = new Map<number, Ask>();
  return {
    before: (index) => void ready.set(index, prepare()),
    call: (index) => {
      const ask = ready.get(index);
      ready.delete(index);
      if (ask === undefined) throw new RangeError("the call was not prepared");
      return ask();
    },
  };
}
