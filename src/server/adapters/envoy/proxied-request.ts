import { contextFromStruct } from "../../../model/wire/struct.js";
import type { Values } from "../template.js";
import type { EnvoyRule } from "./mapping.js";
import type { AttributesMessage, HttpRequestMessage } from "./messages.js";
import { pathSegments } from "./path.js";

/** A request that Envoy asks about. */
export class ProxiedRequest {
  readonly #attributes: AttributesMessage;
  readonly #http: HttpRequestMessage;
  readonly #headers: ReadonlyMap<string, string>;
  readonly #segments: readonly string[] | undefined;

  private constructor(attributes: AttributesMessage, http: HttpRequestMessage) {
    this.#attributes = attributes;
    this.#http = http;
    this.#headers = headersOf(http);
    this.#segments = pathSegments(http.path);
  }

  /** Undefined: it is no request over HTTP. */
  static of(attributes: AttributesMessage | null): ProxiedRequest | undefined {
    const http = attributes?.request?.http;
    return attributes && http ? new ProxiedRequest(attributes, http) : undefined;
  }

  /** Whether the rule is about it, and then what the rule's placeholders stand for. */
  match({ method, path, headers }: EnvoyRule): Values | undefined {
    if (this.#segments === undefined || (method !== undefined && !method.includes(this.#http.method))) return undefined;
    for (const [name, value] of Object.entries(headers)) if (this.#headers.get(name) !== value) return undefined;
    const names = path.match(this.#segments);
    return names && ((placeholder) => presentOf(this.#valueOf(placeholder, names)));
  }

  #valueOf(placeholder: string, path: ReadonlyMap<string, string>): unknown {
    const { source, contextExtensions } = this.#attributes;
    if (placeholder.startsWith("metadata:")) return this.#metadata(placeholder.slice("metadata:".length));
    const [kind = "", ...rest] = placeholder.split(".");
    const name = rest.join(".");
    switch (kind) {
      case "path":
        return path.get(name);
      case "header":
        return this.#headers.get(name);
      case "extension":
        return Object.hasOwn(contextExtensions, name) ? contextExtensions[name] : undefined;
      case "source":
        return name === "principal" ? source?.principal : source?.address?.socketAddress?.address;
      case "method":
        return this.#http.method;
      case "host":
        return this.#http.host;
      default:
        return undefined;
    }
  }

  /** `envoy.filters.http.jwt_authn/jwt_payload/sub`: a field of what another filter found out. @throws `invalid_context` */
  #metadata(path: string): unknown {
    const [namespace = "", ...fields] = path.split("/");
    const all = this.#attributes.metadataContext?.filterMetadata ?? {};
    const struct = Object.hasOwn(all, namespace) ? all[namespace] : undefined;
    let value: unknown = struct && contextFromStruct(struct, "Envoy's metadata");
    for (const field of fields) value = isObject(value) && Object.hasOwn(value, field) ? value[field] : undefined;
    return value;
  }
}

/** Raw headers come each by itself; values of one name are joined, as Envoy joins the others. */
function headersOf({ headers, headerMap }: HttpRequestMessage): Map<string, string> {
  const all = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  for (const { key, value, rawValue } of headerMap?.headers ?? []) {
    const text = rawValue.length > 0 ? Buffer.from(rawValue).toString("utf8") : value;
    const before = all.get(key.toLowerCase());
    all.set(key.toLowerCase(), before === undefined ? text : `${before},${text}`);
  }
  return all;
}

/** A list is several values, of which no id can be made. */
function presentOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(presentOf);
  if (typeof value === "string" && value !== "") return [value];
  return typeof value === "number" && Number.isSafeInteger(value) ? [String(value)] : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
