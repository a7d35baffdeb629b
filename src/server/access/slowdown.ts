import { isIPv6 } from "node:net";

import { limits } from "../../base/limits.js";

interface Peer {
  /** Failures that it may still have without waiting. */
  free: number;
  /** Failures in a row that had to wait. */
  waited: number;
  /** When `free` was last counted, in monotonic milliseconds. */
  at: number;
}

/**
 * How long the answer to a failed authentication waits. A peer has a few failures free, and a few more each minute;
 * beyond them each waits twice as long as the one before, to a bound. Right keys never wait: whoever shares an address
 * with a guesser is not slowed. Memory is bounded: the peer that was not heard of for longest is forgotten.
 */
export class Slowdown {
  readonly #peers = new Map<string, Peer>();
  readonly #monotonicMs: () => number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Counts a failure of the peer, and says for how many milliseconds its answer shall wait. */
  fail(address: string): number {
    const name = networkOf(address);
    const now = this.#monotonicMs();
    const peer = this.#peers.get(name) ?? { free: limits.failuresFreeMax, waited: 0, at: now };
    peer.free = Math.min(limits.failuresFreeMax, peer.free + ((now - peer.at) * limits.failuresPerMinuteMax) / 60_000);
    peer.at = now;
    this.#peers.delete(name);
    this.#peers.set(name, peer);
    if (this.#peers.size > limits.failurePeersMax) this.#peers.delete(this.#peers.keys().next().value ?? name);
    if (peer.free >= 1) {
      peer.free--;
      peer.waited = 0;
      return 0;
    }
    return Math.min(limits.failureDelayMsMin * 2 ** peer.waited++, limits.failureDelayMsMax);
  }

  /** How many peers are remembered. */
  get size(): number {
    return this.#peers.size;
  }
}

/** An IPv6 host has 2^64 addresses to come from, so its network counts as one: `2001:db8:0:1::7` is `2001:db8:0:1`. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = (plain.split("%")[0] ?? "").split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = tail === undefined ? left : [...left, ...new Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0"), ...right];
  return groups.slice(0, 4).join(":");
}
