import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { generate } from "selfsigned";

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

const dayMs = 86_400_000;

/** An authority. */
export async function authority(name: string): Promise<Pair> {
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "basicConstraints", cA: true, critical: true }, { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true }],
  });
  return { cert: made.cert, key: made.private };
}

/** A certificate of an authority, valid for so many days from now (negative: until so many days ago). */
export async function certificate(ca: Pair, name: string, { days = 90, uri }: { days?: number; uri?: string } = {}): Promise<Pair> {
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    ca,
    notBeforeDate: new Date(Date.now() - 200 * dayMs),
    notAfterDate: new Date(Date.now() + days * dayMs),
    extensions: [
      { name: "basicConstraints", cA: false },
      {
        name: "subjectAltName",
        altNames: [{ type: 2, value: "localhost" }, { type: 7, ip: "127.0.0.1" }, ...(uri === undefined ? [] : [{ type: 6 as const, value: uri }])],
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** Writes a pair as `NAME.pem` and `NAME.key`. */
export function writePair(folder: string, name: string, { cert, key }: Pair): { cert: string; key: string } {
  const paths = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  writeFileSync(paths.cert, cert);
  writeFileSync(paths.key, key, { mode: 0o600 });
  return paths;
}
