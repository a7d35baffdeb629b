import { SingleBar } from "cli-progress";
import type { Terminal } from "../terminal.js";

/** How often the bar is drawn again, a second. */
const drawsPerSecond = 5;

/** What a long transfer says while it runs, on a terminal alone: a bar where the size is known, what was done, how fast. */
export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #start = performance.now();
  #done = 0;
  #bytes = 0;
  #stage: string;

  /** @param bytes of all of it; 0: not known */
  constructor({ stderr }: Terminal, json: boolean, stage: string, bytes = 0) {
    this.#stage = stage;
    if (json || stderr.isTTY !== true) return;
    const format = bytes > 0 ? "{stage} [{bar}] {percentage}% | {done} tuples | {rate}/s | {eta_formatted} left" : "{stage} {done} tuples | {rate}/s | {duration_formatted}";
    this.#bar = new SingleBar({ stream: stderr, format, fps: drawsPerSecond, hideCursor: true, clearOnComplete: true, barCompleteChar: "=", barIncompleteChar: " " });
    this.#bar.start(Math.max(1, bytes), 0, this.#payload());
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1_000;
  }

  /** Whole tuples a second since the start. */
  get perSecond(): number {
    return Math.round(this.#done / Math.max(this.seconds, 1e-3));
  }

  addBytes(count: number): void {
    this.#bytes += count;
  }

  add(tuples = 1): void {
    this.#done += tuples;
    if (this.#bar !== undefined && this.#done % 256 < tuples) this.#bar.update(this.#bytes, this.#payload());
  }

  become(stage: string): void {
    this.#stage = stage;
    this.#bar?.update(this.#bytes, this.#payload());
  }

  stop(): void {
    this.#bar?.stop();
  }

  #payload(): object {
    return { stage: this.#stage, done: this.#done.toLocaleString("en"), rate: this.perSecond.toLocaleString("en") };
  }
}
