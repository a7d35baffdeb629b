import type { KeyEntry } from "./key-entry.js";
import { isKey, keyIdOf } from "./key.js";

/** Compared with where the id is not known, so that an unknown id costs what a known one does. It is the hash of nothing that is a key. */
const nobody = Buffer.alloc(32);

/** The keys in force at one time; replaced as a whole. */
export class KeyRing {
  readonly #byId: ReadonlyMap<string, KeyEntry>;
  readonly #byCertificate: ReadonlyMap<string, KeyEntry>;

  constructor(entries: readonly KeyEntry[]) {
    this.#byId = new Map(entries.map((entry) => [entry.id, entry]));
    this.#byCertificate = new Map(entries.flatMap((entry) => (entry.proof.kind === "certificate" ? [[entry.proof.name, entry]] : [])));
  }

  byId(id: string): KeyEntry | undefined {
    return this.#byId.get(id);
  }

  /** Whose key the text is, or why it is nobody's. Which of the two it is must not be told to the caller. */
  byKey(text: string): KeyEntry | "malformed" | "unknown_key" | "wrong_secret" {
    const id = keyIdOf(text);
    if (id === undefined) return "malformed";
    const entry = this.#byId.get(id);
    const known = entry?.proof.kind === "key" ? entry.proof.hash : undefined;
    const right = isKey(text, known ?? nobody);
    if (entry === undefined || known === undefined) return "unknown_key";
    return right ? entry : "wrong_secret";
  }

  /** The entry of the first name that has one. */
  byCertificate(names: readonly string[]): KeyEntry | undefined {
    for (const name of names) {
      const entry = this.#byCertificate.get(name);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }
}
