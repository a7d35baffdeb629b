import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { open } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions, type TlsOptions } from "node:tls";

import type { ServerCredentials } from "@grpc/grpc-js";

import type { Clock, Instant } from "../../base/clock.js";
import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { quote } from "../../model/object.js";
import { ReloadableCredentials } from "./reloadable-credentials.js";

/** Paths of PEM files. */
export interface TlsFiles {
  /** The server's certificate, and the intermediate ones after it. */
  readonly cert: string;
  readonly key: string;
  /** Where given, a client must show a certificate that one of these vouches for. */
  readonly clientCa?: string;
}

interface Loaded {
  readonly context: SecureContextOptions;
  readonly warnings: readonly string[];
}

/** @throws `invalid_configuration`, `certificate_expired` */
export async function loadTls(files: TlsFiles, clock: Clock): Promise<Tls> {
  return new Tls(files, clock, await load(files, clock));
}

/** The server's TLS, as its files are now. */
export class Tls {
  readonly #files: TlsFiles;
  readonly #clock: Clock;
  readonly #credentials: ReloadableCredentials;
  readonly #listeners = new Set<(context: TlsOptions) => void>();
  #context: SecureContextOptions;
  #warnings: readonly string[];

  constructor(files: TlsFiles, clock: Clock, { context, warnings }: Loaded) {
    this.#files = files;
    this.#clock = clock;
    this.#credentials = new ReloadableCredentials(context, files.clientCa !== undefined);
    this.#context = context;
    this.#warnings = warnings;
  }

  get credentials(): ServerCredentials {
    return this.#credentials;
  }

  /** For a server of Node.js. */
  get options(): TlsOptions {
    const clients = this.#files.clientCa !== undefined;
    return { ...this.#context, requestCert: clients, rejectUnauthorized: clients, minVersion: "TLSv1.2" };
  }

  /** Tells of the options after each reload, until the function that is returned is called. */
  onReload(listener: (options: TlsOptions) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What the operator should hear: certificates that end soon, a key that others may read. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Reads the files again, for connections from now on. Where one is wrong the old ones stay. @throws `invalid_configuration`, `certificate_expired` */
  async reload(): Promise<void> {
    const { context, warnings } = await load(this.#files, this.#clock);
    this.#credentials.replace(context);
    this.#context = context;
    this.#warnings = warnings;
    for (const listener of this.#listeners) listener(this.options);
  }
}

async function load(files: TlsFiles, clock: Clock): Promise<Loaded> {
  const now = clock.now();
  const cert = await readPem(files.cert);
  const key = await readPem(files.key);
  const chain = certificatesIn(cert.text, files.cert);
  const warnings = chain.flatMap((each) => checkValidity(each, files.cert, now));
  const privateKey = parseKey(key.text, files.key);
  if (chain[0]?.checkPrivateKey(privateKey) !== true) throw invalid(files.key, `is not the key of the first certificate in ${quote(files.cert)}`);
  if (key.mode & 0o004) warnings.push(`private key ${quote(files.key)} can be read by everybody: \`chmod 600\` it`);
  const ca = files.clientCa === undefined ? undefined : await readPem(files.clientCa);
  if (ca !== undefined && files.clientCa !== undefined) warnings.push(...checkAuthorities(certificatesIn(ca.text, files.clientCa), files.clientCa, now));
  const context = { cert: cert.text, key: key.text, ...(ca === undefined ? {} : { ca: ca.text }) };
  try {
    createSecureContext(context);
  } catch (cause) {
    throw invalid(files.cert, `cannot be used: ${asError(cause).message}`, cause);
  }
  return { context, warnings };
}

async function readPem(path: string): Promise<{ text: string; mode: number }> {
  try {
    const file = await open(path, "r");
    try {
      const { size, mode } = await file.stat();
      if (size > limits.certificateFileBytesMax) throw invalid(path, `has ${size} bytes: at most ${limits.certificateFileBytesMax} are read`);
      return { text: await file.readFile("utf8"), mode };
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw cause instanceof UsherError ? cause : invalid(path, `cannot be read: ${asError(cause).message}`, cause);
  }
}

function certificatesIn(text: string, path: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw invalid(path, "holds no certificate in PEM");
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw invalid(path, `holds a certificate that cannot be read: ${asError(cause).message}`, cause);
  }
}

function parseKey(text: string, path: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw invalid(path, `holds no private key in PEM that can be read: ${asError(cause).message}`, cause);
  }
}

/** A warning where it ends soon. @throws `certificate_expired` */
function checkValidity(certificate: X509Certificate, path: string, now: Instant): string[] {
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  const name = `certificate ${quote(certificate.subject.replaceAll("\n", ", "))} in ${quote(path)}`;
  if (!(to > now)) throw new UsherError("certificate_expired", `${name} expired ${certificate.validTo}: renew it`, { details: { file: path } });
  if (!(from <= now)) throw new UsherError("certificate_expired", `${name} is not valid before ${certificate.validFrom}: set the clock right, or wait`, { details: { file: path } });
  return to - now > limits.certificateWarningMs ? [] : [`${name} expires ${certificate.validTo}: renew it`];
}

/** Of several authorities those that have expired vouch for nobody, and the others go on. @throws `certificate_expired` where all have */
function checkAuthorities(authorities: readonly X509Certificate[], path: string, now: Instant): string[] {
  const warnings: string[] = [];
  const failures: unknown[] = [];
  for (const authority of authorities) {
    try {
      warnings.push(...checkValidity(authority, path, now));
    } catch (error) {
      failures.push(error);
      warnings.push(asError(error).message);
    }
  }
  if (failures.length === authorities.length) throw asError(failures[0]);
  return warnings;
}

function invalid(path: string, problem: string, cause?: unknown): UsherError {
  return new UsherError("invalid_configuration", `file ${quote(path)} ${problem}`, { cause, details: { file: path } });
}
