import { machineTime, SteadyClock } from "../base/clock.js";
import { asError, UsherError } from "../base/errors.js";
import { createAccess, type Access } from "../server/access/access.js";
import type { AccessEvents } from "../server/access/events.js";
import { loadTls, type Tls } from "../server/access/tls.js";

/** Where a server finds what guards it. */
export interface GuardFiles {
  readonly keys?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
}

/** What guards a server, as its files are now. */
export interface Guards {
  readonly access?: Access;
  readonly tls?: Tls;
  /** Reads the files again, each by itself: where one is wrong, what it held before stays in force, and is reported. */
  readonly reload: () => Promise<void>;
}

/**
 * @param warn hears what the operator should, at the start and at each reload
 * @throws `invalid_file`, `invalid_configuration`, `certificate_expired`
 */
export async function openGuards(files: GuardFiles, warn: (error: UsherError) => void, events?: AccessEvents): Promise<Guards> {
  const clock = new SteadyClock(machineTime);
  const { keys, tlsCert, tlsKey, tlsClientCa } = files;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw new UsherError("invalid_configuration", "`--tls-cert` and `--tls-key` go together: give both, or neither");
  if (tlsClientCa !== undefined && tlsCert === undefined) throw new UsherError("invalid_configuration", "`--tls-client-ca` needs TLS: give `--tls-cert` and `--tls-key` as well");
  const tls =
    tlsCert === undefined || tlsKey === undefined
      ? undefined
      : await loadTls({ cert: tlsCert, key: tlsKey, ...(tlsClientCa === undefined ? {} : { clientCa: tlsClientCa }) }, clock);
  const access = keys === undefined ? undefined : await createAccess({ file: keys, clock, ...(events === undefined ? {} : { events }) });
  const parts = [access, tls].filter((part) => part !== undefined);
  const warnAll = () => {
    for (const warning of parts.flatMap(({ warnings }) => warnings)) warn(new UsherError("invalid_configuration", warning));
  };
  warnAll();
  const reloadAll = async () => {
    for (const part of parts) await part.reload().catch((error: unknown) => warn(notReloaded(error)));
    warnAll();
  };
  // One after the other: else what was read first could be put in force last.
  let reloading = Promise.resolve();
  return {
    ...(access === undefined ? {} : { access }),
    ...(tls === undefined ? {} : { tls }),
    reload: () => (reloading = reloading.then(reloadAll)),
  };
}

function notReloaded(thrown: unknown): UsherError {
  const error = asError(thrown);
  const code = error instanceof UsherError ? error.code : "internal";
  return new UsherError(code, `not reloaded, what was in force before stays so: ${error.message}`, { cause: thrown });
}
