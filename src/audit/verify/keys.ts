import { quote } from "../../model/object.js";
import { isPublicKey } from "../signing-key.js";
import type { Findings } from "./findings.js";

/** A key of the log, and the record from which on it signs. */
export interface KeyFrom {
  readonly key: string;
  /** Checkpoints of a larger size are of this key. */
  readonly from: number;
}

/** Which key signs which checkpoint, as the log's `key` records tell. */
export class Keys {
  readonly list: KeyFrom[] = [];
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** A `key` record. */
  follow(index: number, { key, before }: { readonly key: string; readonly before?: string }): void {
    const last = this.list.at(-1);
    if (!isPublicKey(key) || !isPublicKey(before ?? key)) return this.#findings.add("wrong_key", `record ${index} names a key that is none`, index);
    if (last === undefined) {
      // Records before it may have expired: what it replaced signed until then.
      this.list.push({ key: before ?? key, from: 0 });
      if (before === undefined) return;
    } else if (before !== last.key) {
      this.#findings.add("wrong_key", `record ${index} replaces the key ${quote(before ?? "none")}, which is not the one in force, ${quote(last.key)}`, index);
    }
    if (last?.key !== key) this.list.push({ key, from: index });
  }

  /** Where no record told of a key, the one that is said to be in force is taken; else they must agree. */
  conclude(declared: string | undefined): void {
    const last = this.list.at(-1);
    if (declared === undefined || last?.key === declared) return;
    if (last === undefined && isPublicKey(declared)) this.list.push({ key: declared, from: 0 });
    else this.#findings.add("wrong_key", `the key in force is said to be ${quote(declared)}, and that is not what the last \`key\` record says, ${quote(last?.key ?? "none")}`);
  }

  /** Of a checkpoint of that size; undefined: no key is known yet. */
  of(size: number): string | undefined {
    return (this.list.findLast(({ from }) => from < size) ?? this.list[0])?.key;
  }
}
