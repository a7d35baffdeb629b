import type { Service } from "../model/service.js";
import { authzenAdapter } from "../server/adapters/authzen/authzen.js";
import { loadAuthzenMapping, noMapping } from "../server/adapters/authzen/mapping.js";
import { loadEnvoyMapping } from "../server/adapters/envoy/mapping.js";
import { openfgaAdapter } from "../server/adapters/openfga/openfga.js";
import type { Settings } from "../server/configuration/options.js";
import { watchAdapter } from "../server/http/watch.js";
import type { ServerOptions } from "../server/server.js";

/** What a server speaks beside `usher.v1`, as its settings say. @throws `invalid_configuration` */
export async function dialectsOf({ httpAddress, httpUrl, authzenMapping, envoyMapping }: Settings, service: Service): Promise<Pick<ServerOptions, "http" | "envoy">> {
  const authzen = authzenMapping === undefined ? noMapping : await loadAuthzenMapping(authzenMapping);
  return {
    ...(httpAddress === undefined ? {} : { http: { address: httpAddress, ...(httpUrl === undefined ? {} : { url: httpUrl }), adapters: [authzenAdapter(service, authzen), openfgaAdapter(service), watchAdapter(service)] } }),
    ...(envoyMapping === undefined ? {} : { envoy: await loadEnvoyMapping(envoyMapping) }),
  };
}
